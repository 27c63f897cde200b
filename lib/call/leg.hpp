// One side of a call: a dialog, and where its requests go.
#pragma once
#include <cstdint>
#include <memory>
#include "base/endpoint.hpp"
#include "base/method.hpp"
#include "call/sdp_edit.hpp"
#include "call/session.hpp"
#include "call/session_timer.hpp"
#include "dialog/dialog_id.hpp"
#include "dialog/dialog_state.hpp"
#include "transaction/transaction_id.hpp"

namespace tandem {

constexpr std::uint16_t mask_of(Method method) {
    return static_cast<std::uint16_t>(1U << static_cast<unsigned>(method));
}

// What stands in the o= line of all that the leg is told from now on.
struct LegOrigin {
    Origin origin;
    Session last; // what the present version stands for
};

struct Leg {
    DialogId dialog;
    Endpoint peer; // next hop of the INVITE: in-dialog requests go there if their own target names no address
    Side local = Side::callee;           // what we are in this dialog, whatever its place in the call
    std::uint16_t allowed = 0;           // methods that the peer takes, as its Allow says; 0: it has not said
    TransactionId bye{};                 // ours, once it was sent
    Session session{};                   // what the peer said last, and
    Session told{};                      // what it was told, of the offer and answer that are in force
    std::unique_ptr<LegOrigin> origin{}; // none: it was told nothing but what the other peer said
    SessionTimer timer{};

    bool may_send(Method method) const { return allowed == 0 || (allowed & mask_of(method)) != 0; }
};

} // namespace tandem
