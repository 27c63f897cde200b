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

namespace re2 {
class RE2;
}

namespace tandem {

class RouteTable final : public Router {
public:
    // `peers` may be null: then no trunk is known by its address. `own` are addresses of this machine beside those of
    // the loopback. Both outlive the table.
    explicit RouteTable(std::vector<RouteConfig> routes, std::vector<Cidr> trusted = {},
                        const KnownPeers *peers = nullptr, std::vector<IpAddress> own = {});
    ~RouteTable() override;

    // From now on these are in force; calls that are up keep their routes.
    void replace(std::vector<RouteConfig> routes, std::vector<Cidr> trusted);

    // A route with `source` takes calls from there and from nowhere else; one without takes those of this machine and
    // of trunks. Refuses with
    //   403  no route takes calls from there, or none of those that match;
    //   404  no route matches;
    //   400  the Request-URI can not be read, or a template would put into a header, URI, profile or variable what may
    //        not stand there;
    //   416  the Request-URI is neither sip:, sips: nor tel:;
    //   480  the Request-URI is sips:, and the route leads to somebody without TLS.
    Route route(const Message &invite, const Endpoint &source) override;
    Route route_inside(const Message &invite, const Endpoint &source) override; // any source fits a route without one
    bool may_call(const IpAddress &source) const override;
    bool is_peer(const IpAddress &source) const override;
    std::optional<TrunkAccount> account_at(const IpAddress &peer) const override;
    bool is_trusted(const IpAddress &peer) const override;
    std::optional<RouteTarget> target_of(std::string_view uri) override;

private:
    struct Entry {
        RouteConfig config;
        std::unique_ptr<re2::RE2> match; // none: all
    };

    bool is_local(const IpAddress &ip) const;
    bool takes(const RouteConfig &route, const IpAddress &ip, bool is_known) const;
    Route find_route(const Message &invite, const Endpoint &source, bool is_inside);
    static Route make_route(const Entry &entry, const std::string &user, const Message &invite, const Endpoint &source,
                            const std::vector<std::string_view> &groups);

    std::vector<Entry> entries_;
    std::vector<Cidr> trusted_;
    const KnownPeers *peers_;
    const std::vector<IpAddress> own_;
};

} // namespace tandem
