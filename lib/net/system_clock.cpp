#include "net/system_clock.hpp"
#include <ctime>

namespace tandem {
namespace {

std::int64_t read_us(clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_nsec / 1000;
}

} // namespace

Instant SystemClock::now() { return Instant{Duration{read_us(CLOCK_MONOTONIC)}}; }

std::int64_t SystemClock::utc_us() { return read_us(CLOCK_REALTIME); }

} // namespace tandem
