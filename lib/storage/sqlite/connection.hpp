// One connection to the store's file: its transaction, and when what is in the WAL goes into the file.
#pragma once
#include <memory>
#include "storage/sqlite/database.hpp"
#include "storage/sqlite/statement.hpp"

namespace tandem {

class Connection {
public:
    static Result<std::unique_ptr<Connection>, Failure> make(DatabasePtr database, const std::string &path);
    Connection(const Connection &) = delete;
    Connection &operator=(const Connection &) = delete;

    sqlite3 *database() { return database_.get(); }

    // SQLite's result codes; SQLITE_DONE on success. After another one: roll_back().
    int begin();
    int commit();
    void roll_back();

    // Copies the WAL into the file if it has grown enough since the last time. SQLITE_OK also if a reader is in the
    // way: then the WAL grows on until the next attempt.
    int checkpoint_if_due();

private:
    explicit Connection(DatabasePtr database) : database_(std::move(database)) {}
    int prepare();
    int open_snapshot();

    DatabasePtr database_; // first: the statements go before it
    Statement begin_;
    Statement commit_;
    Statement roll_back_;
    Statement snapshot_;    // open between transactions, see begin()
    int wal_pages_ = 0;     // after the last commit
    int checkpoint_at_ = 0; // pages
};

} // namespace tandem
