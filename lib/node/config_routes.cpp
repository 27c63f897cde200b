#include <algorithm>
#include <cctype>
#include <fmt/format.h>
#include <memory>
#include <re2/re2.h>
#include <utility>
#include "base/text.hpp"
#include "call/header_policy.hpp"
#include "call/listener.hpp"
#include "dialog/variable_set.hpp"
#include "node/config_sections.hpp"
#include "node/name_lookup.hpp"
#include "sip/uri.hpp"

namespace tandem {
namespace {

constexpr VariableLimits variable_limits;
constexpr std::size_t target_max = 32; // of one route

bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
    });
}

bool is_variable_name(std::string_view text) {
    return !text.empty() && text.size() <= variable_limits.name_max && is_visible_ascii(text);
}

// For a URI with a name, which is looked up for each call. `what` says where it stands.
std::optional<TargetConfig> parse_name(ConfigSection &section, const TomlValue &value, const Uri &uri,
                                       std::string_view what, const Config &config) {
    const std::string host(uri.param("maddr").value_or(uri.host));
    if (!canonical_dns_name(host)) {
        section.problem(value.at,
                        fmt::format("\"{}\" in {}: \"{}\" is neither an address nor a name that DNS could know",
                                    value.text, what, host));
        return std::nullopt;
    }
    const auto lookup = to_sip_lookup(uri);
    const auto &listen = config.sip.listen;
    if (!lookup || (!listen.empty() && !has_listener(*lookup, listen))) {
        section.problem(value.at, fmt::format("\"{}\" in {} needs an address with its transport in \"listen\" of [sip]",
                                              value.text, what));
        return std::nullopt;
    }
    TargetConfig target;
    target.lookup = value.text;
    target.is_secure = lookup->is_sips;
    if (lookup->is_sips || lookup->transport == Transport::tls) target.to.transport = Transport::tls;
    target.host_port = uri.host + (uri.port != 0 ? ":" + std::to_string(uri.port) : "");
    target.params = uri.params;
    return target;
}

// Reads a URI that calls are sent to. `what` says where it stands.
std::optional<TargetConfig> parse_target(ConfigSection &section, const TomlValue &value, std::string_view what,
                                         const Config &config) {
    const auto uri = Uri::parse(value.text);
    if (!uri || (uri->scheme != "sip" && uri->scheme != "sips") || uri->host.empty() || !is_header_safe(value.text)) {
        section.problem(value.at, fmt::format("bad URI \"{}\" in {}; write sip:HOST:PORT, for example "
                                              "\"sip:192.0.2.1:5060\"",
                                              value.text, what));
        return std::nullopt;
    }
    if (!uri->user.empty() || !uri->headers.empty()) {
        section.problem(value.at, fmt::format("\"{}\" in {} has a user or headers; write the address alone: the user "
                                              "is the call's, or the route's \"user\"",
                                              value.text, what));
        return std::nullopt;
    }
    const auto endpoint = uri->endpoint();
    if (!endpoint && !IpAddress::parse(uri->param("maddr").value_or(uri->host)))
        return parse_name(section, value, *uri, what, config);
    if (!endpoint || !is_transport_available(endpoint->transport)) {
        section.unavailable(value.at, fmt::format("the transport of \"{}\" in {}", value.text, what),
                            available_transports);
        return std::nullopt;
    }
    TargetConfig target;
    target.to = *endpoint;
    target.host_port = uri->host + (uri->port != 0 ? ":" + std::to_string(uri->port) : "");
    target.params = uri->params;
    target.is_secure = uri->scheme == "sips";
    const auto sender = find_listener(config.sip.listen, target.to);
    if (!sender) {
        if (config.sip.listen.empty()) return std::nullopt; // "listen" itself is wrong, which is noted already
        section.problem(value.at, fmt::format("\"{}\" in {} needs an address like \"{}:{}\" in \"listen\" of [sip]",
                                              value.text, what, uri_name(target.to.transport),
                                              target.to.ip.is_v6 ? "[::1]:5060" : "127.0.0.1:5060"));
        return std::nullopt;
    }
    target.to.listener = *sender;
    return target;
}

std::vector<std::string_view> names_of(const std::vector<TrunkTarget> &trunks) {
    std::vector<std::string_view> names;
    for (const TrunkTarget &trunk : trunks) names.push_back(trunk.name);
    return names;
}

std::optional<TargetConfig> find_trunk(ConfigSection &section, const TomlValue &item,
                                       const std::vector<TrunkTarget> &trunks) {
    for (const TrunkTarget &trunk : trunks) {
        if (trunk.name == item.text) return trunk.target;
    }
    const std::vector<std::string_view> known = names_of(trunks);
    const std::string_view nearest = nearest_word(item.text, known);
    const std::string right = nearest.empty() ? "write the name of a [[trunk]] or a URI like \"sip:192.0.2.1:5060\""
                                              : fmt::format("did you mean \"{}\"?", nearest);
    section.problem(item.at, fmt::format("no [[trunk]] is called \"{}\"; {}", item.text, right));
    return std::nullopt;
}

void read_target(ConfigSection &section, const TomlValue &item, const std::vector<TrunkTarget> &trunks,
                 const Config &config, bool is_parallel, RouteConfig &route) {
    if (item.kind != TomlValue::Kind::text) {
        section.problem(item.at, fmt::format("\"to\" in [[route]] must hold strings, and arrays of strings for targets "
                                             "that ring together, not {}",
                                             to_string(item.kind)));
        return;
    }
    if (item.text == "registered") {
        TargetConfig phones;
        phones.is_registered = true;
        phones.is_parallel = is_parallel;
        route.targets.push_back(std::move(phones));
        return;
    }
    const bool is_uri = item.text.find(':') != std::string::npos;
    auto target =
        is_uri ? parse_target(section, item, "\"to\" of [[route]]", config) : find_trunk(section, item, trunks);
    if (!target) return;
    target->is_parallel = is_parallel;
    route.targets.push_back(std::move(*target));
}

void read_to(ConfigSection &section, const std::vector<TrunkTarget> &trunks, const Config &config, RouteConfig &route) {
    const TomlValue *to = section.array("to");
    if (!to) return;
    std::size_t count = 0;
    for (const TomlValue &item : to->items) {
        if (item.kind != TomlValue::Kind::array) {
            read_target(section, item, trunks, config, false, route);
            ++count;
            continue;
        }
        if (item.items.empty()) section.problem(item.at, "an array in \"to\" of [[route]] is empty; write what rings");
        for (const TomlValue &together : item.items) {
            read_target(section, together, trunks, config, &together != &item.items.front(), route);
            ++count;
        }
    }
    if (count == 0 || count > target_max) {
        section.problem(to->at, fmt::format("\"to\" in [[route]] must name from 1 to {} targets, not {}; write the "
                                            "names of [[trunk]]s, URIs or \"registered\"",
                                            target_max, count));
    }
}

void read_hunt_on(ConfigSection &section, RouteConfig &route) {
    const TomlValue *hunt_on = section.array("hunt_on");
    if (!hunt_on) return;
    route.hunt_on.clear();
    for (const TomlValue &item : hunt_on->items) {
        if (item.kind != TomlValue::Kind::integer || item.integer < 300 || item.integer > 699) {
            section.problem(item.at, "\"hunt_on\" in [[route]] must hold numbers from 300 to 699");
        } else if (std::find(route.hunt_on.begin(), route.hunt_on.end(), item.integer) == route.hunt_on.end()) {
            route.hunt_on.push_back(static_cast<std::uint16_t>(item.integer));
        }
    }
}

void read_search(ConfigSection &section, RouteConfig &route) {
    std::string redirects = "pass";
    section.choice("redirects", {"pass", "follow"}, redirects);
    route.redirects = redirects == "follow" ? Redirects::follow : Redirects::pass;
    std::string forks = "each";
    section.choice("forks", {"each", "one"}, forks);
    route.forks = forks == "one" ? ForkView::one : ForkView::each;
    section.milliseconds("ring_timeout_ms", 0, 3'600'000, route.ring_timeout);
}

// RE2 takes time linear in the text, whatever the expression.
std::size_t read_match(ConfigSection &section, RouteConfig &route) {
    const TomlValue *value = section.text("match", route.match);
    if (!value) return 0;
    re2::RE2::Options options;
    options.set_log_errors(false);
    const re2::RE2 expression(route.match, options);
    if (expression.ok()) return static_cast<std::size_t>(expression.NumberOfCapturingGroups());
    section.problem(value->at, fmt::format("bad regular expression in \"match\" of [[route]]: {}; write RE2 syntax, "
                                           "for example '^\\+?44'",
                                           expression.error()));
    return 9;
}

void read_source(ConfigSection &section, RouteConfig &route) {
    if (const TomlValue *source = section.texts("source")) {
        route.source = read_cidrs(section, *source, "\"source\" of [[route]]");
    }
}

void read_user(ConfigSection &section, std::size_t groups, RouteConfig &route) {
    std::string text;
    const TomlValue *value = section.text("user", text);
    if (!value || text.empty()) return;
    auto user = Template::parse(text, Template::Groups::allowed);
    if (!user) {
        section.problem(value->at, fmt::format("bad \"user\" in [[route]]: {}", user.error()));
    } else if (user->group_max() > groups) {
        section.problem(value->at, fmt::format("\"user\" in [[route]] asks for ${}, and \"match\" has {} groups",
                                               user->group_max(), groups));
    } else {
        route.user = std::move(*user);
    }
}

// The text that a call fills: one line. `where` is the key of [[route]] that it stands in.
std::optional<Template> read_line(ConfigSection &section, const TomlMember &member, std::string_view where) {
    const TomlValue &value = member.value;
    const auto wrong = [&](std::string_view what) {
        section.problem(value.at, fmt::format("\"{}\" in \"{}\" of [[route]] {}", member.key, where, what));
    };
    if (value.kind != TomlValue::Kind::text) {
        wrong(fmt::format("must be a string, not {}", to_string(value.kind)));
        return std::nullopt;
    }
    if (!is_header_safe(value.text)) {
        wrong("holds a line break or NUL; write one line");
        return std::nullopt;
    }
    auto text = Template::parse(value.text);
    if (text) return std::move(*text);
    section.problem(value.at, fmt::format("bad \"{}\" in \"{}\" of [[route]]: {}", member.key, where, text.error()));
    return std::nullopt;
}

void read_header(ConfigSection &section, const TomlMember &header, RouteConfig &route) {
    if (!is_token(header.key) || header.key.size() > 64) {
        section.problem(header.at,
                        fmt::format("bad header name \"{}\" in \"headers\" of [[route]]; write letters, digits "
                                    "and -.!%*_+`'~",
                                    header.key));
    } else if (is_own_header(header.key)) {
        section.problem(header.at, fmt::format("\"{}\" in \"headers\" of [[route]] is written by tandem itself; choose "
                                               "another header",
                                               header.key));
    } else if (auto text = read_line(section, header, "headers")) {
        route.headers.emplace_back(header.key, std::move(*text));
    }
}

void read_variables(ConfigSection &section, RouteConfig &route) {
    const TomlValue *variables = section.table("variables");
    if (!variables) return;
    if (variables->members.size() > variable_limits.count_max) {
        section.problem(variables->at, fmt::format("\"variables\" in [[route]] may hold {} at most, not {}",
                                                   variable_limits.count_max, variables->members.size()));
    }
    for (const TomlMember &variable : variables->members) {
        if (!is_variable_name(variable.key)) {
            section.problem(variable.at,
                            fmt::format("bad variable name \"{}\" in \"variables\" of [[route]]; write up to "
                                        "{} visible ASCII characters",
                                        variable.key, variable_limits.name_max));
        } else if (auto text = read_line(section, variable, "variables")) {
            route.variables.emplace_back(variable.key, std::move(*text));
        }
    }
}

// What the challenges of a trunk are answered with; null: nothing. The password is never in a problem.
std::shared_ptr<const Account> read_account(ConfigSection &section) {
    std::string username;
    std::string password;
    std::string realm;
    const TomlValue *user_at = section.text("username", username);
    const TomlValue *password_at = section.text("password", password);
    const TomlValue *realm_at = section.text("realm", realm);
    SecretText secret(password);
    cleanse(password);
    for (const TomlValue *value : {user_at, realm_at}) {
        if (value && has_control_bytes(value->text)) {
            section.problem(value->at, "\"username\" and \"realm\" in [[trunk]] must hold no control characters");
        }
    }
    if (username.empty() != secret.empty()) {
        const TomlValue *at = user_at ? user_at : password_at;
        section.problem(at->at, "\"username\" and \"password\" in [[trunk]] need each other; write both, or none");
    }
    if (username.empty()) return nullptr;
    return std::make_shared<const Account>(Account{std::move(username), std::move(secret), std::move(realm)});
}

} // namespace

std::optional<std::string> read_name(ConfigSection &section, const std::vector<std::string_view> &known) {
    std::string name;
    const TomlValue *value = section.required_text("name", name);
    if (!value) return std::nullopt;
    if (!is_name(name) || name == "registered") {
        section.problem(value->at,
                        fmt::format("bad \"name\" in {}: \"{}\"; write up to 64 letters, digits, '-', '_' or "
                                    "'.', and not \"registered\"",
                                    section.name(), name));
        return std::nullopt;
    }
    if (std::find(known.begin(), known.end(), name) != known.end()) {
        section.problem(
            value->at, fmt::format("\"name\" in {} must be unique, and \"{}\" is there already", section.name(), name));
        return std::nullopt;
    }
    return name;
}

void read_trunk(ConfigSection &section, const Config &config, std::vector<TrunkTarget> &trunks) {
    const auto name = read_name(section, names_of(trunks));
    std::string uri;
    std::optional<TargetConfig> target;
    if (const TomlValue *value = section.required_text("uri", uri)) {
        target = parse_target(section, *value, "\"uri\" of [[trunk]]", config);
    }
    auto account = read_account(section);
    auto registration = read_registration(section, target, account, trunks);
    section.finish();

    if (!name) return;
    if (target) {
        target->trunk = *name;
        target->account = std::move(account);
        target->needs_registration = registration.has_value();
    }
    if (registration) registration->trunk = *name;
    trunks.push_back({*name, std::move(target), std::move(registration)});
}

void read_route(ConfigSection &section, const std::vector<TrunkTarget> &trunks, Config &config) {
    RouteConfig route;
    const std::size_t groups = read_match(section, route);
    read_source(section, route);
    section.require("to");
    read_to(section, trunks, config, route);
    read_hunt_on(section, route);
    read_search(section, route);
    read_profile_uses(section, config.profiles, route);
    read_user(section, groups, route);
    if (const TomlValue *headers = section.table("headers")) {
        for (const TomlMember &header : headers->members) read_header(section, header, route);
    }
    read_variables(section, route);
    std::string refer = "local";
    section.choice("refer", {"local", "pass", "reject"}, refer);
    route.refers = refer == "pass" ? Refers::pass : refer == "reject" ? Refers::reject : Refers::local;
    const TomlValue *control = section.flag("control", route.is_controlled);
    if (route.is_controlled && config.control.urls.empty()) {
        section.problem(control->at, "\"control\" in [[route]] needs \"url\" in [control]");
    }
    section.finish();
    config.routes.push_back(std::move(route));
}

} // namespace tandem
