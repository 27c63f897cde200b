// What a machine says is done here: messages out, events up, timers, and the end of a transaction.
#include "transaction/transaction_table.hpp"
#include <algorithm>
#include <iterator>
#include <utility>
#include "base/token.hpp"
#include "transaction/follow_up.hpp"

namespace tandem {
namespace {

Step next_step(TransactionKind kind, TransactionState state, Input input) {
    switch (kind) {
    case TransactionKind::invite_client: return step_invite_client(state, input);
    case TransactionKind::non_invite_client: return step_non_invite_client(state, input);
    case TransactionKind::invite_server: return step_invite_server(state, input);
    case TransactionKind::non_invite_server: return step_non_invite_server(state, input);
    }
    return {state};
}

// Nobody hears of this end: the transaction was kept for what comes late.
bool is_silent(End end) {
    switch (end) {
    case End::d:
    case End::i:
    case End::j:
    case End::k:
    case End::l:
    case End::m: return true;
    default: return false;
    }
}

// Lets go of what the state never sends or shows again.
void release(Transaction &transaction) {
    switch (transaction.state) {
    case TransactionState::completed:
        transaction.request = {};
        transaction.cancel.reset();
        if (transaction.kind == TransactionKind::non_invite_client) transaction.bytes.reset();
        break;
    case TransactionState::accepted:
        transaction.request = {};
        transaction.cancel.reset();
        transaction.bytes.reset();
        break;
    case TransactionState::confirmed: transaction.bytes.reset(); break;
    default: break;
    }
}

} // namespace

TransactionTable::TransactionTable(const TransactionOptions &options, Random &random, Instant now)
    : options_(options), random_(random), matcher_(random), transactions_(options.transaction_max), timers_(now) {}

void TransactionTable::append_branch(std::string &out) {
    out.append("z9hG4bK");
    append_token(random_, out);
}

std::optional<TransactionState> TransactionTable::state(TransactionId id) const {
    const Transaction *transaction = transactions_.find(id);
    if (!transaction) return std::nullopt;
    return transaction->state;
}

const Message *TransactionTable::request(TransactionId server) const {
    const Transaction *transaction = transactions_.find(server);
    return transaction && transaction->request ? &transaction->request : nullptr;
}

SharedBytes TransactionTable::sent(TransactionId client) const {
    const Transaction *transaction = transactions_.find(client);
    const bool is_open = transaction && transaction->kind == TransactionKind::invite_client &&
                         transaction->state <= TransactionState::proceeding;
    return is_open ? transaction->bytes : SharedBytes();
}

SharedBytes TransactionTable::refusal_ack(TransactionId client) const {
    const Transaction *transaction = transactions_.find(client);
    const bool is_refused = transaction && transaction->kind == TransactionKind::invite_client &&
                            transaction->state == TransactionState::completed;
    return is_refused && !is_reliable(transaction->peer.transport) ? transaction->bytes : SharedBytes();
}

bool TransactionTable::set_owner(TransactionId id, std::uint64_t owner) {
    Transaction *transaction = transactions_.find(id);
    if (!transaction) return false;
    transaction->owner = owner;
    return true;
}

Result<TransactionId> TransactionTable::add_server(const Message &request, const Endpoint &source,
                                                   const ServerMatch &match) {
    const auto id = transactions_.emplace();
    if (!id) return id;
    Transaction &transaction = *transactions_.find(*id);
    transaction.method = request.method();
    transaction.kind =
        transaction.method == Method::invite ? TransactionKind::invite_server : TransactionKind::non_invite_server;
    transaction.peer = request.response_target(source);
    transaction.key = match.key;
    transaction.is_old = match.is_old;
    transaction.to_tag = match.to_tag;
    servers_.insert(match.key.index, *id);
    return id;
}

Result<TransactionId> TransactionTable::add_client(Method method, const MatchKey &key, const Endpoint &peer,
                                                   SharedBytes bytes, Instant now) {
    const auto id = transactions_.emplace();
    if (!id) return id;
    Transaction &transaction = *transactions_.find(*id);
    transaction.method = method;
    transaction.kind = method == Method::invite ? TransactionKind::invite_client : TransactionKind::non_invite_client;
    transaction.peer = peer;
    transaction.key = key;
    transaction.bytes = std::move(bytes);
    clients_.insert(key.index, *id);
    if (is_reliable(peer.transport)) watch_connection(*id, transaction, now);
    return id;
}

Action TransactionTable::run(TransactionId id, Transaction &transaction, Input input, Instant now,
                             const Message &message, const Endpoint &source) {
    const Step step = next_step(transaction.kind, transaction.state, input);
    transaction.state = step.next;
    if (step.next >= TransactionState::proceeding) transaction.by_udp.reset();
    if (step.next >= TransactionState::completed) forget_connection(transaction);
    perform(step.action, id, transaction, input, now, message, source);
    if (step.next == TransactionState::terminated || !set_timer(id, transaction, step, now)) {
        erase(id, transaction);
    } else {
        release(transaction);
    }
    return step.action;
}

void TransactionTable::perform(Action action, TransactionId id, Transaction &transaction, Input input, Instant now,
                               const Message &message, const Endpoint &source) {
    switch (action) {
    case Action::nothing: break;
    case Action::send: send_kept(id, transaction, false); break;
    case Action::resend:
        if (!transaction.bytes.empty()) ++statistics_.retransmitted;
        send_kept(id, transaction, true);
        break;
    case Action::tell:
        if (is_client(transaction.kind)) {
            tell(TransactionEventKind::response, id, transaction, message, source, transaction.bytes);
        } else if (input == Input::ack) {
            tell(TransactionEventKind::ack, {}, transaction, message, source);
        } else {
            tell(TransactionEventKind::request, id, transaction, message, source);
        }
        break;
    case Action::acknowledge: {
        const SharedBytes sent = transaction.bytes;
        if (write_ack(text_, transaction.bytes.view(), message)) {
            transaction.bytes = SharedBytes(text_);
            send_kept(id, transaction, false);
        } else {
            transaction.bytes.reset();
        }
        tell(TransactionEventKind::response, id, transaction, message, source, sent);
        break;
    }
    case Action::send_cancel: send_cancel(transaction, now); break;
    case Action::tell_timeout:
        ++statistics_.timeouts;
        tell(TransactionEventKind::timeout, id, transaction);
        break;
    case Action::tell_transport_error: tell(TransactionEventKind::transport_failed, id, transaction); break;
    }
}

void TransactionTable::send_kept(TransactionId id, const Transaction &transaction, bool is_again) {
    // A request that comes again before the first response finds nothing kept.
    if (transaction.bytes.empty()) return;
    outgoing_.push_back({transaction.peer, transaction.bytes, id, transaction.host, is_again});
}

void TransactionTable::send_cancel(Transaction &invite, Instant now) {
    SharedBytes bytes = std::exchange(invite.cancel, {});
    const auto id = add_client(Method::cancel, invite.key, invite.peer, bytes, now);
    if (!id) {
        // Full: one CANCEL without retransmission is better than none.
        outgoing_.push_back({invite.peer, std::move(bytes), {}});
        return;
    }
    Transaction &cancel = *transactions_.find(*id);
    cancel.is_internal = true;
    cancel.host = invite.host;
    run(*id, cancel, Input::begin, now);
}

void TransactionTable::tell(TransactionEventKind kind, TransactionId id, const Transaction &transaction,
                            const Message &message, const Endpoint &source, const SharedBytes &sent) {
    if (transaction.is_internal) return;
    if (kind == TransactionEventKind::request) ++statistics_.requests;
    if (kind == TransactionEventKind::response) ++statistics_.responses;
    const std::uint64_t owner = id ? transaction.owner : 0;
    events_.push_back({kind, id, owner, message, source});
    if (kind != TransactionEventKind::response || (message.status() != 401 && message.status() != 407)) return;
    events_.back().sent = sent;
    events_.back().sent_to = transaction.peer;
    events_.back().host = transaction.host;
    events_.back().is_cancelled = transaction.is_cancelled;
}

// False if the state that was entered is over at once.
bool TransactionTable::set_timer(TransactionId id, Transaction &transaction, const Step &step, Instant now) {
    if (step.resend == Resend::keep && step.end == End::keep) return true;
    const bool reliable = is_reliable(transaction.peer.transport);

    switch (step.resend) {
    case Resend::keep: break;
    case Resend::stop: transaction.resend = Duration::zero(); break;
    case Resend::start: transaction.resend = reliable ? Duration::zero() : options_.t1; break;
    case Resend::twice: transaction.resend *= 2; break;
    case Resend::twice_to_t2: transaction.resend = std::min(2 * transaction.resend, options_.t2); break;
    case Resend::t2: transaction.resend = options_.t2; break;
    }

    if (step.end == End::stop) {
        transaction.end = never;
    } else if (step.end != End::keep) {
        const Duration duration = duration_of(step.end, reliable);
        if (duration == Duration::zero()) return false;
        transaction.end = round_up(now + duration, is_silent(step.end) ? options_.linger_slack : Duration::zero());
    }

    Instant due = transaction.end;
    if (transaction.resend != Duration::zero()) due = std::min(due, now + transaction.resend);
    if (due == never) {
        timers_.cancel(std::exchange(transaction.timer, {}));
    } else if (transaction.timer) {
        timers_.rearm(transaction.timer, due);
    } else {
        transaction.timer = timers_.schedule(due, id);
    }
    return true;
}

Duration TransactionTable::duration_of(End end, bool reliable) const {
    switch (end) {
    case End::keep:
    case End::stop: break;
    case End::b:
    case End::f:
    case End::h:
    case End::l:
    case End::m: return 64 * options_.t1;
    case End::j: return reliable ? Duration::zero() : 64 * options_.t1;
    case End::d: return reliable ? Duration::zero() : options_.timer_d;
    case End::i:
    case End::k: return reliable ? Duration::zero() : options_.t4;
    }
    return Duration::zero();
}

void TransactionTable::on_timer(TransactionId id, Instant now) {
    Transaction *transaction = transactions_.find(id);
    if (!transaction) return;
    transaction->timer = {};
    run(id, *transaction, now >= transaction->end ? Input::end_due : Input::resend_due, now);
}

void TransactionTable::advance(Instant now) {
    now_ = now;
    timers_.advance(now, [this, now](TransactionId id) { on_timer(id, now); });
}

std::optional<Instant> TransactionTable::next_deadline() const { return timers_.next_deadline(); }

void TransactionTable::on_transport_failure(TransactionId id, Instant now) {
    Transaction *transaction = transactions_.find(id);
    if (transaction) run(id, *transaction, Input::transport_error, now);
}

void TransactionTable::on_not_connected(TransactionId id, Instant now) {
    Transaction *transaction = transactions_.find(id);
    if (!transaction) return;
    if (transaction->by_udp) return go_back_to_udp(id, *transaction, now);
    run(id, *transaction, Input::transport_error, now);
}

void TransactionTable::forget_merge(TransactionId id, Transaction &transaction) {
    if (transaction.merge_key) merges_.erase(std::exchange(transaction.merge_key, 0), id);
}

void TransactionTable::erase(TransactionId id, Transaction &transaction) {
    if (transaction.timer) timers_.cancel(transaction.timer);
    forget_connection(transaction);
    (is_client(transaction.kind) ? clients_ : servers_).erase(transaction.key.index, id);
    forget_merge(id, transaction);
    transactions_.erase(id);
}

bool TransactionTable::next_event(TransactionEvent &event) {
    if (events_taken_ == events_.size()) {
        events_.clear();
        events_taken_ = 0;
        return false;
    }
    event = std::move(events_[events_taken_++]);
    return true;
}

void TransactionTable::take_outgoing(std::vector<Outgoing> &outgoing) {
    if (outgoing.empty()) {
        outgoing.swap(outgoing_);
        return;
    }
    std::move(outgoing_.begin(), outgoing_.end(), std::back_inserter(outgoing));
    outgoing_.clear();
}

} // namespace tandem
