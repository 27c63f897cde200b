// What came from the network finds its transaction, or is answered without one.
#include <utility>
#include "sip/writer.hpp"
#include "transaction/transaction_table.hpp"

namespace tandem {

template <class Predicate>
TransactionId TransactionTable::find_server(const ServerMatch &match, Predicate predicate) const {
    return servers_.find(match.key.index, [&](TransactionId id) {
        const Transaction &transaction = *transactions_.find(id);
        return transaction.key == match.key && predicate(transaction);
    });
}

bool TransactionTable::receive(Message message, const Endpoint &source, Instant now, StrayCancel stray) {
    now_ = now;
    if (message.is_request()) return receive_request(std::move(message), source, stray, now);
    receive_response(std::move(message), source, now);
    return true;
}

bool TransactionTable::receive_request(Message message, const Endpoint &source, StrayCancel stray, Instant now) {
    const Method method = message.method();
    if (message.defect_status() != 0) {
        ++statistics_.malformed;
        if (method != Method::ack) answer(message, source, message.defect_status(), message.defect());
        return true;
    }
    const ServerMatch match = matcher_.server(message);
    if (method == Method::ack) {
        receive_ack(std::move(message), source, match, now);
        return true;
    }

    const TransactionId known = find_server(match, [&](const Transaction &transaction) {
        return transaction.method == method && transaction.to_tag == match.to_tag;
    });
    if (known) {
        ++statistics_.absorbed;
        run(known, *transactions_.find(known), Input::request, now);
    } else if (method == Method::cancel) {
        return receive_cancel(std::move(message), source, match, stray, now);
    } else {
        receive_new(std::move(message), source, match, now);
    }
    return true;
}

void TransactionTable::receive_ack(Message message, const Endpoint &source, const ServerMatch &match, Instant now) {
    const TransactionId known = find_server(match, [&](const Transaction &transaction) {
        return transaction.method == Method::invite && transaction.sent_tag == match.to_tag;
    });
    if (known) {
        // For a refusal. Or for a 2xx, from a client that keeps the INVITE's branch: that one is told.
        if (run(known, *transactions_.find(known), Input::ack, now, message, source) != Action::tell)
            ++statistics_.absorbed;
        return;
    }
    // For a refusal that left no transaction: it carries the tag that was made for it.
    text_.clear();
    matcher_.append_tag(message, text_);
    if (message.to_tag() == text_) {
        ++statistics_.absorbed;
        return;
    }
    events_.push_back({TransactionEventKind::ack, {}, 0, std::move(message), source});
}

bool TransactionTable::receive_cancel(Message message, const Endpoint &source, const ServerMatch &match,
                                      StrayCancel stray, Instant now) {
    const TransactionId target = find_server(match, [&](const Transaction &transaction) {
        return transaction.method != Method::cancel && transaction.to_tag == match.to_tag;
    });
    if (!target) {
        if (stray == StrayCancel::leave) return false;
        ++statistics_.stray_cancels;
        answer(message, source, 481);
        return true;
    }

    // Any transaction that matches makes it a 200 (RFC 3261 section 9.2). It stays, so that a repeated CANCEL gets
    // the same answer when the INVITE is gone; when the table is full the answer stands alone.
    message.mark_received(source);
    const auto id = add_server(message, source, match);
    if (id) {
        Transaction &transaction = *transactions_.find(*id);
        transaction.is_internal = true;
        run(*id, transaction, Input::begin, now);
        std::string tag;
        matcher_.append_tag(message, tag);
        write_response(text_, message, 200, {}, tag);
        transaction.bytes = SharedBytes(text_);
        run(*id, transaction, Input::success, now);
    } else {
        answer(message, source, 200);
    }

    Transaction &invite = *transactions_.find(target);
    if (invite.kind != TransactionKind::invite_server || invite.state != TransactionState::proceeding) return true;
    if (std::exchange(invite.is_cancelled, true)) return true;
    events_.push_back({TransactionEventKind::cancel, target, invite.owner, std::move(message), source});
    return true;
}

void TransactionTable::receive_new(Message message, const Endpoint &source, const ServerMatch &match, Instant now) {
    std::uint64_t merge_key = 0;
    if (message.to_tag().empty()) {
        merge_key = matcher_.merge(message);
        const TransactionId other =
            merges_.find(merge_key, [&](TransactionId id) { return transactions_.find(id)->merge_key == merge_key; });
        if (other) {
            ++statistics_.merged;
            return answer(message, source, 482);
        }
        if (!is_admitted(message, source, match, now)) return;
    }

    message.mark_received(source);
    const auto id = add_server(message, source, match);
    if (!id) {
        ++statistics_.refused_full;
        return refuse(message, source, match, now);
    }
    Transaction &transaction = *transactions_.find(*id);
    transaction.request = message;
    transaction.merge_key = merge_key;
    if (merge_key) merges_.insert(merge_key, *id);
    run(*id, transaction, Input::begin, now, message, source);
}

// Who was refused stays refused when the same request comes again: it may have come before the first copy was answered,
// and a caller who has heard 503 must not be heard of once more.
bool TransactionTable::is_admitted(Message &request, const Endpoint &source, const ServerMatch &match, Instant now) {
    switch (gate_ ? gate_->admit(request, source, now) : Admission::accept) {
    case Admission::accept:
        if (!refused_.contains(match.key.index)) return !is_judged(request, source, now);
        ++statistics_.absorbed;
        refuse(request, source, match, now);
        return false;
    case Admission::refuse:
        ++statistics_.refused_at_gate;
        refuse(request, source, match, now);
        return false;
    case Admission::drop: ++statistics_.dropped_at_gate; return false;
    }
    return true;
}

// True: it was answered.
bool TransactionTable::is_judged(Message &request, const Endpoint &source, Instant now) {
    const GateAnswer answered = gate_ ? gate_->judge(request, source, now) : GateAnswer();
    if (answered.status == 0) return false;
    ++statistics_.refused_at_gate;
    answer(request, source, answered.status, answered.reason, answered.headers);
    return true;
}

// After different times, so that those who are refused together do not come back together; the same request is told the
// same time again.
void TransactionTable::refuse(Message &request, const Endpoint &source, const ServerMatch &match, Instant now) {
    if (!refused_.contains(match.key.index)) refused_.add(match.key.index, now);
    const std::uint64_t seconds = 5 + matcher_.merge(request) % 11;
    answer(request, source, 503, {}, "Retry-After: " + std::to_string(seconds) + "\r\n");
}

// A 2xx that has its ACK already. True if it came before, so that there is nothing else to do.
bool TransactionTable::send_ack_again(const Transaction &transaction, const Message &response) {
    if (input_of_status(response.status()) != Input::success) return false;
    for (const SentAck &ack : *transaction.acks) {
        if (ack.to_tag != response.to_tag()) continue;
        outgoing_.push_back({ack.to, ack.bytes, {}, ack.host});
        if (transaction.state != TransactionState::accepted) return false; // the first of them
        ++statistics_.absorbed;
        ++statistics_.retransmitted;
        return true;
    }
    return false;
}

void TransactionTable::receive_response(Message message, const Endpoint &source, Instant now) {
    const std::uint16_t status = message.status();
    if (message.defect_status() != 0 || status < 100 || status > 699) {
        ++statistics_.malformed;
        return;
    }
    // A second Via means that it was meant for somebody else (RFC 3261 section 8.1.3.3).
    const Method method = message.method();
    const MatchKey key = matcher_.client(message.top_via().branch);
    const TransactionId id =
        message.via_count() > 1 ? TransactionId() : clients_.find(key.index, [&](TransactionId at) {
            const Transaction &transaction = *transactions_.find(at);
            return transaction.key == key && transaction.method == method;
        });
    if (!id) {
        ++statistics_.stray_responses;
        const bool is_answer = method == Method::invite && input_of_status(status) == Input::success;
        if (is_answer && message.via_count() == 1) {
            events_.push_back({TransactionEventKind::stray_answer, {}, 0, std::move(message), source});
        }
        return;
    }

    Transaction &transaction = *transactions_.find(id);
    // Whoever knows the branch could else speak of any dialog.
    if (transaction.repeated != 0 &&
        transaction.repeated != matcher_.repeated(message.call_id(), message.from_tag(), message.cseq())) {
        ++statistics_.stray_responses;
        return;
    }
    if (transaction.acks && send_ack_again(transaction, message)) return;
    const Action action = run(id, transaction, input_of_status(status), now, message, source);
    if (action != Action::tell && action != Action::acknowledge) {
        ++statistics_.absorbed;
    } else if (status < 200 && !transaction.cancel.empty()) {
        run(id, transaction, Input::cancel, now); // it has waited for this provisional response
    }
}

void TransactionTable::answer(Message &request, const Endpoint &source, std::uint16_t status, std::string_view reason,
                              std::string_view extra) {
    request.mark_received(source);
    std::string tag;
    matcher_.append_tag(request, tag);
    write_response(text_, request, status, reason, tag, extra);
    outgoing_.push_back({request.response_target(source), SharedBytes(text_), {}});
}

} // namespace tandem
