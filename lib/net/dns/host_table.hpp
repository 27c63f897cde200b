// The names that this machine knows without DNS: /etc/hosts (hosts(5)) and localhost.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>
#include "base/endpoint.hpp"

namespace tandem {

class HostTable {
public:
    HostTable() = default; // localhost alone

    // Reads the text of a hosts file. Lines that are none are left out, and so are names beyond 65536.
    static HostTable parse(std::string_view text);

    // The addresses of a name as canonical_dns_name() gives it; empty: it is to be asked for.
    // "localhost" and what ends in ".localhost" is this machine, whatever the file says (RFC 6761 section 6.3).
    const std::vector<IpAddress> &find(std::string_view name) const;

private:
    std::map<std::string, std::vector<IpAddress>, std::less<>> names_;
};

} // namespace tandem
