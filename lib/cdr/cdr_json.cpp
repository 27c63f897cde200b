#include "base/json_text.hpp"
#include "cdr/cdr.hpp"

namespace tandem {
namespace {

// The name of the next member; no value ends in the brace that begins an object.
void append_name(std::string &out, std::string_view name) {
    if (out.back() != '{') out += ',';
    append_json_string(out, name);
    out += ':';
}

void append_text(std::string &out, std::string_view name, std::string_view text) {
    append_name(out, name);
    append_json_string(out, text);
}

void append_text_or_null(std::string &out, std::string_view name, std::string_view text) {
    if (!text.empty()) return append_text(out, name, text);
    append_name(out, name);
    out += "null";
}

void append_number(std::string &out, std::string_view name, std::optional<std::int64_t> number) {
    append_name(out, name);
    out += number ? std::to_string(*number) : "null";
}

void append_value(std::string &out, const CdrVariable &variable) {
    switch (variable.type) {
    case VariableType::text: append_json_string(out, variable.text); return;
    case VariableType::integer: out += std::to_string(variable.integer); return;
    case VariableType::boolean: out += variable.integer != 0 ? "true" : "false"; return;
    case VariableType::bytes:
        out += '"';
        append_base64(out, variable.text);
        out += '"';
        return;
    }
}

} // namespace

std::string to_json(const Cdr &cdr) { return to_json(cdr, profiles_json(cdr), variables_json(cdr)); }

std::string to_json(const Cdr &cdr, std::string_view profiles, std::string_view variables) {
    std::string out = "{";
    append_text(out, "id", cdr.id.to_string());
    append_text(out, "call_id", cdr.call_id);
    append_text(out, "caller_call_id", cdr.caller_call_id);
    append_text_or_null(out, "callee_call_id", cdr.callee_call_id);
    append_text(out, "from_uri", cdr.from_uri);
    append_text(out, "to_uri", cdr.to_uri);
    append_text(out, "request_uri", cdr.request_uri);
    append_text_or_null(out, "source", cdr.source);
    append_text_or_null(out, "trunk", cdr.trunk);
    append_number(out, "created_us", cdr.created_us);
    append_number(out, "ringing_us", cdr.ringing_us);
    append_number(out, "answered_us", cdr.answered_us);
    append_number(out, "ended_us", cdr.ended_us);
    append_number(out, "duration_us", cdr.duration_us);
    append_number(out, "sip_code", cdr.sip_code);
    append_text(out, "end_reason", to_string(cdr.end_reason));
    append_number(out, "q850", cdr.q850 == 0 ? std::nullopt : std::optional<std::int64_t>(cdr.q850));
    append_name(out, "profiles");
    out += profiles;
    append_name(out, "variables");
    out += variables;
    out += '}';
    return out;
}

std::string profiles_json(const Cdr &cdr) {
    std::string out = "[";
    for (const CdrProfile &profile : cdr.profiles) {
        out += out.size() == 1 ? "{" : ",{";
        append_text(out, "name", profile.name);
        if (profile.has_value) append_text(out, "value", profile.value);
        out += '}';
    }
    out += ']';
    return out;
}

std::string variables_json(const Cdr &cdr) {
    std::string out = "{";
    for (const CdrVariable &variable : cdr.variables) {
        append_name(out, variable.name);
        append_value(out, variable);
    }
    out += '}';
    return out;
}

} // namespace tandem
