// Dialogs and records in one SQLite file. Operations gather in a transaction that the first of them begins and
// commit() ends. After any failure nothing of it is kept: the caller does the same operations again later.
// One thread at a time. Reading the file from outside while it runs is welcome (WAL).
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>
#include "base/result.hpp"
#include "base/wall_clock.hpp"
#include "cdr/cdr_store.hpp"
#include "dialog/dialog_store.hpp"

namespace tandem {

enum class Durability : std::uint8_t {
    none,    // what the operating system had time to write
    process, // survives a killed process, and a crash of the machine but for the last moments
    power,   // each commit is on the disk before it returns
};

struct SqliteOptions {
    std::string path;
    Durability durability = Durability::process;
    std::int64_t now_utc_us = 0; // names a damaged file that is set aside
};

class SqliteStore final : public DialogStore, public CdrStore {
public:
    // `wall` outlives the store. Fails with one line that begins with the path: not a directory we may write, no
    // space, in use by another process, written by a newer version.
    static Result<std::unique_ptr<SqliteStore>, Failure> open(const SqliteOptions &options, const WallClock &wall);
    ~SqliteStore() override;

    Result<void, Failure> save(const DialogRecord &record) override;
    Result<void, Failure> erase(const RecordId &id) override;
    Result<void, Failure> insert(const Cdr &cdr) override;
    Result<void, Failure> commit() override;

    // Ends what a former process left behind: each call gets its record, with reason `restart` unless its end was
    // known already; all dialogs go. Returns the number of calls. Only between commits.
    Result<std::uint64_t, Failure> close_leftovers(std::int64_t now_utc_us);

    // What the log should say about the opening: a damaged file that was set aside.
    const std::vector<std::string> &notices() const { return notices_; }

private:
    struct Connection;
    SqliteStore(std::unique_ptr<Connection> connection, const WallClock &wall);
    Result<void, Failure> begin();
    Result<void, Failure> fail(const char *operation); // rolls back

    std::unique_ptr<Connection> connection_;
    const WallClock &wall_;
    std::vector<std::string> notices_;
    bool is_in_transaction_ = false;
};

} // namespace tandem
