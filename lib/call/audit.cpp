// What calls, dialogs and transactions have lost of each other: for operators, who would else never know.
#include <algorithm>
#include <utility>
#include <vector>
#include "call/b2bua.hpp"

namespace tandem {
namespace {

// A leg that was given up lives until its CANCEL or BYE has had its answer, or 64*T1 have passed, and has no call then.
constexpr Duration uncalled_max = std::chrono::seconds(60);

using Suspects = std::unordered_map<std::uint64_t, Instant>;

// Whether it has been suspect for so long; else it is noted in `now_suspect`, where there is room.
bool is_lost(std::uint64_t id, const Suspects &before, Suspects &now_suspect, std::size_t max, Instant now) {
    const auto known = before.find(id);
    const Instant since = known == before.end() ? now : known->second;
    if (now - since >= uncalled_max) return true;
    if (now_suspect.size() < max) now_suspect.emplace(id, since);
    return false;
}

} // namespace

bool B2bua::audit(CallAudit &audit, std::size_t max, Instant now) {
    switch (audit.step) {
    case CallAudit::Step::calls:
        audit_calls(audit, max, now);
        if (audit.cursor == 0) audit.step = CallAudit::Step::dialogs;
        break;
    case CallAudit::Step::dialogs:
        audit_dialogs(audit, max, now);
        if (audit.cursor == 0) audit.step = CallAudit::Step::transactions;
        break;
    case CallAudit::Step::transactions:
        audit_transactions(audit, max, now);
        if (audit.cursor == 0) audit.step = CallAudit::Step::over;
        break;
    case CallAudit::Step::over: break;
    }
    return audit.step != CallAudit::Step::over;
}

// A call goes with the last of its dialogs.
void B2bua::audit_calls(CallAudit &audit, std::size_t max, Instant now) {
    const std::uint64_t end = std::min<std::uint64_t>(calls_.slots(), audit.cursor + max);
    for (std::uint64_t slot = audit.cursor; slot < end; ++slot) {
        const CallId id = calls_.id_in(static_cast<std::uint32_t>(slot));
        if (!id || calls_.find(id)->is_lent) continue;
        erase_if_over(id, now);
        audit.calls_over += calls_.find(id) ? 0 : 1;
    }
    audit.cursor = end < calls_.slots() ? end : 0;
}

// A dialog that no call has would last until its own deadline, which may be hours away.
void B2bua::audit_dialogs(CallAudit &audit, std::size_t max, Instant now) {
    std::vector<DialogId> ids;
    tracker_.list(audit.cursor, max, ids);
    for (const DialogId id : ids) {
        if (calls_.find(CallId(tracker_.find(id)->owner))) continue;
        if (!is_lost(id.value(), uncalled_, audit.uncalled, uncalled_size_max, now)) continue;
        tracker_.end(id, EndReason::expired, now);
        ++audit.dialogs_uncalled;
    }
    if (audit.cursor == 0) uncalled_ = std::move(audit.uncalled);
}

void B2bua::audit_transactions(CallAudit &audit, std::size_t max, Instant now) {
    std::vector<WaitingTransaction> waiting;
    transactions_.list_waiting(audit.cursor, max, waiting);
    for (const WaitingTransaction &transaction : waiting) {
        if (calls_.find(CallId(transaction.owner))) continue;
        if (!is_lost(transaction.id.value(), lost_, audit.lost, uncalled_size_max, now)) continue;
        transactions_.forget(transaction.id);
        ++audit.transactions_lost;
    }
    if (audit.cursor == 0) lost_ = std::move(audit.lost);
}

} // namespace tandem
