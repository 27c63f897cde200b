#include "event/delivery_queue.hpp"
#include <algorithm>
#include <utility>

namespace tandem {
namespace {

std::size_t bytes_of(const EventPlace &place) { return place.event ? place.event->bytes() : 0; }

} // namespace

void DeliveryQueue::push(EventPlace place) {
    bytes_ += bytes_of(place);
    queue_.push(std::move(place));
    // The last one stays, however large it is: else a subscriber would hear of gaps alone.
    while (queue_.size() > event_max_ || (bytes_ > byte_max_ && queue_.size() > 1)) drop_oldest();
}

void DeliveryQueue::pop() {
    if (std::exchange(has_gap_, false)) return;
    bytes_ -= bytes_of(queue_.front());
    queue_.pop();
}

// A replay may stand behind what is newer, so a gap reaches over all that it stands for.
void DeliveryQueue::drop_oldest() {
    const EventPlace &oldest = queue_.front();
    EventGap gap = oldest.gap;
    if (oldest.event) {
        gap = {oldest.event->sequence, oldest.event->sequence, 1};
        ++lost_;
    }
    if (has_gap_) {
        gap = {std::min(gap_.gap.first, gap.first), std::max(gap_.gap.last, gap.last), gap_.gap.lost + gap.lost};
    }
    gap_.gap = gap;
    has_gap_ = true;
    bytes_ -= bytes_of(oldest);
    queue_.pop();
}

} // namespace tandem
