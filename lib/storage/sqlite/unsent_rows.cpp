#include "storage/sqlite/unsent_rows.hpp"
#include <optional>
#include <string>
#include <utility>

namespace tandem {
namespace {

// Records come from more than one statement. It is of the connection alone: a shell that restores old records does not
// send them.
constexpr const char *mark_sql = R"sql(
CREATE TEMP TRIGGER mark_unsent AFTER INSERT ON main.cdr BEGIN
    INSERT INTO cdr_unsent (id) VALUES (new.id);
END
)sql";

constexpr const char *oldest_sql = R"sql(
SELECT unsent.serial, unsent.id, cdr.call_id, caller_call_id, callee_call_id, from_uri, to_uri, request_uri, source,
    trunk, created_us, ringing_us, answered_us, ended_us, duration_us, sip_code, end_reason, q850, profiles, variables
FROM cdr_unsent AS unsent LEFT JOIN cdr ON cdr.id = unsent.id ORDER BY unsent.serial LIMIT ?
)sql";

// The oldest go first, so there are no gaps but those that a shell has made.
constexpr const char *count_sql =
    "SELECT coalesce((SELECT max(serial) FROM cdr_unsent) - (SELECT min(serial) FROM cdr_unsent) + 1, 0)";

std::optional<std::int64_t> number_or_none(Statement &row, int column) {
    return row.is_null(column) ? std::nullopt : std::optional(row.number(column));
}

// By the columns of oldest_sql.
std::string json_of(Statement &row) {
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
    cdr.ended_us = row.number(13);
    cdr.duration_us = row.number(14);
    cdr.sip_code = static_cast<std::uint16_t>(row.number(15));
    cdr.end_reason = *reason;
    cdr.q850 = static_cast<std::uint16_t>(row.number(17));
    const std::string profiles(row.text(18));
    return to_json(cdr, profiles, row.text(19));
}

} // namespace

int UnsentRows::prepare(sqlite3 *database) {
    if (const int code = sqlite3_exec(database, mark_sql, nullptr, nullptr, nullptr); code != SQLITE_OK) return code;
    for (const auto &[statement, sql] : {std::pair(&erase_, "DELETE FROM cdr_unsent WHERE serial = ? AND id = ?"),
                                         std::pair(&oldest_, oldest_sql), std::pair(&count_, count_sql)}) {
        if (const int code = statement->prepare(database, sql); code != SQLITE_OK) return code;
    }
    return SQLITE_OK;
}

int UnsentRows::exchange(UnsentCdrs &unsent) {
    for (const UnsentCdr &sent : unsent.sent) {
        const int code = erase_.bind(sent.serial).bind(sent.id).run();
        if (code != SQLITE_DONE) return code;
    }
    return read(unsent);
}

int UnsentRows::read(UnsentCdrs &unsent) {
    unsent.next.clear(); // a batch that failed may have been here before
    int code = oldest_.bind(static_cast<std::int64_t>(unsent.max)).step();
    for (; code == SQLITE_ROW; code = oldest_.step()) {
        unsent.next.push_back({oldest_.number(0), std::string(oldest_.text(1)), json_of(oldest_)});
    }
    oldest_.close();
    if (code != SQLITE_DONE) return code;
    code = count_.step();
    if (code == SQLITE_ROW) unsent.waiting = static_cast<std::uint64_t>(count_.number(0));
    count_.close();
    return code == SQLITE_ROW ? SQLITE_DONE : code;
}

} // namespace tandem
