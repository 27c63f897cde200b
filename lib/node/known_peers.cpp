#include "node/known_peers.hpp"
#include <algorithm>
#include <mutex>
#include <utility>

namespace tandem {
namespace {

bool has(const std::vector<Endpoint> &addresses, const IpAddress &ip) {
    return std::any_of(addresses.begin(), addresses.end(), [&](const Endpoint &one) { return one.ip == ip; });
}

bool has(const std::vector<Endpoint> &addresses, const IpAddress &ip, std::uint16_t port) {
    return std::any_of(addresses.begin(), addresses.end(),
                       [&](const Endpoint &one) { return one.ip == ip && one.port == port; });
}

} // namespace

void KnownPeers::replace(const std::vector<TargetConfig> &trunks) {
    const std::lock_guard lock(mutex_);
    const std::vector<Peer> former = std::exchange(peers_, {});
    for (const TargetConfig &trunk : trunks) {
        Peer peer{{trunk.trunk, trunk.account}, trunk.lookup, {}};
        if (trunk.lookup.empty()) {
            peer.addresses.push_back(trunk.to);
        } else {
            const auto known =
                std::find_if(former.begin(), former.end(), [&](const Peer &one) { return one.name == trunk.lookup; });
            if (known != former.end()) peer.addresses = known->addresses;
        }
        peers_.push_back(std::move(peer));
    }
}

bool KnownPeers::contains(const IpAddress &ip) const {
    const IpAddress plain = without_mapping(ip);
    const std::lock_guard lock(mutex_);
    return std::any_of(peers_.begin(), peers_.end(), [&](const Peer &peer) { return has(peer.addresses, plain); });
}

// A carrier that we reach by TLS may take calls by UDP just as well.
bool KnownPeers::listens_at(const Endpoint &at) const {
    const IpAddress plain = without_mapping(at.ip);
    const bool is_usual = at.port == default_port(Transport::udp) || at.port == default_port(Transport::tls);
    const std::lock_guard lock(mutex_);
    return std::any_of(peers_.begin(), peers_.end(), [&](const Peer &peer) {
        return is_usual ? has(peer.addresses, plain) : has(peer.addresses, plain, at.port);
    });
}

std::optional<TrunkAccount> KnownPeers::account_at(const Endpoint &at) const {
    const IpAddress plain = without_mapping(at.ip);
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(peers_.begin(), peers_.end(), [&](const Peer &peer) {
        return peer.trunk.account && has(peer.addresses, plain, at.port);
    });
    return found == peers_.end() ? std::nullopt : std::optional(found->trunk);
}

std::shared_ptr<const Account> KnownPeers::account_of(std::string_view trunk) const {
    const std::lock_guard lock(mutex_);
    const auto found =
        std::find_if(peers_.begin(), peers_.end(), [&](const Peer &peer) { return peer.trunk.trunk == trunk; });
    return found == peers_.end() ? nullptr : found->trunk.account;
}

std::vector<std::string> KnownPeers::names() const { return names_if(false); }

std::vector<std::string> KnownPeers::unknown_names() const { return names_if(true); }

bool KnownPeers::is_incomplete() const {
    const std::lock_guard lock(mutex_);
    return std::any_of(peers_.begin(), peers_.end(), [](const Peer &peer) { return peer.addresses.empty(); });
}

std::vector<std::string> KnownPeers::names_if(bool is_unknown) const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    for (const Peer &peer : peers_) {
        if (peer.name.empty() || (is_unknown && !peer.addresses.empty())) continue;
        if (std::find(names.begin(), names.end(), peer.name) == names.end()) names.push_back(peer.name);
    }
    return names;
}

void KnownPeers::learn(std::string_view name, std::span<const Endpoint> addresses) {
    if (name.empty() || addresses.empty()) return;
    const std::lock_guard lock(mutex_);
    for (Peer &peer : peers_) {
        if (peer.name != name) continue;
        peer.addresses.assign(addresses.begin(), addresses.end());
    }
}

} // namespace tandem
