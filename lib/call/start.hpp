// A call that a command begins: third-party call control (RFC 3725). Plain state; B2bua changes it (start.cpp,
// start_callee.cpp).
//
// The caller's phone is called first, without a description: it offers, and the callee gets that offer. If he answers,
// or sends early media, while she waits for her ACK, that carries what he said (flow I). If he takes longer, her ACK
// puts her on hold, and a re-INVITE brings her what he says in the end. A caller's phone that wants an offer gets one
// on hold; a callee's phone that does not take what she offers is asked for an offer of its own (flow III).
//
// Until she has answered, the caller's place has a set that no peer knows, so that there is one record from the first:
// her dialog becomes its own then. From then on the callee is the target of a transfer, for whose sake nobody goes.
#pragma once
#include <cstdint>
#include <string>
#include "base/timer_wheel.hpp"
#include "call/session.hpp"
#include "transaction/transaction_id.hpp"

namespace tandem {

struct Start {
    std::string caller; // URIs
    std::string callee;
    bool wants_offer = false; // the caller's phone: it has got one, on hold
    bool is_late = false;     // the callee's phone makes the offer
    bool is_acked = false;    // the caller's 2xx
    TransactionId invite{};   // to the caller; none: she has not answered yet
    std::string to_tag{};     // of her 2xx
    std::uint32_t invite_cseq = 1;
    Session held{};    // what she was offered
    TimerId ack_timer; // when she waits no longer
};

} // namespace tandem
