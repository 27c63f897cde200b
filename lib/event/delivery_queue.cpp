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

bool DeliveryQueue::next(EventPlace &place) {
    if (has_gap_) {
        has_gap_ = false;
        place = {nullptr, gap_, {}};
        return true;
    }
    if (queue_.empty()) return false;
    place = std::move(queue_.front());
    queue_.pop();
    bytes_ -= bytes_of(place);
    return true;
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
        gap = {std::min(gap_.first, gap.first), std::max(gap_.last, gap.last), gap_.lost + gap.lost};
    }
    gap_ = gap;
    has_gap_ = true;
    bytes_ -= bytes_of(oldest);
    queue_.pop();
}

} // namespace tandem
