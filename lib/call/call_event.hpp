// What the host of an engine hears of a call beside its record: things that leave no trace in the dialogs.
#pragma once
#include <cstdint>
#include "base/instant.hpp"
#include "call/command.hpp"
#include "dialog/dialog_id.hpp"
#include "dialog/dialog_state.hpp"

namespace tandem {

enum class CallEventKind : std::uint8_t {
    dtmf,              // a key was pressed, told by INFO: `digit`, `duration` if the phone says it
    command_started,   // the leg is being asked
    command_succeeded, // it agreed
    command_failed,    // it refused, by `status`
    command_ended, // `status`: 200, or why it came to nothing; 487 if the call ended meanwhile. The last of a command
};

struct CallEvent {
    CallEventKind kind = CallEventKind::dtmf;
    DialogId dialog;          // the leg that it came from, or that was asked; of an ended command the caller's
    Side side = Side::caller; // whose it is
    char digit = 0;           // 0-9, *, #, A-D, or ! for a hook flash
    Duration duration{};      // zero: not known
    CommandId command{};
    CommandKind command_kind = CommandKind::hold;
    std::uint16_t status = 0;
};

} // namespace tandem
