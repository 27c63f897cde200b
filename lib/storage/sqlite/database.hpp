// An SQLite file that belongs to this process: opened, locked, checked, and set aside if it is broken.
#pragma once
#include <memory>
#include <string>
#include <vector>
#include <sqlite3.h>
#include "base/result.hpp"

namespace tandem {

struct CloseDatabase {
    void operator()(sqlite3 *database) const { sqlite3_close_v2(database); }
};
using DatabasePtr = std::unique_ptr<sqlite3, CloseDatabase>;

// Holds PATH-lock for this process. Readers (the sqlite3 shell) do not look at it and stay welcome.
class FileLock {
public:
    FileLock() = default;
    FileLock(FileLock &&other) noexcept;
    FileLock &operator=(FileLock &&other) noexcept;
    ~FileLock();
    static Result<FileLock, Failure> take(const std::string &path);

private:
    int fd_ = -1;
};

// One line: what was tried, and what SQLite says.
Failure sqlite_failure(sqlite3 *database, const std::string &operation);

Result<void, Failure> execute(sqlite3 *database, const char *sql);

// Opens the file, in WAL mode, and reads all of it if it is not large. A file that is no database or is damaged is
// renamed to PATH.corrupt-TIME (with its -wal), a new one is made, and `notices` gets a line for the log.
// `synchronous` is SQLite's word: OFF, NORMAL, FULL.
Result<DatabasePtr, Failure> open_database(const std::string &path, const std::string &synchronous,
                                           std::int64_t now_utc_us, std::vector<std::string> &notices);

} // namespace tandem
