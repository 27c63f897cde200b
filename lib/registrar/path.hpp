// The proxies that a REGISTER came through and that requests to the phone go back through (RFC 3327). Private to
// this folder.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include "base/result.hpp"
#include "sip/message.hpp"

namespace tandem {

constexpr std::size_t path_size_max = 1024; // bytes of all values of a request

// All Path values as one value of a Route header, the proxy nearest to us first; empty: none. Display names are left
// out. Fails with Error::invalid for what is malformed or no SIP or SIPS URI, with Error::too_large beyond the limit.
Result<std::string> read_path(const Message &request);

// The proxy next to the phone keeps its flow (RFC 5626 section 5.1): `ob` in its URI, which is the last of the path.
bool has_outbound_edge(std::string_view path);

} // namespace tandem
