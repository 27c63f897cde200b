#include "storage/sqlite/database.hpp"
#include <algorithm>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <system_error>
#include "storage/sqlite/schema.hpp"
#include "storage/sqlite/statement.hpp"

namespace tandem {
namespace {

// Reading 256 MB takes about a second; a larger file is trusted until something in it fails.
constexpr std::uintmax_t check_size_max = std::uintmax_t{256} << 20;

// A relative path is never taken for one of SQLite's own names (":memory:", "file:...").
std::string file_name(const std::string &path) { return path.starts_with('/') ? path : "./" + path; }

// SQLite may quote from a damaged file.
std::string one_line(std::string text) {
    const auto is_control = [](unsigned char letter) { return letter < 0x20 || letter == 0x7f; };
    std::replace_if(text.begin(), text.end(), is_control, ' ');
    return text;
}

Failure with_path(const std::string &path, const Failure &failure) {
    return {failure.error, path + ": " + failure.detail};
}

// WAL takes shared memory beside the file: not every file system has it.
Result<void, Failure> enter_wal_mode(sqlite3 *database) {
    Statement pragma;
    int code = pragma.prepare(database, "PRAGMA journal_mode = WAL");
    if (code == SQLITE_OK) code = pragma.step();
    if (code != SQLITE_ROW) return sqlite_failure(database, "cannot be opened");
    if (pragma.text(0) != "wal") return Failure{Error::store_failed, "this file system can not keep a WAL database"};
    return {};
}

Result<void, Failure> set_up(sqlite3 *database, const DatabaseOptions &options) {
    sqlite3_extended_result_codes(database, 1);
    sqlite3_busy_timeout(database, options.patience_ms);
    // For a new file. A commit writes few rows and whole pages: small ones cost the least (measured from 1 to 8 KB).
    if (auto done = execute(database, "PRAGMA page_size = 2048", "cannot be set up"); !done) return done;
    if (auto entered = enter_wal_mode(database); !entered) return entered;
    // Checkpoints are the connection's business. Erased records need not be overwritten: that doubles what is written.
    const std::string settings = "PRAGMA synchronous = " + options.synchronous +
                                 "; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 16777216;"
                                 "PRAGMA secure_delete = OFF; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16000;";
    if (auto done = execute(database, settings.c_str(), "cannot be set up"); !done) return done;
    if (auto migrated = migrate(database); !migrated) return migrated;
    sqlite3_busy_timeout(database, 0);
    return {};
}

} // namespace

bool is_damage(int code) { return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB; }

bool is_failed_sync(int code) { return code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC; }

bool is_emptied(const std::string &path) {
    std::error_code error; // also: it is not there
    if (std::filesystem::file_size(path, error) != 0 || error) return false;
    return std::filesystem::file_size(path + "-wal", error) > 0 && !error;
}

Failure sqlite_failure(sqlite3 *database, const std::string &operation) {
    return sqlite_failure(database, operation, sqlite3_extended_errcode(database));
}

Failure sqlite_failure(sqlite3 *database, const std::string &operation, int code) {
    const bool is_latest = sqlite3_extended_errcode(database) == code;
    std::string detail = operation + ": " + (is_latest ? sqlite3_errmsg(database) : sqlite3_errstr(code));
    const int kind = code & 0xff;
    const int error = sqlite3_system_errno(database);
    const bool is_from_system = kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN || kind == SQLITE_FULL;
    if (is_from_system && error != 0) detail += " (" + std::generic_category().message(error) + ")";
    return {Error::store_failed, one_line(std::move(detail))};
}

Result<void, Failure> execute(sqlite3 *database, const char *sql, const std::string &operation) {
    if (sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
    return sqlite_failure(database, operation);
}

void leave_unwritten(sqlite3 *database) { sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr); }

Result<DatabasePtr, Failure> open_database(const DatabaseOptions &options, bool &is_damaged) {
    is_damaged = false;
    sqlite3 *raw = nullptr;
    const int code = sqlite3_open_v2(file_name(options.path).c_str(), &raw,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                                     options.vfs.empty() ? nullptr : options.vfs.c_str());
    DatabasePtr database(raw);
    if (!raw) return Failure{Error::store_failed, options.path + ": out of memory"};
    if (code != SQLITE_OK) return with_path(options.path, sqlite_failure(raw, "cannot be opened"));
    if (auto done = set_up(raw, options); !done) {
        is_damaged = is_damage(sqlite3_errcode(raw));
        if (is_damaged) leave_unwritten(raw);
        return with_path(options.path, done.error());
    }
    return database;
}

Result<void, Failure> check_database(sqlite3 *database, const std::string &path, bool &is_damaged) {
    is_damaged = false;
    std::error_code ignored;
    if (std::filesystem::file_size(path, ignored) > check_size_max) return {};
    Statement check;
    int code = check.prepare(database, "PRAGMA quick_check(1)");
    if (code == SQLITE_OK) code = check.step();
    if (code == SQLITE_ROW && check.text(0) == "ok") return {};

    Failure failure = sqlite_failure(database, path);
    is_damaged = code == SQLITE_ROW || is_damage(code);
    if (code == SQLITE_ROW) failure.detail = one_line(path + ": " + std::string(check.text(0)));
    return failure;
}

Result<std::string, Failure> set_aside(const std::string &path) {
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    gmtime_r(&now, &utc);
    char stamp[32];
    std::strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &utc);
    std::string name = path + ".corrupt-" + stamp;
    for (int i = 2; std::filesystem::exists(name); ++i) name = path + ".corrupt-" + stamp + "-" + std::to_string(i);

    std::error_code error;
    std::filesystem::rename(path, name, error);
    if (error) return Failure{Error::store_failed, path + ": damaged, and can not be set aside: " + error.message()};
    for (const char *side : {"-wal", "-shm"}) std::filesystem::rename(path + side, name + side, error); // if any
    return name;
}

} // namespace tandem
