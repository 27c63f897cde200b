#include "node/decided_route.hpp"
#include <algorithm>
#include <string>
#include <utility>
#include "base/text.hpp"
#include "call/listener.hpp"
#include "net/dns/dns_record.hpp"
#include "node/name_lookup.hpp"
#include "sip/uri.hpp"

namespace tandem {
namespace {

// As the same URI in `to` of a [[route]] would be.
std::optional<TargetConfig> target_of_uri(std::string_view text, const std::vector<Endpoint> &listen) {
    const auto uri = Uri::parse(text);
    if (!uri || (uri->scheme != "sip" && uri->scheme != "sips") || uri->host.empty() || !uri->headers.empty() ||
        !is_userinfo(uri->user)) {
        return std::nullopt;
    }
    TargetConfig target;
    target.is_secure = uri->scheme == "sips";
    target.user = uri->user;
    target.host_port = uri->host + (uri->port != 0 ? ":" + std::to_string(uri->port) : "");
    target.params = uri->params;
    const std::string host(uri->param("maddr").value_or(uri->host));
    if (const auto to = uri->endpoint()) {
        target.to = *to;
        if (const auto sender = find_listener(listen, *to)) {
            target.to.listener = *sender;
            return target;
        }
        return std::nullopt;
    }
    const auto lookup = to_sip_lookup(*uri);
    if (IpAddress::parse(host) || !canonical_dns_name(host) || !lookup || !has_listener(*lookup, listen))
        return std::nullopt;
    target.lookup = text;
    if (lookup->is_sips || lookup->transport == Transport::tls) target.to.transport = Transport::tls;
    return target;
}

bool has_header(const Decision &decision, std::string_view name) {
    return std::any_of(decision.headers.begin(), decision.headers.end(),
                       [&](const auto &header) { return equals_ignoring_case(header.first, name); });
}

} // namespace

std::optional<TargetConfig> find_decided_target(std::string_view text, const KnownTargets &known) {
    if (text == "registered") {
        TargetConfig phones;
        phones.is_registered = true;
        return phones;
    }
    if (text.find(':') != std::string_view::npos) return target_of_uri(text, known.listen);
    const auto trunk = std::find_if(known.trunks.begin(), known.trunks.end(),
                                    [&](const TargetConfig &one) { return one.trunk == text; });
    return trunk == known.trunks.end() ? std::nullopt : std::optional(*trunk);
}

std::optional<RouteConfig> decide_route(const RouteConfig &route, const Decision &decision, const KnownTargets &known) {
    RouteConfig decided = route;
    if (!decision.targets.empty()) decided.targets.clear();
    for (const DecidedTarget &wanted : decision.targets) {
        auto target = find_decided_target(wanted.to, known);
        if (!target) return std::nullopt;
        target->is_parallel = wanted.is_parallel;
        decided.targets.push_back(std::move(*target));
    }
    if (decision.to_user) decided.user = Template::literal(*decision.to_user);
    std::erase_if(decided.headers, [&](const auto &header) { return has_header(decision, header.first); });
    for (const auto &[name, value] : decision.headers) decided.headers.emplace_back(name, Template::literal(value));
    return decided;
}

} // namespace tandem
