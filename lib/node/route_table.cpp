#include "node/route_table.hpp"
#include <algorithm>
#include <cctype>
#include <re2/re2.h>
#include <utility>
#include "base/assert.hpp"
#include "base/text.hpp"
#include "sip/limits.hpp"
#include "sip/uri.hpp"

namespace tandem {
namespace {

constexpr std::size_t variable_size_max = 256;

bool is_mark(char c) { return std::string_view("-_.!~*'()").find(c) != std::string_view::npos; }

bool is_alphanumeric(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 && (c & 0x80) == 0; }

bool is_escape(std::string_view text) {
    return text.size() >= 3 && text[0] == '%' && std::isxdigit(static_cast<unsigned char>(text[1])) != 0 &&
           std::isxdigit(static_cast<unsigned char>(text[2])) != 0;
}

// What stands before the @ of a URI (RFC 3261 section 25.1: user, and a password behind a colon).
bool is_user(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (is_escape(text.substr(i))) {
            i += 2;
        } else if (!is_alphanumeric(text[i]) && !is_mark(text[i]) &&
                   std::string_view("&=+$,;?/:").find(text[i]) == std::string_view::npos) {
            return false;
        }
    }
    return true;
}

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

RouteTable::RouteTable(std::vector<RouteConfig> routes, std::vector<Cidr> trusted, const KnownPeers *peers,
                       std::vector<IpAddress> own)
    : peers_(peers), own_(std::move(own)) {
    replace(std::move(routes), std::move(trusted));
}

RouteTable::~RouteTable() = default;

void RouteTable::replace(std::vector<RouteConfig> routes, std::vector<Cidr> trusted) {
    trusted_ = std::move(trusted);
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
    return is_in(loopback, ip) || std::find(own_.begin(), own_.end(), ip) != own_.end();
}

bool RouteTable::is_peer(const IpAddress &source) const { return peers_ && peers_->contains(source); }

std::optional<TrunkAccount> RouteTable::account_at(const IpAddress &peer) const {
    return peers_ ? peers_->account_at(peer) : std::nullopt;
}

// `is_known`: of this machine, a trunk, or a party of a call that is up.
bool RouteTable::takes(const RouteConfig &route, const IpAddress &ip, bool is_known) const {
    return route.source.empty() ? is_known : is_in(route.source, ip);
}

bool RouteTable::may_call(const IpAddress &source) const {
    const bool is_known = is_local(source) || is_peer(source);
    if (is_known) return true; // also where no route is for him: he may know why
    return std::any_of(entries_.begin(), entries_.end(),
                       [&](const Entry &entry) { return takes(entry.config, source, false); });
}

Route RouteTable::route(const Message &invite, const Endpoint &source) { return find_route(invite, source, false); }

Route RouteTable::route_inside(const Message &invite, const Endpoint &source) {
    return find_route(invite, source, true);
}

Route RouteTable::find_route(const Message &invite, const Endpoint &source, bool is_inside) {
    const auto uri = Uri::parse(invite.request_uri());
    if (!uri) return refuse(400, "Bad Request-URI");
    if (uri->scheme != "sip" && uri->scheme != "sips" && uri->scheme != "tel") return refuse(416);

    const std::string user = uri->user.substr(0, uri->user.find(':')); // without a password
    const bool is_known = is_inside || is_local(source.ip) || is_peer(source.ip);
    bool is_for_others = false;
    std::vector<std::string_view> groups;
    for (const Entry &entry : entries_) {
        groups.clear();
        if (entry.match && !matches_user(*entry.match, user, groups)) continue;
        if (takes(entry.config, source.ip, is_known)) return make_route(entry, uri->user, invite, source, groups);
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

Route RouteTable::make_route(const Entry &entry, const std::string &user, const Message &invite, const Endpoint &source,
                             const std::vector<std::string_view> &groups) {
    const RouteConfig &config = entry.config;
    const bool is_secure = is_sips(invite.request_uri());
    Route route;
    for (const TargetConfig &to : config.targets) {
        const TemplateInput input{&invite, &source, to.trunk, &groups};
        std::string callee = user;
        if (config.user) {
            callee.clear();
            config.user->render(input, callee);
        }
        if (!is_user(callee)) return refuse(400, "Bad User In Request-URI");
        RouteTarget target;
        if (!render_headers(config, input, target.headers)) return refuse(400, "Bad Header Value");
        // Who asks for SIPS is promised TLS on every hop (RFC 3261 section 26.2.2).
        if (is_secure && to.to.transport != Transport::tls) return refuse(480, "SIPS Not Allowed");
        target.request_uri = to.is_secure || is_secure ? "sips:" : "sip:";
        if (!callee.empty()) target.request_uri.append(callee).append("@");
        target.request_uri.append(to.host_port);
        if (!to.params.empty()) target.request_uri.append(";").append(to.params);
        if (target.request_uri.size() > uri_size_max) return refuse(400, "Request-URI Too Long");
        target.to = to.to;
        target.lookup = to.lookup;
        target.trunk = to.trunk;
        target.account = to.account;
        target.is_parallel = to.is_parallel;
        route.targets.push_back(std::move(target));
    }
    // What the call has once is filled for its first target.
    const TemplateInput input{&invite, &source, config.targets.front().trunk, &groups};
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
