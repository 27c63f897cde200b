// One side of a call: a dialog, and where its requests go.
#pragma once
#include "base/endpoint.hpp"
#include "dialog/dialog_id.hpp"
#include "dialog/dialog_state.hpp"
#include "transaction/transaction_id.hpp"

namespace tandem {

struct Leg {
    DialogId dialog;
    Endpoint peer; // next hop of the INVITE: in-dialog requests go there if their own target names no address
    Side local = Side::callee; // what we are in this dialog, whatever its place in the call
    TransactionId bye{};       // ours, once it was sent
};

} // namespace tandem
