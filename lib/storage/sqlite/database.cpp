#include "storage/sqlite/database.hpp"
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <unistd.h>
#include <utility>
#include "storage/sqlite/schema.hpp"

namespace tandem {
namespace {

// Reading 256 MB takes about a second; a larger file is trusted until something in it fails.
constexpr std::uintmax_t check_size_max = std::uintmax_t{256} << 20;

bool is_damage(int code) { return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB; }

struct Opened {
    DatabasePtr database;
    bool is_damaged = false;
    std::string detail;
};

std::string quick_check(sqlite3 *database, bool &is_damaged) {
    sqlite3_stmt *statement = nullptr;
    int code = sqlite3_prepare_v2(database, "PRAGMA quick_check(1)", -1, &statement, nullptr);
    std::string line;
    if (code == SQLITE_OK) code = sqlite3_step(statement);
    if (code == SQLITE_ROW) line = reinterpret_cast<const char *>(sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    is_damaged = is_damage(code) || (code == SQLITE_ROW && line != "ok");
    return code == SQLITE_ROW ? line : sqlite3_errmsg(database);
}

Opened try_open(const std::string &path, const std::string &synchronous) {
    Opened opened;
    sqlite3 *raw = nullptr;
    const int code = sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                                     nullptr);
    DatabasePtr database(raw);
    if (code != SQLITE_OK) {
        opened.detail = raw ? sqlite3_errmsg(raw) : "out of memory";
        return opened;
    }
    sqlite3_extended_result_codes(raw, 1);
    // The SIP loop waits for the store: a lock of somebody else is reported, not waited for.
    sqlite3_busy_timeout(raw, 10);
    const std::string set_up = "PRAGMA journal_mode = WAL; PRAGMA synchronous = " + synchronous +
                               "; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 1000;"
                               "PRAGMA journal_size_limit = 16777216; PRAGMA cache_size = -16000;";
    if (auto done = execute(raw, set_up.c_str()); !done) {
        opened.is_damaged = is_damage(sqlite3_extended_errcode(raw));
        opened.detail = done.error().detail;
        return opened;
    }
    std::error_code ignored;
    if (std::filesystem::file_size(path, ignored) <= check_size_max) {
        const std::string line = quick_check(raw, opened.is_damaged);
        if (opened.is_damaged || line != "ok") {
            opened.detail = line;
            return opened;
        }
    }
    opened.database = std::move(database);
    return opened;
}

Result<void, Failure> set_aside(const std::string &path, std::int64_t now_utc_us, std::string &name) {
    const std::time_t seconds = static_cast<std::time_t>(now_utc_us / 1'000'000);
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    char stamp[32];
    std::strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &utc);
    name = path + ".corrupt-" + stamp;
    std::error_code error;
    std::filesystem::rename(path, name, error);
    if (error) return Failure{Error::store_failed, path + ": cannot be set aside: " + error.message()};
    std::error_code ignored; // they may not be there
    std::filesystem::rename(path + "-wal", name + "-wal", ignored);
    std::filesystem::remove(path + "-shm", ignored);
    return {};
}

} // namespace

FileLock::FileLock(FileLock &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FileLock &FileLock::operator=(FileLock &&other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
}

FileLock::~FileLock() {
    if (fd_ >= 0) close(fd_);
}

Result<FileLock, Failure> FileLock::take(const std::string &path) {
    FileLock lock;
    const std::string name = path + "-lock";
    lock.fd_ = open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock.fd_ < 0) return Failure{Error::store_failed, name + ": " + std::strerror(errno)};
    if (flock(lock.fd_, LOCK_EX | LOCK_NB) != 0) {
        return Failure{Error::store_failed, path + ": in use by another process (it holds " + name + ")"};
    }
    return lock;
}

Failure sqlite_failure(sqlite3 *database, const std::string &operation) {
    return {Error::store_failed, operation + ": " + sqlite3_errmsg(database) + " (" +
                                     std::to_string(sqlite3_extended_errcode(database)) + ")"};
}

Result<void, Failure> execute(sqlite3 *database, const char *sql) {
    if (sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
    return sqlite_failure(database, std::string(sql).substr(0, 32));
}

Result<DatabasePtr, Failure> open_database(const std::string &path, const std::string &synchronous,
                                           std::int64_t now_utc_us, std::vector<std::string> &notices) {
    Opened opened = try_open(path, synchronous);
    if (opened.is_damaged) {
        std::string name;
        if (auto moved = set_aside(path, now_utc_us, name); !moved) return moved.error();
        notices.push_back(path + ": damaged (" + opened.detail + "); set aside as " + name + ", a new file is begun");
        opened = try_open(path, synchronous);
    }
    if (!opened.database) return Failure{Error::store_failed, path + ": " + opened.detail};
    if (auto migrated = migrate(opened.database.get()); !migrated) {
        return Failure{Error::store_failed, path + ": " + migrated.error().detail};
    }
    return std::move(opened.database);
}

} // namespace tandem
