// The name of a transaction: an id that answers not_found once the transaction is over, and never dangles.
#pragma once
#include "base/id.hpp"

namespace tandem {

using TransactionId = Id<struct TransactionTag>;

} // namespace tandem
