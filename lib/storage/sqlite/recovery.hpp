// What a start reads: the calls that a former process left, those that it has just ended, and what it was called.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include "base/instant.hpp"
#include "base/wall_clock.hpp"
#include "storage/sqlite/sqlite_store.hpp"
#include "storage/sqlite/statement.hpp"

namespace tandem {

// See SqliteStore. Within the transaction that is open. SQLite's codes; SQLITE_DONE on success.
int load_dialogs(sqlite3 *database, std::int64_t now_utc_us, const WallClock &wall,
                 const std::function<bool(const DialogRecord &)> &take, DialogLoad &load);
int load_ended(sqlite3 *database, Duration span, std::size_t max, const std::function<void(std::string_view)> &take);
int load_refusals(sqlite3 *database, std::int64_t now_utc_us, Duration span,
                  const std::function<void(const KeptRefusal &)> &take);
int name_node(sqlite3 *database, std::string_view proposed, std::string &name);

} // namespace tandem
