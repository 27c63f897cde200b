#include "node/known_peers.hpp"
#include <algorithm>
#include <mutex>
#include <utility>

namespace tandem {
namespace {

bool has(const std::vector<IpAddress> &addresses, const IpAddress &ip) {
    return std::find(addresses.begin(), addresses.end(), ip) != addresses.end();
}

} // namespace

void KnownPeers::replace(const std::vector<TargetConfig> &trunks) {
    const std::lock_guard lock(mutex_);
    std::vector<Named> former = std::exchange(named_, {});
    addresses_.clear();
    for (const TargetConfig &trunk : trunks) {
        if (trunk.lookup.empty()) {
            addresses_.push_back(trunk.to.ip);
            continue;
        }
        const auto is_it = [&](const Named &named) { return named.name == trunk.lookup; };
        if (std::any_of(named_.begin(), named_.end(), is_it)) continue;
        const auto known = std::find_if(former.begin(), former.end(), is_it);
        named_.push_back(known == former.end() ? Named{trunk.lookup, {}} : std::move(*known));
    }
}

bool KnownPeers::contains(const IpAddress &ip) const {
    const IpAddress plain = without_mapping(ip);
    const std::lock_guard lock(mutex_);
    return has(addresses_, plain) ||
           std::any_of(named_.begin(), named_.end(), [&](const Named &named) { return has(named.addresses, plain); });
}

std::vector<std::string> KnownPeers::names() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    for (const Named &named : named_) names.push_back(named.name);
    return names;
}

void KnownPeers::learn(std::string_view name, std::span<const Endpoint> addresses) {
    if (addresses.empty()) return;
    const std::lock_guard lock(mutex_);
    for (Named &named : named_) {
        if (named.name != name) continue;
        named.addresses.clear();
        for (const Endpoint &address : addresses) named.addresses.push_back(address.ip);
    }
}

} // namespace tandem
