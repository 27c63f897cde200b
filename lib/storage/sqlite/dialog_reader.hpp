// The dialogs of a file, as the records that they were.
#pragma once
#include <cstdint>
#include "base/wall_clock.hpp"
#include "dialog/dialog_record.hpp"
#include "storage/sqlite/statement.hpp"
#include "storage/sqlite/text_arena.hpp"

namespace tandem {

// Rows that belong to dialogs, read beside them: both come in the order of the dialogs' serials.
class BelongingReader {
public:
    int prepare(sqlite3 *database, const char *sql); // the first column is the serial

    // Calls take(row) for each row of this dialog. Serials rise from call to call. SQLITE_OK, or what failed.
    template <class F>
    int read(std::int64_t serial, F take) {
        int code = SQLITE_OK;
        while (code == SQLITE_OK && has_row_ && rows_.number(0) <= serial) {
            if (rows_.number(0) == serial) take(rows_); // else its dialog is not there
            code = next();
        }
        return code;
    }

private:
    int next();

    Statement rows_;
    bool has_row_ = false;
};

// Those of one table, in the order of their creation.
class DialogReader {
public:
    DialogReader(const WallClock &wall, bool is_of_legs) : wall_(wall), is_of_legs_(is_of_legs) {}

    int prepare(sqlite3 *database);
    int next(); // SQLITE_ROW, then SQLITE_DONE

    std::int64_t serial() const { return serial_; }

    // Of the present row; null: nobody of us can have written it. Its views hold until next().
    const DialogRecord *record() const { return is_good_ ? &record_ : nullptr; }

private:
    bool read_row();
    bool read_identity();
    bool read_fork();
    bool read_times();
    void read_variable(Statement &row);
    void read_profile(Statement &row);
    bool read_time(int column, std::optional<Instant> &out);

    const WallClock &wall_;
    const bool is_of_legs_;
    Statement rows_;
    BelongingReader variables_;
    BelongingReader profiles_;
    TextArena arena_;
    DialogRecord record_;
    std::int64_t serial_ = 0;
    bool is_good_ = false;
};

} // namespace tandem
