#include "storage/sqlite/recovery.hpp"
#include <algorithm>
#include <vector>
#include "storage/sqlite/dialog_reader.hpp"
#include "storage/sqlite/leftovers.hpp"

namespace tandem {
namespace {

// A record may come so much later than its call has ended: a BYE without an answer, or an outage of the store.
constexpr Duration disorder_max = std::chrono::seconds(64);

// The serials of those rows of one table that nobody has taken. They go when no row is being read.
int load_table(sqlite3 *database, bool is_of_legs, const WallClock &wall,
               const std::function<bool(const DialogRecord &)> &take, DialogLoad &load,
               std::vector<std::int64_t> &left) {
    DialogReader reader(wall, is_of_legs);
    int code = reader.prepare(database);
    if (code != SQLITE_OK) return code;
    for (code = reader.next(); code == SQLITE_ROW; code = reader.next()) {
        const DialogRecord *record = reader.record();
        if (!record) ++load.unreadable;
        if (record && take(*record)) {
            ++load.taken;
        } else {
            left.push_back(reader.serial());
        }
    }
    return code;
}

} // namespace

int load_dialogs(sqlite3 *database, std::int64_t now_utc_us, const WallClock &wall,
                 const std::function<bool(const DialogRecord &)> &take, DialogLoad &load) {
    std::vector<std::int64_t> calls;
    std::vector<std::int64_t> legs;
    int code = load_table(database, false, wall, take, load, calls);
    if (code == SQLITE_DONE) code = load_table(database, true, wall, take, load, legs);
    Leftovers leftovers;
    if (code == SQLITE_DONE) code = leftovers.prepare(database);
    for (auto call = calls.begin(); code == SQLITE_DONE && call != calls.end(); ++call) {
        code = leftovers.close_call(*call, now_utc_us);
    }
    for (auto leg = legs.begin(); code == SQLITE_DONE && leg != legs.end(); ++leg) code = leftovers.close_leg(*leg);
    load.closed = leftovers.calls();
    return code;
}

int load_ended(sqlite3 *database, Duration span, std::size_t max, const std::function<void(std::string_view)> &take) {
    Statement rows;
    int code = rows.prepare(database, "SELECT ended_us, caller_call_id, callee_call_id FROM cdr ORDER BY rowid DESC");
    if (code != SQLITE_OK) return code;
    std::int64_t newest = 0;
    for (std::size_t n = 0; n < max && (code = rows.step()) == SQLITE_ROW; ++n) {
        const std::int64_t ended = rows.number(0);
        newest = std::max(newest, ended);
        if (ended < newest - (span + disorder_max).count()) return SQLITE_DONE;
        if (ended < newest - span.count()) continue;
        for (const int call_id : {1, 2}) {
            if (!rows.text(call_id).empty()) take(rows.text(call_id));
        }
    }
    return code == SQLITE_ROW ? SQLITE_DONE : code;
}

int load_refusals(sqlite3 *database, std::int64_t now_utc_us, Duration span,
                  const std::function<void(const KeptRefusal &)> &take) {
    // Also those of the future: somebody has set the clock, and nobody knows how old they are.
    Statement purge;
    int code = purge.prepare(database, "DELETE FROM refusal WHERE ended_us < ? OR ended_us > ?");
    if (code == SQLITE_OK) code = purge.bind(now_utc_us - span.count()).bind(now_utc_us).run();
    if (code != SQLITE_DONE) return code;
    Statement rows;
    code = rows.prepare(database, "SELECT leg, call_id, ended_us FROM refusal ORDER BY id");
    if (code != SQLITE_OK) return code;
    for (code = rows.step(); code == SQLITE_ROW; code = rows.step()) {
        take({std::string(rows.text(0)), std::string(rows.text(1)), rows.number(2)});
    }
    return code;
}

int name_node(sqlite3 *database, std::string_view proposed, std::string &name) {
    Statement row;
    int code = row.prepare(database, "SELECT name FROM node");
    if (code == SQLITE_OK) code = row.step();
    if (code == SQLITE_ROW) name = row.text(0);
    if (code != SQLITE_DONE) return code == SQLITE_ROW ? SQLITE_DONE : code;
    name = proposed;
    Statement insert;
    code = insert.prepare(database, "INSERT INTO node (name) VALUES (?)");
    return code == SQLITE_OK ? insert.bind(proposed).run() : code;
}

} // namespace tandem
