// The tables, and how an older file comes to have them.
#pragma once
#include <sqlite3.h>
#include "base/result.hpp"

namespace tandem {

// Brings the schema of an open database to the present version, in one transaction. Fails with one line if SQLite
// does, or if a newer tandem wrote the file.
Result<void, Failure> migrate(sqlite3 *database);

} // namespace tandem
