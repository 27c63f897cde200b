#include "callapi/admin_methods.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include "callapi/admin_json.hpp"

namespace tandem {
namespace {

using Reply = AdminMethods::Reply;

AdminCode code_of(Error error) {
    switch (error) {
    case Error::not_found:
    case Error::no_profile: return AdminCode::not_found;
    case Error::invalid:
    case Error::too_large: return AdminCode::invalid_params;
    case Error::store_failed:
    case Error::store_renewed:
    case Error::io: return AdminCode::unavailable;
    case Error::full: return AdminCode::busy;
    case Error::wrong_state:
    case Error::config_invalid: return AdminCode::refused;
    default: return AdminCode::internal;
    }
}

AdminRefusal refusal_of(const Failure &failure) {
    return {code_of(failure.error), failure.detail.empty() ? std::string(to_string(failure.error)) : failure.detail};
}

bool refuse(const AdminParams &params, const Reply &reply) {
    if (params.ok()) return false;
    reply(AdminRefusal{AdminCode::invalid_params, params.problem()});
    return true;
}

// Whatever comes, what `render` makes of it goes on.
template <class T, class Render>
Answer<T> to_reply(Reply reply, Render render) {
    return [reply = std::move(reply), render = std::move(render)](Result<T, Failure> result) {
        if (!result) return reply(refusal_of(result.error()));
        reply(render(*result));
    };
}

Json page_of(Json items, std::uint64_t next) {
    return {{"items", std::move(items)}, {"next", next == 0 ? Json() : Json(std::to_string(next))}};
}

Json dialogs_json(const AdminPage<DialogInfo> &page) {
    Json items = Json::array();
    for (const DialogInfo &dialog : page.items) items.push_back(to_json(dialog));
    return page_of(std::move(items), page.next);
}

// A record whose row somebody has made unreadable is left out by the host, or here.
Json cdrs_json(const AdminPage<std::string> &page) {
    Json items = Json::array();
    for (const std::string &text : page.items) {
        if (auto record = parse_json(text)) items.push_back(std::move(*record));
    }
    return page_of(std::move(items), page.next);
}

Json bindings_json(const std::vector<BindingRecord> &bindings, const WallClock &wall) {
    Json items = Json::array();
    for (const BindingRecord &binding : bindings) items.push_back(to_json(binding, wall));
    return items;
}

// None: erases it.
std::optional<CdrVariable> variable_of(AdminParams &params) {
    const Json *value = params.find("value");
    if (!value) return std::nullopt;
    CdrVariable variable;
    if (value->is_string()) {
        variable.text = value->get<std::string>();
    } else if (value->is_boolean()) {
        variable.type = VariableType::boolean;
        variable.integer = value->get<bool>() ? 1 : 0;
    } else {
        constexpr auto min = std::numeric_limits<std::int64_t>::min() + 1;
        variable.type = VariableType::integer;
        variable.integer = params.number("value", min, std::numeric_limits<std::int64_t>::max()).value_or(0);
        if (!value->is_number_integer()) params.wrong("value", "is no string, whole number, true, false or null");
    }
    return variable;
}

EndReason reason_of(AdminParams &params) {
    const auto word = params.text("reason", 64);
    if (!word) return EndReason::admin;
    const auto reason = parse_end_reason(*word);
    if (!reason || *reason == EndReason::none) params.wrong("reason", "is none that a record can show");
    return reason.value_or(EndReason::admin);
}

} // namespace

AdminMethods::AdminMethods(AdminHost &host) : host_(host) {
    add_dialog_methods();
    add_change_methods();
    add_profile_methods();
    add_other_methods();
}

std::vector<std::string_view> AdminMethods::names() const {
    std::vector<std::string_view> names;
    for (const auto &[name, method] : methods_) names.push_back(name);
    return names;
}

bool AdminMethods::call(std::string_view method, const Json &params, Reply reply) {
    const auto found = methods_.find(method);
    if (found == methods_.end()) return false;
    found->second(params, std::move(reply));
    return true;
}

void AdminMethods::add_dialog_methods() {
    methods_["dlg.stats_active"] = [this](const Json &given, const Reply &reply) {
        AdminParams params(given, {});
        if (refuse(params, reply)) return;
        host_.count_dialogs(to_reply<DialogStatistics>(reply, [](const auto &counts) { return to_json(counts); }));
    };
    methods_["dlg.list"] = [this](const Json &given, const Reply &reply) {
        AdminParams params(given, {"cursor", "limit", "filter"});
        DialogQuery query{params.filter(), params.cursor(), params.limit()};
        if (refuse(params, reply)) return;
        host_.list_dialogs(std::move(query), to_reply<AdminPage<DialogInfo>>(reply, dialogs_json));
    };
    methods_["dlg.get"] = [this](const Json &given, const Reply &reply) {
        AdminParams params(given, {"id", "call-id"});
        DialogName name = params.dialog();
        if (refuse(params, reply)) return;
        host_.get_dialog(std::move(name), to_reply<DialogInfo>(reply, [](const auto &one) { return to_json(one); }));
    };
    methods_["dlg.get_var"] = [this](const Json &given, const Reply &reply) {
        AdminParams params(given, {"id", "name", "call-id"});
        DialogName dialog = params.dialog();
        const auto name = params.text("name", 256);
        if (refuse(params, reply)) return;
        host_.get_dialog(std::move(dialog), to_reply<DialogInfo>(reply, [name](const DialogInfo &one) {
                             Json variables = to_json(one)["variables"];
                             if (!name) return variables;
                             const auto found = variables.find(*name);
                             return found == variables.end() ? Json() : *found;
                         }));
    };
}

void AdminMethods::add_change_methods() {
    methods_["dlg.end"] = [this](const Json &given, const Reply &reply) {
        AdminParams params(given, {"id", "reason", "call-id"});
        DialogName name = params.dialog();
        const EndReason reason = reason_of(params);
        if (refuse(params, reply)) return;
        host_.end_dialog(std::move(name), reason, to_reply<EndedDialog>(reply, [](const EndedDialog &ended) {
                             return Json{{"id", ended.id.to_string()}, {"was_ending", ended.was_ending}};
                         }));
    };
    methods_["dlg.set_var"] = [this](const Json &given, const Reply &reply) {
        AdminParams params(given, {"id", "name", "value", "call-id"});
        DialogName dialog = params.dialog();
        std::string name = params.required_text("name", 256);
        std::optional<CdrVariable> value = variable_of(params);
        if (refuse(params, reply)) return;
        host_.set_variable(std::move(dialog), std::move(name), std::move(value),
                           to_reply<RecordId>(reply, [](RecordId id) { return Json{{"id", id.to_string()}}; }));
    };
    methods_["dlg.audit"] = [this](const Json &given, const Reply &reply) {
        AdminParams params(given, {});
        if (refuse(params, reply)) return;
        host_.audit(to_reply<NamedCounts>(reply, [](const NamedCounts &counts) {
            Json json = Json::object();
            for (const auto &[name, count] : counts) json[std::string(name)] = count;
            return json;
        }));
    };
    methods_["config.reload"] = [this](const Json &given, const Reply &reply) {
        AdminParams params(given, {});
        if (refuse(params, reply)) return;
        host_.reload(to_reply<bool>(reply, [](bool) { return Json{{"reloaded", true}}; }));
    };
}

void AdminMethods::add_profile_methods() {
    methods_["dlg.profiles"] = [this](const Json &given, const Reply &reply) {
        AdminParams params(given, {});
        if (refuse(params, reply)) return;
        Json items = Json::array();
        for (const ProfileInfo &profile : host_.profiles()) items.push_back(to_json(profile));
        reply(page_of(std::move(items), 0));
    };
    methods_["dlg.profile_get_size"] = [this](const Json &given, const Reply &reply) {
        AdminParams params(given, {"profile", "value"});
        std::string profile = params.required_text("profile");
        auto value = params.text("value");
        if (refuse(params, reply)) return;
        host_.get_profile_size(std::move(profile), std::move(value),
                               to_reply<std::uint32_t>(reply, [](std::uint32_t size) { return Json(size); }));
    };
    methods_["dlg.profile_list"] = [this](const Json &given, const Reply &reply) {
        AdminParams params(given, {"profile", "value", "cursor", "limit"});
        std::string profile = params.required_text("profile");
        ProfileQuery query{std::move(profile), params.text("value"), params.cursor(), params.limit()};
        if (refuse(params, reply)) return;
        host_.list_profile(std::move(query), to_reply<AdminPage<DialogInfo>>(reply, dialogs_json));
    };
    methods_["dlg.profile_values"] = [this](const Json &given, const Reply &reply) {
        AdminParams params(given, {"profile", "cursor", "limit"});
        const std::string profile = params.required_text("profile");
        const std::uint64_t cursor = params.cursor();
        const std::size_t limit = params.limit();
        if (refuse(params, reply)) return;
        const auto page = host_.profile_values(profile, cursor, limit);
        if (!page && page.error() == Error::invalid) {
            return reply(AdminRefusal{AdminCode::invalid_params,
                                      fmt::format("\"profile\" {} has no values, or \"cursor\" is none of a page of its",
                                                  profile)});
        }
        if (!page) return reply(refusal_of({page.error(), fmt::format("no profile \"{}\" is declared", profile)}));
        Json items = Json::array();
        for (const ProfileValueInfo &value : page->items) items.push_back(to_json(value));
        reply(page_of(std::move(items), page->next));
    };
}

void AdminMethods::add_other_methods() {
    methods_["cdr.list"] = [this](const Json &given, const Reply &reply) {
        AdminParams params(given, {"since", "limit", "cursor"});
        const auto since = params.number("since", 0, std::numeric_limits<std::int64_t>::max());
        const CdrQuery query{since.value_or(0), params.cursor(), params.limit()};
        if (refuse(params, reply)) return;
        host_.list_cdrs(query, to_reply<AdminPage<std::string>>(reply, cdrs_json));
    };
    methods_["trunk.list"] = [this](const Json &given, const Reply &reply) {
        AdminParams params(given, {});
        if (refuse(params, reply)) return;
        host_.list_trunks(to_reply<std::vector<TrunkInfo>>(reply, [this](const std::vector<TrunkInfo> &trunks) {
            Json items = Json::array();
            for (const TrunkInfo &trunk : trunks) items.push_back(to_json(trunk, host_.wall()));
            return page_of(std::move(items), 0);
        }));
    };
    // The cursor is the last address-of-record of the page before: users keep their order.
    methods_["registrar.list"] = [this](const Json &given, const Reply &reply) {
        AdminParams params(given, {"cursor", "limit", "aor"});
        const std::string behind = params.text("cursor").value_or("");
        const std::size_t limit = params.limit();
        const auto aor = params.text("aor");
        if (refuse(params, reply)) return;
        if (aor) return reply(page_of(bindings_json(host_.bindings_of(*aor), host_.wall()), 0));
        const std::vector<BindingRecord> bindings = host_.list_bindings(behind, limit);
        const Json next = bindings.size() < limit ? Json() : Json(bindings.back().aor);
        reply(Json{{"items", bindings_json(bindings, host_.wall())}, {"next", next}});
    };
}

} // namespace tandem
