// What an audit of a running node is made of, and what it reports: the parts compare what they know of each other, and
// repair what differs. Calls go on meanwhile.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include "call/engine.hpp"
#include "dialog/dialog_id.hpp"

namespace tandem {

// Of one worker. Whoever is asked for it later knows its dialogs as they were at some moment since.
struct WorkerAudit {
    EngineAudit engine;
    std::vector<RecordId> dialogs;    // that live
    std::uint64_t store_failures = 0; // of the journal, by then
    bool is_behind = false;           // it has not written everything
};

struct AuditReport {
    std::uint64_t dialogs = 0; // that were looked at
    std::uint64_t memberships = 0;
    std::uint64_t members_removed = 0;   // places in profiles that no dialog had
    std::uint64_t members_added = 0;     // dialogs that were not counted
    std::uint64_t members_misplaced = 0; // or sizes that were wrong
    std::uint64_t overdue = 0;           // dialogs that outlived their deadline: it fires now
    std::uint64_t calls_over = 0;        // calls without a dialog: gone
    std::uint64_t dialogs_uncalled = 0;  // dialogs without a call: ended
    std::uint64_t transactions_lost = 0; // transactions that waited for no call: gone
    std::uint64_t rows_closed = 0;       // rows in the store without a dialog: closed, with a record
    std::uint64_t dialogs_saved = 0;     // dialogs without a row: written
    bool is_store_compared = false;

    void add(const EngineAudit &engine);
    std::uint64_t repairs() const;
    std::string to_string() const; // a line
    std::vector<std::pair<std::string_view, std::uint64_t>> counts() const; // each by its name, and `repairs`
};

struct AuditStatistics { // since the start
    std::uint64_t runs = 0;
    std::uint64_t repairs = 0; // AuditReport::repairs() of them all
};

} // namespace tandem
