// What a former process left in the file: dialogs that nobody will end any more.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <sqlite3.h>
#include <vector>
#include "cdr/cdr.hpp"
#include "dialog/dialog_id.hpp"
#include "storage/sqlite/statement.hpp"

namespace tandem {

// Within the transaction that is open. Results are SQLite's codes; SQLITE_DONE on success.
class Leftovers {
public:
    int prepare(sqlite3 *database);

    // Gives a call its record, with reason `restart` unless its end was known already and with its variables and
    // profiles as they were, and takes its rows away.
    int close_call(std::int64_t serial, std::int64_t now_utc_us);
    int close_leg(std::int64_t serial); // which has no record

    std::uint64_t calls() const { return calls_; } // records that were not there yet

private:
    int read_variables(std::int64_t serial, std::vector<CdrVariable> &out);
    int read_profiles(std::int64_t serial, std::vector<CdrProfile> &out);
    int insert_record(std::int64_t serial, std::int64_t now_utc_us);

    sqlite3 *database_ = nullptr;
    Statement variables_;
    Statement profiles_;
    Statement insert_;
    Statement erase_call_;
    Statement erase_leg_;
    Statement erase_variables_;
    Statement erase_profiles_;
    std::uint64_t calls_ = 0;
};

// Ids of dialogs whose serial is above `after`, of at most `max` of both tables together; appends. `last`: the serial
// to go on with; none: these were all. SQLite's code; SQLITE_DONE on success.
int list_dialogs(sqlite3 *database, std::uint64_t after, std::size_t max, std::vector<RecordId> &ids,
                 std::optional<std::uint64_t> &last);

} // namespace tandem
