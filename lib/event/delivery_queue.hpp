// What waits for one subscriber. Beyond its bounds the oldest go, and a gap stands where they were.
#pragma once
#include <cstddef>
#include <cstdint>
#include "base/ring_queue.hpp"
#include "event/replay_window.hpp"

namespace tandem {

class DeliveryQueue {
public:
    DeliveryQueue(std::uint32_t event_max, std::size_t byte_max) : event_max_(event_max), byte_max_(byte_max) {}

    void make_room(std::size_t more) { queue_.make_room(more); } // for so many push() that ask for no memory
    void push(EventPlace place);
    const EventPlace *front() const { return has_gap_ ? &gap_ : queue_.empty() ? nullptr : &queue_.front(); }
    void pop(); // what is in front; not empty
    bool empty() const { return !has_gap_ && queue_.empty(); }
    std::uint64_t lost() const { return lost_; } // since the beginning

private:
    void drop_oldest();

    std::uint32_t event_max_;
    std::size_t byte_max_;
    RingQueue<EventPlace> queue_;
    std::size_t bytes_ = 0;
    EventPlace gap_{}; // in front of them all
    bool has_gap_ = false;
    std::uint64_t lost_ = 0;
};

} // namespace tandem
