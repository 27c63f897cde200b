// The two requests that only a client INVITE transaction can write, out of the INVITE's own bytes: the ACK for a
// refusal and the CANCEL. Both go the INVITE's way with the INVITE's branch.
#pragma once
#include <string>
#include <string_view>
#include "sip/message.hpp"

namespace tandem {

// RFC 3261 section 17.1.1.3. False, and nothing written, if the INVITE cannot be read.
bool write_ack(std::string &out, std::string_view invite, const Message &refusal);

// RFC 3261 section 9.1. `extra` is whole header lines or empty.
bool write_cancel(std::string &out, std::string_view invite, std::string_view extra);

} // namespace tandem
