#include "node/audit.hpp"
#include <fmt/format.h>

namespace tandem {

void AuditReport::add(const EngineAudit &engine) {
    dialogs += engine.tracker.dialogs;
    memberships += engine.tracker.profiles.checked;
    members_removed += engine.tracker.profiles.removed;
    members_added += engine.tracker.profiles.added;
    members_misplaced += engine.tracker.profiles.misplaced;
    overdue += engine.tracker.overdue;
    calls_over += engine.calls.calls_over;
    dialogs_uncalled += engine.calls.dialogs_uncalled;
    transactions_lost += engine.calls.transactions_lost;
}

std::uint64_t AuditReport::repairs() const {
    return members_removed + members_added + members_misplaced + overdue + calls_over + dialogs_uncalled +
           transactions_lost + rows_closed + dialogs_saved;
}

std::vector<std::pair<std::string_view, std::uint64_t>> AuditReport::counts() const {
    return {{"dialogs", dialogs},
            {"memberships", memberships},
            {"members_removed", members_removed},
            {"members_added", members_added},
            {"members_misplaced", members_misplaced},
            {"overdue", overdue},
            {"calls_over", calls_over},
            {"dialogs_uncalled", dialogs_uncalled},
            {"transactions_lost", transactions_lost},
            {"rows_closed", rows_closed},
            {"dialogs_saved", dialogs_saved},
            {"store_compared", is_store_compared ? 1 : 0},
            {"repairs", repairs()}};
}

std::string AuditReport::to_string() const {
    std::string text = fmt::format("{} dialogs, {} memberships, {}", dialogs, memberships,
                                   is_store_compared ? "and the store" : "but not the store");
    if (repairs() == 0) return text + ": in order";
    text += ": repaired";
    auto say = [&text, is_first = true](std::uint64_t count, std::string_view what) mutable {
        if (count == 0) return;
        text += fmt::format("{} {} {}", is_first ? "" : ",", count, what);
        is_first = false;
    };
    say(members_removed, "places in profiles that no dialog had");
    say(members_added, "dialogs that profiles did not count");
    say(members_misplaced, "misplaced members of profiles");
    say(overdue, "dialogs past their deadline");
    say(calls_over, "calls without a dialog");
    say(dialogs_uncalled, "dialogs without a call");
    say(transactions_lost, "transactions without a call");
    say(rows_closed, "rows without a dialog");
    say(dialogs_saved, "dialogs without a row");
    return text;
}

} // namespace tandem
