// CANCEL, and its race against the answer: whoever cancelled is told 487 at once, and an answer that comes all the
// same is taken and hung up (RFC 3261 sections 9.2 and 15).
#include <utility>
#include "call/b2bua.hpp"

namespace tandem {

// Goes along with the CANCEL that it causes (RFC 3326).
std::string reason_line(std::string_view reason) {
    return reason.empty() ? std::string() : "Reason: " + std::string(reason) + "\r\n";
}

void B2bua::on_cancel(const TransactionEvent &event, Instant now) {
    const CallId id(event.owner);
    Call *call = find_touched(id);
    InviteExchange *invite = call ? call->find_invite(event.transaction) : nullptr;
    if (call && call->transfer && call->transfer->kind == TransferKind::newcomer &&
        call->transfer->invite == event.transaction) {
        static_cast<void>(feed(event.message, now));
        return fail_transfer(id, *call, 487, now);
    }
    if (!invite || invite->is_answered) return;
    // Known by branch and sent-by (RFC 3261 section 9.2): a caller behind a NAT may come from elsewhere.
    const std::string reason = event.message.values(Header::reason);
    if (invite->is_first) {
        static_cast<void>(feed(event.message, now));
        give_up_first(id, *call, *invite, 487, reason, now);
        return;
    }
    // Inside a call both sides must agree on the session: the asker gets what the other side says in the end.
    static_cast<void>(transactions_.cancel(invite->client, reason_line(reason), now));
}

// Ends the first INVITE before its answer: the caller gets `status`, everybody who rings a CANCEL.
void B2bua::give_up_first(CallId id, Call &call, InviteExchange &invite, std::uint16_t status, std::string_view reason,
                          Instant now) {
    call.is_ending = true;
    end_forwards(call, now);
    end_reliability(id, call, false, now);
    if (!invite.is_answered) {
        invite.is_answered = true;
        if (const Message *request = transactions_.request(invite.server)) {
            const std::string tag = make_token(random_);
            SharedBytes bytes = writer_.response(*request, invite.source, status, {}, tag, nullptr);
            feed_answer(*request, status, tag, {}, now);
            keep_refusal(call.leg(invite.from).dialog, invite.source, bytes);
            static_cast<void>(transactions_.respond(invite.server, status, std::move(bytes), now));
        }
    }
    drop_attempts(call, reason, now);
    call.setup.reset();
    if (std::exchange(invite.held, Message())) { // the callee has answered
        send_ack(call, invite, nullptr, now);
        send_bye(call, call.leg(Side::callee), reason, now);
    }
}

} // namespace tandem
