// The marks of records that go on to somebody else: the table `cdr_unsent`.
#pragma once
#include "cdr/cdr_store.hpp"
#include "storage/sqlite/statement.hpp"

namespace tandem {

// Results are SQLite's codes: SQLITE_DONE on success, of prepare() SQLITE_OK.
class UnsentRows {
public:
    // From now on every record that this connection inserts gets its mark with it.
    int prepare(sqlite3 *database);

    int exchange(UnsentCdrs &unsent);

private:
    int read(UnsentCdrs &unsent);

    Statement erase_;
    Statement oldest_;
    Statement count_;
};

} // namespace tandem
