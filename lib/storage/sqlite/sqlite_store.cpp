#include "storage/sqlite/sqlite_store.hpp"
#include <nlohmann/json.hpp>
#include "storage/sqlite/database.hpp"
#include "storage/sqlite/statement.hpp"

namespace tandem {
namespace {

// What never changes after the first time is not in the second half.
constexpr const char *save_sql = R"sql(
INSERT INTO dialog (id, leg_of, local_side, call_id, from_uri, to_uri, request_uri, source, invite_cseq, caller_tag,
    created_us, state, callee_call_id, trunk, caller_contact, caller_route_set, caller_cseq, callee_tag, callee_contact,
    callee_route_set, callee_cseq, is_acked, forks, sip_code, end_reason, q850, ringing_us, answered_us, deadline_us)
VALUES (?,?,?,?,?,?,?,?,?,?, ?,?,?,?,?,?,?,?,?,?, ?,?,?,?,?,?,?,?,?)
ON CONFLICT (id) DO UPDATE SET state = excluded.state, callee_call_id = excluded.callee_call_id,
    trunk = excluded.trunk, caller_contact = excluded.caller_contact, caller_route_set = excluded.caller_route_set,
    caller_cseq = excluded.caller_cseq, callee_tag = excluded.callee_tag, callee_contact = excluded.callee_contact,
    callee_route_set = excluded.callee_route_set, callee_cseq = excluded.callee_cseq, is_acked = excluded.is_acked,
    forks = excluded.forks, sip_code = excluded.sip_code, end_reason = excluded.end_reason, q850 = excluded.q850,
    ringing_us = excluded.ringing_us, answered_us = excluded.answered_us, deadline_us = excluded.deadline_us
)sql";

constexpr const char *erase_sql = "DELETE FROM dialog WHERE id = ?";

constexpr const char *insert_sql = R"sql(
INSERT INTO cdr (id, call_id, caller_call_id, callee_call_id, from_uri, to_uri, request_uri, source, trunk, created_us,
    ringing_us, answered_us, ended_us, duration_us, sip_code, end_reason, q850, profiles, variables)
VALUES (?,?,?,?,?,?,?,?,?,?, ?,?,?,?,?,?,?,?,?)
ON CONFLICT (id) DO NOTHING
)sql";

constexpr const char *close_leftovers_sql = R"sql(
INSERT INTO cdr (id, call_id, caller_call_id, callee_call_id, from_uri, to_uri, request_uri, source, trunk, created_us,
    ringing_us, answered_us, ended_us, duration_us, sip_code, end_reason, q850, profiles, variables)
SELECT id, call_id, call_id, callee_call_id, from_uri, to_uri, request_uri, source, trunk, created_us,
    ringing_us, answered_us, max(?1, created_us), max(0, ?1 - coalesce(answered_us, ?1)), sip_code,
    coalesce(end_reason, 'restart'), nullif(q850, 0), '[]', '{}'
FROM dialog WHERE leg_of IS NULL
ON CONFLICT (id) DO NOTHING
)sql";

const char *synchronous(Durability durability) {
    switch (durability) {
    case Durability::none: return "OFF";
    case Durability::process: return "NORMAL";
    case Durability::power: return "FULL";
    }
    return "FULL";
}

// The forks behind the first one; bytes that are no UTF-8 are replaced, because JSON knows none.
std::string other_forks(const DialogRecord &record) {
    nlohmann::json list = nlohmann::json::array();
    for (std::size_t i = 1; i < record.forks.size(); ++i) {
        const ForkRecord &fork = record.forks[i];
        list.push_back({{"tag", fork.to_tag},
                        {"state", to_string(fork.state)},
                        {"contact", fork.callee_target},
                        {"route_set", fork.callee_route_set},
                        {"caller_cseq", fork.last_cseq[index(Side::caller)]},
                        {"callee_cseq", fork.last_cseq[index(Side::callee)]},
                        {"is_acked", fork.is_acked}});
    }
    return list.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string text_of(const RecordId &id) { return id ? id.to_string() : std::string(); }

} // namespace

struct SqliteStore::Connection {
    FileLock lock;
    DatabasePtr database;
    Statement begin, commit, rollback, save, erase, insert;

    int prepare() {
        sqlite3 *raw = database.get();
        for (const auto &[statement, sql] : {std::pair{&begin, "BEGIN IMMEDIATE"}, {&commit, "COMMIT"},
                                             {&rollback, "ROLLBACK"}, {&save, save_sql}, {&erase, erase_sql},
                                             {&insert, insert_sql}}) {
            if (const int code = statement->prepare(raw, sql); code != SQLITE_OK) return code;
        }
        return SQLITE_OK;
    }
};

SqliteStore::SqliteStore(std::unique_ptr<Connection> connection, const WallClock &wall)
    : connection_(std::move(connection)), wall_(wall) {}

SqliteStore::~SqliteStore() = default;

Result<std::unique_ptr<SqliteStore>, Failure> SqliteStore::open(const SqliteOptions &options, const WallClock &wall) {
    auto connection = std::make_unique<Connection>();
    auto lock = FileLock::take(options.path);
    if (!lock) return lock.error();
    connection->lock = std::move(*lock);

    std::vector<std::string> notices;
    auto database = open_database(options.path, synchronous(options.durability), options.now_utc_us, notices);
    if (!database) return database.error();
    connection->database = std::move(*database);
    if (connection->prepare() != SQLITE_OK) {
        Failure failure = sqlite_failure(connection->database.get(), options.path);
        return failure;
    }
    std::unique_ptr<SqliteStore> store(new SqliteStore(std::move(connection), wall));
    store->notices_ = std::move(notices);
    return store;
}

Result<void, Failure> SqliteStore::save(const DialogRecord &record) {
    if (auto begun = begin(); !begun) return begun;
    const std::string id = record.id.to_string();
    const std::string leg_of = text_of(record.leg_of);
    const std::string forks = record.forks.size() > 1 ? other_forks(record) : std::string();
    const ForkRecord fork = record.forks.empty() ? ForkRecord() : record.forks.front();
    const auto utc = [&](const std::optional<Instant> &at) -> std::optional<std::int64_t> {
        if (!at) return std::nullopt;
        return wall_.utc_us(*at);
    };
    Statement &save = connection_->save;
    save.bind(id)
        .bind_text_or_null(leg_of)
        .bind_text_or_null(record.local_side ? to_string(*record.local_side) : std::string_view())
        .bind(record.call_id)
        .bind(record.from_uri)
        .bind(record.to_uri)
        .bind(record.request_uri)
        .bind_text_or_null(record.source)
        .bind(std::int64_t{record.invite_cseq})
        .bind(record.from_tag)
        .bind(wall_.utc_us(record.created))
        .bind(to_string(record.state))
        .bind_text_or_null(record.callee_call_id)
        .bind_text_or_null(record.trunk)
        .bind(record.caller_target)
        .bind(record.caller_route_set)
        .bind(std::int64_t{fork.last_cseq[index(Side::caller)]})
        .bind_text_or_null(fork.to_tag)
        .bind_text_or_null(fork.callee_target)
        .bind_text_or_null(fork.callee_route_set)
        .bind(std::int64_t{fork.last_cseq[index(Side::callee)]})
        .bind(std::int64_t{fork.is_acked})
        .bind_text_or_null(forks)
        .bind(std::int64_t{record.sip_code})
        .bind_text_or_null(record.end_reason == EndReason::none ? std::string_view() : to_string(record.end_reason))
        .bind(std::int64_t{record.q850})
        .bind(utc(record.ringing))
        .bind(utc(record.answered))
        .bind(record.deadline == never ? std::optional<std::int64_t>() : wall_.utc_us(record.deadline));
    if (save.run() != SQLITE_DONE) return fail("saving a dialog");
    return {};
}

Result<void, Failure> SqliteStore::erase(const RecordId &id) {
    if (auto begun = begin(); !begun) return begun;
    const std::string text = id.to_string();
    if (connection_->erase.bind(text).run() != SQLITE_DONE) return fail("erasing a dialog");
    return {};
}

Result<void, Failure> SqliteStore::insert(const Cdr &cdr) {
    if (auto begun = begin(); !begun) return begun;
    const std::string id = cdr.id.to_string();
    Statement &insert = connection_->insert;
    insert.bind(id)
        .bind(cdr.call_id)
        .bind(cdr.caller_call_id)
        .bind_text_or_null(cdr.callee_call_id)
        .bind(cdr.from_uri)
        .bind(cdr.to_uri)
        .bind(cdr.request_uri)
        .bind_text_or_null(cdr.source)
        .bind_text_or_null(cdr.trunk)
        .bind(cdr.created_us)
        .bind(cdr.ringing_us)
        .bind(cdr.answered_us)
        .bind(cdr.ended_us)
        .bind(cdr.duration_us)
        .bind(std::int64_t{cdr.sip_code})
        .bind(to_string(cdr.end_reason))
        .bind(cdr.q850 == 0 ? std::optional<std::int64_t>() : std::int64_t{cdr.q850})
        .bind(cdr.profiles)
        .bind(cdr.variables);
    if (insert.run() != SQLITE_DONE) return fail("inserting a record");
    return {};
}

Result<void, Failure> SqliteStore::commit() {
    if (!is_in_transaction_) return {};
    if (connection_->commit.run() != SQLITE_DONE) return fail("committing");
    is_in_transaction_ = false;
    return {};
}

Result<std::uint64_t, Failure> SqliteStore::close_leftovers(std::int64_t now_utc_us) {
    if (auto begun = begin(); !begun) return begun.error();
    Statement close;
    Statement erase_all;
    sqlite3 *database = connection_->database.get();
    if (close.prepare(database, close_leftovers_sql) != SQLITE_OK || close.bind(now_utc_us).run() != SQLITE_DONE) {
        return fail("closing what a former process left").error();
    }
    const auto calls = static_cast<std::uint64_t>(sqlite3_changes64(database));
    if (erase_all.prepare(database, "DELETE FROM dialog") != SQLITE_OK || erase_all.run() != SQLITE_DONE) {
        return fail("erasing what a former process left").error();
    }
    if (auto done = commit(); !done) return done.error();
    return calls;
}

Result<void, Failure> SqliteStore::begin() {
    if (is_in_transaction_) return {};
    if (connection_->begin.run() != SQLITE_DONE) return fail("beginning a transaction");
    is_in_transaction_ = true;
    return {};
}

Result<void, Failure> SqliteStore::fail(const char *operation) {
    Failure failure = sqlite_failure(connection_->database.get(), operation);
    // SQLite may have rolled back by itself (disk full): then there is nothing to do.
    if (!sqlite3_get_autocommit(connection_->database.get())) connection_->rollback.run();
    is_in_transaction_ = false;
    return failure;
}

} // namespace tandem
