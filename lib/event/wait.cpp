// What a subscription or a wait finds of the time before it.
#include <utility>
#include "event/bus.hpp"

namespace tandem {

// Numbers that are gone, or that this bus has never given: those of another life of the host.
std::optional<EventGap> Bus::gap_after(std::uint64_t since) const {
    if (since > sequence_) return EventGap{sequence_ + 1, since, since - sequence_};
    if (since >= window_.before()) return std::nullopt;
    return EventGap{since + 1, window_.before(), window_.before() - since};
}

void Bus::replay(SubscriberId id, const EventFilter &filter, std::uint64_t since,
                 const std::optional<EventGap> &gap) {
    Subscriber &subscriber = *subscribers_.find(id);
    if (gap) push(id, subscriber, {nullptr, *gap, {}});
    const bool is_of_another_life = since > sequence_;
    for (const EventPlace &place : window_.places()) {
        if (!is_of_another_life && place.last() <= since) continue;
        if (!place.event || filter.matches(*place.event)) push(id, subscriber, place);
    }
}

Result<Subscribed> Bus::wait(EventFilter filter, Duration timeout, std::optional<std::uint64_t> since,
                             std::uint64_t owner, Instant now) {
    advance(now);
    const auto added = add({filter, SubscriberId(), owner}, now + timeout);
    if (!added) {
        ++statistics_.refused;
        return added.error();
    }
    Subscribed answer{*added, sequence_, {}};
    if (!since) return answer;
    answer.gap = gap_after(*since);
    if (resume_from_window(answer, filter, *since, owner)) erase(answer.id);
    return answer;
}

bool Bus::resume_from_window(const Subscribed &waiting, const EventFilter &filter, std::uint64_t since,
                             std::uint64_t owner) {
    if (waiting.gap) {
        resumed_.push_back({waiting.id, owner, Resumed::Why::gap, nullptr});
        return true;
    }
    for (const EventPlace &place : window_.places()) {
        if (place.last() <= since || (place.event && !filter.matches(*place.event))) continue;
        if (place.event) ++statistics_.delivered;
        resumed_.push_back({waiting.id, owner, place.event ? Resumed::Why::event : Resumed::Why::gap, place.event});
        return true;
    }
    return false;
}

void Bus::take_resumed(std::vector<Resumed> &resumed) {
    resumed.insert(resumed.end(), std::make_move_iterator(resumed_.begin()), std::make_move_iterator(resumed_.end()));
    resumed_.clear();
}

} // namespace tandem
