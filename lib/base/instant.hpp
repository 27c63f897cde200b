// Time as an argument: a point of the monotonic clock, and a span. Nothing below the I/O line reads a clock.
#pragma once
#include <chrono>
#include <cstdint>

namespace tandem {

struct MonotonicClock; // a tag: it has no now()

using Duration = std::chrono::microseconds;
using Instant = std::chrono::time_point<MonotonicClock, Duration>;

constexpr Instant at_ms(std::int64_t ms) { return Instant{std::chrono::milliseconds{ms}}; }
constexpr std::int64_t to_ms(Duration span) { return span.count() / 1000; }

// "Never": later than every instant a clock can give, and safe to compare and to take the minimum of.
constexpr Instant never = Instant::max();

// The next instant that is a multiple of `step`, or `at` itself; a step of zero changes nothing.
constexpr Instant round_up(Instant at, Duration step) {
    if (step == Duration::zero() || at > never - step) return at;
    const Duration rest = at.time_since_epoch() % step;
    return rest == Duration::zero() ? at : at + (step - rest);
}

} // namespace tandem
