// What happens to dialogs, in order. The host drains the queue after each input.
#pragma once
#include <cstdint>
#include "base/method.hpp"
#include "dialog/dialog_id.hpp"
#include "dialog/dialog_state.hpp"

namespace tandem {

enum class DialogEventKind : std::uint8_t {
    created,
    early,     // a fork became early
    confirmed, // a fork was answered
    acked,     // the ACK of the answer was seen
    request,   // a new request inside the dialog
    expired,   // a deadline passed. An early set has ended. A confirmed one waits for its BYE: the host sends BYE
               // to both sides, and the set ends when one is answered or at the next deadline
    ended,     // the set has ended; it stays readable until the changes are drained
};

struct DialogEvent {
    DialogEventKind kind = DialogEventKind::created;
    DialogId dialog;
    Side side = Side::caller;             // request: who sent it
    Method method = Method::unknown;      // request
    EndReason reason = EndReason::none;   // expired, ended
};

} // namespace tandem
