#include "call/b2bua.hpp"
#include "base/text.hpp"
#include "call/header_policy.hpp"

namespace tandem {
namespace {

bool is_routable(std::string_view uri) {
    const std::string_view scheme = uri.substr(0, uri.find(':'));
    for (std::string_view known : {"sip", "sips", "tel"}) {
        if (equals_ignoring_case(scheme, known)) return true;
    }
    return false;
}

} // namespace

B2bua::B2bua(const EngineOptions &options, TransactionTable &transactions, Tracker &tracker, Router &router,
             Random &random, EngineStatistics &statistics, Instant now)
    : options_(options), transactions_(transactions), tracker_(tracker), router_(router), random_(random),
      statistics_(statistics), calls_(options.call_max), lookups_(options.call_max), event_waits_(options.call_max),
      reservations_(2 * options.call_max), questions_(options.question_max), timers_(now),
      writer_(options.listeners, router),
      loop_hash_(options.loop_hash.value_or(KeyedHash(random))), trunk_clients_(random) {}

void B2bua::on_transaction(const TransactionEvent &event, Instant now) {
    switch (event.kind) {
    case TransactionEventKind::request: on_request(event, now); break;
    case TransactionEventKind::ack: on_ack(event, now); break;
    case TransactionEventKind::cancel: on_cancel(event, now); break;
    case TransactionEventKind::response: on_response(event, now); break;
    case TransactionEventKind::stray_answer: on_stray_answer(event); break;
    case TransactionEventKind::timeout: on_failure(event, 408, now); break;
    case TransactionEventKind::transport_failed: on_failure(event, 503, now); break;
    }
    forget_try(event);
}

void B2bua::take_lookups(std::vector<Lookup> &lookups) {
    lookups.insert(lookups.end(), std::make_move_iterator(wanted_lookups_.begin()),
                   std::make_move_iterator(wanted_lookups_.end()));
    wanted_lookups_.clear();
}

void B2bua::take_bindings(std::vector<BindingRecord> &bindings) {
    bindings.insert(bindings.end(), std::make_move_iterator(changed_bindings_.begin()),
                    std::make_move_iterator(changed_bindings_.end()));
    changed_bindings_.clear();
}

bool B2bua::next_event(CallEvent &event) {
    if (events_.empty()) return false;
    event = events_.front();
    events_.pop();
    return true;
}

void B2bua::raise(const CallEvent &event) {
    if (is_listened()) untold_.push_back(event);
    if (options_.event_max == 0) return;
    // Ends are no more than calls, and nobody would know of a command whose end is lost.
    if (events_.size() >= options_.event_max && event.kind != CallEventKind::command_ended) {
        ++statistics_.events_lost;
    } else {
        events_.push(event);
    }
}

void B2bua::on_request(const TransactionEvent &event, Instant now) {
    const Message &request = event.message;
    if (request.method() == Method::unknown) {
        reply(event, 501, {}, "Allow: " + std::string(allowed_methods()) + "\r\n", now);
    } else if (!request.to_tag().empty()) {
        on_request_inside(event, now);
    } else if (request.method() == Method::invite) {
        start_call(event, now);
    } else {
        on_request_outside(event, now);
    }
}

void B2bua::on_request_outside(const TransactionEvent &event, Instant now) {
    const std::string allow = "Allow: " + std::string(allowed_methods()) + "\r\n";
    switch (event.message.method()) {
    case Method::options:
        // It ends here, so it may come with its last hop (RFC 3261 section 11.2).
        if (refuse_scheme(event, now) || refuse_options(event, now)) return;
        reply(event, 200, {}, allow + "Accept: application/sdp\r\n", now);
        break;
    case Method::register_: on_register(event, now); break;
    case Method::bye:
    case Method::update:
    case Method::info:
    case Method::prack:
    case Method::refer:
    case Method::notify: reply(event, 481, {}, {}, now); break; // they live inside a dialog only
    default: reply(event, 405, {}, allow, now); break;
    }
}

// Of whom the gate has let in (AdmissionGate::judge()).
void B2bua::on_register(const TransactionEvent &event, Instant now) {
    if (!options_.registrar) return reply(event, 403, {}, {}, now);
    if (refuse_scheme(event, now)) return;
    if (options_.asks_registers) return ask_about_register(event, now);
    apply_register(event, arrived_, now);
}

void B2bua::apply_register(const TransactionEvent &event, Instant arrived, Instant now) {
    RegisterAnswer answer = options_.registrar->apply(event.message, event.source, arrived, now);
    changed_bindings_.insert(changed_bindings_.end(), std::make_move_iterator(answer.changes.begin()),
                             std::make_move_iterator(answer.changes.end()));
    reply(event, answer.status, answer.reason, answer.headers, now);
}

void B2bua::on_request_inside(const TransactionEvent &event, Instant now) {
    const Message &request = event.message;
    const Method method = request.method();
    switch (method) {
    case Method::invite:
    case Method::bye:
    case Method::update:
    case Method::info:
    case Method::message:
    case Method::prack:
    case Method::refer:
    case Method::subscribe:
    case Method::notify:
    case Method::publish:
    case Method::options: break;
    default: reply(event, 405, {}, "Allow: " + std::string(allowed_methods()) + "\r\n", now); return;
    }
    const auto fed = feed(request, now);
    if (!fed) {
        const bool is_unknown = fed.error() == Error::no_dialog;
        if (is_unknown && method == Method::bye && was_ended(request, now)) return reply(event, 200, {}, {}, now);
        reply(event, is_unknown ? 481 : 500, is_unknown ? "" : "CSeq Too Low", {}, now);
        return;
    }
    CallId id;
    Call *call = find_call(fed->dialog, id);
    const auto side = call ? call->side_of(fed->dialog) : std::nullopt;
    const bool is_between = call && call->transfer && is_of_transfer(*call, fed->dialog);
    if (is_between && method != Method::bye) {
        refuse_for_now(event, now);
        return;
    }
    if (!side || is_between) {
        // Of no call any more, or of a callee that somebody else was faster than.
        reply(event, method == Method::bye ? 200 : 481, {}, {}, now);
        if (method == Method::bye) feed_answer(request, 200, {}, {}, now);
        return;
    }
    const Side from = *side;
    if (method == Method::prack && fed->is_new) { // also of a fork that did not win
        if (!refuse_to_pass(event, now)) on_prack(id, *call, from, event, now);
        return;
    }
    // Another fork than the one that was answered, or a callee who hangs up before he answers: no word of the call.
    const DialogSet &set = *tracker_.find(fed->dialog);
    const std::string_view fork_tag = fed->from == Side::callee ? request.from_tag() : request.to_tag();
    const bool is_confirmed = set.state == DialogState::confirmed;
    if (is_confirmed ? set.to_tag() != fork_tag : fed->from == Side::callee && method == Method::bye) {
        reply(event, method == Method::bye ? 200 : 481, {}, {}, now);
        if (method == Method::bye) feed_answer(request, 200, {}, {}, now);
        return;
    }
    if (method == Method::bye) {
        on_bye(id, *call, from, event, now);
        return;
    }
    if (!fed->is_new) {
        reply(event, 500, "CSeq Not New", {}, now);
        return;
    }
    if (call->is_ending) {
        reply(event, 481, {}, {}, now);
        return;
    }
    if (refuse_to_pass(event, now)) return;
    if ((method == Method::invite || method == Method::update) && refuse_session_timer(event, now)) return;
    if (is_refresh(request) && call->is_answered()) {
        answer_refresh(id, *call, from, event, now);
        return;
    }
    if (call->is_lent || call->is_calling_caller() || (call->transfer && call->transfer->has_left)) {
        refuse_for_now(event, now);
        return;
    }
    if (method == Method::refer) {
        on_refer(id, *call, from, fed->dialog, event, now);
    } else if (method == Method::invite) {
        on_reinvite(id, *call, from, event, now);
    } else {
        forward(id, *call, from, fed->dialog, event, now);
    }
}

// RFC 3261 section 8.2.2.1.
bool B2bua::refuse_scheme(const TransactionEvent &event, Instant now) {
    if (is_routable(event.message.request_uri())) return false;
    reply(event, 416, {}, {}, now);
    return true;
}

// A target that a transfer has not come to an end with, before or after its answer.
bool B2bua::is_of_transfer(const Call &call, DialogId dialog) {
    return call.transfer->target.dialog == dialog || call.find_attempt(dialog);
}

// There is nobody that it could pass to yet.
void B2bua::refuse_for_now(const TransactionEvent &event, Instant now) {
    const Method method = event.message.method();
    const bool is_offer = method == Method::invite || method == Method::update;
    reply(event, is_offer ? 491 : 500, {}, is_offer ? std::string() : retry_after(), now);
}

// RFC 3261 section 8.2.2.3.
bool B2bua::refuse_options(const TransactionEvent &event, Instant now) {
    const std::string options = unsupported_options(event.message);
    if (options.empty()) return false;
    reply(event, 420, {}, "Unsupported: " + options + "\r\n", now);
    return true;
}

// What would have to pass on and can not (RFC 3261 section 16.3).
bool B2bua::refuse_to_pass(const TransactionEvent &event, Instant now) {
    if (refuse_options(event, now)) return true;
    if (event.message.max_forwards() != 0U) return false;
    reply(event, 483, {}, {}, now);
    return true;
}

void B2bua::on_response(const TransactionEvent &event, Instant now) {
    if (retry_challenged(event, now)) return;
    const Message &response = event.message;
    const CallId id(event.owner);
    Call *call = find_touched(id);
    if (Attempt *attempt = call ? call->find_attempt(event.transaction) : nullptr) {
        on_attempt_response(id, *call, *attempt, response, now);
        return;
    }
    if (InviteExchange *invite = call ? call->find_invite(event.transaction) : nullptr) {
        if (event.is_cancelled) { // and challenged: it will not go again
            static_cast<void>(feed(response, now));
            refuse_invite(id, *call, *invite, 487, nullptr, now);
        } else {
            on_invite_response(id, *call, *invite, response, now);
        }
        send_own_invites(id, *call, now);
        return;
    }
    if (OwnInvite *own = call ? call->find_own_invite(event.transaction) : nullptr) {
        on_own_invite_response(id, *call, *own, response, now);
        return;
    }
    const auto fed = feed(response, now);
    if (fed && response.method() == Method::bye) on_bye_answered(fed->dialog, response, now);
    if (response.method() == Method::invite) {
        // Its answer waits for that of the remaining leg.
        const bool is_known = call && call->transfer && call->transfer->invite == event.transaction &&
                              call->transfer->to_tag == response.to_tag();
        const bool is_callers = call && call->start && call->start->invite == event.transaction &&
                                call->start->to_tag == response.to_tag() && !call->start->is_acked;
        if (is_known || is_callers) return;
        // The call is over, or somebody else was faster, and the callee answers it all the same.
        const bool is_success = response.status() >= 200 && response.status() < 300;
        if (is_success && !transactions_.is_acknowledged(event.transaction, response.to_tag())) {
            drop_fork(response, event.source, event.transaction, id, now);
        }
        return;
    }
    if (!call || response.status() < 200) return;
    if (Forward *forward = call->find_forward(event.transaction)) {
        pass_forwarded(id, *call, *forward, response.status(), &response, now);
        send_own_invites(id, *call, now);
        return;
    }
    if (response.method() == Method::notify) on_notify_answered(*call, event.transaction, response.status(), now);
    for (Side side : {Side::caller, Side::callee}) {
        if (call->leg(side).bye == event.transaction) end_leg(call->leg(side), now);
        if (call->leg(side).timer.update == event.transaction) {
            on_refresh_answered(id, *call, side, response.status(), &response, now);
        }
    }
}

void B2bua::on_failure(const TransactionEvent &event, std::uint16_t status, Instant now) {
    const CallId id(event.owner);
    Call *call = find_touched(id);
    if (!call) return;
    if (Attempt *attempt = call->find_attempt(event.transaction)) {
        const EndReason reason = status == 503 ? EndReason::transport : EndReason::none;
        fail_attempt(id, *call, *attempt, status, nullptr, reason, now);
        return;
    }
    if (InviteExchange *invite = call->find_invite(event.transaction)) {
        if (invite->client != event.transaction) return; // no ACK for a refusal: nothing is left to do
        refuse_invite(id, *call, *invite, status, nullptr, now);
        send_own_invites(id, *call, now);
        return;
    }
    if (OwnInvite *own = call->find_own_invite(event.transaction)) {
        fail_own_invite(id, *call, *own, status, {}, now);
        return;
    }
    if (Forward *forward = call->find_forward(event.transaction)) {
        if (forward->client == event.transaction) pass_forwarded(id, *call, *forward, status, nullptr, now);
        send_own_invites(id, *call, now);
        return;
    }
    on_notify_answered(*call, event.transaction, status, now);
    for (Side side : {Side::caller, Side::callee}) {
        if (call->leg(side).bye == event.transaction) end_leg(call->leg(side), now);
        if (call->leg(side).timer.update == event.transaction) {
            on_refresh_answered(id, *call, side, status, nullptr, now);
        }
    }
}

void B2bua::reply(const TransactionEvent &event, std::uint16_t status, std::string_view reason, std::string_view extra,
                  Instant now) {
    const std::string tag = make_token(random_);
    SharedBytes bytes = writer_.response(event.message, event.source, status, reason, tag, nullptr, extra);
    static_cast<void>(transactions_.respond(event.transaction, status, std::move(bytes), now));
}

Result<Fed> B2bua::feed(const Message &message, Instant now) {
    return tracker_.feed(view_of(message, view_text_), now);
}

void B2bua::feed_answer(const Message &request, std::uint16_t status, std::string_view to_tag, std::string_view reason,
                        Instant now) {
    MessageView view;
    view.method = request.method();
    view.status = status;
    view.cseq = request.cseq();
    view.call_id = request.call_id();
    view.from_tag = request.from_tag();
    view.to_tag = request.to_tag().empty() ? to_tag : request.to_tag();
    view.reason = reason;
    view.is_ours = true;
    static_cast<void>(tracker_.feed(view, now));
}

Call *B2bua::find_call(DialogId dialog, CallId &id) {
    const DialogSet *set = tracker_.find(dialog);
    id = set ? CallId(set->owner) : CallId();
    return find_touched(id);
}

bool B2bua::is_live(DialogId dialog) const {
    const DialogSet *set = tracker_.find(dialog);
    return set && !set->is_over();
}

// After a 491, in steps of 10 ms: 2.1 to 4 seconds for the side that made the Call-ID, up to 2 seconds for the other
// (RFC 3261 section 14.1).
Duration B2bua::glare_wait(const Leg &leg) {
    const bool is_owner = leg.local == Side::caller;
    const auto steps = static_cast<int>(is_owner ? 210 + random_.next() % 191 : random_.next() % 201);
    return std::chrono::milliseconds(10 * steps);
}

std::string B2bua::retry_after() { return "Retry-After: " + std::to_string(random_.next() % 11) + "\r\n"; }

Result<TransactionId> B2bua::send(CallId id, Leg &leg, const Fork *fork, Method method, RequestParts parts,
                                  Instant now) {
    const DialogSet *set = tracker_.find(leg.dialog);
    if (!set || set->is_over()) return Error::no_dialog;
    const DialogPath path = path_of(*set, leg.local, fork);
    std::string branch;
    transactions_.append_branch(branch);
    parts.branch = branch;
    if (method == Method::unknown) return Error::invalid;
    parts.method = to_string(method);
    if (parts.cseq == 0)
        parts.cseq = tracker_.next_cseq(leg.dialog, leg.local, fork ? fork->text.get(Fork::to_tag) : "");
    WrittenRequest written = write_request(leg, path, parts);
    const std::shared_ptr<LegAccount> account = account_for(leg, written.to);
    authorize(account.get(), method, written.bytes);

    MessageView view;
    view.method = method;
    view.cseq = parts.cseq;
    view.call_id = path.call_id;
    view.from_tag = path.local_tag;
    view.to_tag = path.remote_tag;
    const std::string passed_reason = parts.passed ? parts.passed->values(Header::reason) : std::string();
    view.reason = parts.passed ? passed_reason : parts.reason;
    view.is_ours = true;
    const auto sent = transactions_.send_request({method, branch, written.bytes, written.to, id.value(), path.call_id,
                                                  path.local_tag, parts.cseq, written.host.view()},
                                                 now);
    if (sent) static_cast<void>(tracker_.feed(view, now));
    if (sent) note_try(*sent, account, {}, method);
    // With no transaction left the other side hears of the end at least once.
    if (!sent && method == Method::bye) transactions_.acknowledge({}, {}, written.to, written.bytes, written.host);
    return sent;
}

} // namespace tandem
