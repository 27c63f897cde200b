// What the user above does: requests, responses, CANCEL, and what needs no transaction.
#include <algorithm>
#include <utility>
#include "transaction/follow_up.hpp"
#include "transaction/transaction_table.hpp"

namespace tandem {

Result<TransactionId> TransactionTable::send_request(const ClientRequest &request, Instant now) {
    // An ACK is no transaction, and a CANCEL comes out of the INVITE's.
    if (request.method == Method::ack || request.method == Method::cancel) return Error::invalid;
    if (request.branch.empty() || request.bytes.empty()) return Error::invalid;

    now_ = now;
    const auto by_tcp = way_by_tcp(request.to, request.bytes.view());
    const auto id = add_client(request.method, matcher_.client(request.branch), by_tcp ? by_tcp->to : request.to,
                               by_tcp ? by_tcp->bytes : request.bytes, now);
    if (!id) return id;
    Transaction &transaction = *transactions_.find(*id);
    if (by_tcp) transaction.by_udp = std::make_unique<Way>(Way{request.to, request.bytes});
    transaction.owner = request.owner;
    if (request.to.transport == Transport::tls && !request.host.empty()) transaction.host = SharedBytes(request.host);
    if (!request.call_id.empty()) {
        transaction.repeated = matcher_.repeated(request.call_id, request.from_tag, request.cseq);
    }
    run(*id, transaction, Input::begin, now);
    return id;
}

Result<void> TransactionTable::cancel(TransactionId invite, std::string_view extra, Instant now) {
    Transaction *transaction = transactions_.find(invite);
    if (!transaction || transaction->kind != TransactionKind::invite_client) return Error::not_found;
    if (transaction->state != TransactionState::calling && transaction->state != TransactionState::proceeding)
        return Error::wrong_state;
    if (transaction->is_cancelled) return {};
    if (!write_cancel(text_, transaction->bytes.view(), extra)) return Error::invalid;

    transaction->is_cancelled = true;
    transaction->cancel = SharedBytes(text_);
    run(invite, *transaction, Input::cancel, now);
    return {};
}

Result<void> TransactionTable::respond(TransactionId server, std::uint16_t status, SharedBytes bytes, Instant now) {
    Transaction *transaction = transactions_.find(server);
    if (!transaction || is_client(transaction->kind)) return Error::not_found;
    if (status < 100 || status > 699 || bytes.empty()) return Error::invalid;

    const Input input = input_of_status(status);
    switch (transaction->state) {
    case TransactionState::trying:
    case TransactionState::proceeding: break;
    case TransactionState::accepted:
        if (input == Input::success) break;
        return Error::wrong_state;
    default: return Error::wrong_state;
    }

    // Without a cookie the ACK is known by the To tag of this response (RFC 3261 section 17.2.3).
    if (transaction->is_old && input != Input::provisional) {
        const auto response = Message::parse(bytes.view());
        if (response) transaction->sent_tag = matcher_.tag(response->to_tag());
    }
    if (input == Input::refusal) forget_merge(server, *transaction);
    transaction->bytes = std::move(bytes);
    run(server, *transaction, input, now);
    return {};
}

void TransactionTable::acknowledge(TransactionId invite, std::string_view to_tag, const Endpoint &to, SharedBytes ack,
                                   SharedBytes host) {
    Way way{to, std::move(ack)};
    if (auto by_tcp = way_by_tcp(to, way.bytes.view())) {
        std::swap(way, *by_tcp);
        keep_large_ack(invite, to_tag, way.to, std::move(*by_tcp));
    }
    outgoing_.push_back({way.to, way.bytes, {}, host});
    acknowledge_when_answered(invite, to_tag, way.to, std::move(way.bytes), std::move(host));
}

void TransactionTable::acknowledge_when_answered(TransactionId invite, std::string_view to_tag, const Endpoint &to,
                                                 SharedBytes ack, SharedBytes host) {
    Transaction *transaction = transactions_.find(invite);
    if (!transaction || transaction->kind != TransactionKind::invite_client) return;
    if (!transaction->acks) transaction->acks = std::make_unique<std::vector<SentAck>>();
    if (transaction->acks->size() >= ack_max) return;
    transaction->acks->push_back({std::string(to_tag), to, std::move(ack), std::move(host)});
}

std::size_t TransactionTable::acknowledged(TransactionId invite) const {
    const Transaction *transaction = transactions_.find(invite);
    return transaction && transaction->acks ? transaction->acks->size() : 0;
}

bool TransactionTable::is_acknowledged(TransactionId invite, std::string_view to_tag) const {
    const Transaction *transaction = transactions_.find(invite);
    if (!transaction || !transaction->acks) return false;
    return std::any_of(transaction->acks->begin(), transaction->acks->end(),
                       [&](const SentAck &ack) { return ack.to_tag == to_tag; });
}

} // namespace tandem
