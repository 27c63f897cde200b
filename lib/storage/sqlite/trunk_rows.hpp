// Rows of the table `trunk`: for eyes only, nothing reads them back.
#pragma once
#include "base/wall_clock.hpp"
#include "storage/sqlite/statement.hpp"
#include "trunk/trunk_status.hpp"

namespace tandem {

// Results are SQLite's codes: SQLITE_DONE on success.
class TrunkRows {
public:
    int prepare(sqlite3 *database);

    int save(const TrunkStatus &status, const WallClock &wall); // takes the row away if the trunk is gone
    int forget() { return forget_.run(); }                      // all

private:
    Statement save_;
    Statement erase_;
    Statement forget_;
};

} // namespace tandem
