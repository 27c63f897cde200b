#include "base/wall_clock.hpp"
#include <cstddef>

namespace tandem {
namespace {

constexpr std::size_t offset_max = 64; // steps of the clock that are remembered
constexpr std::int64_t step_min_us = 100'000;

std::int64_t since_start(Instant at) { return at.time_since_epoch().count(); }

} // namespace

WallClock::WallClock(Instant now, std::int64_t utc_us) : offsets_{{now, utc_us - since_start(now)}} {}

void WallClock::observe(Instant now, std::int64_t utc_us) {
    const std::lock_guard lock(mutex_);
    const std::int64_t us = utc_us - since_start(now);
    const std::int64_t change = us - offsets_.back().us;
    if (change >= step_min_us || change <= -step_min_us) keep(now, us);
}

void WallClock::set(Instant now, std::int64_t utc_us) {
    const std::lock_guard lock(mutex_);
    keep(now, utc_us - since_start(now));
}

void WallClock::keep(Instant since, std::int64_t us) {
    offsets_.push_back({since, us});
    if (offsets_.size() > offset_max) offsets_.pop_front();
}

std::int64_t WallClock::utc_us(Instant at) const {
    const std::lock_guard lock(mutex_);
    for (auto offset = offsets_.rbegin(); offset != offsets_.rend(); ++offset) {
        if (offset->since <= at) return since_start(at) + offset->us;
    }
    return since_start(at) + offsets_.front().us;
}

Instant WallClock::instant(std::int64_t utc_us) const {
    const std::lock_guard lock(mutex_);
    return Instant{Duration{utc_us - offsets_.back().us}};
}

} // namespace tandem
