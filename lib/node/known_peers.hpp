// The addresses of the [[trunk]]s, from which calls are taken without further ado: those that the configuration names,
// and those that its names have led to. From any thread.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include "base/brief_mutex.hpp"
#include "base/endpoint.hpp"
#include "node/config.hpp"

namespace tandem {

class KnownPeers {
public:
    explicit KnownPeers(const std::vector<TargetConfig> &trunks) { replace(trunks); }

    // From now on these; what names have led to so far stays known of those that are still there.
    void replace(const std::vector<TargetConfig> &trunks);

    bool contains(const IpAddress &ip) const;

    // URIs whose names are to be looked up again and again, and what came of it. Without an address the former ones
    // stay: a name server that is away makes no stranger of a trunk.
    std::vector<std::string> names() const;
    void learn(std::string_view name, std::span<const Endpoint> addresses);

private:
    struct Named {
        std::string name;
        std::vector<IpAddress> addresses;
    };

    mutable BriefMutex mutex_;
    std::vector<IpAddress> addresses_; // guarded by mutex_, like the next
    std::vector<Named> named_;
};

} // namespace tandem
