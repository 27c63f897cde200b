#include "storage/sqlite/statement.hpp"

namespace tandem {

int Statement::prepare(sqlite3 *database, const char *sql) {
    sqlite3_finalize(statement_);
    statement_ = nullptr;
    return sqlite3_prepare_v3(database, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
}

Statement &Statement::bind(std::int64_t number) {
    sqlite3_bind_int64(statement_, next_++, number);
    return *this;
}

Statement &Statement::bind(std::string_view text) {
    // A null pointer would bind NULL.
    sqlite3_bind_text64(statement_, next_++, text.empty() ? "" : text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
    return *this;
}

Statement &Statement::bind(std::optional<std::int64_t> number) {
    if (number) return bind(*number);
    sqlite3_bind_null(statement_, next_++);
    return *this;
}

Statement &Statement::bind_text_or_null(std::string_view text) {
    if (!text.empty()) return bind(text);
    sqlite3_bind_null(statement_, next_++);
    return *this;
}

Statement &Statement::bind_bytes(std::string_view bytes) {
    sqlite3_bind_blob64(statement_, next_++, bytes.empty() ? "" : bytes.data(), bytes.size(), SQLITE_STATIC);
    return *this;
}

int Statement::run() {
    int code = sqlite3_step(statement_);
    while (code == SQLITE_ROW) code = sqlite3_step(statement_);
    close();
    return code;
}

std::string_view Statement::text(int column) {
    const auto *text = reinterpret_cast<const char *>(sqlite3_column_text(statement_, column));
    return text ? std::string_view(text, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)))
                : std::string_view();
}

std::string_view Statement::bytes(int column) {
    const auto *bytes = static_cast<const char *>(sqlite3_column_blob(statement_, column));
    return bytes ? std::string_view(bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)))
                 : std::string_view();
}

void Statement::close() {
    sqlite3_reset(statement_);
    next_ = 1;
}

} // namespace tandem
