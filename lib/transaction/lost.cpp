// Transactions whose user has lost them: no timer of theirs would ever end them.
#include <algorithm>
#include "transaction/transaction_table.hpp"

namespace tandem {
namespace {

// RFC 3261 figures 5 and 7 to 8: from there only the user's answer, or the peer's, leads on.
bool is_waiting_for_user(const Transaction &transaction) {
    switch (transaction.kind) {
    case TransactionKind::invite_client:
    case TransactionKind::invite_server: return transaction.state == TransactionState::proceeding;
    case TransactionKind::non_invite_server:
        return transaction.state == TransactionState::trying || transaction.state == TransactionState::proceeding;
    case TransactionKind::non_invite_client: break; // has timer F
    }
    return false;
}

} // namespace

void TransactionTable::list_waiting(std::uint64_t &cursor, std::size_t max,
                                    std::vector<WaitingTransaction> &waiting) const {
    const std::uint64_t end = std::min<std::uint64_t>(transactions_.slots(), cursor + max);
    for (std::uint64_t slot = cursor; slot < end; ++slot) {
        const TransactionId id = transactions_.id_in(static_cast<std::uint32_t>(slot));
        const Transaction *transaction = id ? transactions_.find(id) : nullptr;
        if (!transaction || transaction->is_internal || !is_waiting_for_user(*transaction)) continue;
        waiting.push_back({id, transaction->owner});
    }
    cursor = end < transactions_.slots() ? end : 0;
}

void TransactionTable::forget(TransactionId lost) {
    if (Transaction *transaction = transactions_.find(lost)) erase(lost, *transaction);
}

} // namespace tandem
