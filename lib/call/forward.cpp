// Requests inside a call that go to the other side and whose answer comes back: re-INVITE, UPDATE, INFO and such.
#include <algorithm>
#include "call/b2bua.hpp"
#include "call/dtmf.hpp"

namespace tandem {
namespace {

std::uint32_t next_max_forwards(const Message &request) { return request.max_forwards().value_or(70) - 1; }

} // namespace

void B2bua::on_reinvite(CallId id, Call &call, Side from, const TransactionEvent &event, Instant now) {
    // One INVITE at a time: of the same side 500, across each other 491 (RFC 3261 section 14.2); an UPDATE with an
    // offer counts as well (RFC 3311 section 5.2).
    if (const std::uint16_t refusal = call.invite_refusal(from); refusal != 0) {
        reply(event, refusal, {}, refusal == 500 ? retry_after() : std::string(), now);
        return;
    }
    note_methods(call.leg(from), event.message);
    auto made = std::make_unique<InviteExchange>();
    made->from = from;
    made->server = event.transaction;
    made->source = event.source;
    made->server_cseq = event.message.cseq();
    made->has_offer = has_session(event.message);
    const auto sent = send_reinvite(id, call, *made, event.message, now);
    if (!sent) {
        reply(event, sent.error() == Error::full ? 503 : 481, {}, {}, now);
        return;
    }
    if (made->has_offer) call.offer_from = from;
    transactions_.set_owner(event.transaction, id.value());
    static_cast<void>(transactions_.respond(event.transaction, 100,
                                            writer_.response(event.message, event.source, 100, {}, {}, nullptr), now));
    call.invites.push_back(std::move(made));
}

Result<TransactionId> B2bua::send_reinvite(CallId id, Call &call, InviteExchange &invite, const Message &request,
                                           Instant now) {
    Leg &to = call.leg(other(invite.from));
    const std::string lines = timer_lines(to.timer);
    RequestParts parts;
    parts.cseq = tracker_.next_cseq(to.dialog, to.local);
    parts.max_forwards = next_max_forwards(request);
    parts.has_contact = true;
    parts.extra = lines;
    parts.passed = &request;
    const auto session = restated(to, request);
    if (session) parts.session = &*session;
    const auto sent = send(id, to, nullptr, Method::invite, parts, now);
    if (!sent) return sent;
    invite.client = *sent;
    invite.client_cseq = parts.cseq;
    return sent;
}

// `dialog` is the one that the request came in.
void B2bua::forward(CallId id, Call &call, Side from, DialogId dialog, const TransactionEvent &event, Instant now,
                    std::string_view extra) {
    const Message &request = event.message;
    const bool has_offer = request.method() == Method::update && has_session(request);
    if (const std::uint16_t refusal = has_offer ? call.offer_refusal(from) : 0; refusal != 0) {
        reply(event, refusal, {}, refusal == 500 ? retry_after() : std::string(), now);
        return;
    }
    if (call.forwards.size() >= options_.forward_max) {
        reply(event, 500, "Too Many Pending Requests", retry_after(), now);
        return;
    }
    RequestParts parts;
    parts.max_forwards = next_max_forwards(request);
    // Whatever moves the target of its sender (RFC 3261 section 12.2.1.1, RFC 6665 section 8.2.1).
    const Method method = request.method();
    parts.has_contact =
        method == Method::update || method == Method::refer || method == Method::subscribe || method == Method::notify;
    parts.passed = &request;
    const Across across = find_across(call, from, dialog, request);
    std::string lines;
    if (!across.leg) {
        reply(event, 481, {}, {}, now); // it rings without a tag: there is no dialog yet
        return;
    }
    const auto session = restated(*across.leg, request);
    if (session) parts.session = &*session;
    if (method == Method::update && call.is_answered()) lines = timer_lines(across.leg->timer);
    lines.append(extra);
    parts.extra = lines;
    const auto sent = send(id, *across.leg, across.fork, request.method(), parts, now);
    if (!sent) {
        reply(event, sent.error() == Error::full ? 503 : 481, {}, {}, now);
        return;
    }
    if (has_offer) call.offer_from = from;
    transactions_.set_owner(event.transaction, id.value());
    if (const auto dtmf = request.method() == Method::info ? read_dtmf(request) : std::nullopt) {
        CallEvent key;
        key.dialog = dialog;
        key.side = from;
        key.digit = dtmf->digit;
        key.duration = dtmf->duration;
        key.call_id = request.call_id();
        raise(key);
    }
    const DialogId callee_leg = from == Side::callee ? dialog : across.leg->dialog;
    call.forwards.push_back({from, event.transaction, *sent, event.source, has_offer, callee_leg});
}

// As resend_reinvite().
bool B2bua::resend_update(CallId id, Call &call, Forward &forward, const Message &refusal, Instant now) {
    const Message *request = transactions_.request(forward.server);
    Leg &to = call.leg(other(forward.from));
    if (!request || request->method() != Method::update || call.is_ending || !call.is_answered()) return false;
    if (!raise_interval(to.timer, refusal)) return false;
    const std::string lines = timer_lines(to.timer);
    RequestParts parts;
    parts.max_forwards = next_max_forwards(*request);
    parts.has_contact = true;
    parts.extra = lines;
    parts.passed = request;
    const auto session = restated(to, *request);
    if (session) parts.session = &*session;
    const auto sent = send(id, to, nullptr, Method::update, parts, now);
    if (sent) forward.client = *sent;
    return sent.ok();
}

// An offer in an UPDATE was answered.
void B2bua::note_forwarded(Call &call, const Forward &forward, const Message &request, const Message &response) {
    Leg *callee = call.find_leg(forward.callee_leg);
    if (!callee) return; // of an attempt that was given up
    Leg &caller = call.leg(Side::caller);
    const Session offer = session_of(request);
    const Session answer = session_of(response);
    if (forward.from == Side::caller) {
        note_early_sessions(call, caller, *callee, response.to_tag(), offer, answer);
    } else {
        note_early_sessions(call, *callee, caller, request.from_tag(), offer, answer);
    }
}

// The answer of the other side, or a `status` of our own if `response` is null.
void B2bua::pass_forwarded(CallId id, Call &call, Forward &forward, std::uint16_t status, const Message *response,
                           Instant now) {
    if (is_challenge_status(status)) response = nullptr;
    status = without_challenge(status);
    if (status == 422 && response) {
        if (resend_update(id, call, forward, *response, now)) return;
        status = 500; // of the other leg's session timer
        response = nullptr;
    }
    if (const Message *request = transactions_.request(forward.server)) {
        const auto session = response ? restated(call.leg(forward.from), *response) : std::nullopt;
        if (forward.has_offer && response && status < 300) note_forwarded(call, forward, *request, *response);
        std::string lines;
        if (request->method() == Method::update && response && status < 300 && call.is_answered()) {
            take_session_timer(id, call, other(forward.from), *response, now);
            lines = answer_session_timer(id, call, forward.from, *request, now);
        }
        SharedBytes bytes =
            writer_.response(*request, forward.source, status, response ? response->reason_phrase() : "", {}, response,
                             lines, session ? &*session : nullptr);
        feed_answer(*request, status, {}, {}, now);
        static_cast<void>(transactions_.respond(forward.server, status, std::move(bytes), now));
    }
    if (forward.has_offer) call.offer_from.reset();
    std::erase_if(call.forwards, [&](const Forward &kept) { return &kept == &forward; });
}

// Where a request inside the call goes on. Before the answer there may be several forks, of several callees: it stays
// with its own.
B2bua::Across B2bua::find_across(Call &call, Side from, DialogId dialog, const Message &request) {
    if (call.is_answered()) return {&call.leg(other(from)), nullptr};
    const ForkTags *tags =
        from == Side::caller ? call.find_fork_tags(request.to_tag()) : call.find_fork_tags(dialog, request.from_tag());
    if (!tags) return {};
    Leg *leg = from == Side::callee ? &call.leg(Side::caller) : call.find_leg(tags->leg);
    const DialogSet *set = leg ? tracker_.find(leg->dialog) : nullptr;
    const Fork *fork = set ? set->find_fork(from == Side::caller ? tags->callee : tags->ours) : nullptr;
    return fork ? Across{leg, fork} : Across{};
}

} // namespace tandem
