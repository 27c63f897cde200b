// The [[route]]s of the configuration, asked for each new call: the first that matches wins.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "call/router.hpp"
#include "node/config.hpp"

namespace re2 {
class RE2;
}

namespace tandem {

class RouteTable final : public Router {
public:
    explicit RouteTable(std::vector<RouteConfig> routes, std::vector<Cidr> trusted = {});
    ~RouteTable() override;

    // From now on these are in force; calls that are up keep their routes.
    void replace(std::vector<RouteConfig> routes, std::vector<Cidr> trusted);

    // Refuses with
    //   404  no route matches;
    //   400  the Request-URI can not be read, or a template would put into a header, URI, profile or variable what may
    //        not stand there;
    //   416  the Request-URI is neither sip:, sips: nor tel:;
    //   480  the Request-URI is sips:, and the route leads to somebody without TLS.
    Route route(const Message &invite, const Endpoint &source) override;
    bool is_trusted(const IpAddress &peer) const override;
    std::optional<RouteTarget> target_of(std::string_view uri) override;

private:
    struct Entry {
        RouteConfig config;
        std::unique_ptr<re2::RE2> match; // none: all
    };

    static Route make_route(const Entry &entry, const std::string &user, const Message &invite, const Endpoint &source,
                            const std::vector<std::string_view> &groups);

    std::vector<Entry> entries_;
    std::vector<Cidr> trusted_;
};

} // namespace tandem
