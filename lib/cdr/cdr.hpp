// The closed record of a call. It is written once, when the dialog set of the caller's INVITE has ended.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "base/wall_clock.hpp"
#include "dialog/dialog_record.hpp"

namespace tandem {

struct CdrProfile {
    std::string name;
    std::string value;
    bool has_value = false;

    bool operator==(const CdrProfile &) const = default;
};

struct CdrVariable {
    std::string name;
    VariableType type = VariableType::text;
    std::string text;         // text, bytes
    std::int64_t integer = 0; // integer; of a boolean 0 or 1

    bool operator==(const CdrVariable &) const = default;
};

struct Cdr {
    RecordId id; // of the dialog set: the same call can not have two records
    std::string call_id;
    std::string caller_call_id;
    std::string callee_call_id; // empty: no leg to a callee was made
    std::string from_uri;
    std::string to_uri;
    std::string request_uri;
    std::string source;
    std::string trunk;
    std::int64_t created_us = 0; // UTC microseconds, as the others
    std::optional<std::int64_t> ringing_us;
    std::optional<std::int64_t> answered_us;
    std::int64_t ended_us = 0;
    std::int64_t duration_us = 0; // answer to end by the monotonic clock; 0 if never answered
    std::uint16_t sip_code = 0;   // final answer to the caller; 401, 407: of the trunk, he got 503; 0: none
    EndReason end_reason = EndReason::none;
    std::uint16_t q850 = 0;             // cause (Reason header, RFC 3326); 0: none
    std::vector<CdrProfile> profiles;   // as they were at the end
    std::vector<CdrVariable> variables; // the same
};

// Builds the record of an ended dialog set. An end without a reason is a bug in the tracker: asserted, because the
// contract says that the reason is never null.
Cdr make_cdr(const DialogRecord &record, const WallClock &wall);

// JSON (RFC 8259) on one line, in ASCII and UTF-8: bytes that are no UTF-8 become U+FFFD. Of the whole record, with the
// columns of the cdr table, null where they are; of the profiles, [{"name":"user","value":"alice"},...], without the
// value of a profile that has none; of the variables, {"name":value,...}, where bytes are base64 text. Integers are
// numbers with all their digits: a reader that keeps numbers as doubles loses some above 2^53.
std::string to_json(const Cdr &cdr);
std::string to_json(const Cdr &cdr, std::string_view profiles, std::string_view variables); // these are JSON already
std::string profiles_json(const Cdr &cdr);
std::string variables_json(const Cdr &cdr);

} // namespace tandem
