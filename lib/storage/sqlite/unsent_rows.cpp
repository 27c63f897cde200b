#include "storage/sqlite/unsent_rows.hpp"
#include <string>
#include <utility>
#include "storage/sqlite/cdr_row.hpp"

namespace tandem {
namespace {

// Records come from more than one statement. It is of the connection alone: a shell that restores old records does not
// send them.
constexpr const char *mark_sql = R"sql(
CREATE TEMP TRIGGER mark_unsent AFTER INSERT ON main.cdr BEGIN
    INSERT INTO cdr_unsent (id) VALUES (new.id);
END
)sql";

std::string oldest_sql() {
    return std::string("SELECT unsent.serial, unsent.id, ") + cdr_columns +
           " FROM cdr_unsent AS unsent LEFT JOIN cdr ON cdr.id = unsent.id ORDER BY unsent.serial LIMIT ?";
}

// The oldest go first, so there are no gaps but those that a shell has made.
constexpr const char *count_sql =
    "SELECT coalesce((SELECT max(serial) FROM cdr_unsent) - (SELECT min(serial) FROM cdr_unsent) + 1, 0)";

} // namespace

int UnsentRows::prepare(sqlite3 *database) {
    if (const int code = sqlite3_exec(database, mark_sql, nullptr, nullptr, nullptr); code != SQLITE_OK) return code;
    const std::string oldest = oldest_sql();
    for (const auto &[statement, sql] : {std::pair(&erase_, "DELETE FROM cdr_unsent WHERE serial = ? AND id = ?"),
                                         std::pair(&oldest_, oldest.c_str()), std::pair(&count_, count_sql)}) {
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
        unsent.next.push_back({oldest_.number(0), std::string(oldest_.text(1)), cdr_json(oldest_)});
    }
    oldest_.close();
    if (code != SQLITE_DONE) return code;
    code = count_.step();
    if (code == SQLITE_ROW) unsent.waiting = static_cast<std::uint64_t>(count_.number(0));
    count_.close();
    return code == SQLITE_ROW ? SQLITE_DONE : code;
}

} // namespace tandem
