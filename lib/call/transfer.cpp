// The stages of a transfer, whatever began it; see transfer.hpp. Media: the target is offered what the remaining peer
// said last, the remaining peer what the target answered, and where the answers differ the target hears of it (like
// RFC 3725 flow IV). A description with two directions is offered: who was on hold for the transfer is no longer.
#include "call/transfer.hpp"
#include <algorithm>
#include <utility>
#include "call/b2bua.hpp"
#include "call/header_policy.hpp"

namespace tandem {

// What somebody said, without the hold that he was on.
Session unheld(const Session &session) {
    if (!session.type.empty()) return session;
    const auto text = with_directions(session.body.view(), {});
    return text ? Session{SharedBytes(*text), {}} : session;
}

Leg &B2bua::leg_of(Call &call, const OwnInvite &own) {
    return own.is_to_target && call.transfer ? call.transfer->target : call.leg(own.leg);
}

// The target has answered an INVITE of ours.
void B2bua::on_target_answered(CallId id, Call &call, Attempt &attempt, const Message &answer, Instant now) {
    Transfer &transfer = *call.transfer;
    transfer.invite = attempt.client;
    transfer.to_tag = answer.to_tag();
    transfer.invite_cseq = answer.cseq();
    transfer.answer = session_of(answer);
    // An answer without any is that of the latest 18x (RFC 3261 section 13.2.1).
    const EarlyAnswer *early = attempt.early_answer.get();
    if (!transfer.answer && transfer.offered && early && early->to_tag == answer.to_tag()) {
        transfer.answer = early->session;
    }
    transfer.last_answer = answer;
    timers_.cancel(attempt.ring_timer);
    transfer.target = std::move(attempt.leg);
    note_methods(transfer.target, answer);
    find_hop(transfer.target);
    std::erase_if(call.setup->attempts, [&](const auto &kept) { return kept.get() == &attempt; });
    drop_attempts(call, completed_elsewhere, now);
    call.setup.reset();
    if (transfer.offered) acknowledge_target(call, nullptr, now); // else the ACK carries the answer
    if (!transfer.answer) return fail_transfer(id, call, 488, now);
    if (call.start) return on_callee_answered(id, call, now);
    ask_remaining(id, call, now);
}

void B2bua::acknowledge_target(Call &call, const Session *answer, Instant now) {
    Transfer &transfer = *call.transfer;
    transfer.is_acked = true;
    transfer.target.session = transfer.answer;
    transfer.target.told = answer ? *answer : transfer.offered;
    const WrittenRequest ack = write_ack(transfer.target, transfer.invite_cseq, transfer.to_tag, nullptr, answer);
    if (ack.bytes.empty()) return;
    transactions_.acknowledge(transfer.invite, transfer.to_tag, ack.to, ack.bytes, ack.host);
    feed_ack(transfer.target, transfer.invite_cseq, transfer.to_tag, now);
}

// Offers the remaining leg what the target said.
void B2bua::ask_remaining(CallId id, Call &call, Instant now) {
    OwnInvite own;
    own.leg = other(call.transfer->from);
    own.purpose = InvitePurpose::transfer;
    if (!start_own_invite(id, call, std::move(own), now) && call.transfer) fail_transfer(id, call, 500, now);
}

void B2bua::on_remaining_answered(CallId id, Call &call, std::uint16_t status, Instant now) {
    Transfer &transfer = *call.transfer;
    transfer.is_touched = status < 300;
    if (transfer.failure != 0 || status >= 300) {
        return end_failed_transfer(id, call, transfer.failure != 0 ? transfer.failure : status, now);
    }
    const Session &said = call.leg(other(transfer.from)).session;
    if (transfer.kind == TransferKind::newcomer) {
        const Session answer = said;
        const TransactionId invite = transfer.invite;
        const Endpoint source = transfer.source;
        transfer.target.session = transfer.answer;
        transfer.target.told = answer;
        const Side place = transfer.from;
        complete_transfer(id, call, now);
        return accept_newcomer(call, place, invite, source, answer, now);
    }
    if (transfer.kind == TransferKind::search) {
        if (!transfer.is_acked) acknowledge_target(call, &said, now);
        if (!transfer.offered || is_same_but_origin(said.body.view(), transfer.offered.body.view())) {
            return complete_transfer(id, call, now);
        }
    }
    OwnInvite own;
    own.leg = transfer.from; // whose place it will have
    own.is_to_target = true;
    own.purpose = InvitePurpose::settle;
    if (!start_own_invite(id, call, std::move(own), now) && call.transfer) fail_transfer(id, call, 500, now);
}

void B2bua::on_target_settled(CallId id, Call &call, std::uint16_t status, Instant now) {
    if (status < 300) return complete_transfer(id, call, now);
    fail_transfer(id, call, status, now);
}

// The target takes its place.
void B2bua::complete_transfer(CallId id, Call &call, Instant now) {
    report_transfer(id, call, 200, now);
    Transfer done = std::move(*call.transfer);
    call.transfer.reset();
    end_start(call);
    // What still waits to be asked of the leg that goes, or is about a hold of it, is about nobody any more.
    const auto is_past = [&](const OwnInvite &own) {
        return own.purpose == InvitePurpose::hold || own.leg == done.from;
    };
    give_up_own_invites(call, is_past, now);
    if (call.hold && call.hold->is_changing) end_hold(call, 487);
    call.hold.reset();
    end_forwards(call, now);
    timers_.cancel(call.leg(done.from).timer.timer);
    Leg left = std::exchange(call.leg(done.from), std::move(done.target));
    if (done.last_answer) take_session_timer(id, call, done.from, done.last_answer, now);
    if (!done.is_inner) let_one_count(call, done, now);
    for (Side side : {Side::caller, Side::callee}) {
        // Each record that counts shows the leg that it is joined with.
        const DialogSet *set = tracker_.find(call.leg(other(side)).dialog);
        if (set) tracker_.set_callee_call_id(call.leg(side).dialog, set->view(DialogSet::call_id));
    }
    if (call.command) {
        note_command(call, CallEventKind::command_succeeded, call.command->side, 200);
        end_command(call, 200);
    }
    if (!done.has_left) release(call, std::move(left), done.notify, now);
    if (done.kind != TransferKind::join) return;
    if (Call *lender = find_touched(CallId(done.lender))) {
        lender->is_lent = false;
        hang_up(CallId(done.lender), *lender, {}, now);
    }
}

// Where both who remain were called, by somebody whose records end now, one of them goes on with a record of its own,
// and with the place in the profiles that the lender's has.
void B2bua::let_one_count(Call &call, const Transfer &done, Instant now) {
    for (const Leg &leg : call.legs) {
        const DialogSet *set = tracker_.find(leg.dialog);
        if (set && !set->leg_of) return;
    }
    Leg &leg = call.leg(done.from);
    const auto apart = tracker_.count_apart(leg.dialog, now);
    if (!apart) return;
    leg.dialog = *apart;
    Route places;
    places.profiles = done.places;
    if (reserve(*apart, places, now)) return;
    // The limit has room for one of the two only.
    const Call *lender = calls_.find(CallId(done.lender));
    const DialogId counted = lender ? lender->leg(other(done.lender_side)).dialog : DialogId();
    for (const RouteProfile &place : done.places) {
        leave(counted, place, now);
    }
    static_cast<void>(reserve(*apart, places, now));
}

// It came to nothing, by `status`. While the remaining leg is being asked, what it says is waited for.
void B2bua::fail_transfer(CallId id, Call &call, std::uint16_t status, Instant now) {
    Transfer &transfer = *call.transfer;
    if (transfer.failure != 0) return;
    drop_attempts(call, {}, now);
    call.setup.reset();
    const bool is_asking = std::any_of(call.own_invites.begin(), call.own_invites.end(), [](const auto &own) {
        return own->purpose == InvitePurpose::transfer && own->client;
    });
    if (!is_asking) return end_failed_transfer(id, call, status, now);
    transfer.failure = status;
    drop_target(call, status, now);
}

void B2bua::end_failed_transfer(CallId id, Call &call, std::uint16_t status, Instant now) {
    status = without_challenge(status);
    report_transfer(id, call, status, now);
    if (call.transfer->failure == 0) drop_target(call, status, now);
    const Transfer failed = std::move(*call.transfer);
    call.transfer.reset();
    const Side remaining = other(failed.from);
    end_command_of_transfer(call, status);
    note_start_failure(call, status);
    std::erase_if(call.own_invites, [&](const auto &own) { // those that were not sent yet
        const bool is_of_it = own->purpose == InvitePurpose::transfer || own->purpose == InvitePurpose::settle;
        if (is_of_it) timers_.cancel(own->timer);
        return is_of_it;
    });
    if (failed.has_left) return hang_up(id, call, {}, now);
    for (const RouteProfile &profile : failed.joined) {
        leave(call.leg(Side::caller).dialog, profile, now);
    }
    if (!failed.is_touched) return;
    OwnInvite own;
    own.leg = remaining;
    own.purpose = InvitePurpose::restore;
    static_cast<void>(start_own_invite(id, call, std::move(own), now));
}

// The target is told that nothing comes of it.
void B2bua::drop_target(Call &call, std::uint16_t status, Instant now) {
    Transfer &transfer = *call.transfer;
    give_up_own_invites(
        call, [](const OwnInvite &own) { return own.is_to_target; }, now);
    switch (transfer.kind) {
    case TransferKind::search:
        if (!is_live(transfer.target.dialog)) break;
        if (!transfer.is_acked) acknowledge_target(call, nullptr, now);
        send_bye(call, transfer.target, {}, now);
        break;
    case TransferKind::join: give_back(call, now); break;
    case TransferKind::newcomer: refuse_newcomer(call, status, now); break;
    }
    transfer.target = {};
}

// The target has hung up, or its INVITE is over.
void B2bua::on_target_lost(CallId id, Call &call, Instant now) { fail_transfer(id, call, 480, now); }

// The call ends.
void B2bua::give_up_transfer(Call &call, Instant now) {
    if (call.released) {
        send_bye(call, call.released->leg, {}, now);
        call.released.reset();
    }
    if (!call.transfer) return;
    drop_attempts(call, {}, now);
    call.setup.reset();
    report_transfer(call.id, call, 487, now);
    drop_target(call, 487, now);
    end_command_of_transfer(call, 487);
    call.transfer.reset();
}

// Whoever asked for the transfer has hung up: it goes on without him.
void B2bua::on_transferor_left(Call &call, const TransactionEvent &event, Instant now) {
    Transfer &transfer = *call.transfer;
    const Side from = transfer.from;
    reply(event, 200, {}, {}, now);
    transfer.has_left = true;
    const auto is_his = [from](const OwnInvite &own) { return own.leg == from && !own.is_to_target; };
    give_up_own_invites(call, is_his, now);
    timers_.cancel(call.leg(from).timer.timer);
    call.leg(from).timer.update = {};
    end_exchanges(call.id, call, now);
    end_forwards(call, now);
    std::erase_if(call.invites, [&](const auto &invite) {
        // A 2xx to the remaining side is sent again until its ACK, which goes nowhere else any more.
        if (invite->from != from && invite->waits_for_ack()) return false;
        timers_.cancel(invite->timer);
        return true;
    });
    call.offer_from.reset();
    feed_answer(event.message, 200, {}, {}, now);
    send_own_invites(call.id, call, now);
}

// The leg that gave way: BYE, but for one who still answers the NOTIFY that says so, after that.
void B2bua::release(Call &call, Leg leg, TransactionId notify, Instant now) {
    if (call.released) send_bye(call, call.released->leg, {}, now);
    call.released.reset();
    if (notify && transactions_.state(notify)) {
        call.released = std::make_unique<ReleasedLeg>(ReleasedLeg{std::move(leg), notify});
    } else {
        send_bye(call, leg, {}, now);
    }
}

// A NOTIFY of ours was answered, or was not.
void B2bua::on_notify_answered(Call &call, TransactionId notify, std::uint16_t status, Instant now) {
    if (call.released && call.released->notify == notify) {
        send_bye(call, call.released->leg, {}, now);
        call.released.reset();
    }
    // Whoever knows nothing of it is told nothing more (RFC 6665 section 4.2.2).
    const bool is_gone = status == 481 || status == 408 || status == 489 || status == 405 || status == 501;
    if (!call.transfer || call.transfer->notify != notify) return;
    call.transfer->notify = {};
    if (is_gone) call.transfer->is_reported = false;
}

Result<CommandId> B2bua::transfer(DialogId leg, std::string_view uri, Instant now, Duration deadline) {
    CallId id;
    const auto found = find_quiet_call(leg, id);
    if (!found) return found.error();
    const auto target = parse_refer_to(uri);
    if (!target) return Error::invalid;
    return begin_commanded_transfer(id, **found, leg, CommandKind::transfer, *target, deadline, now);
}

// The peer of `leg` is who stays.
Result<CommandId> B2bua::begin_commanded_transfer(CallId id, Call &call, DialogId leg, CommandKind kind,
                                                  const ReferTo &target, Duration deadline, Instant now) {
    const auto side = call.side_of(leg);
    if (!side || call.first_invite() || call.transfers >= transfer_max) return Error::wrong_state;
    call.transfer = std::make_unique<Transfer>();
    call.transfer->from = other(*side);
    call.transfer->is_known = true;
    const CommandId command = begin_command(id, call, kind, *side, deadline, now);
    note_command(call, CallEventKind::command_accepted, *side);
    note_command(call, CallEventKind::command_started, *side);
    begin_transfer(id, call, target, {}, now);
    return command;
}

// The deadline of the command has passed.
void B2bua::overrule_transfer(CallId id, Call &call, Instant now) {
    if (!call.transfer) return;
    fail_transfer(id, call, 408, now);
    if (call.transfer) hasten_own_invite(id, call, InvitePurpose::transfer, now);
}

} // namespace tandem
