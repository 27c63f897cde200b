// Timers by deadline: schedule, cancel and rearm in O(1) for any number of timers, and idle days cost nothing.
// Pure: the owner calls advance() with the present, and sleeps until next_deadline(). The tick is a whole
// millisecond of the Instant; a deadline between two ticks counts as the later one, so nothing fires early.
//
// Level n holds the timers whose tick differs from the present in digit n (of 6 bits) and in no higher one, in the
// bucket of that digit. So every bucket of a level comes before every bucket of the level above, and equal ticks
// always share a bucket, in order of schedule. Ten levels hold any Instant: there is no overflow list.
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <type_traits>
#include "base/id.hpp"
#include "base/instant.hpp"
#include "base/slot_table.hpp"

namespace tandem {

using TimerId = Id<struct TimerTag>;

// 24 bytes and the payload for each timer (memory stays at its high-water mark), 10 KB for the wheel.
template <class Payload>
class TimerWheel {
    static_assert(std::is_trivially_copyable_v<Payload>, "a payload names what has expired, it owns nothing");

public:
    explicit TimerWheel(Instant start) : origin_(std::chrono::floor<Millisecond>(start)) {}

    std::size_t size() const { return timers_.size(); }

    // A deadline that is past counts as the present: it fires at the next advance(). A deadline of `never` is kept
    // and does not fire. The limit belongs to the owner's tables; at 2^32 - 1 timers the answer is the none id.
    TimerId schedule(Instant deadline, Payload payload);

    // So that the next schedule() asks for no memory. Throws bad_alloc, and nothing changes.
    void make_room() { timers_.make_room(); }

    // False if the timer has fired or is cancelled; for the fire function its own timer has fired.
    bool cancel(TimerId id);

    // A new deadline for a pending timer, as if it were cancelled and scheduled now. False as for cancel().
    bool rearm(TimerId id, Instant deadline);

    // Moves the present to `now` (never back) and calls fire(Payload) for every timer due: in order of ticks, and
    // of schedule within one. `fire` may schedule, cancel and rearm: a timer cancelled does not fire; one scheduled
    // or rearmed to `now` or before fires in this same call, after those already due. Returns how many fired.
    template <class Fire>
    std::size_t advance(Instant now, Fire fire);

    // When to call advance() next; none if nothing is pending. The exact earliest tick, or one before it where the
    // timer that was first is cancelled or rearmed: advance() at that instant fires or comes closer, at most ten
    // times for a timer. A time not in the future means now.
    std::optional<Instant> next_deadline() const;

private:
    using Millisecond = std::chrono::milliseconds;
    using Tick = std::uint64_t; // milliseconds since origin_

    static constexpr unsigned digit_bits = 6;
    static constexpr unsigned bucket_count = 1U << digit_bits;
    static constexpr unsigned level_count = 10; // 60 bits; all of Duration spans 2^64 us, less than 2^55 ms
    static constexpr unsigned due = level_count * bucket_count; // the bucket of what fires next
    static constexpr std::uint32_t none = 0xffffffff;

    struct Timer {
        Tick tick;
        Payload payload;
        std::uint32_t previous; // slots in timers_
        std::uint32_t next;
    };
    struct Bucket {
        std::uint32_t first = none;
        std::uint32_t last = none;
        Tick earliest = 0; // no timer in it comes before; exact until the earliest one leaves
    };

    Tick tick_of(std::chrono::time_point<MonotonicClock, Millisecond> time) const {
        return time > origin_ ? static_cast<Tick>((time - origin_).count()) : 0;
    }
    Tick tick_of_deadline(Instant deadline) const { return tick_of(std::chrono::ceil<Millisecond>(deadline)); }
    Instant instant_of(Tick tick) const;

    unsigned bucket_of(Tick tick) const;
    unsigned first_bucket() const; // the earliest one occupied; some timer is pending, none is due
    Tick start_of(unsigned bucket) const;

    void link(std::uint32_t index);
    void unlink(std::uint32_t index);
    void redistribute(unsigned bucket);
    void collect_due(Tick target);

    std::chrono::time_point<MonotonicClock, Millisecond> origin_;
    Tick now_ = 0;
    SlotTable<Timer, TimerTag> timers_{std::numeric_limits<std::uint32_t>::max()};
    std::array<Bucket, due + 1> buckets_;
    std::array<std::uint64_t, level_count> occupied_buckets_{}; // by level, a bit for each bucket
    std::uint32_t occupied_levels_ = 0;
};

template <class Payload>
TimerId TimerWheel<Payload>::schedule(Instant deadline, Payload payload) {
    const auto id = timers_.emplace(Timer{tick_of_deadline(deadline), payload, none, none});
    if (!id) return {};
    link(id->slot());
    return *id;
}

template <class Payload>
bool TimerWheel<Payload>::cancel(TimerId id) {
    if (!timers_.find(id)) return false;
    unlink(id.slot());
    return timers_.erase(id);
}

template <class Payload>
bool TimerWheel<Payload>::rearm(TimerId id, Instant deadline) {
    Timer *timer = timers_.find(id);
    if (!timer) return false;
    unlink(id.slot());
    timer->tick = tick_of_deadline(deadline);
    link(id.slot());
    return true;
}

template <class Payload>
template <class Fire>
std::size_t TimerWheel<Payload>::advance(Instant now, Fire fire) {
    collect_due(tick_of(std::chrono::floor<Millisecond>(now)));
    std::size_t fired = 0;
    for (; buckets_[due].first != none; ++fired) {
        // The timer is gone before its function runs, so that the function finds a wheel in order.
        const std::uint32_t index = buckets_[due].first;
        const Payload payload = timers_.at(index).payload;
        unlink(index);
        timers_.erase(timers_.id_at(index));
        fire(payload);
    }
    return fired;
}

template <class Payload>
std::optional<Instant> TimerWheel<Payload>::next_deadline() const {
    if (buckets_[due].first != none) return instant_of(now_);
    if (occupied_levels_ == 0) return std::nullopt;
    return instant_of(buckets_[first_bucket()].earliest);
}

template <class Payload>
Instant TimerWheel<Payload>::instant_of(Tick tick) const {
    // `never` itself lies between two milliseconds, and the later one is no Instant.
    const auto time = origin_ + Millisecond(static_cast<Millisecond::rep>(tick));
    return time > std::chrono::floor<Millisecond>(never) ? never : Instant(time);
}

template <class Payload>
unsigned TimerWheel<Payload>::bucket_of(Tick tick) const {
    if (tick <= now_) return due;
    const unsigned level = static_cast<unsigned>(std::bit_width(tick ^ now_) - 1) / digit_bits;
    const Tick digit = tick >> (level * digit_bits) & (bucket_count - 1);
    return level * bucket_count + static_cast<unsigned>(digit);
}

template <class Payload>
unsigned TimerWheel<Payload>::first_bucket() const {
    const auto level = static_cast<unsigned>(std::countr_zero(occupied_levels_));
    return level * bucket_count + static_cast<unsigned>(std::countr_zero(occupied_buckets_[level]));
}

template <class Payload>
std::uint64_t TimerWheel<Payload>::start_of(unsigned bucket) const {
    const unsigned shift = bucket / bucket_count * digit_bits;
    const Tick above = now_ >> shift >> digit_bits << digit_bits;
    return (above | bucket % bucket_count) << shift;
}

template <class Payload>
void TimerWheel<Payload>::link(std::uint32_t index) {
    Timer &timer = timers_.at(index);
    const unsigned place = bucket_of(timer.tick);
    Bucket &bucket = buckets_[place];
    timer.previous = bucket.last;
    timer.next = none;
    bucket.earliest = bucket.first == none ? timer.tick : std::min(bucket.earliest, timer.tick);
    (bucket.last == none ? bucket.first : timers_.at(bucket.last).next) = index;
    bucket.last = index;
    if (place == due) return;
    occupied_buckets_[place / bucket_count] |= std::uint64_t{1} << place % bucket_count;
    occupied_levels_ |= 1U << place / bucket_count;
}

template <class Payload>
void TimerWheel<Payload>::unlink(std::uint32_t index) {
    const Timer &timer = timers_.at(index);
    const unsigned place = bucket_of(timer.tick);
    Bucket &bucket = buckets_[place];
    (timer.previous == none ? bucket.first : timers_.at(timer.previous).next) = timer.next;
    (timer.next == none ? bucket.last : timers_.at(timer.next).previous) = timer.previous;
    if (place == due || bucket.first != none) return;
    const unsigned level = place / bucket_count;
    occupied_buckets_[level] &= ~(std::uint64_t{1} << place % bucket_count);
    if (occupied_buckets_[level] == 0) occupied_levels_ &= ~(1U << level);
}

// Empties a bucket that the present has reached into those of lower levels, or into `due`, order kept.
template <class Payload>
void TimerWheel<Payload>::redistribute(unsigned bucket) {
    const unsigned level = bucket / bucket_count;
    std::uint32_t index = buckets_[bucket].first;
    buckets_[bucket] = {};
    occupied_buckets_[level] &= ~(std::uint64_t{1} << bucket % bucket_count);
    if (occupied_buckets_[level] == 0) occupied_levels_ &= ~(1U << level);
    while (index != none) {
        const std::uint32_t next = timers_.at(index).next;
        link(index);
        index = next;
    }
}

// Moves the present to the target, and every timer up to it into `due`, in order. Steps from one occupied bucket to
// the next, never tick by tick. Between two steps nothing but the stepped bucket changes its place: a present that
// passes no occupied bucket shares the same digits with every pending tick as before.
template <class Payload>
void TimerWheel<Payload>::collect_due(Tick target) {
    while (occupied_levels_ != 0) {
        const unsigned bucket = first_bucket();
        if (start_of(bucket) > target) break;
        now_ = std::min(buckets_[bucket].earliest, target);
        redistribute(bucket);
    }
    now_ = std::max(now_, target);
}

} // namespace tandem
