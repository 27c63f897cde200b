#include "node/route_table.hpp"
#include <algorithm>
#include <iterator>
#include <re2/re2.h>
#include <utility>
#include "base/assert.hpp"
#include "base/text.hpp"
#include "node/decided_route.hpp"
#include "registrar/address_of_record.hpp"
#include "sip/limits.hpp"
#include "sip/uri.hpp"

namespace tandem {
namespace {

constexpr std::size_t variable_size_max = 256;
constexpr std::size_t route_target_max = 64;

bool is_in(const std::vector<Cidr> &blocks, const IpAddress &ip) {
    return std::any_of(blocks.begin(), blocks.end(), [&](const Cidr &block) { return block.contains(ip); });
}

bool matches_user(const re2::RE2 &match, const std::string &user, std::vector<std::string_view> &groups) {
    std::vector<re2::StringPiece> found(static_cast<std::size_t>(match.NumberOfCapturingGroups()) + 1);
    if (!match.Match(user, 0, user.size(), re2::RE2::UNANCHORED, found.data(), static_cast<int>(found.size()))) {
        return false;
    }
    for (const re2::StringPiece &group : found) groups.emplace_back(group.data(), group.size());
    return true;
}

Route refuse(std::uint16_t status, std::string_view reason = {}) {
    Route route;
    route.refuse = status;
    route.refuse_reason = reason;
    return route;
}

// The user part that a target is called by.
std::string callee_of(const RouteConfig &config, const Uri &called, const TemplateInput &input) {
    if (!config.user) return called.user;
    std::string callee;
    config.user->render(input, callee);
    return callee;
}

// False if a value may not stand in a header.
bool render_headers(const RouteConfig &config, const TemplateInput &input, std::string &out) {
    std::string value;
    for (const auto &[name, text] : config.headers) {
        value.clear();
        text.render(input, value);
        if (!is_header_safe(value) || name.size() + value.size() > header_size_max - 4) return false;
        out.append(name).append(": ").append(value).append("\r\n");
    }
    return true;
}

// False if a value may not be that of a profile.
bool render_profiles(const RouteConfig &config, const TemplateInput &input, std::vector<RouteProfile> &out) {
    for (const ProfileUse &use : config.profiles) {
        RouteProfile profile{use.name, {}};
        if (use.value) use.value->render(input, profile.value);
        if (!is_profile_value(profile.value)) return false;
        out.push_back(std::move(profile));
    }
    return true;
}

// False if a value may not be that of a variable, which may come to stand in a header.
bool render_variables(const RouteConfig &config, const TemplateInput &input, std::vector<RouteVariable> &out) {
    for (const auto &[name, text] : config.variables) {
        RouteVariable variable{name, {}};
        text.render(input, variable.value);
        if (!is_header_safe(variable.value) || variable.value.size() > variable_size_max) return false;
        out.push_back(std::move(variable));
    }
    return true;
}

} // namespace

RouteTable::RouteTable(std::vector<RouteConfig> routes, std::vector<Cidr> trusted, const RouteTableOptions &options,
                       std::vector<std::string> domains, std::vector<TargetConfig> trunks)
    : options_(options) {
    replace(std::move(routes), std::move(trusted), std::move(domains), std::move(trunks));
}

RouteTable::~RouteTable() = default;

void RouteTable::replace(std::vector<RouteConfig> routes, std::vector<Cidr> trusted, std::vector<std::string> domains,
                         std::vector<TargetConfig> trunks) {
    trunks_ = std::move(trunks);
    trusted_ = std::move(trusted);
    domains_ = std::move(domains);
    entries_.clear();
    for (RouteConfig &config : routes) {
        Entry entry;
        if (!config.match.empty()) {
            entry.match = std::make_unique<re2::RE2>(config.match, re2::RE2::Quiet);
            TANDEM_ASSERT(entry.match->ok(), "the reader of the configuration has tried the expression");
        }
        entry.config = std::move(config);
        entries_.push_back(std::move(entry));
    }
}

// What comes from an address of our own is of this machine: no network brings it.
bool RouteTable::is_local(const IpAddress &ip) const {
    static const std::vector<Cidr> loopback = {*Cidr::parse("127.0.0.0/8"), *Cidr::parse("::1")};
    return is_in(loopback, ip) || std::find(options_.own.begin(), options_.own.end(), ip) != options_.own.end();
}

// What is sent to no address goes to the loopback, and a listener without one takes what comes to any of them.
bool RouteTable::is_us(const Endpoint &to) const {
    const auto is_any = [](const IpAddress &ip) { return ip.bytes == IpAddress().bytes; };
    const IpAddress ip = without_mapping(to.ip);
    return std::any_of(options_.listen.begin(), options_.listen.end(), [&](const Endpoint &at) {
        return at.port == to.port && (at.ip == ip || is_any(ip) || (is_any(at.ip) && is_local(ip)));
    });
}

bool RouteTable::may_send_to(const Endpoint &to, TargetOrigin origin) const {
    if (origin == TargetOrigin::configured) return true;
    if (is_us(to)) return false;
    return origin != TargetOrigin::binding || !options_.peers || !options_.peers->listens_at(to);
}

bool RouteTable::is_known(const IpAddress &source) const { return is_local(source) || is_peer(source); }

// A route for all addresses expects nobody: passwords could be tried out without end.
bool RouteTable::is_expected(const IpAddress &source) const {
    if (is_known(source)) return true;
    const auto names = [&](const Cidr &block) { return !block.is_everybody() && block.contains(source); };
    return std::any_of(entries_.begin(), entries_.end(), [&](const Entry &entry) {
        return std::any_of(entry.config.source.begin(), entry.config.source.end(), names);
    });
}

bool RouteTable::is_incomplete() const { return options_.peers && options_.peers->is_incomplete(); }

bool RouteTable::is_peer(const IpAddress &source) const { return options_.peers && options_.peers->contains(source); }

std::optional<TrunkAccount> RouteTable::account_at(const Endpoint &peer) const {
    return options_.peers ? options_.peers->account_at(peer) : std::nullopt;
}

std::shared_ptr<const Account> RouteTable::account_of(std::string_view trunk) const {
    return options_.peers ? options_.peers->account_of(trunk) : nullptr;
}

// `is_known`: of this machine, a trunk, or a user of ours.
bool RouteTable::takes(const RouteConfig &route, const IpAddress &ip, bool is_known) const {
    return route.source.empty() ? is_known : is_in(route.source, ip);
}

bool RouteTable::may_call(const IpAddress &source) const {
    if (is_known(source)) return true; // also where no route is for him: he may know why
    return std::any_of(entries_.begin(), entries_.end(),
                       [&](const Entry &entry) { return takes(entry.config, source, false); });
}

Route RouteTable::route(const Message &invite, const Endpoint &source) {
    return *find_route(invite, source, false, nullptr);
}

Route RouteTable::route_inside(const Message &invite, const Endpoint &source) {
    return *find_route(invite, source, true, nullptr);
}

Result<Route> RouteTable::route_decided(const Message &invite, const Endpoint &source, bool is_known,
                                        const Decision &decision) {
    return find_route(invite, source, is_known, &decision);
}

// Without a decision it always finds one.
Result<Route> RouteTable::find_route(const Message &invite, const Endpoint &source, bool is_inside,
                                     const Decision *decision) {
    const auto uri = Uri::parse(invite.request_uri());
    if (!uri) return refuse(400, "Bad Request-URI");
    if (uri->scheme != "sip" && uri->scheme != "sips" && uri->scheme != "tel") return refuse(416);

    const std::string user = uri->user.substr(0, uri->user.find(':')); // without a password
    const bool may_use_all = is_inside || is_known(source.ip);
    bool is_for_others = false;
    std::vector<std::string_view> groups;
    for (const Entry &entry : entries_) {
        groups.clear();
        if (entry.match && !matches_user(*entry.match, user, groups)) continue;
        if (takes(entry.config, source.ip, may_use_all))
            return follow(entry.config, {invite, *uri, source, groups}, decision);
        is_for_others = true;
    }
    return refuse(is_for_others ? 403 : 404);
}

bool RouteTable::is_trusted(const IpAddress &peer) const { return is_in(trusted_, peer); }

// Who redirects may name anybody: names are looked up, and whether a listener can send there the call finds out.
std::optional<RouteTarget> RouteTable::target_of(std::string_view text) {
    const auto uri = Uri::parse(text);
    if (!uri || (uri->scheme != "sip" && uri->scheme != "sips") || uri->host.empty()) return std::nullopt;
    RouteTarget target;
    target.request_uri = text;
    if (const auto to = uri->endpoint()) {
        target.to = *to;
    } else {
        target.lookup = text;
    }
    return target;
}

// The address-of-record that a call is for: at the host of the Request-URI, or in the first of our domains where that
// host is but an address of ours, or where there is none (tel:). Empty: it is none.
std::string RouteTable::address_of(std::string_view callee, const Uri &called) const {
    const auto aor =
        address_of_record("sip:" + std::string(callee) + "@" + (called.host.empty() ? "tel" : called.host));
    if (!aor || domains_.empty()) return {};
    if (std::find(domains_.begin(), domains_.end(), aor_host(*aor)) != domains_.end()) return *aor;
    const auto ip = IpAddress::parse(called.host);
    const bool is_us = called.host.empty() || (ip && (is_local(*ip) || ip == options_.advertised));
    return is_us ? std::string(aor_user(*aor)) + "@" + domains_.front() : *aor;
}

Result<std::vector<RouteTarget>, Route> RouteTable::configured_target(const TargetConfig &to, const std::string &callee,
                                                                      const Asked &asked) {
    // Who asks for SIPS is promised TLS on every hop (RFC 3261 section 26.2.2).
    const bool is_secure = is_sips(asked.invite.request_uri());
    if (is_secure && to.to.transport != Transport::tls) return refuse(480, "SIPS Not Allowed");
    RouteTarget target;
    target.request_uri = to.is_secure || is_secure ? "sips:" : "sip:";
    if (!callee.empty()) target.request_uri.append(callee).append("@");
    target.request_uri.append(to.host_port);
    if (!to.params.empty()) target.request_uri.append(";").append(to.params);
    if (target.request_uri.size() > uri_size_max) return refuse(400, "Request-URI Too Long");
    target.to = to.to;
    target.lookup = to.lookup;
    target.trunk = to.trunk;
    target.is_known = !to.trunk.empty();
    target.account = to.account;
    return std::vector{std::move(target)};
}

// What one target of the configuration is for this call: itself, or the phones of the user, if he has any.
Result<std::vector<RouteTarget>, Route> RouteTable::find_targets(const RouteConfig &config, std::size_t index,
                                                                 const Asked &asked) const {
    const TargetConfig &to = config.targets[index];
    const TemplateInput input{&asked.invite, &asked.source, to.trunk, &asked.groups};
    const std::string callee = to.user.empty() ? callee_of(config, asked.called, input) : to.user;
    if (!is_userinfo(callee)) return refuse(400, "Bad User In Request-URI");
    std::string headers;
    if (!render_headers(config, input, headers)) return refuse(400, "Bad Header Value");
    const auto configured = [&] { return configured_target(to, callee, asked); };
    const auto registered = [&]() -> Result<std::vector<RouteTarget>, Route> {
        const std::string aor = address_of(callee, asked.called);
        if (!options_.users || !options_.users->has_user(aor)) return std::vector<RouteTarget>();
        const bool is_together =
            to.is_parallel || (index + 1 < config.targets.size() && config.targets[index + 1].is_parallel);
        return targets_of(options_.users->find(aor), is_sips(asked.invite.request_uri()), is_together);
    };
    auto found = to.is_registered ? registered() : configured();
    if (!found) return found;
    for (RouteTarget &target : *found) target.headers = headers;
    return found;
}

// The answer to a call for a user who is nowhere (RFC 3261 sections 21.4.5 and 21.4.18).
Route RouteTable::absent(const RouteConfig &config, const Asked &asked) const {
    const TemplateInput input{&asked.invite, &asked.source, {}, &asked.groups};
    const std::string aor = address_of(callee_of(config, asked.called, input), asked.called);
    return refuse(options_.users && options_.users->has_user(aor) ? 480 : 404);
}

// A trunk that does not know us would refuse the call, or let it wait.
bool RouteTable::is_usable(const TargetConfig &target) const {
    return !target.needs_registration || (options_.trunks && options_.trunks->is_registered(target.trunk));
}

Result<Route> RouteTable::follow(const RouteConfig &config, const Asked &asked, const Decision *decision) const {
    if (!decision) {
        if (!config.is_controlled) return make_route(config, asked);
        Route asks;
        asks.is_controlled = true;
        return asks;
    }
    const bool is_as_it_is = decision->targets.empty() && !decision->to_user && decision->headers.empty();
    if (is_as_it_is) return make_route(config, asked);
    const auto decided = decide_route(config, *decision, {trunks_, options_.listen});
    if (!decided) return Error::invalid;
    return make_route(*decided, asked);
}

Route RouteTable::make_route(const RouteConfig &config, const Asked &asked) const {
    Route route;
    bool is_first = true;     // of those that ring together: the others may be registered nowhere
    bool has_skipped = false; // a trunk that has not taken us
    for (std::size_t i = 0; i < config.targets.size(); ++i) {
        if (!config.targets[i].is_parallel) is_first = true;
        if (!is_usable(config.targets[i])) {
            has_skipped = true;
            continue;
        }
        auto found = find_targets(config, i, asked);
        if (!found) return found.error();
        if (found->empty()) continue;
        found->front().is_parallel = !std::exchange(is_first, false);
        const std::size_t room = route_target_max - route.targets.size();
        if (found->size() > room) found->resize(room);
        std::move(found->begin(), found->end(), std::back_inserter(route.targets));
    }
    if (route.targets.empty()) return has_skipped ? refuse(503, "Trunk Not Registered") : absent(config, asked);
    // What the call has once is filled for its first target.
    const TemplateInput input{&asked.invite, &asked.source, route.targets.front().trunk, &asked.groups};
    if (!render_profiles(config, input, route.profiles)) return refuse(400, "Bad Profile Value");
    if (!render_variables(config, input, route.variables)) return refuse(400, "Bad Variable Value");
    if (route.targets.size() > 1 || config.redirects == Redirects::follow) route.hunt_on = config.hunt_on;
    route.redirects = config.redirects;
    route.forks = config.forks;
    route.refers = config.refers;
    route.ring_timeout = config.ring_timeout;
    return route;
}

} // namespace tandem
