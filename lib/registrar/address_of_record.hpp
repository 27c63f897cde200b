// The name that bindings are kept under: user and host of a URI, and nothing else of it (RFC 3261 section 10.3 step 5).
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tandem {

constexpr std::size_t aor_size_max = 320; // bytes: a host has 253 at most

// "alice@example.com": the user without its password and with its escapes undone, the host in lower case. None for
// what is no SIP or SIPS URI with a user, for one whose user has control bytes in it, and for one that is too long.
std::optional<std::string> address_of_record(std::string_view uri);

// The parts of an address-of-record. A user may have an @ in it, a host may not.
std::string_view aor_user(std::string_view aor);
std::string_view aor_host(std::string_view aor);

} // namespace tandem
