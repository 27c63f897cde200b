#include "callapi/admin_params.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <limits>
#include "base/text.hpp"

namespace tandem {

void allow_only(RpcParams &params, std::initializer_list<std::string_view> names) {
    for (const auto &[name, value] : params.all().items()) {
        if (std::find(names.begin(), names.end(), name) != names.end()) continue;
        const std::string known =
            names.size() == 0 ? "there is none" : fmt::format("those are {}", fmt::join(names, ", "));
        params.fail(std::string_view(name).substr(0, 64), fmt::format("is no parameter here; {}", known));
    }
}

std::optional<std::string> optional_text(RpcParams &params, std::string_view name) {
    if (!params.has(name) || params.all().find(name)->is_null()) return std::nullopt;
    return params.text_or(name, {});
}

std::size_t read_limit(RpcParams &params) {
    return static_cast<std::size_t>(params.number_or("limit", admin_page, 1, admin_page_max));
}

std::uint64_t read_cursor(RpcParams &params) {
    const auto given = optional_text(params, "cursor");
    if (!given) return 0;
    const auto cursor = parse_number(*given);
    if (!cursor) params.fail("cursor", "is none that a page has given as \"next\"");
    return cursor.value_or(0);
}

DialogName read_dialog(RpcParams &params) {
    DialogName name;
    name.call_id = optional_text(params, "call-id").value_or("");
    const auto id = optional_text(params, "id");
    if (id) {
        name.id = RecordId::parse(*id).value_or(RecordId());
        if (!name.id) params.fail("id", "is not the id of a call: 32 hexadecimal digits");
    } else if (name.call_id.empty()) {
        params.fail("id", "is missing; \"call-id\" would do as well");
    }
    return name;
}

DialogFilter read_filter(RpcParams &params) {
    DialogFilter filter;
    RpcParams inner(params.object_or_empty("filter"));
    allow_only(inner, {"state", "call-id", "from", "to", "trunk", "source", "profile", "value"});
    if (const auto state = optional_text(inner, "state")) {
        filter.state = parse_dialog_state(*state);
        if (!filter.state) inner.fail("state", "must be one of trying, proceeding, early, confirmed");
    }
    filter.call_id = inner.text_or("call-id", {});
    filter.from = inner.text_or("from", {});
    filter.to = inner.text_or("to", {});
    filter.trunk = inner.text_or("trunk", {});
    filter.source = inner.text_or("source", {});
    filter.profile = inner.text_or("profile", {});
    filter.value = optional_text(inner, "value");
    if (filter.value && filter.profile.empty()) inner.fail("value", "needs a \"profile\"");
    if (const auto &wrong = inner.error()) params.fail("filter", "is wrong: " + wrong->message);
    return filter;
}

EndReason read_reason(RpcParams &params) {
    const auto word = optional_text(params, "reason");
    if (!word) return EndReason::admin;
    const auto reason = parse_end_reason(*word);
    if (!reason || *reason == EndReason::none) params.fail("reason", "is none that a record can show");
    return reason.value_or(EndReason::admin);
}

std::optional<CdrVariable> read_value(RpcParams &params) {
    const auto found = params.all().find("value");
    if (found == params.all().end() || found->is_null()) return std::nullopt;
    CdrVariable variable;
    const bool is_too_large =
        found->is_number_unsigned() && found->get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max();
    if (found->is_string()) {
        variable.text = params.text_or("value", {}, 16384);
    } else if (found->is_boolean()) {
        variable.type = VariableType::boolean;
        variable.integer = found->get<bool>() ? 1 : 0;
    } else if (found->is_number_integer() && !is_too_large) {
        variable.type = VariableType::integer;
        variable.integer = found->get<std::int64_t>();
    } else {
        params.fail("value", "must be a string, a whole number of 64 bits, true, false or null");
    }
    return variable;
}

} // namespace tandem
