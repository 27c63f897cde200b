// What the host of an engine hears of a call beside its record: things that leave no trace in the dialogs.
//
// The events of a command, in their order, and what the Call API makes of them:
//
// | event             | hold, resume                          | transfer, join                    | start |
// | accepted          | CallHolding, CallUnholding            | Transferring                      | - |
// | answered          | -                                     | -                     | CallerAnswered, Transferring |
// | started           | CallHoldStart, CallUnholdStart        | TransferStart                     | TransferStart |
// | pending, or none  | -                                     | TransferPending, `text` as extra  | the same |
// | succeeded         | CallHoldSuccessful, ..Unhold..        | TransferSuccessful                | CalleeAnswered |
// | failed            | the leg has refused                   | -                                 | - |
// | ended             | from 300 on Error with `text`; Ended  | the same                          | the same |
//
// `started`, `succeeded` and `failed` of hold and resume come for each leg that is asked, with its side.
#pragma once
#include <cstdint>
#include <string>
#include "base/instant.hpp"
#include "call/command.hpp"
#include "dialog/dialog_id.hpp"
#include "dialog/dialog_state.hpp"

namespace tandem {

enum class CallEventKind : std::uint8_t {
    dtmf,              // a key was pressed, told by INFO: `digit`, `duration` if the phone says it
    command_accepted,  // it is at work
    command_answered,  // the caller's phone
    command_started,   // the leg is being asked, or whoever comes into the call is being called
    command_pending,   // whoever is being called has given a provisional `status`
    command_succeeded, // the leg has agreed, or whoever was called is in the call
    command_failed,    // the leg has refused, by `status`
    command_ended, // the last of a command, by `status`: 200, or why it failed; 408 at its deadline, 487 if the call
                   // ended meanwhile
};

struct CallEvent {
    CallEventKind kind = CallEventKind::dtmf;
    DialogId dialog;          // the leg that it came from, or that was asked; of a transfer that of the peer who stays;
                              // of an ended hold, and of a started call, the caller's
    Side side = Side::caller; // whose it is
    char digit = 0;           // 0-9, *, #, A-D, or ! for a hook flash
    Duration duration{};      // zero: not known
    CommandId command{};
    CommandKind command_kind = CommandKind::hold;
    std::uint16_t status = 0;
    std::string call_id{}; // of that leg; empty: there is none yet
    std::string text{}; // pending: the status line that came, at most 256 bytes of any kind; ended: the reason phrase
};

} // namespace tandem
