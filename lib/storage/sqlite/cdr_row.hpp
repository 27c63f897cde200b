// A row of the table of records, as JSON.
#pragma once
#include <string>
#include "storage/sqlite/statement.hpp"

namespace tandem {

// The columns of cdr in the order of the table, as a statement names them behind the first one of its own.
inline constexpr const char *cdr_columns =
    "cdr.call_id, caller_call_id, callee_call_id, from_uri, to_uri, request_uri, source, trunk, created_us, "
    "ringing_us, answered_us, ended_us, duration_us, sip_code, end_reason, q850, profiles, variables";
inline constexpr int cdr_ended_us = 13; // the place of that column

// Of `SELECT SOMETHING, id, COLUMNS`. Empty: somebody has taken the record away, or made it unreadable.
std::string cdr_json(Statement &row);

} // namespace tandem
