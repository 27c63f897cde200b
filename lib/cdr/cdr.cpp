#include "cdr/cdr.hpp"
#include <algorithm>
#include "base/assert.hpp"

namespace tandem {

namespace {

EndReason reversed(EndReason reason) {
    if (reason == EndReason::caller_bye) return EndReason::callee_bye;
    return reason == EndReason::callee_bye ? EndReason::caller_bye : reason;
}

} // namespace

Cdr make_cdr(const DialogRecord &record, const WallClock &wall) {
    TANDEM_ASSERT(record.ended && record.end_reason != EndReason::none, "a record is closed by an end with a reason");
    const auto utc = [&](const std::optional<Instant> &at) -> std::optional<std::int64_t> {
        if (!at) return std::nullopt;
        return wall.utc_us(*at);
    };
    Cdr cdr;
    cdr.id = record.id;
    cdr.call_id = record.call_id;
    cdr.caller_call_id = record.call_id;
    cdr.callee_call_id = record.callee_call_id;
    cdr.from_uri = record.from_uri;
    cdr.to_uri = record.to_uri;
    cdr.request_uri = record.request_uri;
    cdr.source = record.source;
    cdr.trunk = record.trunk;
    cdr.created_us = wall.utc_us(record.created);
    cdr.ringing_us = utc(record.ringing);
    cdr.answered_us = utc(record.answered);
    cdr.ended_us = wall.utc_us(*record.ended);
    if (record.answered) cdr.duration_us = std::max(Duration::zero(), *record.ended - *record.answered).count();
    cdr.sip_code = record.sip_code;
    cdr.end_reason = record.end_reason;
    cdr.q850 = record.q850;
    if (is_reversed(record.source, record.local_side)) {
        cdr.from_uri = record.to_uri;
        cdr.to_uri = cdr.request_uri = record.from_uri;
        cdr.end_reason = reversed(record.end_reason);
    }
    for (const ProfileView &in : record.profiles) {
        cdr.profiles.push_back({std::string(in.profile), std::string(in.value), in.has_value});
    }
    for (const auto &[name, value] : record.variables) {
        cdr.variables.push_back({std::string(name), value.type, std::string(value.text), value.integer});
    }
    return cdr;
}

} // namespace tandem
