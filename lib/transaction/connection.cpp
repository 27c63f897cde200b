// Client transactions by the connection that their responses come over: when it ends, they end.
#include <utility>
#include "transaction/transaction_table.hpp"

namespace tandem {

void TransactionTable::watch_connection(TransactionId id, Transaction &transaction) {
    std::vector<TransactionId> &waiting = connections_[matcher_.peer(transaction.peer)];
    transaction.place = static_cast<std::uint32_t>(waiting.size());
    waiting.push_back(id);
}

// The last one takes the place.
void TransactionTable::forget_connection(Transaction &transaction) {
    if (transaction.place == Transaction::no_place) return;
    const auto entry = connections_.find(matcher_.peer(transaction.peer));
    std::vector<TransactionId> &waiting = entry->second;
    const std::uint32_t place = std::exchange(transaction.place, Transaction::no_place);
    waiting[place] = waiting.back();
    waiting.pop_back();
    if (place < waiting.size()) transactions_.find(waiting[place])->place = place;
    if (waiting.empty()) connections_.erase(entry);
}

void TransactionTable::on_connection_lost(const Endpoint &peer, Instant now) {
    if (!large_acks_.empty()) send_large_acks_by_udp(peer, now);
    const auto entry = connections_.find(matcher_.peer(peer));
    if (entry == connections_.end()) return;
    const std::vector<TransactionId> waiting = std::move(entry->second);
    connections_.erase(entry); // a CANCEL begins a new list
    for (const TransactionId id : waiting) transactions_.find(id)->place = Transaction::no_place;
    for (const TransactionId id : waiting) {
        Transaction &transaction = *transactions_.find(id);
        const bool rings =
            transaction.kind == TransactionKind::invite_client && transaction.state == TransactionState::proceeding;
        if (rings) static_cast<void>(cancel(id, {}, now)); // or it would ring on for nobody
        run(id, transaction, Input::connection_lost, now);
    }
}

} // namespace tandem
