#include "event/bus.hpp"
#include <algorithm>
#include <utility>

namespace tandem {

Bus::Bus(const BusOptions &options, Random &random, Instant now)
    : options_(options), hash_(random), walked_list_(hash_("", "")), subscribers_(options.subscriber_max),
      subscriptions_(options.subscription_max), timers_(now), window_(options.replay, options.sequence),
      sequence_(options.sequence) {}

Result<SubscriberId> Bus::add_subscriber() {
    auto added = subscribers_.emplace(options_);
    if (!added) ++statistics_.refused;
    return added;
}

void Bus::remove_subscriber(SubscriberId id) {
    Subscriber *subscriber = subscribers_.find(id);
    if (!subscriber) return;
    for (const SubscriptionId subscription : std::exchange(subscriber->subscriptions, {})) erase(subscription);
    std::erase(ready_, id);
    subscribers_.erase(id);
}

// The shortest list that it can stand in, so that a value which many others ask for is no one's burden but theirs.
std::uint64_t Bus::list_for(const EventFilter &filter) const {
    std::uint64_t best = filter.has_exact_name() ? hash_("", filter.name()) : walked_list_;
    std::size_t best_size = SIZE_MAX; // any key is better than a name
    for (const EventFilter::Key &key : filter.keys()) {
        if (!key.is_exact) continue;
        const std::uint64_t list = hash_(key.key, key.pattern);
        std::size_t size = 0;
        lists_.for_each_match(list, [&size](SubscriptionId) { ++size; });
        if (size < best_size) {
            best = list;
            best_size = size;
        }
    }
    return best;
}

Result<SubscriptionId> Bus::add(Subscription subscription, Instant until) {
    subscription.list = list_for(subscription.filter);
    const bool is_walked = subscription.list == walked_list_;
    if (is_walked && walked_ == options_.walked_max) return Error::full;
    const std::uint64_t list = subscription.list;
    timers_.make_room(); // where memory ends nothing is left behind
    const auto id = subscriptions_.emplace(std::move(subscription));
    if (!id) return id;
    try {
        lists_.insert(list, *id);
    } catch (...) {
        subscriptions_.erase(*id);
        throw;
    }
    if (is_walked) ++walked_;
    subscriptions_.find(*id)->timer = timers_.schedule(until, *id);
    return id;
}

void Bus::erase(SubscriptionId id) {
    Subscription *subscription = subscriptions_.find(id);
    if (!subscription) return;
    lists_.erase(subscription->list, id);
    if (subscription->list == walked_list_) --walked_;
    timers_.cancel(subscription->timer);
    if (Subscriber *subscriber = subscribers_.find(subscription->subscriber)) {
        std::erase(subscriber->subscriptions, id);
    }
    subscriptions_.erase(id);
}

Result<Subscribed> Bus::subscribe(SubscriberId id, EventFilter filter, Duration ttl,
                                  std::optional<std::uint64_t> since, Instant now) {
    advance(now);
    Subscriber *subscriber = subscribers_.find(id);
    if (!subscriber) return Error::not_found;
    if (subscriber->subscriptions.size() == options_.per_subscriber_max) {
        ++statistics_.refused;
        return Error::full;
    }
    if (ttl <= Duration::zero() || ttl > options_.ttl_max) ttl = options_.ttl_max;
    subscriber->subscriptions.reserve(subscriber->subscriptions.size() + 1);
    const auto added = add({std::move(filter), id}, now + ttl);
    if (!added) {
        ++statistics_.refused;
        return added.error();
    }
    subscriber->subscriptions.push_back(*added);
    Subscribed answer{*added, sequence_, {}};
    if (since) {
        answer.gap = gap_after(*since);
        replay(id, subscriptions_.find(*added)->filter, *since, answer.gap);
    }
    return answer;
}

Result<void> Bus::renew(SubscriptionId id, Duration ttl, Instant now) {
    advance(now);
    Subscription *subscription = subscriptions_.find(id);
    if (!subscription || !subscription->subscriber) return Error::not_found;
    if (ttl <= Duration::zero() || ttl > options_.ttl_max) ttl = options_.ttl_max;
    timers_.rearm(subscription->timer, now + ttl);
    return {};
}

bool Bus::unsubscribe(SubscriptionId id) {
    if (!subscriptions_.find(id)) return false;
    erase(id);
    return true;
}

SubscriberId Bus::subscriber_of(SubscriptionId id) const {
    const Subscription *subscription = subscriptions_.find(id);
    return subscription ? subscription->subscriber : SubscriberId();
}

Result<std::uint64_t> Bus::notify(EventDraft draft, Instant now) {
    if (draft.name.empty() || draft.name.size() > event_name_max || draft.data.size() > event_data_max) {
        return Error::invalid;
    }
    advance(now);
    auto event = std::make_shared<Event>();
    event->sequence = ++sequence_;
    event->time_us = draft.time_us;
    event->name = draft.name;
    event->fields = std::move(draft.fields);
    event->data = std::move(draft.data);
    ++statistics_.events;
    const SharedEvent shared = std::move(event);
    collect_matches(*shared);
    for (const SubscriptionId id : matches_) deliver(id, shared, now);
    window_.add({shared, {}, now});
    return shared->sequence;
}

void Bus::collect_matches(const Event &event) {
    matches_.clear();
    const auto look_into = [&](std::uint64_t list) {
        lists_.for_each_match(list, [&](SubscriptionId id) {
            if (subscriptions_.find(id)->filter.matches(event)) matches_.push_back(id);
        });
    };
    if (lists_.size() == 0) return;
    if (walked_ > 0) look_into(walked_list_);
    look_into(hash_("", event.name));
    for (std::size_t i = 0; i < event.fields.size(); ++i) look_into(hash_(event.fields.key(i), event.fields.value(i)));
}

void Bus::deliver(SubscriptionId id, const SharedEvent &event, Instant now) {
    Subscription *subscription = subscriptions_.find(id);
    if (!subscription) return; // a wait that two lists of one hash have led to
    if (!subscription->subscriber) {
        ++statistics_.delivered;
        resumed_.push_back({id, subscription->owner, Resumed::Why::event, event});
        return erase(id);
    }
    Subscriber &subscriber = *subscribers_.find(subscription->subscriber);
    if (subscriber.last_sequence == event->sequence) return; // another subscription of his was about it
    subscriber.last_sequence = event->sequence;
    push(subscription->subscriber, subscriber, {event, {}, now});
}

void Bus::push(SubscriberId id, Subscriber &subscriber, EventPlace place) {
    if (place.event) ++statistics_.delivered;
    const std::uint64_t lost = subscriber.queue.lost();
    subscriber.queue.push(std::move(place));
    statistics_.lost += subscriber.queue.lost() - lost;
    if (!std::exchange(subscriber.is_ready, true)) ready_.push_back(id);
}

void Bus::note_lost(std::uint64_t count, Instant now) {
    if (count == 0) return;
    const EventGap gap{sequence_ + 1, sequence_ + count, count};
    sequence_ += count;
    statistics_.lost_before += count;
    window_.add({nullptr, gap, now});
    std::vector<SubscriptionId> waits;
    subscribers_.for_each([&](SubscriberId id, Subscriber &subscriber) {
        if (!subscriber.subscriptions.empty()) push(id, subscriber, {nullptr, gap, now});
    });
    subscriptions_.for_each([&](SubscriptionId id, Subscription &subscription) {
        if (!subscription.subscriber) waits.push_back(id);
    });
    for (const SubscriptionId id : waits) {
        resumed_.push_back({id, subscriptions_.find(id)->owner, Resumed::Why::gap, nullptr});
        erase(id);
    }
}

void Bus::begin_anew() { window_.clear(++sequence_); }

bool Bus::next(SubscriberId id, EventPlace &place) {
    Subscriber *subscriber = subscribers_.find(id);
    if (!subscriber || !subscriber->queue.next(place)) return false;
    if (subscriber->queue.empty() && std::exchange(subscriber->is_ready, false)) std::erase(ready_, id);
    return true;
}

void Bus::take_ready(std::vector<SubscriberId> &ready) {
    for (const SubscriberId id : ready_) subscribers_.find(id)->is_ready = false;
    ready.insert(ready.end(), ready_.begin(), ready_.end());
    ready_.clear();
}

void Bus::advance(Instant now) {
    window_.expire(now);
    timers_.advance(now, [this](SubscriptionId id) { expire(id); });
}

std::optional<Instant> Bus::next_deadline() const { return timers_.next_deadline(); }

void Bus::expire(SubscriptionId id) {
    Subscription *subscription = subscriptions_.find(id);
    if (!subscription) return;
    if (subscription->subscriber) {
        ++statistics_.expired;
    } else {
        ++statistics_.timed_out;
        resumed_.push_back({id, subscription->owner, Resumed::Why::timeout, nullptr});
    }
    erase(id);
}

} // namespace tandem
