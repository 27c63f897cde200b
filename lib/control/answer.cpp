#include "control/answer.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <limits>
#include <optional>
#include "json/json.hpp"

namespace tandem {
namespace {

constexpr JsonLimits limits{.bytes_max = 64 << 10, .depth_max = 8, .values_max = 1024};
constexpr std::int64_t longest_ms = std::int64_t{366} * 86'400'000;

// Reads the members of one object: takes each by name and kind, and keeps what is wrong first.
class Reader {
public:
    Reader(const Json &object, std::string &problem) : object_(object), problem_(problem) {}

    const Json *find(const char *name) const {
        const auto at = object_.find(name);
        return at == object_.end() ? nullptr : &*at;
    }

    void wrong(std::string_view name, std::string_view right) {
        if (problem_.empty()) problem_ = fmt::format("\"{}\" is not {}", name, right);
    }

    std::optional<std::string> text(const char *name) {
        const Json *value = find(name);
        if (!value) return std::nullopt;
        if (const auto *found = value->get_ptr<const std::string *>()) return *found;
        wrong(name, "a string");
        return std::nullopt;
    }

    std::optional<std::int64_t> number(const char *name, std::int64_t min, std::int64_t max) {
        const Json *value = find(name);
        if (!value) return std::nullopt;
        const bool is_in_range =
            value->is_number_unsigned()
                ? value->get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())
                : value->is_number_integer();
        const std::int64_t found = is_in_range ? value->get<std::int64_t>() : 0;
        if (is_in_range && found >= min && found <= max) return found;
        wrong(name, fmt::format("a whole number from {} to {}", min, max));
        return std::nullopt;
    }

    // Null if it is not there, or of another kind.
    const Json *array(const char *name) { return of_kind(name, Json::value_t::array, "an array"); }
    const Json *object(const char *name) { return of_kind(name, Json::value_t::object, "an object"); }

private:
    const Json *of_kind(const char *name, Json::value_t kind, std::string_view right) {
        const Json *value = find(name);
        if (!value || value->type() == kind) return value;
        wrong(name, right);
        return nullptr;
    }

    const Json &object_;
    std::string &problem_;
};

void read_target(Reader &reader, const Json &item, bool is_parallel, Decision &decision) {
    if (const auto *to = item.get_ptr<const std::string *>()) {
        decision.targets.push_back({*to, is_parallel});
    } else {
        reader.wrong("route", "an array of strings, and of arrays of strings for those that ring together");
    }
}

void read_targets(Reader &reader, Decision &decision) {
    const Json *route = reader.array("route");
    if (!route) return;
    if (route->empty()) reader.wrong("route", "there for anybody: leave it out, or name targets");
    for (const Json &item : *route) {
        if (!item.is_array()) {
            read_target(reader, item, false, decision);
            continue;
        }
        if (item.empty()) reader.wrong("route", "there for anybody in one of its arrays");
        for (const Json &together : item) read_target(reader, together, &together != &item.front(), decision);
    }
}

void read_headers(Reader &reader, Decision &decision) {
    const Json *headers = reader.object("headers");
    if (!headers) return;
    for (const auto &[name, value] : headers->items()) {
        if (const auto *text = value.get_ptr<const std::string *>()) {
            decision.headers.emplace_back(name, *text);
        } else {
            reader.wrong("headers", "an object of strings");
        }
    }
}

void read_variables(Reader &reader, Decision &decision) {
    const Json *variables = reader.object("variables");
    if (!variables) return;
    for (const auto &[name, value] : variables->items()) {
        DecidedVariable variable;
        variable.name = name;
        if (const auto *text = value.get_ptr<const std::string *>()) {
            variable.text = *text;
        } else if (const auto *flag = value.get_ptr<const bool *>()) {
            variable.type = VariableType::boolean;
            variable.integer = *flag ? 1 : 0;
        } else if (value.is_number_integer() &&
                   (!value.is_number_unsigned() || value.get<std::uint64_t>() <= std::uint64_t{1} << 62)) {
            variable.type = VariableType::integer;
            variable.integer = value.get<std::int64_t>();
        } else {
            reader.wrong("variables", "an object of strings, booleans and whole numbers of 62 bits");
        }
        decision.variables.push_back(std::move(variable));
    }
}

void read_profiles(Reader &reader, Decision &decision, std::string &problem) {
    const Json *profiles = reader.array("profiles");
    if (!profiles) return;
    for (const Json &item : *profiles) {
        if (!item.is_object()) return reader.wrong("profiles", "an array of objects");
        Reader member(item, problem);
        DecidedProfile profile;
        const auto name = member.text("name");
        if (!name) return member.wrong("name", "in each of the \"profiles\"");
        profile.name = *name;
        profile.value = member.text("value").value_or("");
        if (const auto limit = member.number("limit", 0, std::numeric_limits<std::uint32_t>::max()))
            profile.limit = static_cast<std::uint32_t>(*limit);
        decision.profiles.push_back(std::move(profile));
    }
}

} // namespace

Result<ControlAnswer, Failure> read_answer(std::uint16_t http_status, std::string_view body) {
    if (http_status < 200 || http_status > 299)
        return Failure{Error::invalid, fmt::format("its HTTP status is {}", http_status)};
    auto json = parse_json(body, limits);
    if (!json) return json.error();
    if (!json->is_object()) return Failure{Error::invalid, "it is no object"};

    std::string problem;
    Reader reader(*json, problem);
    ControlAnswer answer;
    Decision &decision = answer.decision;
    const auto code = reader.number("code", 200, 699);
    if (!code) reader.wrong("code", "there");
    decision.code = static_cast<std::uint16_t>(code.value_or(0));
    decision.reason = reader.text("reason").value_or("");
    read_targets(reader, decision);
    decision.to_user = reader.text("to-user-id");
    decision.from_user = reader.text("from-user-id");
    decision.from_display = reader.text("from-display-name");
    read_headers(reader, decision);
    read_variables(reader, decision);
    read_profiles(reader, decision, problem);
    if (const auto longest = reader.number("max-duration-ms", 0, longest_ms); longest.value_or(0) > 0)
        decision.max_duration = std::chrono::milliseconds(*longest);
    if (const auto cache = reader.number("cache-ms", 0, longest_ms))
        answer.cache = std::min<Duration>(std::chrono::milliseconds(*cache), cache_longest);
    if (!problem.empty()) return Failure{Error::invalid, std::move(problem)};
    return answer;
}

} // namespace tandem
