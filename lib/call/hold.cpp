// Hold and resume by command: each leg in order is offered what the other peer said last, with other directions
// (RFC 3264 section 8.4). A leg that refuses, or has not agreed at the deadline, leaves the call as it was.
#include "call/hold.hpp"
#include "call/b2bua.hpp"

namespace tandem {

Result<CommandId> B2bua::hold(DialogId dialog, Instant now, Duration deadline) {
    CallId id;
    const auto found = find_quiet_call(dialog, id);
    if (!found) return found.error();
    Call &call = **found;
    if (call.hold) return Error::wrong_state;
    auto hold = std::make_unique<Hold>();
    for (Side side : {Side::caller, Side::callee}) {
        const Session &said = call.leg(side).session;
        auto directions = said.type.empty() ? directions_of(said.body.view()) : std::nullopt;
        if (!directions) return Error::wrong_state; // nothing that could be held is known
        hold->directions[index(side)] = std::move(*directions);
    }
    call.hold = std::move(hold);
    return begin_hold(id, call, CommandKind::hold, deadline, now);
}

Result<CommandId> B2bua::resume(DialogId dialog, Instant now, Duration deadline) {
    CallId id;
    const auto found = find_quiet_call(dialog, id);
    if (!found) return found.error();
    Call &call = **found;
    if (!call.hold) return Error::wrong_state;
    call.hold->is_resuming = true;
    return begin_hold(id, call, CommandKind::resume, deadline, now);
}

CommandId B2bua::begin_hold(CallId id, Call &call, CommandKind kind, Duration deadline, Instant now) {
    const CommandId command = begin_command(id, call, kind, Side::caller, deadline, now);
    call.hold->is_changing = true;
    note_command(call, CallEventKind::command_accepted, Side::caller);
    ask_to_hold(id, call, Side::caller, now);
    return command;
}

void B2bua::ask_to_hold(CallId id, Call &call, Side side, Instant now) {
    if (!call.hold->is_restoring) note_command(call, CallEventKind::command_started, side);
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
    if (hold.is_restoring) {
        if (side == Side::callee) return ask_to_hold(id, call, Side::caller, now);
        return end_hold(call, hold.failure);
    }
    const bool is_late = hold.failure != 0; // the deadline was here first
    const bool has_agreed = status < 300;
    if (has_agreed && !is_late) {
        note_command(call, CallEventKind::command_succeeded, side, status);
        if (side == Side::caller) return ask_to_hold(id, call, Side::callee, now);
        return end_hold(call, 200);
    }
    if (!is_late) {
        note_command(call, CallEventKind::command_failed, side, status);
        hold.failure = status;
    }
    // Whoever has agreed gets back what he had.
    if (side == Side::caller && !has_agreed) return end_hold(call, hold.failure);
    hold.is_restoring = true;
    ask_to_hold(id, call, has_agreed ? side : Side::caller, now);
}

// The deadline of the command has passed.
void B2bua::overrule_hold(CallId id, Call &call, Instant now) {
    if (call.hold->failure != 0) return; // it is being taken back already
    call.hold->failure = 408;
    hasten_own_invite(id, call, InvitePurpose::hold, now);
}

void B2bua::end_hold(Call &call, std::uint16_t status) {
    Hold &hold = *call.hold;
    end_command(call, status);
    const bool is_held = hold.is_resuming == (status >= 300);
    hold.is_changing = false;
    hold.is_resuming = false;
    hold.is_restoring = false;
    hold.failure = 0;
    if (!is_held) call.hold.reset();
}

} // namespace tandem
