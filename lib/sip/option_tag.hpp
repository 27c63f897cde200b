// Option tags: what a sender supports, requires or does not support (RFC 3261 section 19.2).
#pragma once
#include <string_view>
#include "sip/header.hpp"
#include "sip/message.hpp"

namespace tandem {

// Whether one of the header lines of this kind (Supported, Require, Unsupported, ...) names the tag, in any case.
bool has_option(const Message &message, Header header, std::string_view tag);

} // namespace tandem
