#include "callapi/admin_json.hpp"
#include <fmt/format.h>
#include <string>
#include "base/json_text.hpp"

namespace tandem {
namespace {

Json to_json(const PeerInfo &peer) {
    return {{"call-id", peer.call_id},     {"tag", peer.tag},   {"contact", peer.contact},
            {"route_set", peer.route_set}, {"cseq", peer.cseq}, {"socket", peer.socket}};
}

std::string name_of(const Endpoint &at) {
    return at.port == 0 ? "" : fmt::format("{}:{}", uri_name(at.transport), at.to_string());
}

// One that has never been set is the beginning of the clock.
std::int64_t utc_us(Instant at, const WallClock &wall) { return at == Instant() ? 0 : wall.utc_us(at); }

} // namespace

Json to_json(const CdrVariable &variable) {
    switch (variable.type) {
    case VariableType::text: return variable.text;
    case VariableType::integer: return variable.integer;
    case VariableType::boolean: return variable.integer != 0;
    case VariableType::bytes: break;
    }
    std::string text;
    append_base64(text, variable.text);
    return text;
}

Json to_json(const DialogInfo &dialog) {
    Json profiles = Json::array();
    for (const CdrProfile &profile : dialog.profiles) {
        Json &item = profiles.emplace_back(Json{{"name", profile.name}});
        if (profile.has_value) item["value"] = profile.value;
    }
    Json variables = Json::object();
    for (const CdrVariable &variable : dialog.variables) variables[variable.name] = to_json(variable);
    return {{"id", dialog.id.to_string()},
            {"call-id", dialog.peers[index(Side::caller)].call_id},
            {"from_uri", dialog.from_uri},
            {"to_uri", dialog.to_uri},
            {"request_uri", dialog.request_uri},
            {"source", dialog.source},
            {"trunk", dialog.trunk},
            {"state", to_string(dialog.state)},
            {"end_reason", dialog.end_reason == EndReason::none ? Json() : Json(to_string(dialog.end_reason))},
            {"start_ts", dialog.start_us},
            {"init_ts", dialog.init_us},
            {"ringing_ts", dialog.ringing_us},
            {"end_ts", 0},
            {"duration", dialog.duration_us},
            {"timeout", dialog.timeout_us},
            {"lifetime", dialog.lifetime_us},
            {"caller", to_json(dialog.peers[index(Side::caller)])},
            {"callee", to_json(dialog.peers[index(Side::callee)])},
            {"profiles", std::move(profiles)},
            {"variables", std::move(variables)}};
}

// The words of `kamcmd dlg.stats_active`; who has answered is ongoing, also before the ACK.
Json to_json(const DialogStatistics &statistics) {
    return {{"starting", statistics.trying + statistics.proceeding},
            {"connecting", statistics.early - statistics.trying - statistics.proceeding},
            {"ongoing", statistics.active},
            {"all", statistics.early + statistics.active},
            {"processed", statistics.processed},
            {"failed", statistics.failed},
            {"expired", statistics.expired},
            {"limited", statistics.limited}};
}

Json to_json(const ProfileInfo &profile) {
    return {{"name", profile.name},     {"has_values", profile.has_values}, {"size", profile.size},
            {"values", profile.values}, {"limit", profile.limit},           {"refused", profile.refused}};
}

Json to_json(const ProfileValueInfo &value) {
    return {{"value", value.value}, {"size", value.size}, {"limit", value.limit}};
}

Json to_json(const CallMessages &messages) {
    Json items = Json::array();
    for (const CallMessage &message : messages.items) {
        items.push_back({{"ts", message.at_us},
                         {"sent", message.is_sent},
                         {"leg", to_string(message.leg)},
                         {"peer", name_of(message.peer)},
                         {"text", message.text}});
    }
    return {{"items", std::move(items)}, {"dropped", messages.dropped}};
}

Json to_json(const BindingRecord &binding, const WallClock &wall) {
    return {{"aor", binding.aor},
            {"contact", binding.contact},
            {"instance", binding.instance},
            {"reg_id", binding.reg_id},
            {"q", binding.q / 1000.0},
            {"path", binding.path},
            {"call-id", binding.call_id},
            {"cseq", binding.cseq},
            {"user_agent", binding.user_agent},
            {"source", name_of(binding.flow)},
            {"registered_ts", utc_us(binding.registered, wall)},
            {"expires_ts", utc_us(binding.expires, wall)}};
}

Json to_json(const TrunkInfo &trunk, const WallClock &wall) {
    Json json = {{"name", trunk.name}, {"uri", trunk.uri}, {"registers", trunk.status.has_value()}};
    if (!trunk.status) return json;
    const RegistrationStatus &is = trunk.status->registration;
    json["state"] = to_string(is.state);
    json["since_ts"] = utc_us(trunk.status->since, wall);
    json["expires_ts"] = utc_us(is.expires, wall);
    json["next_ts"] = utc_us(is.next, wall);
    json["status"] = is.status;
    json["reason"] = is.reason;
    json["failures"] = is.failures;
    json["registrar"] = name_of(is.registrar);
    return json;
}

} // namespace tandem
