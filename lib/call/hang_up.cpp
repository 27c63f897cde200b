// The end of a call: BYE is never refused and waits for nothing of the other side.
#include <algorithm>
#include "call/b2bua.hpp"

namespace tandem {

void B2bua::on_bye(CallId id, Call &call, Side from, const TransactionEvent &event, Instant now) {
    const Message &bye = event.message;
    if (call.transfer && call.transfer->from == from && !call.transfer->has_left &&
        is_live(call.leg(other(from)).dialog)) {
        return on_transferor_left(call, event, now);
    }
    reply(event, 200, {}, {}, now);
    for (Side side : {Side::caller, Side::callee}) {
        // Each record says by its own roles who hung up: the peer of this dialog, or we for the other side.
        const Leg &leg = call.leg(side);
        const Side leaver = side == from ? other(leg.local) : leg.local;
        tracker_.set_end_reason(leg.dialog, leaver == Side::caller ? EndReason::caller_bye : EndReason::callee_bye);
    }
    end_pending(id, call, now);
    feed_answer(bye, 200, {}, {}, now);
    hang_up(id, call, bye.values(Header::reason), now);
}

// A refusal of our BYE, a challenge too, means no more than that it came: also from a leg that no call has any more.
void B2bua::on_bye_answered(DialogId dialog, const Message &response, Instant now) {
    const DialogSet *set = tracker_.find(dialog);
    if (!set || response.status() < 300) return;
    const Side local = set->local_side.value_or(Side::caller);
    const std::string_view fork = local == Side::caller ? response.to_tag() : response.from_tag();
    if (set->to_tag() != fork) return; // of one that was not wanted: its set goes on with another one
    tracker_.end(dialog, local == Side::caller ? EndReason::caller_bye : EndReason::callee_bye, now);
}

// Our BYE had its last answer, or none in time.
void B2bua::end_leg(const Leg &leg, Instant now) {
    tracker_.end(leg.dialog, leg.local == Side::caller ? EndReason::caller_bye : EndReason::callee_bye, now);
}

void B2bua::hang_up(CallId id, Call &call, std::string_view reason, Instant now, std::optional<Side> overdue) {
    end_pending(id, call, now);
    for (Side side : {Side::caller, Side::callee}) {
        const DialogSet *set = tracker_.find(call.leg(side).dialog);
        if (!set || set->is_over() || call.leg(side).bye) continue;
        if (!set->has_confirmed_fork()) continue; // its INVITE has been answered or cancelled
        const bool waits =
            side != overdue && std::any_of(call.invites.begin(), call.invites.end(), [side](const auto &invite) {
                return invite->is_first && invite->from == side && invite->waits_for_ack();
            });
        if (!waits) send_bye(call, call.leg(side), reason, now);
    }
}

// Transactions under way end before the call does (RFC 3261 section 15.1.2).
void B2bua::end_pending(CallId id, Call &call, Instant now) {
    if (call.is_ending) return;
    give_up_transfer(call, now);
    give_up_start(call, now);
    call.is_ending = true;
    end_exchanges(id, call, now);
    give_up_own_invites(call, now);
    end_forwards(call, now);
}

void B2bua::end_exchanges(CallId id, Call &call, Instant now) {
    for (const auto &invite : call.invites) {
        if (!invite->is_answered) {
            invite->is_first ? give_up_first(id, call, *invite, 487, {}, now) : give_up_reinvite(call, *invite, now);
        } else if (invite->is_taken && !invite->is_acked) {
            // The other side answered and waits for our ACK, which will not come by itself any more. Towards the
            // asker the 2xx is still sent again: its ACK is what our BYE waits for.
            send_ack(call, *invite, nullptr, now);
        }
    }
}

void B2bua::give_up_reinvite(Call &call, InviteExchange &invite, Instant now) {
    invite.is_answered = true;
    if (const Message *request = transactions_.request(invite.server)) {
        SharedBytes bytes = writer_.response(*request, invite.source, 487, {}, {}, nullptr);
        static_cast<void>(transactions_.respond(invite.server, 487, std::move(bytes), now));
    }
    static_cast<void>(transactions_.cancel(invite.client, {}, now));
    // If it is answered all the same, then perhaps when the dialog that the ACK is written from is gone.
    Leg &asked = call.leg(other(invite.from));
    const DialogSet *set = tracker_.find(asked.dialog);
    if (!set) return;
    const std::string_view to_tag = path_of(*set, asked.local, nullptr).remote_tag;
    const WrittenRequest ack = write_ack(asked, invite.client_cseq, to_tag, nullptr, nullptr);
    if (ack.bytes.empty()) return;
    transactions_.acknowledge_when_answered(invite.client, to_tag, ack.to, ack.bytes, ack.host);
}

void B2bua::end_forwards(Call &call, Instant now) {
    for (const Forward &forward : call.forwards) {
        const Message *request = transactions_.request(forward.server);
        if (!request) continue;
        SharedBytes bytes = writer_.response(*request, forward.source, 487, {}, {}, nullptr);
        static_cast<void>(transactions_.respond(forward.server, 487, std::move(bytes), now));
    }
    call.forwards.clear();
}

void B2bua::send_bye(const Call &call, Leg &leg, std::string_view reason, Instant now) {
    if (leg.bye || !is_live(leg.dialog)) return;
    RequestParts parts;
    parts.reason = reason;
    const auto sent = send(call.id, leg, nullptr, Method::bye, parts, now);
    if (sent) {
        leg.bye = *sent;
    } else {
        tracker_.end(leg.dialog, EndReason::admin, now);
    }
}

} // namespace tandem
