#include "event/bus.hpp"
#include <algorithm>
#include <utility>

namespace tandem {
namespace {

// No value has led the event here: each one, or each one of its name, tries the patterns.
bool tries_patterns(const EventFilter &filter) {
    const auto &keys = filter.keys();
    const bool has_value = std::any_of(keys.begin(), keys.end(), [](const auto &key) { return key.is_exact; });
    return !has_value && (!keys.empty() || !filter.has_exact_name());
}

} // namespace

Bus::Bus(const BusOptions &options, Random &random, Instant now)
    : options_(options), hash_(random), walked_list_(hash_("", "")), subscribers_(options.subscriber_max),
      subscriptions_(options.subscription_max), timers_(now), window_(options.replay, options.sequence),
      sequence_(options.sequence) {
    ready_.reserve(options.subscriber_max);
}

Result<SubscriberId> Bus::add_subscriber() {
    auto added = subscribers_.emplace(options_);
    if (!added) ++statistics_.refused;
    return added;
}

bool Bus::remove_subscriber(SubscriberId id) {
    Subscriber *subscriber = subscribers_.find(id);
    if (!subscriber) return false;
    for (const SubscriptionId subscription : std::exchange(subscriber->subscriptions, {})) erase(subscription);
    std::erase(ready_, id);
    return subscribers_.erase(id);
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
    const bool is_walked = tries_patterns(subscription.filter);
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
    if (!subscriptions_.find(*id)->subscriber) ++waits_;
    subscriptions_.find(*id)->timer = timers_.schedule(until, *id);
    return id;
}

void Bus::erase(SubscriptionId id) {
    Subscription *subscription = subscriptions_.find(id);
    if (!subscription) return;
    lists_.erase(subscription->list, id);
    if (tries_patterns(subscription->filter)) --walked_;
    if (!subscription->subscriber) --waits_;
    timers_.cancel(subscription->timer);
    if (Subscriber *subscriber = subscribers_.find(subscription->subscriber)) {
        std::erase(subscriber->subscriptions, id);
    }
    subscriptions_.erase(id);
}

Result<Subscribed> Bus::subscribe(SubscriberId id, EventFilter filter, Duration ttl, std::optional<std::uint64_t> since,
                                  Instant now) {
    advance(now);
    Subscriber *subscriber = subscribers_.find(id);
    if (!subscriber) return Error::not_found;
    if (subscriber->subscriptions.size() == options_.per_subscriber_max) {
        ++statistics_.refused;
        return Error::full;
    }
    if (ttl <= Duration::zero() || ttl > options_.ttl_max) ttl = options_.ttl_max;
    subscriber->subscriptions.reserve(subscriber->subscriptions.size() + 1);
    std::optional<EventGap> gap;
    if (since) {
        gap = gap_after(*since);
        make_room(gap, *subscriber, filter, *since);
    }
    const auto added = add({std::move(filter), id}, now + ttl);
    if (!added) {
        ++statistics_.refused;
        return added.error();
    }
    subscriber->subscriptions.push_back(*added);
    if (since) replay(id, subscriptions_.find(*added)->filter, *since, gap);
    return Subscribed{*added, sequence_, gap};
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
    event->sequence = sequence_ + 1;
    event->time_us = draft.time_us;
    event->name = draft.name;
    event->fields = std::move(draft.fields);
    event->data = std::move(draft.data);
    const SharedEvent shared = std::move(event);
    // All that asks for memory comes first.
    collect_matches(*shared);
    for (const SubscriptionId id : matches_) {
        if (Subscriber *subscriber = subscribers_.find(subscriptions_.find(id)->subscriber)) {
            subscriber->queue.make_room(1);
        }
    }
    window_.add({shared, {}, now});
    sequence_ = shared->sequence;
    ++statistics_.events;
    for (const SubscriptionId id : matches_) deliver(id, shared, now);
    return sequence_;
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
    if (!subscription->subscriber) return resume(id, Resumed::Why::event, event);
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
    for (const SubscriptionId id : waits) resume(id, Resumed::Why::gap, nullptr);
}

void Bus::begin_anew() { window_.clear(++sequence_); }

bool Bus::next(SubscriberId id, EventPlace &place) {
    const EventPlace *front = peek(id);
    if (!front) return false;
    place = *front;
    pop(id);
    return true;
}

const EventPlace *Bus::peek(SubscriberId id) const {
    const Subscriber *subscriber = subscribers_.find(id);
    return subscriber ? subscriber->queue.front() : nullptr;
}

void Bus::pop(SubscriberId id) {
    Subscriber *subscriber = subscribers_.find(id);
    if (!subscriber || subscriber->queue.empty()) return;
    subscriber->queue.pop();
    if (subscriber->queue.empty() && std::exchange(subscriber->is_ready, false)) std::erase(ready_, id);
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
    const Subscription *subscription = subscriptions_.find(id);
    if (!subscription) return;
    if (!subscription->subscriber) return resume(id, Resumed::Why::timeout, nullptr);
    ++statistics_.expired;
    erase(id);
}

} // namespace tandem
