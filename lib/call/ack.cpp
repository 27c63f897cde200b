// ACK for a 2xx: the other side's goes when the asker's came, so that an answer in it passes (RFC 3261 section
// 13.2.2.4); and the 2xx is sent again until then (section 13.3.1.4).
#include <algorithm>
#include "call/b2bua.hpp"

namespace tandem {

void B2bua::on_ack(const TransactionEvent &event, Instant now) {
    const Message &ack = event.message;
    const auto fed = feed(ack, now);
    CallId id;
    Call *call = fed ? find_call(fed->dialog, id) : nullptr;
    if (!call) return;
    const auto found = std::find_if(call->invites.begin(), call->invites.end(), [&](const auto &invite) {
        return invite->from == fed->from && invite->server_cseq == ack.cseq() && invite->waits_for_ack();
    });
    if (found == call->invites.end()) return; // sent again, or for nothing we know
    InviteExchange &invite = **found;
    invite.answer.reset();
    timers_.cancel(invite.timer);
    if (call->is_ending) {
        send_bye(id, *call, invite.from, {}, now); // it waited for this ACK (RFC 3261 section 15)
        return;
    }
    call->offer_from.reset();
    send_ack(id, *call, invite, &ack, now);
}

void B2bua::send_ack(CallId id, Call &call, InviteExchange &invite, const Message *passed, Instant now) {
    const Side asked = other(invite.from);
    Leg &leg = call.leg(asked);
    const DialogSet *set = tracker_.find(leg.dialog);
    if (!set) return;
    const Fork *fork = asked == Side::callee ? set->find_fork(invite.client_to_tag) : nullptr;
    const DialogPath path = path_of(*set, invite.from, fork);
    std::string branch;
    transactions_.append_branch(branch);
    RequestParts parts;
    parts.method = "ACK";
    parts.cseq = invite.client_cseq;
    parts.branch = branch;
    parts.passed = passed;
    const WrittenRequest written = writer_.request(path, leg.peer, parts);
    transactions_.send(written.to, written.bytes);

    MessageView view;
    view.method = Method::ack;
    view.cseq = parts.cseq;
    view.call_id = path.call_id;
    view.from_tag = path.local_tag;
    view.to_tag = path.remote_tag;
    static_cast<void>(tracker_.feed(view, now));

    invite.ack = written.bytes;
    invite.ack_to = written.to;
    timers_.cancel(invite.timer);
    invite.timer =
        timers_.schedule(now + 64 * options_.transactions.t1, {id, invite.server, TimerKind::forget});
}

void B2bua::resend_answer(CallId id, Call &call, InviteExchange &invite, Instant now) {
    if (!invite.waits_for_ack()) return;
    if (now >= invite.resend_until) {
        // What becomes of the call is the tracker's deadline to say; a BYE that waited for the ACK goes now.
        invite.answer.reset();
        if (call.is_ending) send_bye(id, call, invite.from, {}, now);
        return;
    }
    static_cast<void>(transactions_.respond(invite.server, 200, invite.answer, now));
    invite.resend_after = std::min(2 * invite.resend_after, options_.transactions.t2);
    const Instant next = std::min(now + invite.resend_after, invite.resend_until);
    invite.timer = timers_.schedule(next, {id, invite.server, TimerKind::resend});
}

} // namespace tandem
