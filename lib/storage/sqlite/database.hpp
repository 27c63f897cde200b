// An SQLite file that belongs to this process: opened, checked, brought up to date, and set aside if it is broken.
#pragma once
#include <memory>
#include <sqlite3.h>
#include <string>
#include "base/result.hpp"

namespace tandem {

struct CloseDatabase {
    void operator()(sqlite3 *database) const { sqlite3_close_v2(database); }
};
using DatabasePtr = std::unique_ptr<sqlite3, CloseDatabase>;

struct DatabaseOptions {
    std::string path;
    std::string synchronous; // SQLite's word: OFF, NORMAL, FULL
    std::string vfs;         // empty: SQLite's default
    int patience_ms = 0;     // how long the opening waits for somebody else's lock
};

bool is_damage(int code); // of the file, by SQLite's result code
bool is_failed_sync(int code);

// A file without a byte beside a WAL that has some: somebody has emptied it. To open it would delete the WAL as well.
bool is_emptied(const std::string &path);

// One line: what was tried, what SQLite says and, if the operating system refused, what that says.
Failure sqlite_failure(sqlite3 *database, const std::string &operation, int code);
Failure sqlite_failure(sqlite3 *database, const std::string &operation); // of what failed last

Result<void, Failure> execute(sqlite3 *database, const char *sql, const std::string &operation);

// Opens or creates the file in WAL mode, brings its schema up to date and writes to it. Its failures begin with the
// path. `is_damaged` says whether it failed because the file is no database or a broken one.
Result<DatabasePtr, Failure> open_database(const DatabaseOptions &options, bool &is_damaged);

void leave_unwritten(sqlite3 *database); // when it is closed: for a damaged file

// Reads all of the file, if that does not take long, and looks for damage.
Result<void, Failure> check_database(sqlite3 *database, const std::string &path, bool &is_damaged);

// Renames the file to PATH.corrupt-TIME, with its -wal and -shm. Its connection is closed. The new name.
Result<std::string, Failure> set_aside(const std::string &path);

} // namespace tandem
