// What a Contact of a REGISTER asks for (RFC 3261 sections 10.2.1 and 20.10).
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include "base/result.hpp"
#include "sip/uri.hpp"

namespace tandem {

constexpr std::size_t contact_size_max = 1024; // bytes of the URI
constexpr std::size_t instance_size_max = 256;

struct Contact {
    std::string text; // the URI as given
    Uri uri;
    std::string instance;                 // +sip.instance without quotes; empty: none
    std::uint32_t reg_id = 0;             // of a flow of the instance (RFC 5626 section 4.2); 0: none
    std::uint16_t q = 1000;               // thousandths
    std::optional<std::uint32_t> expires; // seconds; none: the Expires header or the registrar decides
};

// One value of the header. Fails with Error::invalid for what is malformed, no SIP or SIPS URI, or has one of these
// parameters twice; with Error::too_large beyond the limits above.
Result<Contact> read_contact(std::string_view value);

// Seconds: 3600 for what is malformed, the greatest number for what is too large (RFC 3261 sections 20.10 and 20.19).
std::uint32_t read_expires(std::string_view text);

} // namespace tandem
