// Calls and dialogs that should have ended each other and have not: for operators, who would else never know.
#include <algorithm>
#include <utility>
#include <vector>
#include "call/b2bua.hpp"

namespace tandem {
namespace {

// A leg that was given up lives until its CANCEL or BYE has had its answer, or 64*T1 have passed, and has no call then.
constexpr Duration uncalled_max = std::chrono::seconds(60);

} // namespace

bool B2bua::audit(CallAudit &audit, std::size_t max, Instant now) {
    if (audit.step == CallAudit::Step::calls) {
        audit_calls(audit, max, now);
        if (audit.cursor == 0) audit.step = CallAudit::Step::dialogs;
        return true;
    }
    audit_dialogs(audit, max, now);
    return audit.cursor != 0;
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
        const auto known = uncalled_.find(id.value());
        const Instant since = known == uncalled_.end() ? now : known->second;
        if (now - since < uncalled_max) {
            if (audit.uncalled.size() < uncalled_size_max) audit.uncalled.emplace(id.value(), since);
            continue;
        }
        tracker_.end(id, EndReason::expired, now);
        ++audit.dialogs_uncalled;
    }
    if (audit.cursor == 0) uncalled_ = std::move(audit.uncalled);
}

} // namespace tandem
