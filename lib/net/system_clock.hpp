// The two clocks of the machine. Read once per wake-up and handed down: below the I/O line time is an argument.
#pragma once
#include <cstdint>
#include "base/instant.hpp"

namespace tandem {

class SystemClock {
public:
    static Instant now();         // CLOCK_MONOTONIC
    static std::int64_t utc_us(); // CLOCK_REALTIME, microseconds since 1970
};

} // namespace tandem
