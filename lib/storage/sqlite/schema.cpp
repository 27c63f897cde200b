#include "storage/sqlite/schema.hpp"
#include <array>
#include <string>
#include "storage/sqlite/database.hpp"
#include "storage/sqlite/statement.hpp"

namespace tandem {
namespace {

constexpr std::int64_t application_id = 0x74616e64; // "tand", in the header of the file

// Step n brings version n to n + 1. A step that was released is never changed: the next one follows it.
constexpr std::array<const char *, 8> steps = {R"sql(
CREATE TABLE dialog (
    -- Calls that are alive, one row each: the dialog of the caller's INVITE, with everything a restarted process needs
    -- to go on with it. Times are UTC microseconds.
    serial INTEGER PRIMARY KEY,     -- of the id: a new dialog goes to the end of the table
    id TEXT NOT NULL,               -- unique for ever; becomes cdr.id
    leg_of TEXT,                    -- NULL here, see dialog_leg
    local_side TEXT,                -- the side that tandem itself is: caller, callee; NULL when it is in the middle
    call_id TEXT NOT NULL,
    from_uri TEXT NOT NULL,
    to_uri TEXT NOT NULL,
    request_uri TEXT NOT NULL,
    source TEXT,                    -- address and port that the INVITE came from
    caller_tag TEXT NOT NULL,
    invite_cseq INTEGER NOT NULL,
    created_us INTEGER NOT NULL,    -- up to here nothing changes after the first time
    state TEXT NOT NULL,            -- RFC 4235: trying, proceeding, early, confirmed, terminated
    callee_call_id TEXT,            -- of the leg to the callee
    trunk TEXT,
    caller_contact TEXT NOT NULL,   -- where requests to the caller go
    caller_route_set TEXT NOT NULL, -- in the order that a request to the caller carries it
    caller_cseq INTEGER NOT NULL,   -- of the caller's last request; 0: none
    callee_tag TEXT,                -- of the confirmed or else the latest fork; NULL: there is none yet
    callee_contact TEXT,
    callee_route_set TEXT,
    callee_cseq INTEGER NOT NULL,
    is_acked INTEGER NOT NULL,
    forks TEXT,                     -- JSON: the other forks; NULL if there are none
    sip_code INTEGER NOT NULL,      -- final answer of the INVITE; 0: none yet
    end_reason TEXT,                -- known while a BYE is under way; NULL before
    q850 INTEGER,                   -- cause of a Reason header; NULL: none
    ringing_us INTEGER,
    answered_us INTEGER,
    ended_us INTEGER,
    deadline_us INTEGER             -- when the present state ends by itself; NULL: never
);

CREATE TABLE dialog_leg (
    -- The other legs of a B2BUA's calls: the columns are those of dialog. A leg may outlive its call until its own BYE
    -- is answered.
    serial INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    leg_of TEXT NOT NULL,           -- dialog.id of the call
    local_side TEXT,
    call_id TEXT NOT NULL,
    from_uri TEXT NOT NULL,
    to_uri TEXT NOT NULL,
    request_uri TEXT NOT NULL,
    source TEXT,
    caller_tag TEXT NOT NULL,
    invite_cseq INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    state TEXT NOT NULL,
    callee_call_id TEXT,
    trunk TEXT,
    caller_contact TEXT NOT NULL,
    caller_route_set TEXT NOT NULL,
    caller_cseq INTEGER NOT NULL,
    callee_tag TEXT,
    callee_contact TEXT,
    callee_route_set TEXT,
    callee_cseq INTEGER NOT NULL,
    is_acked INTEGER NOT NULL,
    forks TEXT,
    sip_code INTEGER NOT NULL,
    end_reason TEXT,
    q850 INTEGER,
    ringing_us INTEGER,
    answered_us INTEGER,
    ended_us INTEGER,
    deadline_us INTEGER
);

CREATE TABLE dialog_variable (
    -- Variables of living dialogs.
    dialog INTEGER NOT NULL,        -- dialog.serial
    name TEXT NOT NULL,
    type TEXT NOT NULL,             -- text, integer, boolean, bytes
    value,
    PRIMARY KEY (dialog, name)
) WITHOUT ROWID;

CREATE TABLE dialog_profile (
    -- Memberships of living dialogs.
    dialog INTEGER NOT NULL,        -- dialog.serial
    profile TEXT NOT NULL,
    value TEXT NOT NULL,            -- empty for a profile without values
    PRIMARY KEY (dialog, profile, value)
) WITHOUT ROWID;

CREATE TABLE cdr (
    -- One closed record for each call. Times are UTC microseconds.
    id TEXT PRIMARY KEY NOT NULL,   -- that of the dialog; a worker makes them in order
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
    sip_code INTEGER NOT NULL,      -- final answer to the caller; 401, 407: of the trunk, he got 503; 0: none
    end_reason TEXT NOT NULL,
    q850 INTEGER,                   -- cause of a Reason header; NULL: none
    profiles TEXT NOT NULL,         -- JSON
    variables TEXT NOT NULL         -- JSON
);
)sql",
                                               R"sql(
ALTER TABLE dialog ADD COLUMN cseq_maps TEXT
    /* JSON: of each To-tag and each branch of the INVITE where a proxy shifts the numbers of requests, those of the
       caller, then of the callee: from the first number on the other side sees what the sender counts from the second
       on; "*" stands before what is the proxy's own. NULL: all numbers are the sender's */;
ALTER TABLE dialog_leg ADD COLUMN cseq_maps TEXT;
)sql",
                                               R"sql(
CREATE TABLE binding (
    -- Where registered users can be reached (RFC 3261 section 10), one row for each Contact. Times are UTC
    -- microseconds.
    id INTEGER PRIMARY KEY,         -- drawn at random, never used again
    version INTEGER NOT NULL,       -- rises with each change; the row of a lower one never replaces a higher one
    is_over INTEGER NOT NULL,       -- removed or expired: the row goes later
    aor TEXT NOT NULL,              -- address-of-record: alice@example.com
    contact TEXT NOT NULL,          -- URI
    instance TEXT,                  -- +sip.instance (RFC 5626); NULL: none
    reg_id INTEGER NOT NULL,        -- of the flow (RFC 5626); 0: none
    q INTEGER NOT NULL,             -- thousandths: the higher ones ring first
    path TEXT,                      -- route set (RFC 3327), the one nearest to us first; NULL: none
    call_id TEXT NOT NULL,          -- of the last REGISTER
    cseq INTEGER NOT NULL,          -- of the last REGISTER
    user_agent TEXT,
    transport TEXT NOT NULL,        -- of the flow that the REGISTER came by: udp, tcp, tls
    address TEXT NOT NULL,
    port INTEGER NOT NULL,
    listener INTEGER NOT NULL,      -- in the order of the configuration, from 0
    is_direct INTEGER NOT NULL,     -- no proxy stood between the phone and us
    registered_us INTEGER NOT NULL, -- the last time
    expires_us INTEGER NOT NULL
);
CREATE INDEX binding_over ON binding (expires_us) WHERE is_over;
)sql",
                                               R"sql(
CREATE TABLE trunk (
    -- How tandem stands with each trunk that has `register = true`, as of the last change or the last round of
    -- REGISTERs. Empty at each start. Times are UTC microseconds.
    name TEXT PRIMARY KEY NOT NULL, -- of the [[trunk]]
    state TEXT NOT NULL,            -- off (unregistered), trying (no answer yet), registered, failed. Calls go to
                                    -- `registered` alone
    since_us INTEGER NOT NULL,      -- it has had this state
    expires_us INTEGER,             -- when the registration ends unless it is refreshed; NULL: there is none
    next_us INTEGER,                -- when the next REGISTER is sent; NULL: one is out, or none will be
    failures INTEGER NOT NULL,      -- rounds in a row that have failed; a refresh may fail while it is registered
    sip_code INTEGER NOT NULL,      -- last final answer, 408 for silence, 503 for no way there; 0: none yet
    reason TEXT,                    -- its phrase, or what is wrong with it; NULL: none that could be shown
    transport TEXT,                 -- of the registrar that has us, else of the one tried last; NULL: none yet
    address TEXT,
    port INTEGER,
    sent INTEGER NOT NULL,          -- REGISTERs since the start
    accepted INTEGER NOT NULL,      -- 2xx with our Contact
    challenged INTEGER NOT NULL,    -- 401 and 407
    refused INTEGER NOT NULL,       -- of these, those that were not answered: credentials not taken, or unusable
    too_brief INTEGER NOT NULL,     -- 423
    failed INTEGER NOT NULL,        -- rounds, over all addresses of the registrar
    late INTEGER NOT NULL           -- answers to another REGISTER than the one that was out
) WITHOUT ROWID;
)sql",
                                               R"sql(
ALTER TABLE dialog ADD COLUMN timer_start_us INTEGER /* what deadline_us counts from; NULL: not known */;
ALTER TABLE dialog ADD COLUMN is_cancelled INTEGER NOT NULL DEFAULT 0
    /* a CANCEL was seen or asked for: the call ends at its deadline */;
ALTER TABLE dialog ADD COLUMN is_ending INTEGER NOT NULL DEFAULT 0
    /* a BYE is under way, or the end is due: the call ends at its deadline */;
ALTER TABLE dialog ADD COLUMN is_due INTEGER NOT NULL DEFAULT 0
    /* the end was asked for: no BYE that fails takes it back */;
ALTER TABLE dialog ADD COLUMN caller_bye_cseq INTEGER /* of a BYE without a final answer; NULL: none */;
ALTER TABLE dialog ADD COLUMN callee_bye_cseq INTEGER;
ALTER TABLE dialog ADD COLUMN session_expires_us INTEGER
    /* when the session of this leg ends unless it is refreshed (RFC 4028); NULL: never */;
ALTER TABLE dialog ADD COLUMN details TEXT
    /* JSON: what few calls have, timeouts of their own and a first fork in another state than the call; NULL: none */;
ALTER TABLE dialog ADD COLUMN leg TEXT /* JSON: what the B2BUA knows of this leg; NULL: nothing */;
ALTER TABLE dialog_leg ADD COLUMN timer_start_us INTEGER;
ALTER TABLE dialog_leg ADD COLUMN is_cancelled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE dialog_leg ADD COLUMN is_ending INTEGER NOT NULL DEFAULT 0;
ALTER TABLE dialog_leg ADD COLUMN is_due INTEGER NOT NULL DEFAULT 0;
ALTER TABLE dialog_leg ADD COLUMN caller_bye_cseq INTEGER;
ALTER TABLE dialog_leg ADD COLUMN callee_bye_cseq INTEGER;
ALTER TABLE dialog_leg ADD COLUMN session_expires_us INTEGER;
ALTER TABLE dialog_leg ADD COLUMN details TEXT;
ALTER TABLE dialog_leg ADD COLUMN leg TEXT;
)sql",
                                               R"sql(
CREATE TABLE refusal (
    -- The last word to callers whose calls have ended without an answer a moment ago: if tandem dies before it leaves,
    -- the next start says it. Older ones go by and by.
    id INTEGER PRIMARY KEY,
    ended_us INTEGER NOT NULL,      -- UTC microseconds
    call_id TEXT NOT NULL,          -- of the leg to the callee
    leg TEXT NOT NULL               -- JSON: the answer, and where it goes
);
)sql",
                                               R"sql(
CREATE TABLE cdr_unsent (
    -- Records that Redis has not confirmed yet, where they go to a stream as well (`cdr_stream` in [redis]): the row
    -- comes with the record, and goes when the stream has it.
    serial INTEGER PRIMARY KEY,     -- in the order of the ends
    id TEXT NOT NULL                -- cdr.id
);
)sql",
                                               R"sql(
CREATE TABLE node (
    -- One row: what the node is called in Redis, where others may take over its calls (`takeover` in [redis]).
    name TEXT NOT NULL
);
)sql"};

Result<std::int64_t, Failure> read_number(sqlite3 *database, const char *sql) {
    Statement statement;
    int code = statement.prepare(database, sql);
    if (code == SQLITE_OK) code = statement.step();
    if (code != SQLITE_ROW) return sqlite_failure(database, "cannot be read");
    return statement.number(0);
}

// A file that has tables is ours, and not of the future.
Result<std::int64_t, Failure> read_version(sqlite3 *database) {
    const auto tables = read_number(database, "SELECT count(*) FROM sqlite_schema");
    if (!tables) return tables.error();
    const auto owner = read_number(database, "PRAGMA application_id");
    if (!owner) return owner.error();
    const auto version = read_number(database, "PRAGMA user_version");
    if (!version) return version.error();
    if (*owner != application_id && (*tables > 0 || *owner != 0 || *version != 0)) {
        return Failure{Error::store_failed, "this is the database of another program: give another path"};
    }
    if (*version > static_cast<std::int64_t>(steps.size())) {
        return Failure{Error::store_failed, "the file has schema version " + std::to_string(*version) +
                                                ", this tandem knows up to " + std::to_string(steps.size()) +
                                                ": run the newer one, or give another path"};
    }
    return *version;
}

Result<void, Failure> apply_steps(sqlite3 *database, std::size_t from) {
    for (std::size_t step = from; step < steps.size(); ++step) {
        if (auto done = execute(database, steps[step], "schema step " + std::to_string(step)); !done) return done;
    }
    // Also where nothing changes: this is the write which shows at the start that the disk takes one.
    const std::string marks = "PRAGMA application_id = " + std::to_string(application_id) +
                              "; PRAGMA user_version = " + std::to_string(steps.size());
    return execute(database, marks.c_str(), "cannot be written");
}

} // namespace

Result<void, Failure> migrate(sqlite3 *database) {
    if (auto begun = execute(database, "BEGIN IMMEDIATE", "cannot be written"); !begun) return begun;
    const auto version = read_version(database);
    auto done =
        version ? apply_steps(database, static_cast<std::size_t>(*version)) : Result<void, Failure>(version.error());
    if (done) done = execute(database, "COMMIT", "cannot be written");
    if (!done && !sqlite3_get_autocommit(database)) static_cast<void>(execute(database, "ROLLBACK", ""));
    return done;
}

} // namespace tandem
