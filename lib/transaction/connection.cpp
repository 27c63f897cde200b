// Client transactions by the connection that their responses come over: when it ends, they end.
#include <algorithm>
#include <utility>
#include "transaction/transaction_table.hpp"

namespace tandem {

void TransactionTable::watch_connection(TransactionId id, Transaction &transaction, Instant since) {
    std::vector<Watch> &watches = connections_[matcher_.peer(transaction.peer)];
    transaction.place = static_cast<std::uint32_t>(watches.size());
    watches.push_back({id, since});
}

// The last one takes the place.
void TransactionTable::forget_connection(Transaction &transaction) {
    if (transaction.place == Transaction::no_place) return;
    const auto entry = connections_.find(matcher_.peer(transaction.peer));
    std::vector<Watch> &watches = entry->second;
    const std::uint32_t place = std::exchange(transaction.place, Transaction::no_place);
    watches[place] = watches.back();
    watches.pop_back();
    if (place < watches.size()) transactions_.find(watches[place].transaction)->place = place;
    if (watches.empty()) connections_.erase(entry);
}

void TransactionTable::on_connection_lost(const ConnectionLoss &loss, Instant now) {
    if (!loss.is_made && !large_acks_.empty()) send_large_acks_by_udp(loss.peer, now);
    const auto entry = connections_.find(matcher_.peer(loss.peer));
    if (entry == connections_.end()) return;
    std::vector<Watch> watches = std::move(entry->second);
    connections_.erase(entry); // a CANCEL begins a new list
    const auto later = std::stable_partition(watches.begin(), watches.end(),
                                             [&](const Watch &watch) { return watch.since <= loss.at; });
    for (const Watch &watch : watches) transactions_.find(watch.transaction)->place = Transaction::no_place;
    // The loss is told some time after it was: a request that hunts may be on its way by a new connection.
    for (auto watch = later; watch != watches.end(); ++watch) {
        watch_connection(watch->transaction, *transactions_.find(watch->transaction), watch->since);
    }
    watches.erase(later, watches.end());
    for (const auto &[id, since] : watches) {
        Transaction &transaction = *transactions_.find(id);
        if (!loss.is_made && transaction.by_udp) {
            go_back_to_udp(id, transaction, now);
            continue;
        }
        const bool rings =
            transaction.kind == TransactionKind::invite_client && transaction.state == TransactionState::proceeding;
        if (rings) static_cast<void>(cancel(id, {}, now)); // or it would ring on for nobody
        run(id, transaction, Input::connection_lost, now);
    }
}

} // namespace tandem
