#include "node/registered_users.hpp"
#include <optional>
#include <string>
#include <utility>
#include "dialog/route_set.hpp"
#include "sip/limits.hpp"
#include "sip/uri.hpp"

namespace tandem {
namespace {

constexpr std::string_view plain_scheme = "sip:";

// The same URI by the scheme that promises TLS.
void make_sips(std::string &uri) {
    if (uri.starts_with(plain_scheme)) uri.replace(0, plain_scheme.size(), "sips:");
}

RouteTarget by_address(const RequestRoute &request, const Endpoint &to, bool is_flow) {
    RouteTarget target;
    target.request_uri = request.request_uri;
    target.route_set = request.route;
    target.to = to;
    target.is_flow = is_flow;
    target.origin = TargetOrigin::binding;
    target.is_known = true;
    return target;
}

// Those that one binding leads to, the best first.
std::vector<RouteTarget> ways_of(const BindingRoute &binding) {
    std::vector<RouteTarget> ways;
    const RequestRoute request = make_request_route(binding.contact, binding.path);
    const auto hop = Uri::parse(request.next_hop);
    if (!hop || request.request_uri.size() > uri_size_max) return ways;
    const auto named = hop->endpoint();
    if (binding.path.empty() && (binding.is_direct || binding.is_outbound)) {
        const Endpoint &flow = binding.flow;
        const bool is_there = named && named->ip == flow.ip && named->transport == flow.transport;
        if (is_there && !is_reliable(flow.transport) && !binding.is_outbound) {
            ways.push_back(by_address(request, *named, false));
            return ways;
        }
        if (flow.port != 0) ways.push_back(by_address(request, flow, true));
        // A phone that listens is reached although its connection is gone (RFC 3261 section 18), unless it says that
        // it is not.
        const bool is_elsewhere = named && named->ip == flow.ip && (named->port != flow.port || !is_there);
        if (is_elsewhere && !binding.is_outbound) ways.push_back(by_address(request, *named, false));
        return ways;
    }
    ways.push_back(by_address(request, named.value_or(Endpoint()), false));
    if (!named) ways.back().lookup = request.next_hop;
    return ways;
}

bool is_secure_way(const RouteTarget &way) {
    return way.lookup.empty() ? way.to.transport == Transport::tls : is_sips(way.lookup);
}

} // namespace

std::vector<RouteTarget> targets_of(const std::vector<BindingTarget> &phones, bool is_secure, bool is_together) {
    std::vector<RouteTarget> targets;
    std::optional<std::uint16_t> q; // of the last one
    for (const BindingTarget &phone : phones) {
        std::vector<RouteTarget> ways;
        const auto add = [&](const BindingRoute &binding) {
            for (RouteTarget &way : ways_of(binding)) {
                way.registered_from = binding.flow.ip;
                ways.push_back(std::move(way));
            }
        };
        add(phone.route);
        for (const BindingRoute &spare : phone.spares) add(spare);
        if (is_secure) std::erase_if(ways, [](const RouteTarget &way) { return !is_secure_way(way); });
        if (ways.empty()) continue;
        if (is_secure) {
            for (RouteTarget &way : ways) make_sips(way.request_uri);
        }
        RouteTarget target = std::move(ways.front());
        target.spares.assign(std::make_move_iterator(ways.begin() + 1), std::make_move_iterator(ways.end()));
        target.is_parallel = q && (is_together || *q == phone.q);
        q = phone.q;
        targets.push_back(std::move(target));
    }
    return targets;
}

} // namespace tandem
