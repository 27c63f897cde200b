// A SIP or SIPS URI (RFC 3261 section 19.1), read by sofia's url module where it is not a plain one.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include "base/endpoint.hpp"
#include "base/result.hpp"

namespace tandem {

struct Uri {
    std::string scheme;     // "sip", "sips", "tel"; lower case
    std::string user;       // still escaped; with a password if one was there
    std::string host;       // a name, an IPv4 address, or an IPv6 address in brackets
    std::uint16_t port = 0; // 0: none was given
    std::string params;     // without the leading ';'
    std::string headers;    // without the leading '?'

    // Fails with Error::invalid, or Error::too_large above uri_size_max.
    static Result<Uri> parse(std::string_view text);
    static Result<Uri> parse_any(std::string_view text); // the same by sofia alone: what tests compare it with
    std::string to_string() const;

    // The value of a parameter: none if absent, empty if it has no value. Names are compared without case.
    std::optional<std::string_view> param(std::string_view name) const;

    // Where a request to this URI goes when its host (or maddr) is an address: the port of the URI or the
    // transport's default. None for a name, which only a resolver can turn into an endpoint (RFC 3263).
    std::optional<Endpoint> endpoint() const;

    bool operator==(const Uri &) const = default;
};

bool is_sips(std::string_view uri); // by its scheme alone

// Whether it may stand before the @ of a URI: a user, and a password behind a colon (RFC 3261 section 25.1).
bool is_userinfo(std::string_view text);

} // namespace tandem
