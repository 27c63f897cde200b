// Keys that phones send in INFO: application/dtmf-relay ("Signal=5", "Duration=160") and application/dtmf ("5").
#pragma once
#include <optional>
#include "base/instant.hpp"
#include "sip/message.hpp"

namespace tandem {

struct Dtmf {
    char digit = 0;      // 0-9, *, #, A-D, or ! for a hook flash
    Duration duration{}; // zero: not said, or beyond a minute
};

// None: the message carries no key, or one that nobody has.
std::optional<Dtmf> read_dtmf(const Message &info);

} // namespace tandem
