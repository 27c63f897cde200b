// [[profile]], and the profiles that a [[route]] names.
#include <algorithm>
#include <fmt/format.h>
#include <limits>
#include "node/config_sections.hpp"

namespace tandem {
namespace {

constexpr ProfileTableOptions bounds;
constexpr std::int64_t limit_max = std::numeric_limits<std::uint32_t>::max();

std::vector<std::string_view> names_of(const std::vector<ProfileOptions> &profiles) {
    std::vector<std::string_view> names;
    for (const ProfileOptions &profile : profiles) names.push_back(profile.name);
    return names;
}

void read_value_limit(ConfigSection &section, const TomlMember &member, ProfileOptions &profile) {
    const TomlValue &limit = member.value;
    if (!is_profile_value(member.key)) {
        section.problem(member.at, fmt::format("bad value \"{}\" in \"limits\" of [[profile]]; write up to {} bytes "
                                               "without control characters",
                                               member.key, bounds.value_size_max));
    } else if (limit.kind != TomlValue::Kind::integer) {
        section.problem(limit.at, fmt::format("\"{}\" in \"limits\" of [[profile]] must be an integer, not {}",
                                              member.key, to_string(limit.kind)));
    } else if (limit.integer < 0 || limit.integer > limit_max) {
        section.problem(limit.at, fmt::format("\"{}\" in \"limits\" of [[profile]] must be from 0 to {}, not {}",
                                              member.key, limit_max, limit.integer));
    } else {
        profile.limits.emplace_back(member.key, static_cast<std::uint32_t>(limit.integer));
    }
}

void read_limits(ConfigSection &section, ProfileOptions &profile) {
    const TomlValue *limits = section.table("limits");
    if (!limits || limits->members.empty()) return;
    if (!profile.has_values) {
        section.problem(limits->at, "\"limits\" in [[profile]] are those of single values, and this profile has none; "
                                    "write value = true, or \"limit\" alone");
        return;
    }
    for (const TomlMember &member : limits->members) read_value_limit(section, member, profile);
}

void read_profile_use(ConfigSection &section, const TomlValue &item, const std::vector<ProfileOptions> &profiles,
                      RouteConfig &route) {
    const std::string_view text = item.text;
    const std::size_t equals = text.find('=');
    const std::string_view name = text.substr(0, equals);
    const auto known = names_of(profiles);
    const auto found = std::find(known.begin(), known.end(), name);
    if (found == known.end()) {
        const std::string_view nearest = nearest_word(name, known);
        section.problem(item.at, fmt::format("no [[profile]] is called \"{}\"; {}", name,
                                             nearest.empty() ? std::string("add a [[profile]] with this name")
                                                             : fmt::format("did you mean \"{}\"?", nearest)));
        return;
    }
    const bool has_values = profiles[static_cast<std::size_t>(found - known.begin())].has_values;
    if (has_values != (equals != std::string_view::npos)) {
        const std::string right = has_values ? fmt::format("has values; write \"{0}=VALUE\", for example "
                                                           "\"{0}={{from.user}}\"",
                                                           name)
                                             : fmt::format("has no values; write \"{}\"", name);
        section.problem(item.at, fmt::format("the [[profile]] \"{}\" {}", name, right));
        return;
    }
    ProfileUse use{std::string(name), std::nullopt};
    if (has_values) {
        auto value = Template::parse(text.substr(equals + 1));
        if (!value) {
            section.problem(item.at, fmt::format("bad value in \"profiles\" of [[route]]: {}", value.error()));
            return;
        }
        use.value = std::move(*value);
    }
    route.profiles.push_back(std::move(use));
}

} // namespace

void read_profile(ConfigSection &section, Config &config) {
    ProfileOptions profile;
    const auto name = read_name(section, names_of(config.profiles));
    section.flag("value", profile.has_values);
    std::int64_t limit = 0;
    section.number("limit", 0, limit_max, limit);
    profile.limit = static_cast<std::uint32_t>(limit);
    read_limits(section, profile);

    std::string scope = "node";
    const TomlValue *value = section.choice("scope", {"node", "cluster"}, scope);
    profile.is_shared = scope == "cluster";
    if (profile.is_shared && !config.redis.url) {
        section.problem(value->at, "the scope \"cluster\" in [[profile]] needs \"url\" in [redis]");
    }
    std::string on_outage = "closed";
    section.choice("on_outage", {"closed", "open", "local"}, on_outage);
    profile.on_outage = on_outage == "open"    ? OnOutage::open
                        : on_outage == "local" ? OnOutage::local
                                               : OnOutage::closed;
    section.finish();

    if (config.profiles.size() == bounds.profile_max) {
        section.problem(section.at(), fmt::format("there may be {} [[profile]]s at most", bounds.profile_max));
    }
    if (!name) return;
    profile.name = *name;
    config.profiles.push_back(std::move(profile));
}

void read_profile_uses(ConfigSection &section, const std::vector<ProfileOptions> &profiles, RouteConfig &route) {
    const TomlValue *uses = section.texts("profiles");
    if (!uses) return;
    if (uses->items.size() > bounds.per_dialog_max) {
        section.problem(uses->at, fmt::format("\"profiles\" in [[route]] may name {} at most, not {}",
                                              bounds.per_dialog_max, uses->items.size()));
    }
    for (const TomlValue &item : uses->items) read_profile_use(section, item, profiles, route);
}

} // namespace tandem
