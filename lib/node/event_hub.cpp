#include "node/event_hub.hpp"
#include <algorithm>
#include <utility>
#include "net/system_clock.hpp"

namespace tandem {

EventHub::EventHub(const EventHubOptions &options, Loop &loop, const WallClock &wall, Random &random)
    : options_(options), loop_(loop), wall_(wall), bus_(options.bus, random, SystemClock::now()),
      timer_(loop, [this] { changed(); }), sequence_(options.bus.sequence), self_(std::make_shared<EventHub *>(this)) {}

EventHub::~EventHub() = default;

EventSource &EventHub::add_source() {
    auto read = [self = std::weak_ptr(self_)] {
        if (const auto hub = self.lock()) (*hub)->read_sources();
    };
    auto wake = [this, read] { loop_.post(read); };
    return *sources_.emplace_back(std::make_unique<EventSource>(is_wanted_, wake));
}

std::uint64_t EventHub::lost() const {
    std::uint64_t sum = 0;
    for (const auto &source : sources_) sum += source->lost();
    return sum;
}

// Events of one worker come in order; between workers there is none but that in which they are read. Each has its share
// of a turn before what is left of it goes to those that have more.
void EventHub::read_sources() {
    const Instant now = SystemClock::now();
    const std::size_t share = std::max<std::size_t>(1, options_.events_per_turn / sources_.size());
    std::size_t left = std::max(options_.events_per_turn, sources_.size());
    for (const auto &source : sources_) source->begin_reading();
    for (bool is_more = true; is_more && left > 0;) {
        is_more = false;
        for (const auto &source : sources_) {
            const std::size_t wanted = std::min(share, left);
            const std::size_t taken = read_source(*source, wanted, now);
            left -= taken;
            if (taken == wanted) is_more = true;
        }
    }
    if (left == 0) {
        loop_.post([self = std::weak_ptr(self_)] {
            if (const auto hub = self.lock()) (*hub)->read_sources();
        });
    }
    changed();
}

// How many were there, up to `max`.
std::size_t EventHub::read_source(EventSource &source, std::size_t max, Instant now) {
    EventDraft draft;
    Instant at;
    std::uint64_t lost = 0;
    for (std::size_t taken = 0; taken < max; ++taken) {
        const bool is_there = source.take(draft, at, lost);
        if (is_there || lost > 0) record(now);
        bus_.note_lost(lost, now);
        if (!is_there) return taken;
        draft.time_us = wall_.utc_us(at);
        static_cast<void>(bus_.notify(std::move(draft), now)); // our own names and bounds
    }
    return max;
}

// What was before is not known: nobody has told it.
void EventHub::record(Instant now) {
    if (std::exchange(is_recording_, true)) return;
    bus_.begin_anew();
    wanted_until_ = now + options_.bus.replay.age_max;
}

void EventHub::changed() {
    const Instant now = SystemClock::now();
    bus_.advance(now);
    watch_interest(now);
    sequence_.store(bus_.sequence());
    distribute();
    auto next = bus_.next_deadline();
    if (is_recording_ && bus_.subscriptions() == 0) next = std::min(next.value_or(never), wanted_until_);
    timer_.set(next);
}

// Who comes back within the time that events are kept finds what he has missed.
void EventHub::watch_interest(Instant now) {
    if (bus_.subscriptions() > 0) {
        record(now);
        wanted_until_ = now + options_.bus.replay.age_max;
    } else if (is_recording_ && now >= wanted_until_) {
        is_recording_ = false;
    }
    is_wanted_.store(is_recording_);
}

void EventHub::distribute() {
    std::vector<Resumed> resumed;
    bus_.take_resumed(resumed);
    for (const Resumed &one : resumed) {
        const auto found = waits_.find(one.owner);
        if (found == waits_.end()) continue;
        const Then then = std::move(found->second);
        waits_.erase(found);
        then(one);
    }
    std::vector<SubscriberId> ready;
    bus_.take_ready(ready);
    for (const SubscriberId id : ready) {
        loop_.post([self = std::weak_ptr(self_), id] {
            const auto hub = self.lock();
            if (!hub) return;
            const auto listener = (*hub)->listeners_.find(id);
            if (listener == (*hub)->listeners_.end()) return;
            const auto call = listener->second; // it may leave
            call();
        });
    }
}

void EventHub::wait(EventFilter filter, Duration timeout, std::uint64_t since, Then then) {
    is_wanted_.store(true); // what happens from now on is told
    loop_.post([self = std::weak_ptr(self_), filter = std::move(filter), timeout, since, then = std::move(then)] {
        if (const auto hub = self.lock()) (*hub)->begin_wait(filter, timeout, since, then);
    });
}

void EventHub::begin_wait(EventFilter filter, Duration timeout, std::uint64_t since, Then then) {
    const Instant now = SystemClock::now();
    record(now);
    const std::uint64_t owner = ++last_wait_;
    const auto made = bus_.wait(std::move(filter), timeout, since, owner, now);
    if (!made) return then({{}, owner, Resumed::Why::timeout, nullptr}); // too many wait
    waits_.emplace(owner, std::move(then));
    changed();
}

Result<SubscriberId> EventHub::listen(std::function<void()> ready) {
    const auto added = bus_.add_subscriber();
    if (added) listeners_.emplace(*added, std::move(ready));
    return added;
}

void EventHub::leave(SubscriberId id) {
    listeners_.erase(id);
    bus_.remove_subscriber(id);
    changed();
}

} // namespace tandem
