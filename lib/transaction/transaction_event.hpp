// What the transaction layer tells its user, in the order it happened.
#pragma once
#include <cstdint>
#include "base/endpoint.hpp"
#include "base/shared_bytes.hpp"
#include "sip/message.hpp"
#include "transaction/transaction_id.hpp"

namespace tandem {

enum class TransactionEventKind : std::uint8_t {
    request,          // a new request; `transaction` waits for respond()
    ack,              // an ACK that belongs to a 2xx: it has no transaction (RFC 3261 section 13.2.2.4)
    cancel,           // a CANCEL for the INVITE server transaction `transaction`, which has no final response yet;
                      // the CANCEL is answered already, the user answers the INVITE with 487 (section 9.2)
    response,         // provisional or final, to the client transaction `transaction`; a 2xx to INVITE comes again
                      // for each retransmission and for each fork (RFC 6026 section 7.2)
    stray_answer,     // a 2xx to INVITE that belongs to no client transaction: of one that is over, or that a process
                      // had which died. Whoever has the dialog acknowledges it again (section 13.2.2.4)
    timeout,          // client: no final response in time (Timer B or F, or 64*T1 after CANCEL): read it as 408.
                      // server INVITE: no ACK for a final response other than 2xx (Timer H)
    transport_failed, // client: the request could not be sent, or the connection is gone that its answer would have
                      // come by: read it as 503 (section 8.1.3.1); after a refusal of INVITE: its ACK could not. Both
                      // are over. Server: a response could not be sent; the transaction goes on and still wants its
                      // final response (RFC 6026 section 8.8)
};

struct TransactionEvent {
    TransactionEventKind kind = TransactionEventKind::request;
    TransactionId transaction;
    std::uint64_t owner = 0; // what the user gave with send_request() or set_owner(); 0: none
    Message message;         // request, ACK, CANCEL or response; empty for timeout and transport_failed
    Endpoint source;         // where the message came from
    // Of a challenge (401, 407), so that the request can be sent again with credentials:
    SharedBytes sent{};        // the request; empty: this is no challenge
    Endpoint sent_to{};        // as in ClientRequest
    SharedBytes host{};        // as in ClientRequest
    bool is_cancelled = false; // an INVITE for which CANCEL was asked
};

} // namespace tandem
