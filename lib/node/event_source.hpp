// What a worker tells of what happens: events in a ring that one thread fills and another empties, without a lock.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include "base/instant.hpp"
#include "event/event_sink.hpp"

namespace tandem {

class EventSource final : public EventSink {
public:
    static constexpr std::size_t event_max = 4096; // that wait; beyond it they are lost, and a gap says so

    // `wake` is called on the producer's thread when the reader is to come. `is_wanted`: see EventHub.
    EventSource(const std::atomic<bool> &is_wanted, std::function<void()> wake);

    // The rest is of the producer.
    bool is_wanted() const override { return is_wanted_.load(std::memory_order_relaxed); }
    void tell(EventDraft draft, Instant at) override;
    void lose(std::uint64_t count); // so many were lost before they could be told
    void flush();                   // at the end of a round: those that were told are fetched now

    // And this of the reader: takes the oldest; false: there is none. `lost`: so many were lost before it, or, where
    // there is none, since the last one.
    bool take(EventDraft &draft, Instant &at, std::uint64_t &lost);
    void begin_reading() { is_woken_.exchange(false); } // before the first take(): what comes from now on wakes again
    std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }

private:
    struct Slot {
        EventDraft draft;
        Instant at{};
        std::uint64_t lost = 0; // until then
    };

    const std::atomic<bool> &is_wanted_;
    const std::function<void()> wake_;
    std::unique_ptr<Slot[]> slots_; // made with the first event
    std::uint64_t seen_lost_ = 0;   // the reader's
    std::uint64_t told_ = 0;        // the producer's: of end_ and lost_ at the last flush

    // Each on a cache line of its own: the two threads would else take it from each other with every event.
    alignas(64) std::atomic<std::uint64_t> end_{0}; // counts what was told
    std::atomic<std::uint64_t> lost_{0};
    alignas(64) std::atomic<std::uint64_t> begin_{0}; // counts what was taken
    std::atomic<bool> is_woken_{false};
};

} // namespace tandem
