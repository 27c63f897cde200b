// The tables, and how an older file comes to have them.
#pragma once
#include <sqlite3.h>
#include "base/result.hpp"

namespace tandem {

// Brings the schema of an open database to the present version, in one transaction that writes in any case. Fails with
// one line if SQLite does, if another program made the file, or if a newer tandem did.
Result<void, Failure> migrate(sqlite3 *database);

} // namespace tandem
