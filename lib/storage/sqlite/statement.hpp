// One prepared statement. Text is bound without a copy: it lives until the statement has run.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sqlite3.h>
#include "base/result.hpp"

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

    // Runs it to the end and makes it ready for the next time. SQLITE_DONE on success.
    int run();

private:
    sqlite3_stmt *statement_ = nullptr;
    int next_ = 1;
};

} // namespace tandem
