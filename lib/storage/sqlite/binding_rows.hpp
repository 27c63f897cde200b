// Rows of the table `binding`: written as they change, read once at the start.
#pragma once
#include <cstdint>
#include <functional>
#include "base/wall_clock.hpp"
#include "registrar/binding.hpp"
#include "storage/sqlite/statement.hpp"

namespace tandem {

// Results are SQLite's codes: SQLITE_DONE on success.
class BindingRows {
public:
    int prepare(sqlite3 *database);

    // Inserts the binding, or replaces its row if that has a lower version.
    int save(const BindingRecord &record, const WallClock &wall);

    // Forgets those that are over and would have expired by then.
    int purge(std::int64_t utc_us);

private:
    Statement save_;
    Statement purge_;
};

// Forgets what is over or has expired by now, and hands over the rest, in no order. A row that nobody of us can have
// written is left out.
int load_bindings(sqlite3 *database, std::int64_t now_utc_us, const WallClock &wall,
                  const std::function<void(BindingRecord)> &take);

} // namespace tandem
