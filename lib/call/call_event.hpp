// What the host of an engine hears of a call beside its record: things that leave no trace in the dialogs.
#pragma once
#include <cstdint>
#include "base/instant.hpp"
#include "dialog/dialog_id.hpp"
#include "dialog/dialog_state.hpp"

namespace tandem {

enum class CallEventKind : std::uint8_t {
    dtmf, // a key was pressed, told by INFO: `digit`, `duration` if the phone says it
};

struct CallEvent {
    CallEventKind kind = CallEventKind::dtmf;
    DialogId dialog;          // the leg that it came from
    Side side = Side::caller; // whose it is
    char digit = 0;           // 0-9, *, #, A-D, or ! for a hook flash
    Duration duration{};      // zero: not known
};

} // namespace tandem
