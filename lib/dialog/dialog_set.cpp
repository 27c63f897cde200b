#include "dialog/dialog_set.hpp"

namespace tandem {

std::string_view DialogSet::target(Side side) const {
    if (side == Side::caller) return view(caller_target);
    return forks ? forks->text.get(Fork::callee_target) : std::string_view();
}

std::string_view DialogSet::route_set(Side side) const {
    if (side == Side::caller) return view(caller_route_set);
    return forks ? forks->text.get(Fork::callee_route_set) : std::string_view();
}

Fork *DialogSet::find_fork(std::string_view tag) const {
    for (Fork *fork = forks.get(); fork; fork = fork->next.get()) {
        if (fork->text.get(Fork::to_tag) == tag) return fork;
    }
    return nullptr;
}

// Rather one that nobody leaves. A BYE ends one dialog, early or confirmed, and not the others of its INVITE (RFC 3261
// section 15); but a B2BUA has chosen its fork.
Fork *DialogSet::find_successor(const Fork &gone) const {
    if (local_side && state == DialogState::confirmed) return nullptr;
    Fork *leaving = nullptr;
    for (Fork *fork = forks.get(); fork; fork = fork->next.get()) {
        if (fork == &gone || !is_current(*fork)) continue;
        if (!is_leaving(*fork)) return fork;
        leaving = fork;
    }
    return leaving;
}

bool DialogSet::is_current(const Fork &fork) const {
    return state == DialogState::confirmed ? fork.state == DialogState::confirmed : fork.state < DialogState::confirmed;
}

// Before the answer to the INVITE the callee may not send a BYE (RFC 3261 section 15).
bool DialogSet::is_leaving(const Fork &fork) const {
    if (fork.bye_cseq[index(Side::caller)]) return true;
    return state == DialogState::confirmed && fork.bye_cseq[index(Side::callee)];
}

DialogTimer DialogSet::timer_kind() const {
    if (is_ending) return DialogTimer::bye;
    if (state < DialogState::confirmed) return is_cancelled ? DialogTimer::bye : DialogTimer::early;
    return forks && forks->is_acked ? DialogTimer::lifetime : DialogTimer::no_ack;
}

bool DialogSet::has_confirmed_fork() const {
    for (const Fork *fork = forks.get(); fork; fork = fork->next.get()) {
        if (fork->state == DialogState::confirmed) return true;
    }
    return false;
}

} // namespace tandem
