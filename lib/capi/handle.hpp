// What stands behind tandem_tracker.
#pragma once
#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <tandem/event.h>
#include <tandem/tracker.h>
#include "base/random.hpp"
#include "base/wall_clock.hpp"
#include "capi/cluster_port.hpp"
#include "dialog/sharded_tracker.hpp"

namespace tandem::capi {

// The operating system's randomness, for the keys of hashes and for ids; used while a tracker is made.
class HostRandom final : public Random {
public:
    std::uint64_t next() override; // throws std::system_error
};

// An ended set whose ENDED was given: its CDR comes next, or it is let go.
struct LastWord {
    DialogId dialog;
    std::uint64_t owner = 0;
    std::uint64_t sequence = 0;
    Instant at{};
    bool has_cdr = false;
};

// Bounds of arguments.
constexpr std::uint64_t timeout_max_ms = 100ULL * 366 * 24 * 3600 * 1000; // 100 years
constexpr std::uint32_t page_max = 100'000;
constexpr std::uint64_t now_max_us = std::uint64_t{1} << 62;

// Whether a mask of tandem_tracker_options.events has this type.
inline bool wants(std::uint32_t events, std::uint32_t type) {
    if ((events & TANDEM_EVENTS_NONE) != 0) return false;
    return events == 0 || (events & TANDEM_EVENT_MASK(type)) != 0;
}

inline bool is_time(std::uint64_t now_us) { return now_us <= now_max_us; }
inline Instant instant_of(std::uint64_t now_us) { return Instant{Duration{static_cast<Duration::rep>(now_us)}}; }


// As poll(2) takes it: rounded up; 0: now; -1: nothing waits.
std::int32_t timeout_ms_of(const std::optional<Instant> &deadline, Instant now);

} // namespace tandem::capi

struct tandem_tracker {
    tandem_tracker(const tandem::ShardedTrackerOptions &options, std::uint32_t events, tandem::Instant now,
                   std::int64_t utc_us);
    ~tandem_tracker();
    tandem_tracker(const tandem_tracker &) = delete;
    tandem_tracker &operator=(const tandem_tracker &) = delete;

    // Makes the descriptor readable if events wait and the host has asked for one: see Announcement.
    void announce();

    // The same, and tells the cluster, if there is one, that calls have ended.
    void settle();

    // UTC microseconds, 0 for none.
    std::int64_t utc_us(const std::optional<tandem::Instant> &at) const;

    tandem::capi::HostRandom random;
    tandem::ShardedTracker tracker;
    const std::uint32_t dialog_max;
    const bool wants_cdr;
    const bool wants_reserved;

    mutable std::mutex clock_mutex;
    tandem::WallClock clock; // guarded by clock_mutex

    std::mutex last_words_mutex; // taken before the lock of a shard
    std::deque<tandem::capi::LastWord> last_words;

    std::mutex event_fd_mutex; // while the two below change; they may be read without it
    std::atomic<int> event_fd{-1};
    std::atomic<bool> is_readable{false}; // the descriptor: its counter is not 0

    std::atomic<tandem::capi::ClusterPort *> cluster{nullptr}; // owned; set once
};

namespace tandem::capi {

// Lives through every call that can make an event or an end, also one that fails for want of memory when some are made.
class Announcement {
public:
    explicit Announcement(tandem_tracker &tracker) : tracker_(tracker) {}
    ~Announcement() { tracker_.settle(); }
    Announcement(const Announcement &) = delete;
    Announcement &operator=(const Announcement &) = delete;

private:
    tandem_tracker &tracker_;
};

} // namespace tandem::capi
