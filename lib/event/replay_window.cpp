#include "event/replay_window.hpp"
#include <utility>

namespace tandem {
namespace {

std::size_t bytes_of(const EventPlace &place) { return sizeof(EventPlace) + (place.event ? place.event->bytes() : 0); }

} // namespace

void ReplayWindow::add(EventPlace place) {
    const std::size_t bytes = bytes_of(place);
    places_.push_back(std::move(place)); // may fail, and nothing changes
    bytes_ += bytes;
    while (!places_.empty() && (places_.size() > options_.event_max || bytes_ > options_.byte_max)) drop_oldest();
}

void ReplayWindow::expire(Instant now) {
    while (!places_.empty() && places_.front().at + options_.age_max < now) drop_oldest();
}

void ReplayWindow::clear(std::uint64_t sequence) {
    places_.clear();
    bytes_ = 0;
    before_ = sequence;
}

void ReplayWindow::drop_oldest() {
    before_ = places_.front().last();
    bytes_ -= bytes_of(places_.front());
    places_.pop_front();
}

} // namespace tandem
