#include "node/event_source.hpp"
#include <new>
#include <utility>

namespace tandem {

EventSource::EventSource(const std::atomic<bool> &is_wanted, std::function<void()> wake)
    : is_wanted_(is_wanted), wake_(std::move(wake)) {}

void EventSource::tell(EventDraft draft, Instant at) {
    const std::uint64_t end = end_.load(std::memory_order_relaxed);
    if (!slots_) slots_.reset(new (std::nothrow) Slot[event_max]);
    if (!slots_ || end - begin_.load(std::memory_order_acquire) == event_max) {
        return lose(1);
    }
    slots_[end % event_max] = {std::move(draft), at, lost_.load(std::memory_order_relaxed)};
    end_.store(end + 1, std::memory_order_release);
}

void EventSource::lose(std::uint64_t count) {
    lost_.store(lost_.load(std::memory_order_relaxed) + count, std::memory_order_release);
}

void EventSource::flush() {
    const std::uint64_t told = end_.load(std::memory_order_relaxed) + lost_.load(std::memory_order_relaxed);
    if (told == std::exchange(told_, told)) return;
    if (!is_woken_.exchange(true)) wake_();
}

bool EventSource::take(EventDraft &draft, Instant &at, std::uint64_t &lost) {
    // Read first: what is lost later than this may have more events before it.
    const std::uint64_t all_lost = lost_.load(std::memory_order_acquire);
    const std::uint64_t begin = begin_.load(std::memory_order_relaxed);
    const bool is_there = begin != end_.load(std::memory_order_acquire);
    std::uint64_t upto = all_lost;
    if (is_there) {
        Slot &slot = slots_[begin % event_max];
        draft = std::move(slot.draft);
        at = slot.at;
        upto = slot.lost;
        begin_.store(begin + 1, std::memory_order_release);
    }
    lost = upto - std::exchange(seen_lost_, upto);
    return is_there;
}

} // namespace tandem
