#include "storage/sqlite/connection.hpp"

namespace tandem {
namespace {

// Pages: 4 MB. A checkpoint syncs the WAL and then the file, and the commits behind it wait: more of them cost more,
// larger ones take longer.
constexpr int checkpoint_step = 2000;

} // namespace

Result<std::unique_ptr<Connection>, Failure> Connection::make(DatabasePtr database, const std::string &path) {
    std::unique_ptr<Connection> connection(new Connection(std::move(database)));
    if (connection->prepare() != SQLITE_OK) return sqlite_failure(connection->database(), path);
    return connection;
}

int Connection::prepare() {
    checkpoint_at_ = checkpoint_step;
    sqlite3_wal_hook(
        database(),
        [](void *self, sqlite3 *, const char *, int pages) {
            static_cast<Connection *>(self)->wal_pages_ = pages;
            return SQLITE_OK;
        },
        this);
    if (const int code = begin_.prepare(database(), "BEGIN IMMEDIATE"); code != SQLITE_OK) return code;
    if (const int code = commit_.prepare(database(), "COMMIT"); code != SQLITE_OK) return code;
    if (const int code = roll_back_.prepare(database(), "ROLLBACK"); code != SQLITE_OK) return code;
    return snapshot_.prepare(database(), "SELECT type FROM sqlite_schema"); // any row will do
}

int Connection::open_snapshot() {
    const int code = snapshot_.step();
    if (code == SQLITE_ROW) return SQLITE_ROW;
    snapshot_.close();
    return code == SQLITE_DONE ? SQLITE_ERROR : code; // somebody dropped all tables
}

// A read transaction stays open from one write transaction to the next. To write then takes one lock and frees it,
// where SQLite would make six such calls: a quarter of what a small commit costs.
int Connection::begin() {
    if (!snapshot_.is_open()) {
        if (const int code = open_snapshot(); code != SQLITE_ROW) return code;
    }
    int code = begin_.run();
    if (code == SQLITE_BUSY_SNAPSHOT) { // somebody else has written since: a shell
        snapshot_.close();
        code = open_snapshot();
        if (code == SQLITE_ROW) code = begin_.run();
    }
    return code;
}

int Connection::commit() { return commit_.run(); }

void Connection::roll_back() {
    // SQLite may have rolled back by itself (disk full).
    if (!sqlite3_get_autocommit(database())) roll_back_.run();
    snapshot_.close();
}

int Connection::checkpoint_if_due() {
    if (wal_pages_ < checkpoint_at_) return SQLITE_OK;
    snapshot_.close(); // it would hold back the end of the WAL
    int pages = 0;
    int copied = 0;
    const int code = sqlite3_wal_checkpoint_v2(database(), nullptr, SQLITE_CHECKPOINT_PASSIVE, &pages, &copied);
    const bool is_complete = code == SQLITE_OK && copied == pages; // then the next commit begins the WAL anew
    checkpoint_at_ = (is_complete ? 0 : wal_pages_) + checkpoint_step;
    return (code & 0xff) == SQLITE_BUSY ? SQLITE_OK : code;
}

} // namespace tandem
