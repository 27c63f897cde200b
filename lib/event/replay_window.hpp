// The latest events, for who comes late: bounded by number, bytes and age. What is missing in it is known.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include "base/instant.hpp"
#include "event/event.hpp"

namespace tandem {

struct ReplayOptions {
    std::uint32_t event_max = 4096; // 0: nothing is kept
    std::size_t byte_max = 8 << 20;
    Duration age_max = std::chrono::seconds(60);
};

// Numbers that nobody has an event of.
struct EventGap {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::uint64_t lost = 0; // events that it stands for; of what the window no longer has: at most so many

    bool operator==(const EventGap &) const = default;
};

// What stands at one place in the order of events.
struct EventPlace {
    SharedEvent event{}; // null: a gap
    EventGap gap{};
    Instant at{};

    std::uint64_t last() const { return event ? event->sequence : gap.last; }
};

class ReplayWindow {
public:
    // `sequence`: the one before the first event.
    ReplayWindow(const ReplayOptions &options, std::uint64_t sequence) : options_(options), before_(sequence) {}

    void add(EventPlace place);
    void expire(Instant now);
    void clear(std::uint64_t sequence); // everything up to this number is gone

    const std::deque<EventPlace> &places() const { return places_; } // oldest first
    std::uint64_t before() const { return before_; }                 // numbers up to this one are gone

private:
    void drop_oldest();

    ReplayOptions options_;
    std::deque<EventPlace> places_;
    std::size_t bytes_ = 0;
    std::uint64_t before_;
};

} // namespace tandem
