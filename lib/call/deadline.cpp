// What happens when nothing happens.
#include "call/b2bua.hpp"

namespace tandem {

void B2bua::advance(Instant now) {
    timers_.advance(now, [&](const CallTimer &timer) { on_timer(timer, now); });
}

void B2bua::on_timer(const CallTimer &timer, Instant now) {
    Call *call = find_touched(timer.call);
    if (!call) return;
    switch (timer.kind) {
    case TimerKind::ring:
        if (Attempt *attempt = call->setup ? call->setup->find(timer.target) : nullptr) {
            on_ring_timeout(timer.call, *call, *attempt, now);
        }
        break;
    case TimerKind::own_invite: on_own_invite_timer(timer.call, *call, now); break;
    case TimerKind::resend:
        if (InviteExchange *invite = call->find_invite(timer.invite)) resend_answer(timer.call, *call, *invite, now);
        break;
    case TimerKind::reliable:
        if (call->reliability) resend_reliable(timer.call, *call, timer.target, now);
        break;
    case TimerKind::session: on_session_timer(timer.call, *call, static_cast<Side>(timer.target), now); break;
    case TimerKind::ack_wait:
        if (call->start) acknowledge_on_hold(*call, now);
        break;
    case TimerKind::command: on_command_deadline(timer.call, *call, now); break;
    case TimerKind::late_prack: end_reliability(timer.call, *call, false, now); break;
    }
}

void B2bua::on_dialog(const DialogEvent &event, Instant now) {
    if (event.kind != DialogEventKind::end_due && event.kind != DialogEventKind::ended) return;
    CallId id;
    Call *call = find_call(event.dialog, id);
    if (!call) return;
    if (event.kind == DialogEventKind::end_due) on_end_due(id, *call, event, now);
    if (event.kind != DialogEventKind::ended) return;
    if (call->transfer && call->transfer->target.dialog == event.dialog) on_target_lost(id, *call, now);
    erase_if_over(id, now);
}

void B2bua::on_end_due(CallId id, Call &call, const DialogEvent &event, Instant now) {
    if (Attempt *attempt = call.find_attempt(event.dialog)) return on_ring_timeout(id, call, *attempt, now);
    if (call.transfer && call.transfer->target.dialog == event.dialog) return on_target_lost(id, call, now);
    if (!call.side_of(event.dialog)) return; // of an attempt that was given up
    for (Side side : {Side::caller, Side::callee}) tracker_.set_end_reason(call.leg(side).dialog, event.reason);
    InviteExchange *first = call.first_invite();
    if (first && !first->is_answered) {
        give_up_first(id, call, *first, 408, {}, now);
        return;
    }
    hang_up(id, call, {}, now, call.side_of(event.dialog)); // the other leg still has its time for an ACK
}

// A call is over when all its dialogs are. Transactions that linger need nothing of it.
void B2bua::erase_if_over(CallId id, Instant now) {
    Call *call = calls_.find(id);
    if (!call || is_live(call->leg(Side::caller).dialog) || is_live(call->leg(Side::callee).dialog)) return;
    give_up_transfer(*call, now);
    end_start(*call);
    drop_attempts(*call, {}, now);
    end_command(*call, 487);
    for (const auto &invite : call->invites) timers_.cancel(invite->timer);
    give_up_own_invites(*call, now);
    stop_session_timers(*call);
    end_reliability(id, *call, false, now);
    end_forwards(*call, now); // refused while one of them was under way
    calls_.erase(id);
}

} // namespace tandem
