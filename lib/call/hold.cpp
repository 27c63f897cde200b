// Hold and resume by command: each leg in order is offered what the other peer said last, with other directions
// (RFC 3264 section 8.4). A leg that refuses leaves the call as it was.
#include "call/hold.hpp"
#include "call/b2bua.hpp"

namespace tandem {

Result<CommandId> B2bua::hold(DialogId dialog, Instant now) {
    CallId id;
    Call *call = find_quiet_call(dialog, id);
    if (!call) return is_live(dialog) ? Error::wrong_state : Error::not_found;
    if (call->hold) return Error::wrong_state;
    auto hold = std::make_unique<Hold>();
    for (Side side : {Side::caller, Side::callee}) {
        const Session &said = call->leg(side).session;
        auto directions = said.type.empty() ? directions_of(said.body.view()) : std::nullopt;
        if (!directions) return Error::wrong_state; // nothing that could be held is known
        hold->directions[index(side)] = std::move(*directions);
    }
    call->hold = std::move(hold);
    return begin_hold(id, *call, now);
}

Result<CommandId> B2bua::resume(DialogId dialog, Instant now) {
    CallId id;
    Call *call = find_quiet_call(dialog, id);
    if (!call) return is_live(dialog) ? Error::wrong_state : Error::not_found;
    if (!call->hold || call->hold->command) return Error::wrong_state;
    call->hold->is_resuming = true;
    return begin_hold(id, *call, now);
}

Result<void> B2bua::end(DialogId dialog, EndReason reason, Instant now) {
    CallId id;
    Call *call = find_call(dialog, id);
    if (!call || !is_live(dialog)) return Error::not_found;
    if (call->is_ending) return Error::wrong_state;
    if (call->transfer && call->transfer->target.dialog == dialog) {
        return tracker_.request_end(dialog, reason, now) ? Result<void>() : Error::wrong_state;
    }
    for (Side side : {Side::caller, Side::callee}) tracker_.set_end_reason(call->leg(side).dialog, reason);
    InviteExchange *first = call->first_invite();
    if (first && !first->is_answered) {
        give_up_first(id, *call, *first, 480, {}, now);
    } else {
        hang_up(id, *call, {}, now);
    }
    return {};
}

// The call with this leg, if both its legs are up and no command is at work.
Call *B2bua::find_quiet_call(DialogId dialog, CallId &id) {
    Call *call = find_call(dialog, id);
    if (!call || call->is_ending || call->setup || call->transfer || call->is_lent) return nullptr;
    for (Side side : {Side::caller, Side::callee}) {
        const DialogSet *set = tracker_.find(call->leg(side).dialog);
        if (!set || set->state != DialogState::confirmed) return nullptr;
    }
    return call;
}

Result<CommandId> B2bua::begin_hold(CallId id, Call &call, Instant now) {
    const CommandId command(++last_command_);
    call.hold->command = command;
    ask_to_hold(id, call, Side::caller, now);
    return command;
}

void B2bua::ask_to_hold(CallId id, Call &call, Side side, Instant now) {
    if (!call.hold->is_restoring) note_hold(call, CallEventKind::command_started, side, 0);
    OwnInvite own;
    own.leg = side;
    own.purpose = InvitePurpose::hold;
    const auto started = start_own_invite(id, call, std::move(own), now);
    if (!started && call.hold) on_hold_answered(id, call, side, 500, now);
}

// What the leg is offered: the other peer's session as he said it last.
Session B2bua::session_to_hold(const Call &call, Side side) {
    const Hold &hold = *call.hold;
    const Session &said = call.leg(other(side)).session;
    std::vector<Direction> directions = hold.directions[index(other(side))];
    if (hold.is_resuming == hold.is_restoring) {
        for (Direction &direction : directions) direction = held(direction);
    }
    const auto text = with_directions(said.body.view(), directions);
    return text ? Session{SharedBytes(*text), {}} : said;
}

void B2bua::on_hold_answered(CallId id, Call &call, Side side, std::uint16_t status, Instant now) {
    Hold &hold = *call.hold;
    if (hold.is_restoring) return end_hold(call, hold.failure);
    if (status < 300) {
        note_hold(call, CallEventKind::command_succeeded, side, status);
        if (side == Side::caller) return ask_to_hold(id, call, Side::callee, now);
        return end_hold(call, 200);
    }
    note_hold(call, CallEventKind::command_failed, side, status);
    if (side == Side::caller) return end_hold(call, status);
    hold.failure = status;
    hold.is_restoring = true;
    ask_to_hold(id, call, Side::caller, now);
}

void B2bua::end_hold(Call &call, std::uint16_t status) {
    Hold &hold = *call.hold;
    note_hold(call, CallEventKind::command_ended, Side::caller, status);
    hold.command = {};
    const bool is_held = hold.is_resuming == (status >= 300);
    hold.is_resuming = false;
    hold.is_restoring = false;
    if (!is_held) call.hold.reset();
}

void B2bua::note_hold(const Call &call, CallEventKind kind, Side leg, std::uint16_t status) {
    CallEvent event;
    event.kind = kind;
    event.dialog = call.leg(leg).dialog;
    event.side = leg;
    event.command = call.hold->command;
    event.command_kind = call.hold->is_resuming ? CommandKind::resume : CommandKind::hold;
    event.status = status;
    raise(event);
}

} // namespace tandem
