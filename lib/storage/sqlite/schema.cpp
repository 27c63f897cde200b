#include "storage/sqlite/schema.hpp"
#include <array>
#include <string>
#include "storage/sqlite/database.hpp"

namespace tandem {
namespace {

// Step n brings version n to n + 1. A step that was released is never changed: the next one follows it.
constexpr std::array<const char *, 1> steps = {R"sql(
CREATE TABLE dialog (
    -- Dialog sets that are alive: everything a restarted process needs to go on with them. Times are UTC microseconds.
    id TEXT PRIMARY KEY,            -- unique for ever; becomes cdr.id
    leg_of TEXT,                    -- id of the caller's leg, if this is another leg of a B2BUA's call
    local_side TEXT,                -- the side that tandem itself is: caller, callee; NULL when it is in the middle
    state TEXT NOT NULL,            -- RFC 4235: trying, proceeding, early, confirmed
    call_id TEXT NOT NULL,
    callee_call_id TEXT,            -- of the leg to the callee
    from_uri TEXT NOT NULL,
    to_uri TEXT NOT NULL,
    request_uri TEXT NOT NULL,
    source TEXT,                    -- address and port that the INVITE came from
    trunk TEXT,
    invite_cseq INTEGER NOT NULL,
    caller_tag TEXT NOT NULL,
    caller_contact TEXT NOT NULL,   -- where requests to the caller go
    caller_route_set TEXT NOT NULL, -- in the order that a request to the caller carries it
    caller_cseq INTEGER NOT NULL,   -- of the caller's last request; 0: none
    callee_tag TEXT,                -- of the confirmed or else the latest fork
    callee_contact TEXT,
    callee_route_set TEXT,
    callee_cseq INTEGER NOT NULL,
    is_acked INTEGER NOT NULL,
    forks TEXT,                     -- JSON: the other forks; NULL if there are none
    sip_code INTEGER NOT NULL,      -- final answer of the INVITE; 0: none yet
    end_reason TEXT,                -- known while a BYE is under way; NULL before
    q850 INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    ringing_us INTEGER,
    answered_us INTEGER,
    deadline_us INTEGER             -- when the present state ends by itself; NULL: never
) WITHOUT ROWID;

CREATE TABLE dialog_variable (
    -- Variables of living dialogs.
    dialog_id TEXT NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,             -- text, integer, boolean, bytes
    value,
    PRIMARY KEY (dialog_id, name)
) WITHOUT ROWID;

CREATE TABLE dialog_profile (
    -- Memberships of living dialogs.
    dialog_id TEXT NOT NULL,
    profile TEXT NOT NULL,
    value TEXT NOT NULL,            -- empty for a profile without values
    PRIMARY KEY (dialog_id, profile, value)
) WITHOUT ROWID;

CREATE TABLE cdr (
    -- One closed record for each call. Times are UTC microseconds.
    id TEXT PRIMARY KEY,
    call_id TEXT NOT NULL,
    caller_call_id TEXT NOT NULL,
    callee_call_id TEXT,            -- NULL: no leg to a callee was made
    from_uri TEXT NOT NULL,
    to_uri TEXT NOT NULL,
    request_uri TEXT NOT NULL,
    source TEXT,
    trunk TEXT,
    created_us INTEGER NOT NULL,
    ringing_us INTEGER,
    answered_us INTEGER,
    ended_us INTEGER NOT NULL,
    duration_us INTEGER NOT NULL,   -- answer to end by a monotonic clock; 0 if never answered
    sip_code INTEGER NOT NULL,      -- final answer to the caller; 0: none was sent
    end_reason TEXT NOT NULL,
    q850 INTEGER,                   -- cause of a Reason header; NULL: none
    profiles TEXT NOT NULL,         -- JSON
    variables TEXT NOT NULL         -- JSON
) WITHOUT ROWID;
)sql"};

Result<int, Failure> read_version(sqlite3 *database) {
    sqlite3_stmt *statement = nullptr;
    int code = sqlite3_prepare_v2(database, "PRAGMA user_version", -1, &statement, nullptr);
    if (code == SQLITE_OK) code = sqlite3_step(statement);
    const int version = code == SQLITE_ROW ? sqlite3_column_int(statement, 0) : -1;
    sqlite3_finalize(statement);
    if (version < 0) return sqlite_failure(database, "reading the schema version");
    return version;
}

} // namespace

Result<void, Failure> migrate(sqlite3 *database) {
    const auto version = read_version(database);
    if (!version) return version.error();
    if (*version > static_cast<int>(steps.size())) {
        return Failure{Error::store_failed, "the file has schema version " + std::to_string(*version) +
                                                ", this tandem knows up to " + std::to_string(steps.size()) +
                                                ": run the newer one, or give another path"};
    }
    if (auto begun = execute(database, "BEGIN IMMEDIATE"); !begun) return begun;
    for (std::size_t step = static_cast<std::size_t>(*version); step < steps.size(); ++step) {
        const std::string set_version = "PRAGMA user_version = " + std::to_string(step + 1);
        for (const char *sql : {steps[step], set_version.c_str()}) {
            if (auto done = execute(database, sql); !done) {
                static_cast<void>(execute(database, "ROLLBACK"));
                return done;
            }
        }
    }
    return execute(database, "COMMIT");
}

} // namespace tandem
