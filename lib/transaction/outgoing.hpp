// One message on its way out: bytes, where to, and who wants to hear if it cannot leave.
#pragma once
#include "base/endpoint.hpp"
#include "base/shared_bytes.hpp"
#include "transaction/transaction_id.hpp"

namespace tandem {

struct Outgoing {
    Endpoint to;
    SharedBytes bytes;
    TransactionId transaction; // none: nobody asks
    SharedBytes host{};        // TLS: the name that the peer must prove; empty: its address will do
    bool is_again = false;     // a retransmission: it may be left out while the first one has not left
};

} // namespace tandem
