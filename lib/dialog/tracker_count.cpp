// A leg that outlives the set it belonged to, as after a transfer.
#include <array>
#include <utility>
#include "dialog/tracker.hpp"

namespace tandem {

Result<DialogId> Tracker::count_apart(DialogId leg, Instant now) {
    make_room();
    DialogSet *old = find_live(leg);
    if (!old) return Error::not_found;
    if (!old->leg_of || old->state != DialogState::confirmed || old->is_ending) return Error::wrong_state;
    if (shared_.dialogs.fetch_add(1, std::memory_order_relaxed) >= options_.dialog_max) {
        shared_.dialogs.fetch_sub(1, std::memory_order_relaxed);
        ++counters_.refused;
        return Error::full;
    }
    DialogId id;
    try {
        const auto made = sets_.emplace();
        if (!made) {
            shared_.dialogs.fetch_sub(1, std::memory_order_relaxed);
            return made.error();
        }
        id = *made;
        old = sets_.find(leg);
        std::array<std::string_view, DialogSet::text_count> texts;
        for (std::size_t i = 0; i < texts.size(); ++i) texts[i] = old->text.get(i);
        sets_.find(id)->text.assign(texts);
        index_.insert(old->hash, id);
    } catch (...) { // no memory: the leg stays what it was
        sets_.erase(id);
        shared_.dialogs.fetch_sub(1, std::memory_order_relaxed);
        throw;
    }
    DialogSet &set = *sets_.find(id);
    set.record = next_record();
    set.forks = std::move(old->forks);
    set.local_side = old->local_side;
    set.owner = std::exchange(old->owner, 0);
    set.created = old->created;
    set.ringing = old->ringing;
    set.answered = old->answered;
    set.invite_cseq = old->invite_cseq;
    set.sip_code = old->sip_code;
    set.hash = old->hash;
    set.branch = old->branch;
    ++counters_.processed;
    ++counters_.live[static_cast<std::size_t>(set.state)];
    enter(set, DialogState::confirmed);
    arm_anew(id, set, now);
    mark_changed(id, set);
    terminate(leg, *old, EndReason::admin, now);
    return id;
}

Result<void> Tracker::take_dialog(DialogId id, DialogId leg, Instant now) {
    make_room();
    DialogSet *set = find_live(id);
    DialogSet *old = find_live(leg);
    if (!set || !old) return Error::not_found;
    if (set->forks || set->state >= DialogState::confirmed || set->is_ending || set->is_cancelled)
        return Error::wrong_state;
    if (old->leg_of != set->record || old->state != DialogState::confirmed || old->is_ending) return Error::wrong_state;
    std::array<std::string_view, DialogSet::text_count> texts;
    for (std::size_t i = 0; i < texts.size(); ++i) texts[i] = old->text.get(i);
    const std::string source(set->view(DialogSet::source));
    texts[DialogSet::source] = source;
    PackedText<DialogSet::text_count> text;
    text.assign(texts);
    index_.insert(old->hash, id); // no memory: nothing has changed
    index_.erase(std::exchange(set->hash, old->hash), id);
    set->text = std::move(text);
    set->forks = std::move(old->forks);
    set->local_side = old->local_side;
    set->ringing = old->ringing;
    set->answered = old->answered;
    set->invite_cseq = old->invite_cseq;
    set->sip_code = old->sip_code;
    set->branch = old->branch;
    set->is_renamed = true;
    old->owner = 0;
    enter(*set, DialogState::confirmed);
    arm_anew(id, *set, now);
    mark_changed(id, *set);
    terminate(leg, *old, EndReason::admin, now);
    return {};
}

} // namespace tandem
