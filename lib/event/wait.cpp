// What a subscription or a wait finds of the time before it.
#include <algorithm>
#include <utility>
#include "event/bus.hpp"

namespace tandem {

// Numbers that are gone, or that this bus has never given: those of another life of the host.
std::optional<EventGap> Bus::gap_after(std::uint64_t since) const {
    if (since > sequence_) return EventGap{sequence_ + 1, since, since - sequence_};
    if (since >= window_.before()) return std::nullopt;
    return EventGap{since + 1, window_.before(), window_.before() - since};
}

template <class F>
void Bus::for_each_since(const EventFilter &filter, std::uint64_t since, F f) const {
    const bool is_of_another_life = since > sequence_;
    for (const EventPlace &place : window_.places()) {
        if (!is_of_another_life && place.last() <= since) continue;
        if (!place.event || filter.matches(*place.event)) f(place);
    }
}

void Bus::make_room(const std::optional<EventGap> &gap, Subscriber &subscriber, const EventFilter &filter,
                    std::uint64_t since) {
    std::size_t places = gap ? 1 : 0;
    for_each_since(filter, since, [&places](const EventPlace &) { ++places; });
    subscriber.queue.make_room(places);
}

void Bus::replay(SubscriberId id, const EventFilter &filter, std::uint64_t since, const std::optional<EventGap> &gap) {
    Subscriber &subscriber = *subscribers_.find(id);
    if (gap) push(id, subscriber, {nullptr, *gap, {}});
    for_each_since(filter, since, [&](const EventPlace &place) { push(id, subscriber, place); });
}

Result<Subscribed> Bus::wait(EventFilter filter, Duration timeout, std::optional<std::uint64_t> since,
                             std::uint64_t owner, Instant now) {
    advance(now);
    make_room_for_end();
    const auto added = add({std::move(filter), SubscriberId(), owner}, now + timeout);
    if (!added) {
        ++statistics_.refused;
        return added.error();
    }
    Subscribed answer{*added, sequence_, {}};
    if (!since) return answer;
    answer.gap = gap_after(*since);
    if (answer.gap) {
        resume(answer.id, Resumed::Why::gap, nullptr);
        return answer;
    }
    const EventPlace *first = nullptr;
    for_each_since(subscriptions_.find(answer.id)->filter, *since, [&first](const EventPlace &place) {
        if (!first) first = &place;
    });
    if (first) resume(answer.id, first->event ? Resumed::Why::event : Resumed::Why::gap, first->event);
    return answer;
}

void Bus::resume(SubscriptionId id, Resumed::Why why, const SharedEvent &event) {
    if (why == Resumed::Why::event) ++statistics_.delivered;
    if (why == Resumed::Why::timeout) ++statistics_.timed_out;
    resumed_.push_back({id, subscriptions_.find(id)->owner, why, event});
    erase(id);
}

// Whatever ends one more wait finds a place.
void Bus::make_room_for_end() {
    const auto taken = resumed_.begin() + static_cast<std::ptrdiff_t>(std::exchange(resumed_taken_, 0));
    resumed_.erase(resumed_.begin(), taken);
    const std::size_t room = resumed_.size() + waits_ + 1;
    if (room > resumed_.capacity()) resumed_.reserve(std::max(room, 2 * resumed_.capacity()));
}

void Bus::take_resumed(std::vector<Resumed> &resumed) {
    for (; peek_resumed(); pop_resumed()) resumed.push_back(*peek_resumed());
}

void Bus::pop_resumed() {
    resumed_[resumed_taken_++].event.reset();
    if (resumed() > 0) return;
    resumed_.clear();
    resumed_taken_ = 0;
}

} // namespace tandem
