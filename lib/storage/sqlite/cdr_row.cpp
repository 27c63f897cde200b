#include "storage/sqlite/cdr_row.hpp"
#include <optional>
#include "cdr/cdr.hpp"

namespace tandem {
namespace {

std::optional<std::int64_t> number_or_none(Statement &row, int column) {
    return row.is_null(column) ? std::nullopt : std::optional(row.number(column));
}

} // namespace

std::string cdr_json(Statement &row) {
    const auto id = RecordId::parse(row.text(1));
    const auto reason = parse_end_reason(row.text(16));
    if (row.is_null(2) || !id || !reason) return {};
    Cdr cdr;
    cdr.id = *id;
    int column = 2;
    for (std::string *text : {&cdr.call_id, &cdr.caller_call_id, &cdr.callee_call_id, &cdr.from_uri, &cdr.to_uri,
                              &cdr.request_uri, &cdr.source, &cdr.trunk}) {
        *text = row.text(column++);
    }
    cdr.created_us = row.number(10);
    cdr.ringing_us = number_or_none(row, 11);
    cdr.answered_us = number_or_none(row, 12);
    cdr.ended_us = row.number(cdr_ended_us);
    cdr.duration_us = row.number(14);
    cdr.sip_code = static_cast<std::uint16_t>(row.number(15));
    cdr.end_reason = *reason;
    cdr.q850 = static_cast<std::uint16_t>(row.number(17));
    const std::string profiles(row.text(18));
    return to_json(cdr, profiles, row.text(19));
}

} // namespace tandem
