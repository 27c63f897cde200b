// What the answer to a REGISTER of ours says. Private to this folder.
#pragma once
#include <optional>
#include "base/instant.hpp"
#include "sip/message.hpp"
#include "sip/uri.hpp"

namespace tandem {

// How long our binding lives by a 2xx, which lists those of others too (RFC 3261 section 10.2.4). None: ours is not
// among them. Never longer than `asked`: who refreshes too early loses nothing, and an unreadable number (an hour, RFC
// 3261 section 20.19) does no harm.
std::optional<Duration> granted_life(const Message &response, const Uri &contact, Duration asked);

std::optional<Duration> retry_after_of(const Message &response);

// None: there is none that can be read.
std::optional<Duration> min_expires_of(const Message &response);

} // namespace tandem
