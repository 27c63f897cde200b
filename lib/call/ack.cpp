// ACK for a 2xx: the other side's goes when the asker's came, so that an answer in it passes (RFC 3261 section
// 13.2.2.4); and the 2xx is sent again until then (section 13.3.1.4).
#include <algorithm>
#include <optional>
#include "call/b2bua.hpp"

namespace tandem {

void B2bua::on_ack(const TransactionEvent &event, Instant now) {
    const Message &ack = event.message;
    const auto fed = feed(ack, now);
    CallId id;
    Call *call = fed ? find_call(fed->dialog, id) : nullptr;
    if (!call) return;
    const auto from = call->side_of(fed->dialog);
    const auto found = std::find_if(call->invites.begin(), call->invites.end(), [&](const auto &invite) {
        return invite->from == from && invite->server_cseq == ack.cseq() && invite->waits_for_ack();
    });
    if (found == call->invites.end()) return; // sent again, or for nothing we know
    InviteExchange &invite = **found;
    if (call->is_ending) {
        const Side asker = invite.from;
        forget_invite(*call, invite);
        send_bye(*call, call->leg(asker), {}, now); // it waited for this ACK (RFC 3261 section 15)
        return;
    }
    if (!invite.has_offer && !invite.is_settled) { // it carried the answer
        call->offer_from.reset();
        note_sessions(call->leg(other(*from)), call->leg(*from), invite.offer, session_of(ack));
    }
    if (!invite.is_acked) send_ack(*call, invite, &ack, now);
    forget_invite(*call, invite);
    send_own_invites(id, *call, now);
}

// Empty if the dialog is gone.
WrittenRequest B2bua::write_ack(Leg &leg, std::uint32_t cseq, std::string_view to_tag, const Message *passed,
                                const Session *session) {
    const DialogSet *set = tracker_.find(leg.dialog);
    if (!set) return {};
    const Fork *fork = leg.local == Side::caller ? set->find_fork(to_tag) : nullptr;
    std::string branch;
    transactions_.append_branch(branch);
    RequestParts parts;
    parts.method = "ACK";
    parts.cseq = cseq;
    parts.branch = branch;
    parts.passed = passed;
    parts.session = session;
    WrittenRequest ack = write_request(leg, path_of(*set, leg.local, fork), parts);
    repeat_credentials(leg, ack);
    return ack;
}

void B2bua::send_ack(Call &call, InviteExchange &invite, const Message *passed, Instant now) {
    invite.is_acked = true;
    Leg &leg = call.leg(other(invite.from));
    const auto session = passed ? restated(leg, *passed) : std::nullopt;
    leg.told_in_ack = passed && !invite.has_offer && has_session(*passed) ? invite.client_cseq : 0;
    const WrittenRequest ack =
        write_ack(leg, invite.client_cseq, invite.client_to_tag, passed, session ? &*session : nullptr);
    if (ack.bytes.empty()) return;
    transactions_.acknowledge(invite.client, invite.client_to_tag, ack.to, ack.bytes, ack.host);
    feed_ack(leg, invite.client_cseq, invite.client_to_tag, now);
}

void B2bua::feed_ack(const Leg &leg, std::uint32_t cseq, std::string_view to_tag, Instant now) {
    const DialogPath path = path_of(*tracker_.find(leg.dialog), leg.local, nullptr);
    MessageView view;
    view.method = Method::ack;
    view.cseq = cseq;
    view.call_id = path.call_id;
    view.from_tag = path.local_tag;
    view.to_tag = to_tag;
    view.is_ours = true;
    static_cast<void>(tracker_.feed(view, now));
}

void B2bua::resend_answer(CallId id, Call &call, InviteExchange &invite, Instant now) {
    if (!invite.waits_for_ack()) return;
    if (now >= invite.resend_until) {
        const Side asker = invite.from;
        invite.answer.reset();
        if (call.is_ending) { // the BYE that waited for the ACK goes now
            send_bye(call, call.leg(asker), {}, now);
        } else if (!invite.is_first) { // of the first one the tracker's deadline knows
            for (Side side : {Side::caller, Side::callee}) {
                tracker_.set_end_reason(call.leg(side).dialog, EndReason::no_ack);
            }
            hang_up(id, call, {}, now, asker);
        }
        return;
    }
    static_cast<void>(transactions_.respond(invite.server, 200, invite.answer, now));
    invite.resend_after = std::min(2 * invite.resend_after, options_.transactions.t2);
    const Instant next = std::min(now + invite.resend_after, invite.resend_until);
    invite.timer = timers_.schedule(next, {.call = id, .invite = invite.server, .kind = TimerKind::resend});
}

// A 2xx without a transaction: that has died with the process which sent the INVITE, or its time is over. In a call
// that is up its ACK was lost, or the INVITE was one whose sender has to ask again.
void B2bua::on_stray_answer(const TransactionEvent &event) {
    const Message &answer = event.message;
    const DialogId dialog = tracker_.find(answer.call_id(), answer.from_tag(), answer.to_tag());
    CallId id;
    Call *call = find_call(dialog, id);
    const auto side = call ? call->side_of(dialog) : std::nullopt;
    const DialogSet *set = tracker_.find(dialog);
    if (!side || set->state != DialogState::confirmed) return;
    const bool is_awaited = std::any_of(call->invites.begin(), call->invites.end(), [&](const auto &invite) {
        return invite->from != *side && invite->client_cseq == answer.cseq() && !invite->is_acked;
    });
    if (is_awaited) return; // it goes with that of the asker
    Leg &leg = call->leg(*side);
    std::optional<Session> told;
    if (leg.told_in_ack == answer.cseq() && leg.told) told = leg.origin ? as_of_leg(leg, leg.told) : leg.told;
    const WrittenRequest ack = write_ack(leg, answer.cseq(), answer.to_tag(), nullptr, told ? &*told : nullptr);
    if (!ack.bytes.empty()) transactions_.acknowledge({}, answer.to_tag(), ack.to, ack.bytes, ack.host);
}

} // namespace tandem
