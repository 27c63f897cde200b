// The [[route]]s of the configuration, asked for each new call: the first that matches wins.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "call/router.hpp"
#include "node/config.hpp"
#include "node/known_peers.hpp"
#include "node/registered_users.hpp"
#include "node/trunk_states.hpp"
#include "sip/uri.hpp"

namespace re2 {
class RE2;
}

namespace tandem {

// What a table knows beside its routes. Outlives it.
struct RouteTableOptions {
    const KnownPeers *peers = nullptr;      // null: no trunk is known by its address
    const RegisteredUsers *users = nullptr; // null: nobody is registered
    const TrunkStates *trunks = nullptr;    // null: we are registered with none
    std::vector<IpAddress> own{};           // addresses of this machine beside those of the loopback
    std::vector<Endpoint> listen{};         // where we take messages
    std::optional<IpAddress> advertised{};  // of a NAT before it: means us in a URI, and as a source nobody
};

class RouteTable final : public Router {
public:
    explicit RouteTable(std::vector<RouteConfig> routes, std::vector<Cidr> trusted = {},
                        const RouteTableOptions &options = {}, std::vector<std::string> domains = {},
                        std::vector<TargetConfig> trunks = {});
    ~RouteTable() override;

    // From now on these are in force; calls that are up keep their routes. `domains`: hosts of the addresses of our
    // users, as addresses-of-record have them. `trunks`: those that a decision may name.
    void replace(std::vector<RouteConfig> routes, std::vector<Cidr> trusted, std::vector<std::string> domains,
                 std::vector<TargetConfig> trunks = {});

    // A route with `source` takes calls from there and from nowhere else; one without takes those of this machine and
    // of trunks. Refuses with
    //   403  no route takes calls from there, or none of those that match;
    //   404  no route matches;
    //   400  the Request-URI can not be read, or a template would put into a header, URI, profile or variable what may
    //        not stand there;
    //   416  the Request-URI is neither sip:, sips: nor tel:;
    //   480  the Request-URI is sips:, and the route leads to somebody without TLS; or the route leads to registered
    //        phones alone, and there is none of this user; 404 if there is no such user;
    //   503  the route leads to trunks alone that we register with, and no registration has succeeded.
    Route route(const Message &invite, const Endpoint &source) override;
    Route route_inside(const Message &invite, const Endpoint &source) override; // any source fits a route without one
    Result<Route> route_decided(const Message &invite, const Endpoint &source, bool is_known,
                                const Decision &decision) override;
    bool may_call(const IpAddress &source) const override;
    bool is_known(const IpAddress &source) const override;
    bool is_peer(const IpAddress &source) const override;
    bool is_expected(const IpAddress &source) const override; // also who stands in `source` of a route, but for all
    bool is_incomplete() const override;
    std::optional<TrunkAccount> account_at(const Endpoint &peer) const override;
    std::shared_ptr<const Account> account_of(std::string_view trunk) const override;
    bool is_trusted(const IpAddress &peer) const override;
    std::optional<RouteTarget> target_of(std::string_view uri) override;

    // What others have named must not lead back to us, where it would be this machine's own call; what a phone has
    // registered not to a trunk either.
    bool may_send_to(const Endpoint &to, TargetOrigin origin) const override;

private:
    struct Entry {
        RouteConfig config;
        std::unique_ptr<re2::RE2> match; // none: all
    };

    bool is_local(const IpAddress &ip) const;
    bool is_us(const Endpoint &to) const;
    bool is_usable(const TargetConfig &target) const;
    bool takes(const RouteConfig &route, const IpAddress &ip, bool is_known) const;
    Result<Route> find_route(const Message &invite, const Endpoint &source, bool is_inside, const Decision *decision);
    // What a call is asked about while its route is made.
    struct Asked {
        const Message &invite;
        const Uri &called; // its Request-URI
        const Endpoint &source;
        const std::vector<std::string_view> &groups; // of the route's expression
    };
    Result<Route> follow(const RouteConfig &config, const Asked &asked, const Decision *decision) const;
    Route make_route(const RouteConfig &config, const Asked &asked) const;
    Result<std::vector<RouteTarget>, Route> find_targets(const RouteConfig &config, std::size_t index,
                                                         const Asked &asked) const;
    static Result<std::vector<RouteTarget>, Route> configured_target(const TargetConfig &to, const std::string &callee,
                                                                     const Asked &asked);
    std::string address_of(std::string_view callee, const Uri &called) const;
    Route absent(const RouteConfig &config, const Asked &asked) const;

    std::vector<Entry> entries_;
    std::vector<Cidr> trusted_;
    std::vector<std::string> domains_;
    std::vector<TargetConfig> trunks_;
    const RouteTableOptions options_;
};

} // namespace tandem
