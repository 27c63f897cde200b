// One prepared statement. Text and bytes are bound without a copy: they live until the statement has run.
#pragma once
#include <cstdint>
#include <optional>
#include <sqlite3.h>
#include <string_view>

namespace tandem {

class Statement {
public:
    Statement() = default;
    Statement(const Statement &) = delete;
    Statement &operator=(const Statement &) = delete;
    ~Statement() { sqlite3_finalize(statement_); }

    // SQLite's result code; SQLITE_OK on success.
    int prepare(sqlite3 *database, const char *sql);

    // The next parameter, in the order of the statement's question marks.
    Statement &bind(std::int64_t number);
    Statement &bind(std::string_view text);
    Statement &bind(std::optional<std::int64_t> number); // none: NULL
    Statement &bind_text_or_null(std::string_view text); // empty: NULL
    Statement &bind_bytes(std::string_view bytes);       // a BLOB

    // Runs it to the end and makes it ready for the next time. SQLITE_DONE on success.
    int run();

    // Step by step: SQLITE_ROW with the columns of a row, then SQLITE_DONE. It is open from the first step to close().
    int step() { return sqlite3_step(statement_); }
    bool is_null(int column) { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
    std::int64_t number(int column) { return sqlite3_column_int64(statement_, column); }
    std::string_view text(int column);  // valid until the next step
    std::string_view bytes(int column); // of a BLOB, or of whatever stands there
    bool is_open() const { return sqlite3_stmt_busy(statement_) != 0; }
    void close();

private:
    sqlite3_stmt *statement_ = nullptr;
    int next_ = 1;
};

} // namespace tandem
