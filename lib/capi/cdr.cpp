// tandem/cdr.h
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <tandem/cdr.h>
#include <utility>
#include "capi/cdr_struct.hpp"
#include "capi/status.hpp"
#include "capi/struct_size.hpp"
#include "capi/variable_value.hpp"

namespace tandem::capi {

CdrStruct::CdrStruct(Cdr cdr) : cdr_(std::move(cdr)), id_(cdr_.id.to_string()) {
    for (const CdrProfile &profile : cdr_.profiles) {
        profiles_.push_back({str_of(profile.name), str_of(profile.value), profile.has_value ? 1U : 0U});
    }
    for (const CdrVariable &variable : cdr_.variables) {
        variables_.push_back({str_of(variable.name), given_of({variable.type, variable.text, variable.integer})});
    }
    struct_.size = sizeof(struct_);
    struct_.end_reason = static_cast<std::uint32_t>(cdr_.end_reason);
    struct_.id = str_of(id_);
    struct_.call_id = str_of(cdr_.call_id);
    struct_.callee_call_id = str_of(cdr_.callee_call_id);
    struct_.from_uri = str_of(cdr_.from_uri);
    struct_.to_uri = str_of(cdr_.to_uri);
    struct_.request_uri = str_of(cdr_.request_uri);
    struct_.source = str_of(cdr_.source);
    struct_.trunk = str_of(cdr_.trunk);
    struct_.created_us = cdr_.created_us;
    struct_.ringing_us = cdr_.ringing_us.value_or(0);
    struct_.answered_us = cdr_.answered_us.value_or(0);
    struct_.ended_us = cdr_.ended_us;
    struct_.duration_us = cdr_.duration_us;
    struct_.sip_code = cdr_.sip_code;
    struct_.q850 = cdr_.q850;
    struct_.profiles = profiles_.data();
    struct_.profile_count = static_cast<std::uint32_t>(profiles_.size());
    struct_.variables = variables_.data();
    struct_.variable_count = static_cast<std::uint32_t>(variables_.size());
}

namespace {

// Of the first version: no host has less.
constexpr std::uint32_t cdr_size_min = offsetof(tandem_cdr, variables) + sizeof(void *);
constexpr std::uint32_t sip_code_max = 699;
constexpr std::uint32_t q850_max = 127;

// The record again from the struct, which the host may have filled itself.
std::optional<Cdr> read_cdr(const tandem_cdr &given) {
    if (given.end_reason == TANDEM_END_NONE || given.end_reason > TANDEM_END_RESTART || given.sip_code > sip_code_max ||
        given.q850 > q850_max || (!given.profiles && given.profile_count > 0) ||
        (!given.variables && given.variable_count > 0)) {
        return std::nullopt;
    }
    Cdr cdr;
    const std::pair<tandem_str, std::string *> texts[] = {
        {given.call_id, &cdr.call_id},
        {given.call_id, &cdr.caller_call_id},
        {given.callee_call_id, &cdr.callee_call_id},
        {given.from_uri, &cdr.from_uri},
        {given.to_uri, &cdr.to_uri},
        {given.request_uri, &cdr.request_uri},
        {given.source, &cdr.source},
        {given.trunk, &cdr.trunk},
    };
    for (const auto &[text, to] : texts) {
        if (!is_text(text)) return std::nullopt;
        *to = view(text);
    }
    const auto id = is_text(given.id) ? RecordId::parse(view(given.id)) : std::nullopt;
    if (!id) return std::nullopt;
    cdr.id = *id;
    cdr.created_us = given.created_us;
    if (given.ringing_us != 0) cdr.ringing_us = given.ringing_us;
    if (given.answered_us != 0) cdr.answered_us = given.answered_us;
    cdr.ended_us = given.ended_us;
    cdr.duration_us = given.duration_us;
    cdr.sip_code = static_cast<std::uint16_t>(given.sip_code);
    cdr.end_reason = static_cast<EndReason>(given.end_reason);
    cdr.q850 = static_cast<std::uint16_t>(given.q850);
    for (std::uint32_t i = 0; i < given.profile_count; ++i) {
        const tandem_membership &profile = given.profiles[i];
        if (!is_text(profile.profile) || !is_text(profile.value)) return std::nullopt;
        cdr.profiles.push_back(
            {std::string(view(profile.profile)), std::string(view(profile.value)), profile.has_value != 0});
    }
    for (std::uint32_t i = 0; i < given.variable_count; ++i) {
        VariableValue value;
        if (!is_text(given.variables[i].name) || !read_value(given.variables[i].value, value)) return std::nullopt;
        cdr.variables.push_back(
            {std::string(view(given.variables[i].name)), value.type, std::string(value.text), value.integer});
    }
    return cdr;
}

} // namespace
} // namespace tandem::capi

using namespace tandem::capi;

extern "C" tandem_status tandem_cdr_json(const tandem_cdr *cdr, char *buffer, size_t capacity, size_t *needed) {
    return guard([&]() -> tandem_status {
        if (!has_size(cdr) || cdr->size < cdr_size_min || (!buffer && capacity > 0)) {
            return fail(TANDEM_E_INVALID, "cdr or buffer is NULL, or cdr.size is too small");
        }
        tandem_cdr copy;
        const auto read = read_cdr(read_struct(cdr, copy));
        if (!read) return fail(TANDEM_E_INVALID, "cdr: a text has no data, or a field is out of range");
        const std::string json = tandem::to_json(*read);
        if (needed) *needed = json.size() + 1;
        if (json.size() >= capacity) return fail(TANDEM_E_TOO_LARGE, "the buffer is too small for the record");
        std::memcpy(buffer, json.c_str(), json.size() + 1);
        return TANDEM_OK;
    });
}
