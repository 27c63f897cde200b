// Re-INVITEs of our own: one at a time in a call, when no other offer is under way; 491 is tried again (RFC 3261
// section 14.1), 408 and 481 mean that the dialog is gone (section 12.2.1.2).
#include "call/own_invite.hpp"
#include <algorithm>
#include "base/text.hpp"
#include "call/b2bua.hpp"
#include "call/header_policy.hpp"

namespace tandem {
namespace {

// What a transfer that has failed asked is asked no more.
bool may_go_again(const Call &call, const OwnInvite &own) {
    return own.purpose != InvitePurpose::transfer || call.transfer->failure == 0;
}

} // namespace

Result<void> B2bua::start_own_invite(CallId id, Call &call, OwnInvite invite, Instant now) {
    if (call.is_ending || !is_live(leg_of(call, invite).dialog)) return Error::wrong_state;
    if (call.own_invites.size() >= own_invite_max) return Error::full;
    auto own = std::make_unique<OwnInvite>(std::move(invite));
    own->due = now;
    own->give_up_at = now + 64 * options_.transactions.t1;
    schedule_own_invite(id, *own, now);
    call.own_invites.push_back(std::move(own));
    send_own_invites(id, call, now);
    return {};
}

// Sends the next one that is due, unless another offer is under way: whatever ends that comes here again.
void B2bua::send_own_invites(CallId id, Call &call, Instant now) {
    if (call.own_invites.empty() || call.is_ending || call.pending_invite() || call.offer_from) return;
    if (call.pending_own_invite()) return;
    const auto found = std::find_if(call.own_invites.begin(), call.own_invites.end(),
                                    [&](const auto &own) { return own->due <= now; });
    if (found == call.own_invites.end()) return;
    OwnInvite &own = **found;
    Leg &leg = leg_of(call, own);
    renew_offer(call, own);
    own.cseq = tracker_.next_cseq(leg.dialog, leg.local);
    const std::string headers = timer_lines(leg.timer) + "Allow: " + std::string(allowed_methods()) + "\r\n";
    RequestParts parts;
    parts.cseq = own.cseq;
    parts.has_contact = true;
    parts.extra = headers;
    parts.session = &own.offer;
    const auto sent = send(id, leg, nullptr, Method::invite, parts, now);
    if (!sent) return end_own_invite(id, call, own, sent.error() == Error::full ? 503 : 481, now);
    own.client = *sent;
    own.give_up_at = now + 64 * options_.transactions.t1;
    schedule_own_invite(id, own, now);
}

void B2bua::on_own_invite_response(CallId id, Call &call, OwnInvite &own, const Message &response, Instant now) {
    static_cast<void>(feed(response, now));
    const std::uint16_t status = response.status();
    if (status < 200) return;
    if (status == 422 && may_go_again(call, own) && raise_interval(leg_of(call, own).timer, response)) {
        own.client = {};
        own.due = now;
        return send_own_invites(id, call, now);
    }
    if (status >= 300) return fail_own_invite(id, call, own, status, response.value(Header::retry_after), now);

    Leg &leg = leg_of(call, own);
    note_methods(leg, response);
    if (own.is_to_target) {
        call.transfer->last_answer = response; // its session timer starts when it has its place
    } else {
        take_session_timer(id, call, own.leg, response, now);
    }
    own.to_tag = response.to_tag();
    Session said = session_of(response);
    // Without an offer of ours his 2xx makes one, and what he was told before answers it.
    acknowledge_own_invite(call, own, !own.offer && said ? &leg.told : nullptr, now);
    if (said) {
        if (own.offer) leg.told = own.offer;
        leg.session = std::move(said);
    }
    end_own_invite(id, call, own, status, now);
}

void B2bua::acknowledge_own_invite(Call &call, const OwnInvite &own, const Session *answer, Instant now) {
    Leg &leg = leg_of(call, own);
    const WrittenRequest ack = write_ack(leg, own.cseq, own.to_tag, nullptr, answer);
    if (ack.bytes.empty()) return;
    transactions_.acknowledge(own.client, own.to_tag, ack.to, ack.bytes, ack.host);
    feed_ack(leg, own.cseq, own.to_tag, now);
}

void B2bua::fail_own_invite(CallId id, Call &call, OwnInvite &own, std::uint16_t status, std::string_view retry_after,
                            Instant now) {
    Duration wait{};
    if (status == 491) {
        wait = glare_wait(leg_of(call, own));
    } else if (status == 500) {
        // The peer is busy with an INVITE that we know nothing of any more (section 14.2).
        const auto seconds = parse_number(trim(retry_after.substr(0, retry_after.find_first_of(";("))));
        if (seconds && *seconds <= 10) wait = std::chrono::seconds(*seconds + 1);
    }
    const bool may_retry = (status == 491 || wait.count() > 0) && may_go_again(call, own);
    if (!may_retry || own.tries >= own_invite_tries) return end_own_invite(id, call, own, status, now);
    ++own.tries;
    own.client = {};
    own.due = now + wait;
    own.give_up_at = own.due + 64 * options_.transactions.t1;
    schedule_own_invite(id, own, now);
    send_own_invites(id, call, now);
}

// It is over, by a final `status`: its owner hears of it, and the next one may go.
void B2bua::end_own_invite(CallId id, Call &call, OwnInvite &own, std::uint16_t status, Instant now) {
    timers_.cancel(own.timer);
    const auto found = std::find_if(call.own_invites.begin(), call.own_invites.end(),
                                    [&](const auto &kept) { return kept.get() == &own; });
    const std::unique_ptr<OwnInvite> ended = std::move(*found);
    call.own_invites.erase(found);
    const bool is_gone = status == 408 || status == 481;
    if (is_gone && ended->purpose == InvitePurpose::session_timer) return expire_session(id, call, now);
    if (is_gone && !ended->is_to_target) return lose_leg(id, call, ended->leg, now);
    on_own_invite_over(id, call, *ended, status, now);
    send_own_invites(id, call, now);
}

// The peer knows nothing of this dialog, or is gone: so the call is over.
void B2bua::lose_leg(CallId id, Call &call, Side side, Instant now) {
    if (call.is_ending) return;
    for (Side each : {side, other(side)}) tracker_.set_end_reason(call.leg(each).dialog, EndReason::probe);
    hang_up(id, call, {}, now);
}

void B2bua::schedule_own_invite(CallId id, OwnInvite &own, Instant now) {
    timers_.cancel(own.timer);
    const bool waits_to_be_due = !own.client && own.due > now;
    own.timer =
        timers_.schedule(waits_to_be_due ? own.due : own.give_up_at, {.call = id, .kind = TimerKind::own_invite});
}

void B2bua::on_own_invite_timer(CallId id, Call &call, Instant now) {
    const auto late = std::find_if(call.own_invites.begin(), call.own_invites.end(),
                                   [&](const auto &own) { return own->give_up_at <= now; });
    if (late != call.own_invites.end()) {
        OwnInvite &own = **late;
        if (!own.client) return end_own_invite(id, call, own, 491, now);
        // It rings, and nobody is there to wait. The answer to the CANCEL, or none, ends it.
        own.give_up_at = never;
        static_cast<void>(transactions_.cancel(own.client, {}, now));
        return;
    }
    for (const auto &own : call.own_invites) {
        if (!own->client && own->due <= now) schedule_own_invite(id, *own, now);
    }
    send_own_invites(id, call, now);
}

// What is under way is cancelled, and acknowledged should it be answered all the same. Nobody hears of it.
void B2bua::give_up_own_invite(Call &call, OwnInvite &own, Instant now) {
    timers_.cancel(own.timer);
    if (!own.client) return;
    static_cast<void>(transactions_.cancel(own.client, {}, now));
    Leg &leg = leg_of(call, own);
    const DialogSet *set = tracker_.find(leg.dialog);
    if (!set) return;
    const std::string to_tag(path_of(*set, leg.local, nullptr).remote_tag);
    const WrittenRequest ack = write_ack(leg, own.cseq, to_tag, nullptr, nullptr);
    if (!ack.bytes.empty()) transactions_.acknowledge_when_answered(own.client, to_tag, ack.to, ack.bytes, ack.host);
}

void B2bua::give_up_own_invites(Call &call, Instant now) {
    give_up_own_invites(
        call, [](const OwnInvite &) { return true; }, now);
    if (call.hold && call.hold->is_changing) end_hold(call, 487);
}

// While it waited the peers may have agreed on something else.
void B2bua::renew_offer(Call &call, OwnInvite &own) {
    switch (own.purpose) {
    case InvitePurpose::session_timer:
    case InvitePurpose::refresh: own.offer = call.leg(own.leg).told; break;
    case InvitePurpose::hold: own.offer = session_to_hold(call, own.leg); break;
    case InvitePurpose::transfer: own.offer = call.transfer->answer; break;
    case InvitePurpose::settle: own.offer = call.leg(other(own.leg)).session; break;
    case InvitePurpose::restore:
        own.offer = call.hold ? session_to_hold(call, own.leg) : unheld(call.leg(other(own.leg)).session);
        break;
    }
    own.offer = as_of_leg(leg_of(call, own), own.offer);
}

void B2bua::on_own_invite_over(CallId id, Call &call, const OwnInvite &own, std::uint16_t status, Instant now) {
    switch (own.purpose) {
    case InvitePurpose::session_timer:
        if (status >= 300 && !call.is_ending) on_refresh_refused(id, call, own.leg, status, now);
        break;
    case InvitePurpose::refresh: // a refusal leaves the session as it was (section 14.1)
    case InvitePurpose::restore: break;
    case InvitePurpose::transfer:
        if (call.transfer) on_remaining_answered(id, call, status, now);
        break;
    case InvitePurpose::settle:
        if (call.transfer) on_target_settled(id, call, status, now);
        break;
    case InvitePurpose::hold:
        if (call.hold && call.hold->is_changing) on_hold_answered(id, call, own.leg, status, now);
        break;
    }
}

Result<void> B2bua::refresh(DialogId dialog, Instant now) {
    CallId id;
    Call *call = find_call(dialog, id);
    const auto side = call ? call->side_of(dialog) : std::nullopt;
    if (!side) return Error::not_found;
    const DialogSet &set = *tracker_.find(dialog);
    if (set.state != DialogState::confirmed || call->leg(*side).dialog != dialog) return Error::wrong_state;
    OwnInvite own;
    own.leg = *side;
    own.purpose = InvitePurpose::refresh;
    return start_own_invite(id, *call, std::move(own), now);
}

} // namespace tandem
