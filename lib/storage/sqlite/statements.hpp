// What the store writes: rows of the tables from dialogs and records.
#pragma once
#include <cstdint>
#include <string>
#include "base/wall_clock.hpp"
#include "cdr/cdr.hpp"
#include "dialog/dialog_record.hpp"
#include "dialog/dialog_store.hpp"
#include "storage/sqlite/binding_rows.hpp"
#include "storage/sqlite/statement.hpp"
#include "storage/sqlite/trunk_rows.hpp"

namespace tandem {

constexpr Duration refusal_kept_max = std::chrono::seconds(64);

// The statements of one table of dialogs.
struct DialogRows {
    int prepare(sqlite3 *database, const std::string &table);

    Statement insert;
    Statement update;
    Statement update_leg; // with the column `leg`, which is long and seldom changes
    Statement erase;
};

// The statements of a table whose rows belong to dialogs. Those of one dialog are written together.
struct BelongingRows {
    int prepare(sqlite3 *database, const std::string &insert_sql, const std::string &table);

    Statement insert;
    Statement erase; // of one dialog
};

// What is JSON in a row of a dialog; it lives until the statement has run.
struct DialogTexts {
    std::string forks; // behind the first
    std::string cseq_maps;
    std::string details;
};

// All of one connection, prepared. Their results are SQLite's codes: SQLITE_DONE on success.
class Statements {
public:
    int prepare(sqlite3 *database);

    // Inserts the dialog, or updates it if it is there; its variables and memberships likewise, unless it is another
    // leg of a call, which has none. SQLITE_CONSTRAINT: another dialog has this serial, and keeps its rows; between the
    // dialogs of two processes that is one chance in 16 million.
    int save(const DialogRecord &record, const WallClock &wall);
    int erase(const RecordId &id);
    int insert(const Cdr &cdr);
    int insert(const KeptRefusal &refusal);
    BindingRows &bindings() { return bindings_; }
    TrunkRows &trunks() { return trunks_; }

private:
    void bind_state(Statement &statement, const DialogRecord &record, const DialogTexts &texts, const WallClock &wall);
    int insert(DialogRows &rows, const DialogRecord &record, std::string_view id, const DialogTexts &texts,
               const WallClock &wall);
    int update(DialogRows &rows, const DialogRecord &record, std::string_view id, const DialogTexts &texts,
               const WallClock &wall);
    int save_variables(const DialogRecord &record, bool is_new);
    int save_profiles(const DialogRecord &record, bool is_new);

    sqlite3 *database_ = nullptr;
    DialogRows dialogs_;
    DialogRows legs_;
    BelongingRows variables_;
    BelongingRows profiles_;
    BindingRows bindings_;
    TrunkRows trunks_;
    Statement insert_cdr_;
    Statement insert_refusal_;
    Statement purge_refusals_;
    std::uint64_t refusals_ = 0; // inserted
    std::uint64_t serial_newest_ = 0; // of those saved
};

} // namespace tandem
