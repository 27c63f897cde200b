#include "callapi/admin_params.hpp"
#include <algorithm>
#include <fmt/format.h>
#include "base/text.hpp"

namespace tandem {
namespace {

bool is_known(const std::vector<std::string_view> &names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

} // namespace

AdminParams::AdminParams(const Json &params, std::initializer_list<std::string_view> names)
    : names_(names), values_(Json::object()) {
    take(params);
}

void AdminParams::take(const Json &params) {
    if (params.is_null()) return;
    if (params.is_array()) {
        if (params.size() > names_.size()) return wrong("params", fmt::format("has more than {} items", names_.size()));
        for (std::size_t i = 0; i < params.size(); ++i) values_[std::string(names_[i])] = params[i];
        return;
    }
    if (!params.is_object()) return wrong("params", "is neither an object nor an array");
    for (const auto &[name, value] : params.items()) {
        if (is_known(names_, name)) continue;
        const std::string known = names_.empty() ? "it has none" : fmt::format("those are {}", fmt::join(names_, ", "));
        return wrong(name.substr(0, 64), fmt::format("is no parameter of this method; {}", known));
    }
    values_ = params;
}

void AdminParams::wrong(std::string_view name, std::string_view why) {
    if (problem_.empty()) problem_ = fmt::format("\"{}\" {}", name, why);
}

const Json *AdminParams::find(std::string_view name) const {
    const auto found = values_.find(name);
    return found == values_.end() || found->is_null() ? nullptr : &*found;
}

std::optional<std::string> AdminParams::text(std::string_view name, std::size_t max) {
    const Json *value = find(name);
    if (!value) return std::nullopt;
    if (!value->is_string()) {
        wrong(name, "is no string");
        return std::nullopt;
    }
    const auto &text = value->get_ref<const std::string &>();
    if (text.size() > max) {
        wrong(name, fmt::format("is longer than {} bytes", max));
        return std::nullopt;
    }
    if (has_control_bytes(text)) {
        wrong(name, "has control characters");
        return std::nullopt;
    }
    return text;
}

std::string AdminParams::required_text(std::string_view name, std::size_t max) {
    auto value = text(name, max);
    if (!value || value->empty()) wrong(name, "is missing");
    return value.value_or("");
}

std::optional<std::int64_t> AdminParams::number(std::string_view name, std::int64_t low, std::int64_t high) {
    const Json *value = find(name);
    if (!value) return std::nullopt;
    const bool is_too_large = value->is_number_unsigned() && value->get<std::uint64_t>() > INT64_MAX;
    const auto number = value->is_number_integer() && !is_too_large ? value->get<std::int64_t>() : low - 1;
    if (!value->is_number_integer() || is_too_large || number < low || number > high) {
        wrong(name, fmt::format("is no whole number from {} to {}", low, high));
        return std::nullopt;
    }
    return number;
}

std::size_t AdminParams::limit() {
    return static_cast<std::size_t>(number("limit", 1, admin_page_max).value_or(admin_page));
}

std::uint64_t AdminParams::cursor() {
    const auto given = text("cursor", 32);
    if (!given) return 0;
    const auto cursor = parse_number(*given);
    if (!cursor) wrong("cursor", "is none that a page has given as \"next\"");
    return cursor.value_or(0);
}

DialogName AdminParams::dialog() {
    DialogName name;
    name.call_id = text("call-id").value_or("");
    const auto id = text("id", 64);
    if (id) {
        const auto parsed = RecordId::parse(*id);
        if (!parsed || !*parsed) wrong("id", "is not the id of a call: 32 hexadecimal digits");
        name.id = parsed.value_or(RecordId());
    } else if (name.call_id.empty()) {
        wrong("id", "is missing; \"call-id\" would do as well");
    }
    return name;
}

DialogFilter AdminParams::filter() {
    DialogFilter filter;
    const Json *given = find("filter");
    if (!given) return filter;
    if (!given->is_object()) {
        wrong("filter", "is no object");
        return filter;
    }
    AdminParams inner(*given, {"state", "call-id", "from", "to", "trunk", "source", "profile", "value"});
    if (const auto state = inner.text("state")) {
        filter.state = parse_dialog_state(*state);
        if (!filter.state) inner.wrong("state", "is none of trying, proceeding, early, confirmed");
    }
    filter.call_id = inner.text("call-id").value_or("");
    filter.from = inner.text("from").value_or("");
    filter.to = inner.text("to").value_or("");
    filter.trunk = inner.text("trunk").value_or("");
    filter.source = inner.text("source").value_or("");
    filter.profile = inner.text("profile").value_or("");
    filter.value = inner.text("value");
    if (filter.value && filter.profile.empty()) inner.wrong("value", "needs a \"profile\"");
    if (!inner.ok() && ok()) problem_ = "in \"filter\": " + inner.problem();
    return filter;
}

} // namespace tandem
