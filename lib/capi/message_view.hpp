// A message of the host as the tracker reads it, checked.
#pragma once
#include <string_view>
#include <tandem/message.h>
#include "dialog/message_view.hpp"

namespace tandem::capi {

constexpr std::size_t source_size_max = 256; // bytes of tandem_leg.source and .trunk

// True if no byte is CR, LF or NUL.
bool is_line(std::string_view text);

// Fails with TANDEM_E_INVALID or TANDEM_E_TOO_LARGE; the view borrows the message's text.
tandem_status read_message(const tandem_message *message, MessageView &view);

} // namespace tandem::capi
