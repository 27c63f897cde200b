// A block of addresses: "192.0.2.0/24", "2001:db8::/32", or one address.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include "base/endpoint.hpp"

namespace tandem {

// An IPv4 address that came over an IPv6 socket (::ffff:192.0.2.1) as IPv4; any other as it is.
IpAddress without_mapping(const IpAddress &ip);

class Cidr {
public:
    // None for bad text. Bits behind the prefix are accepted here; network() shows the block without them.
    static std::optional<Cidr> parse(std::string_view text);

    // An IPv4 address that came over an IPv6 socket (::ffff:192.0.2.1) is compared as IPv4.
    bool contains(const IpAddress &ip) const;

    bool is_everybody() const { return prefix_ == 0; }
    bool is_exact() const { return ip_ == network_; } // no bits behind the prefix
    std::string network() const;                      // "10.0.0.0/8"

    bool operator==(const Cidr &) const = default;

private:
    Cidr(const IpAddress &ip, unsigned prefix);

    IpAddress ip_;      // as written
    IpAddress network_; // with the bits behind the prefix cleared
    unsigned prefix_ = 0;
};

} // namespace tandem
