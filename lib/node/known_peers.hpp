// The addresses of the [[trunk]]s, from which calls are taken without further ado: those that the configuration names,
// and those that its names have led to. From any thread.
#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include "base/brief_mutex.hpp"
#include "base/endpoint.hpp"
#include "call/router.hpp"
#include "node/config.hpp"

namespace tandem {

class KnownPeers {
public:
    explicit KnownPeers(const std::vector<TargetConfig> &trunks) { replace(trunks); }

    // From now on these; what names have led to so far stays known of those that are still there.
    void replace(const std::vector<TargetConfig> &trunks);

    bool contains(const IpAddress &ip) const;

    // One of them listens there, whatever the transport: at a port that we know, or at the one of all of SIP.
    bool listens_at(const Endpoint &at) const;

    // The first one that listens there, at this port too, and that we have an account with.
    std::optional<TrunkAccount> account_at(const Endpoint &at) const;
    std::shared_ptr<const Account> account_of(std::string_view trunk) const; // by its name; null: none

    // URIs whose names are to be looked up again and again, and what came of it. Without an address the former ones
    // stay: a name server that is away makes no stranger of a trunk.
    std::vector<std::string> names() const;
    std::vector<std::string> unknown_names() const; // those of them that have led to no address yet
    bool is_incomplete() const;                     // there are such
    void learn(std::string_view name, std::span<const Endpoint> addresses);

private:
    struct Peer {
        TrunkAccount trunk;
        std::string name; // a URI; empty: its address is in the configuration
        std::vector<Endpoint> addresses;
    };

    std::vector<std::string> names_if(bool is_unknown) const;

    mutable BriefMutex mutex_;
    std::vector<Peer> peers_; // guarded by mutex_
};

} // namespace tandem
