// Sets with places in profiles that several trackers count together: whose answer is waited for, whose end is told.
#include <memory>
#include <utility>
#include "dialog/tracker.hpp"

namespace tandem {

Result<void> Tracker::begin_waiting(DialogId id) {
    DialogSet *set = find_live(id);
    if (!set) return Error::not_found;
    bool &is_waiting = extras_of(*set).is_waiting;
    if (is_waiting) return Error::conflict;
    is_waiting = true;
    return {};
}

void Tracker::stop_waiting(DialogId id) {
    const DialogSet *set = sets_.find(id);
    if (set && set->extras) set->extras->is_waiting = false;
}

bool Tracker::is_waiting(DialogId id) const {
    const DialogSet *set = sets_.find(id);
    return set && set->extras && set->extras->is_waiting;
}

void Tracker::tell_reserved(DialogId id, const DialogEventDetail &answer, Instant now) {
    if (!find_live(id) || !is_waiting(id)) return;
    make_room();
    auto detail = std::make_unique<DialogEventDetail>(answer);
    raise_detail(DialogEventKind::reserved, id, std::move(detail), now);
}

// What tells of the end has its room now: no end fails for want of memory.
Result<void> Tracker::share(DialogId id) {
    DialogSet *set = find_live(id);
    if (!set) return Error::not_found;
    DialogExtras &extras = extras_of(*set);
    if (extras.is_shared) return {};
    const std::size_t room = shared_ends_.size() + shared_sets_ + 1;
    if (shared_ends_.capacity() < room) shared_ends_.reserve(room * 2);
    extras.is_shared = true;
    ++shared_sets_;
    return {};
}

void Tracker::take_shared_ends(std::vector<RecordId> &ended) {
    ended.insert(ended.end(), shared_ends_.begin(), shared_ends_.end());
    shared_ends_.clear();
}

} // namespace tandem
