// The command that is at work on a call. Plain state; B2bua changes it (command.cpp).
#pragma once
#include "base/timer_wheel.hpp"
#include "call/command.hpp"
#include "dialog/dialog_state.hpp"

namespace tandem {

struct ActiveCommand {
    CommandId id;
    CommandKind kind = CommandKind::hold;
    Side side = Side::caller; // whose leg its end is told of
    TimerId deadline;
};

} // namespace tandem
