// BYE and its answer: which fork they end, and whether the set goes on with another one (RFC 3261 section 15).
#include <utility>
#include "dialog/tracker.hpp"

namespace tandem {
namespace {

// Whether the set ends with the BYE of this fork.
bool is_last(const DialogSet &set, const Fork &fork, Side from) {
    if (set.state != DialogState::confirmed && from == Side::callee) return false;
    if (set.local_side && set.state == DialogState::confirmed) return &fork == set.forks.get();
    if (!set.is_current(fork)) return false;
    const Fork *successor = set.find_successor(fork);
    return !successor || set.is_leaving(*successor);
}

// Whether the sender of a BYE has left the dialog with this answer (RFC 3261 section 15.1.1). Who sent it himself has
// left with any but a challenge. Of one that only passes another refusal says nothing: it may come from a hop before
// the other side, who talks on. Nor does who knows no early dialog know that its INVITE is over.
bool ends_by(const DialogSet &set, std::uint16_t status) {
    if (status < 300) return true;
    if (set.local_side) return status != 401 && status != 407;
    return set.state == DialogState::confirmed && (status == 408 || status == 481);
}

} // namespace

void Tracker::take_bye(DialogId id, DialogSet &set, Fork &fork, Side from, const MessageView &bye, Instant now) {
    fork.bye_cseq[index(from)] = bye.cseq;
    if (!is_last(set, fork, from)) return;
    note_q850(set, bye.reason);
    begin_bye(id, set, from, now);
}

void Tracker::begin_bye(DialogId id, DialogSet &set, Side from, Instant now) {
    if (set.end_reason == EndReason::none) {
        set.end_reason = reason_of_bye(from);
        set.is_reason_from_bye = true;
    }
    if (set.is_ending) return; // who says BYE again and again moves no deadline
    set.is_ending = true;
    arm(id, set, now);
}

// Takes back what begin_bye() did, but for the timer: the set goes on, unless its end is due.
void Tracker::resume(DialogSet &set) {
    if (set.is_due) return;
    set.is_ending = false;
    set.q850 = 0;
    if (std::exchange(set.is_reason_from_bye, false)) set.end_reason = EndReason::none;
}

void Tracker::finish_bye(DialogId id, DialogSet &set, Fork &fork, Side from, std::uint16_t status, Instant now) {
    fork.bye_cseq[index(from)].reset();
    mark_changed(id, set);
    if (fork.state == DialogState::terminated) return; // by the other one of two that crossed
    const bool is_in_front = &fork == set.forks.get();
    const bool is_confirmed = set.state == DialogState::confirmed;
    const bool is_dropped = set.local_side && is_confirmed && !is_in_front;
    if (!ends_by(set, status)) {
        if (is_dropped || !set.is_current(fork) || !set.is_ending || set.is_due) return;
        if (set.is_leaving(fork)) { // by the BYE of the other side, which crossed this one
            if (set.is_reason_from_bye) set.end_reason = reason_of_bye(other(from));
            return;
        }
        resume(set);
        arm_anew(id, set, now);
        return;
    }
    fork.state = DialogState::terminated;
    fork.leaver = from;
    if (is_dropped) return;
    const Fork *successor = set.find_successor(fork);
    if (!successor) {
        // The INVITE itself is still open, and another callee may answer it: it ends with its final answer.
        if (is_confirmed) terminate(id, set, reason_of_bye(from), now);
        return;
    }
    if (!is_in_front) return;
    raise_fork(set, successor);
    if (!set.is_ending && is_confirmed) arm_anew(id, set, now);
}

} // namespace tandem
