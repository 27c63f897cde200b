// BYE and its answer: which fork they end, and whether the set goes on with another one (RFC 3261 section 15).
#include <utility>
#include "dialog/tracker.hpp"

namespace tandem {
namespace {

EndReason reason_of_bye(Side from) { return from == Side::caller ? EndReason::caller_bye : EndReason::callee_bye; }

// The fork that a set goes on with when one has gone: rather one that nobody leaves. A BYE ends one dialog, early or
// confirmed, and not the others of its INVITE (RFC 3261 section 15); but a B2BUA has chosen its fork.
Fork *find_successor(const DialogSet &set, const Fork &gone) {
    if (set.local_side && set.state == DialogState::confirmed) return nullptr;
    Fork *leaving = nullptr;
    for (Fork *fork = set.forks.get(); fork; fork = fork->next.get()) {
        if (fork == &gone || !set.is_current(*fork)) continue;
        if (!set.is_leaving(*fork)) return fork;
        leaving = fork;
    }
    return leaving;
}

// Whether the set ends with the BYE of this fork.
bool is_last(const DialogSet &set, const Fork &fork, Side from) {
    if (set.state != DialogState::confirmed && from == Side::callee) return false;
    if (set.local_side && set.state == DialogState::confirmed) return &fork == set.forks.get();
    if (!set.is_current(fork)) return false;
    const Fork *successor = find_successor(set, fork);
    return !successor || set.is_leaving(*successor);
}

// Whether the sender of a BYE has left the dialog with this answer (RFC 3261 section 15.1.1). Who sent it himself has
// left with any but a challenge. Of one that only passes another refusal says nothing: perhaps it came from a hop
// before the other side, which still talks.
bool ends_by(const DialogSet &set, std::uint16_t status) {
    if (status == 401 || status == 407) return false;
    return set.local_side || status < 300 || status == 408 || status == 481;
}

} // namespace

void Tracker::take_bye(DialogId id, DialogSet &set, Fork &fork, Side from, const MessageView &bye, Instant now) {
    const bool is_repeated = std::exchange(fork.bye_cseq[index(from)], bye.cseq).has_value();
    if (!is_last(set, fork, from)) return;
    note_q850(set, bye.reason);
    // Who says BYE again and again moves no deadline.
    if (!(is_repeated && set.is_ending)) begin_bye(id, set, from, now);
}

void Tracker::begin_bye(DialogId id, DialogSet &set, Side from, Instant now) {
    if (set.end_reason == EndReason::none) {
        set.end_reason = reason_of_bye(from);
        set.is_reason_from_bye = true;
    }
    set.is_ending = true;
    arm(id, set, now);
}

// Takes back what begin_bye() did, but for the timer: the set goes on.
void Tracker::resume(DialogSet &set) {
    set.end_reason = EndReason::none;
    set.is_reason_from_bye = false;
    set.is_ending = false;
    set.q850 = 0;
}

void Tracker::finish_bye(DialogId id, DialogSet &set, Fork &fork, Side from, std::uint16_t status, Instant now) {
    fork.bye_cseq[index(from)].reset();
    mark_changed(id, set);
    if (fork.state == DialogState::terminated) return; // by the other one of two that crossed
    const bool is_in_front = &fork == set.forks.get();
    const bool is_confirmed = set.state == DialogState::confirmed;
    const bool is_dropped = set.local_side && is_confirmed && !is_in_front;
    if (!ends_by(set, status)) {
        if (is_dropped || !set.is_current(fork) || !set.is_reason_from_bye) return;
        if (set.is_leaving(fork)) { // by the BYE of the other side, which crossed this one
            set.end_reason = reason_of_bye(other(from));
            return;
        }
        // A challenged one did nothing yet: it comes again with credentials. After any other refusal the set ends at
        // the deadline of the BYE, unless it shows that it lives: note_life().
        if (status != 401 && status != 407) return;
        resume(set);
        arm_anew(id, set, now);
        return;
    }
    fork.state = DialogState::terminated;
    if (is_dropped) return;
    const Fork *successor = find_successor(set, fork);
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
