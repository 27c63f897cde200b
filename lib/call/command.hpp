// What the host asks of a call while it is up. What comes of it comes as events (call_event.hpp) with the command's id.
#pragma once
#include <cstdint>
#include "base/id.hpp"

namespace tandem {

using CommandId = Id<struct CommandTag>;

enum class CommandKind : std::uint8_t { hold, resume, transfer };

} // namespace tandem
