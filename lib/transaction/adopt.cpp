// INVITE transactions of a process that has died, taken over by the one that has its dialogs.
#include <utility>
#include "transaction/transaction_table.hpp"

namespace tandem {

Result<TransactionId> TransactionTable::adopt_server(Message invite, const Endpoint &source, std::uint64_t owner,
                                                     Instant now) {
    if (!invite || !invite.is_request() || invite.method() != Method::invite || invite.defect_status() != 0) {
        return Error::invalid;
    }
    now_ = now;
    const ServerMatch match = matcher_.server(invite);
    const auto id = add_server(invite, source, match);
    if (!id) return id;
    Transaction &transaction = *transactions_.find(*id);
    transaction.state = TransactionState::proceeding;
    transaction.owner = owner;
    if (invite.to_tag().empty()) {
        transaction.merge_key = matcher_.merge(invite);
        merges_.insert(transaction.merge_key, *id);
    }
    transaction.request = std::move(invite);
    return id;
}

Result<TransactionId> TransactionTable::adopt_client(const ClientRequest &request, Instant now) {
    if (request.method != Method::invite || request.branch.empty() || request.bytes.empty()) return Error::invalid;
    now_ = now;
    const auto id = add_client(request.method, matcher_.client(request.branch), request.to, request.bytes, now);
    if (!id) return id;
    Transaction &transaction = *transactions_.find(*id);
    transaction.state = TransactionState::proceeding;
    transaction.owner = request.owner;
    if (request.to.transport == Transport::tls && !request.host.empty()) transaction.host = SharedBytes(request.host);
    if (!request.call_id.empty()) {
        transaction.repeated = matcher_.repeated(request.call_id, request.from_tag, request.cseq);
    }
    return id;
}

Result<TransactionId> TransactionTable::adopt_refused(const SharedBytes &ack, const Endpoint &to, Instant now) {
    const auto message = Message::parse(ack.view());
    const bool is_ack = message && message->is_request() && message->method() == Method::ack;
    if (!is_ack || message->top_via().branch.empty() || is_reliable(to.transport)) return Error::invalid;
    now_ = now;
    const auto id = add_client(Method::invite, matcher_.client(message->top_via().branch), to, ack, now);
    if (!id) return id;
    Transaction &transaction = *transactions_.find(*id);
    transaction.repeated = matcher_.repeated(message->call_id(), message->from_tag(), message->cseq());
    run(*id, transaction, Input::adopted_refusal, now);
    return id;
}

} // namespace tandem
