#include "storage/sqlite/cdr_reader.hpp"
#include <algorithm>
#include <limits>
#include <utility>
#include "storage/sqlite/cdr_row.hpp"
#include "storage/sqlite/database.hpp"
#include "storage/sqlite/statement.hpp"

namespace tandem {
namespace {

constexpr std::size_t looked_at_max = 10'000;

std::string sql() {
    return std::string("SELECT rowid, cdr.id, ") + cdr_columns + " FROM cdr WHERE rowid < ? ORDER BY rowid DESC";
}

int read(Statement &rows, std::int64_t since_us, std::size_t max, CdrPage &page) {
    int code = rows.step();
    for (std::size_t looked_at = 0; code == SQLITE_ROW; code = rows.step()) {
        if (rows.number(cdr_ended_us) >= since_us) {
            std::string record = cdr_json(rows);
            if (!record.empty()) page.records.push_back(std::move(record));
        }
        page.next = static_cast<std::uint64_t>(rows.number(0));
        if (page.records.size() == max) return SQLITE_OK;
        if (++looked_at < looked_at_max) continue;
        if (page.records.empty()) page.next = 0;
        return SQLITE_OK;
    }
    page.next = 0;
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

} // namespace

Result<CdrPage, Failure> read_cdrs(const std::string &path, std::int64_t since_us, std::uint64_t cursor,
                                   std::size_t max) {
    sqlite3 *raw = nullptr;
    int code = sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nullptr);
    const DatabasePtr database(raw);
    if (!raw) return Failure{Error::store_failed, path + ": out of memory"};
    if (code != SQLITE_OK) return sqlite_failure(raw, path + ": cannot be read");
    sqlite3_busy_timeout(raw, 200); // of a shell that has all of it
    Statement rows;
    code = rows.prepare(raw, sql().c_str());
    if (code != SQLITE_OK) return sqlite_failure(raw, path + ": records cannot be read", code);
    constexpr auto latest = std::numeric_limits<std::int64_t>::max();
    rows.bind(cursor == 0 ? latest : static_cast<std::int64_t>(std::min<std::uint64_t>(cursor, latest)));
    CdrPage page;
    code = read(rows, since_us, max, page);
    if (code != SQLITE_OK) return sqlite_failure(raw, path + ": records cannot be read", code);
    return page;
}

} // namespace tandem
