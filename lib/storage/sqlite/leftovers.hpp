// What a former process left in the file: dialogs that nobody will end any more.
#pragma once
#include <cstdint>
#include <sqlite3.h>

namespace tandem {

// Gives each call its record, with reason `restart` unless its end was known already and with its variables and
// profiles as they were, and empties the tables of dialogs and of trunks, which nobody has
// registered with yet. Within the transaction that is open. `calls`: records that
// were not there yet. SQLite's code; SQLITE_DONE on success.
int close_leftovers(sqlite3 *database, std::int64_t now_utc_us, std::uint64_t &calls);

} // namespace tandem
