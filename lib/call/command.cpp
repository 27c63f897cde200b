// Commands of the host: which call they are about, that there is one at a time, their deadline and their events.
#include "call/command.hpp"
#include "call/active_command.hpp"
#include "call/b2bua.hpp"
#include "call/header_policy.hpp"
#include "sip/writer.hpp"

namespace tandem {
namespace {

constexpr std::size_t text_max = 256; // of a status line that somebody else has written

} // namespace

// The call with this leg, if both its legs are up and nobody else is at work on it.
Result<Call *> B2bua::find_quiet_call(DialogId dialog, CallId &id) {
    Call *call = find_call(dialog, id);
    if (!call) return is_live(dialog) ? Error::wrong_state : Error::not_found;
    const bool is_changing = call->hold && call->hold->is_changing; // after the deadline of its command, perhaps
    if (call->command || is_changing) return Error::conflict;
    if (call->is_ending || call->setup || call->transfer || call->is_lent) return Error::wrong_state;
    for (Side side : {Side::caller, Side::callee}) {
        const DialogSet *set = tracker_.find(call->leg(side).dialog);
        if (!set || set->state != DialogState::confirmed) return Error::wrong_state;
    }
    return call;
}

// `side`: whose leg its end is told of.
CommandId B2bua::begin_command(CallId id, Call &call, CommandKind kind, Side side, Duration deadline, Instant now) {
    constexpr unsigned shard_shift = 56;
    const Duration wait = deadline.count() > 0 ? deadline : command_deadline;
    const CommandId command((std::uint64_t{random_.shard()} << shard_shift) | ++last_command_);
    const TimerId timer = timers_.schedule(now + wait, {.call = id, .kind = TimerKind::command});
    call.command = std::make_unique<ActiveCommand>(ActiveCommand{command, kind, side, timer});
    return command;
}

void B2bua::note_command(const Call &call, CallEventKind kind, Side side, std::uint16_t status, std::string_view text) {
    if (!call.command) return;
    CallEvent event;
    event.kind = kind;
    event.dialog = call.leg(side).dialog;
    event.side = side;
    event.command = call.command->id;
    event.command_kind = call.command->kind;
    event.status = status;
    if (const DialogSet *set = tracker_.find(event.dialog)) event.call_id = set->view(DialogSet::call_id);
    event.text = text.substr(0, text_max);
    raise(event);
}

void B2bua::note_pending(const Call &call, Side side, const Message &response) {
    if (!call.command) return;
    const std::string line =
        "SIP/2.0 " + std::to_string(response.status()) + " " + std::string(response.reason_phrase());
    note_command(call, CallEventKind::command_pending, side, response.status(), line);
}

// The last that is heard of it. The call is no longer its business.
void B2bua::end_command(Call &call, std::uint16_t status) {
    if (!call.command) return;
    note_command(call, CallEventKind::command_ended, call.command->side, status, default_reason(status));
    timers_.cancel(call.command->deadline);
    call.command.reset();
}

// Of whatever is at work, but a hold.
void B2bua::end_command_of_transfer(Call &call, std::uint16_t status) {
    const bool is_hold =
        call.command && (call.command->kind == CommandKind::hold || call.command->kind == CommandKind::resume);
    if (!is_hold) end_command(call, status);
}

// The host hears of the end now; the call gets back what it had as soon as its peers have answered.
void B2bua::on_command_deadline(CallId id, Call &call, Instant now) {
    if (!call.command) return;
    call.command->deadline = TimerId();
    switch (call.command->kind) {
    case CommandKind::hold:
    case CommandKind::resume:
        end_command(call, 408);
        overrule_hold(id, call, now);
        break;
    case CommandKind::transfer:
    case CommandKind::join:
        end_command(call, 408);
        overrule_transfer(id, call, now);
        break;
    case CommandKind::start:
        if (call.is_calling_caller()) return end_unanswered_start(call, 408, EndReason::no_answer, now);
        end_command(call, 408);
        overrule_transfer(id, call, now);
        break;
    }
}

// Rings a re-INVITE of ours no longer. Its answer, also one that crosses that, or none, ends it.
void B2bua::hasten_own_invite(CallId id, Call &call, InvitePurpose purpose, Instant now) {
    for (const auto &own : call.own_invites) {
        if (own->purpose != purpose) continue;
        if (!own->client) return end_own_invite(id, call, *own, 487, now);
        own->give_up_at = never;
        timers_.cancel(own->timer);
        static_cast<void>(transactions_.cancel(own->client, {}, now));
        return;
    }
}

Result<void> B2bua::end(DialogId dialog, EndReason reason, Instant now) {
    CallId id;
    Call *call = find_call(dialog, id);
    if (!call || !is_live(dialog)) return Error::not_found;
    if (call->is_ending) return {};
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

} // namespace tandem
