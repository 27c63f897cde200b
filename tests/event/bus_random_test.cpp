// The bus against one that keeps everything in a list and looks at all of it.
#include <algorithm>
#include <deque>
#include <doctest/doctest.h>
#include <map>
#include <string>
#include <vector>
#include "event/bus.hpp"

using namespace tandem;

namespace {

constexpr std::uint32_t queue_max = 6;
constexpr std::uint32_t window_max = 12;
constexpr Duration window_age = std::chrono::milliseconds(60);

struct Told {
    std::uint64_t first = 0; // of a gap, else of the event
    std::uint64_t last = 0;
    std::uint64_t lost = 0; // 0: an event
    Instant at{};
    std::shared_ptr<Event> event{};

    bool operator==(const Told &other) const {
        return first == other.first && last == other.last && lost == other.lost;
    }
};

struct NaiveBus {
    struct Listening {
        std::uint64_t subscriber = 0; // 0: a wait
        EventFilter filter;
        Instant until{};
        std::uint64_t owner = 0;
    };

    void advance(Instant now) {
        while (!window.empty() && window.front().at + window_age < now) drop();
        std::vector<std::pair<Instant, std::uint64_t>> due;
        for (const auto &[id, one] : listening) {
            if (one.until <= now) due.emplace_back(one.until, id);
        }
        for (const auto &[until, id] : due) {
            if (listening.at(id).subscriber == 0) ended[listening.at(id).owner] = "timeout";
            listening.erase(id);
        }
    }
    void drop() {
        gone = window.front().last;
        window.pop_front();
    }
    void keep(const Told &told) {
        window.push_back(told);
        while (window.size() > window_max) drop();
    }
    void push(std::uint64_t subscriber, const Told &told) {
        auto &queue = queues[subscriber];
        queue.push_back(told);
        const bool has_gap = has_gap_in_front[subscriber];
        if (queue.size() - (has_gap ? 1 : 0) <= queue_max) return;
        Told oldest = queue[has_gap ? 1 : 0];
        if (oldest.lost == 0) oldest.lost = 1;
        queue.erase(queue.begin() + (has_gap ? 1 : 0));
        if (has_gap) {
            Told &gap = queue.front();
            gap = {std::min(gap.first, oldest.first), std::max(gap.last, oldest.last), gap.lost + oldest.lost};
        } else {
            queue.push_front(oldest);
            has_gap_in_front[subscriber] = true;
        }
    }
    void notify(const Event &event, Instant now) {
        advance(now);
        const Told told{event.sequence, event.sequence, 0, now, std::make_shared<Event>(event)};
        std::map<std::uint64_t, bool> reached;
        for (auto one = listening.begin(); one != listening.end();) {
            const bool is_wait = one->second.subscriber == 0;
            const bool is_about = one->second.filter.matches(event);
            if (is_about && is_wait) ended[one->second.owner] = std::to_string(event.sequence);
            if (is_about && !is_wait && !std::exchange(reached[one->second.subscriber], true)) {
                push(one->second.subscriber, told);
            }
            one = is_about && is_wait ? listening.erase(one) : std::next(one);
        }
        sequence = event.sequence;
        keep(told);
    }
    void lose(std::uint64_t count, Instant now) {
        const Told told{sequence + 1, sequence + count, count, now, nullptr};
        sequence += count;
        std::map<std::uint64_t, bool> reached;
        for (auto one = listening.begin(); one != listening.end();) {
            const bool is_wait = one->second.subscriber == 0;
            if (is_wait) ended[one->second.owner] = "gap";
            if (!is_wait && !std::exchange(reached[one->second.subscriber], true)) push(one->second.subscriber, told);
            one = is_wait ? listening.erase(one) : std::next(one);
        }
        keep(told);
    }
    void listen(std::uint64_t id, const Listening &one, std::optional<std::uint64_t> since) {
        listening[id] = one;
        if (!since) return;
        const bool is_wait = one.subscriber == 0;
        std::vector<Told> past;
        if (*since < gone) past.push_back({*since + 1, gone, gone - *since});
        for (const Told &told : window) {
            if (told.last > *since && (!told.event || one.filter.matches(*told.event))) past.push_back(told);
        }
        if (!is_wait) {
            for (const Told &told : past) push(one.subscriber, told);
        } else if (!past.empty()) {
            ended[one.owner] = past[0].event ? std::to_string(past[0].first) : "gap";
            listening.erase(id);
        }
    }

    std::uint64_t sequence = 0;
    std::uint64_t gone = 0;
    std::deque<Told> window;
    std::map<std::uint64_t, Listening> listening;
    std::map<std::uint64_t, std::deque<Told>> queues;
    std::map<std::uint64_t, bool> has_gap_in_front;
    std::map<std::uint64_t, std::string> ended; // waits, by owner
};

struct Life {
    explicit Life(std::uint64_t seed) : random(seed), keys(seed + 1), bus(options(), keys, now) {
        for (int i = 0; i < 4; ++i) subscribers.push_back(*bus.add_subscriber());
    }
    static BusOptions options() {
        BusOptions options;
        options.queue_max = queue_max;
        options.replay.event_max = window_max;
        options.replay.age_max = window_age;
        return options;
    }

    std::size_t below(std::size_t limit) { return random.next() % limit; }
    std::string pick(std::initializer_list<const char *> from) { return *(from.begin() + below(from.size())); }

    EventFilter filter() {
        auto made = EventFilter::of(pick({"", "*", "a.x", "a.y", "b", "a.*", "?", "no"}));
        for (const char *key : {"k", "l"}) {
            if (below(2) == 0) static_cast<void>(made->add(key, pick({"1", "2", "12", "*", "1*", "?", "\\*", ""})));
        }
        return *made;
    }
    std::optional<std::uint64_t> since() {
        if (below(2) == 0) return std::nullopt;
        return naive.sequence - below(std::min<std::uint64_t>(naive.sequence, 20) + 1);
    }

    void step() {
        now += std::chrono::milliseconds(below(8));
        switch (below(10)) {
        case 0: {
            const auto who = subscribers[below(subscribers.size())];
            const auto wanted = filter();
            const auto ttl = std::chrono::milliseconds(1 + below(100));
            const auto from = since();
            naive.advance(now);
            const auto made = bus.subscribe(who, wanted, ttl, from, now);
            REQUIRE(made.ok());
            naive.listen(made->id.value(), {who.value(), wanted, now + ttl, 0}, from);
            break;
        }
        case 1: {
            const auto wanted = filter();
            const auto timeout = std::chrono::milliseconds(1 + below(60));
            const auto from = since();
            naive.advance(now);
            const auto made = bus.wait(wanted, timeout, from, ++waits, now);
            REQUIRE(made.ok());
            naive.listen(made->id.value(), {0, wanted, now + timeout, waits}, from);
            break;
        }
        case 2: {
            if (naive.listening.empty()) break;
            const auto one = std::next(naive.listening.begin(), static_cast<long>(below(naive.listening.size())));
            const SubscriptionId id(one->first);
            if (below(2) == 0) {
                CHECK(bus.unsubscribe(id));
                naive.listening.erase(one);
            } else if (one->second.subscriber != 0) {
                naive.advance(now);
                const bool is_there = naive.listening.contains(id.value());
                CHECK(bus.renew(id, std::chrono::milliseconds(50), now).ok() == is_there);
                if (is_there) naive.listening.at(id.value()).until = now + std::chrono::milliseconds(50);
            }
            break;
        }
        case 3: {
            const auto who = subscribers[below(subscribers.size())];
            EventPlace place;
            for (std::size_t most = below(8); most > 0 && bus.next(who, place); --most) take(who, place);
            break;
        }
        case 4:
            if (below(3) > 0) break;
            naive.advance(now);
            bus.advance(now);
            {
                const std::uint64_t count = 1 + below(3);
                naive.lose(count, now);
                bus.note_lost(count, now);
            }
            break;
        default: tell();
        }
        take_resumed();
    }
    void take(SubscriberId who, const EventPlace &place) {
        auto &queue = naive.queues[who.value()];
        REQUIRE_FALSE(queue.empty());
        const Told told = place.event ? Told{place.event->sequence, place.event->sequence, 0}
                                      : Told{place.gap.first, place.gap.last, place.gap.lost};
        REQUIRE(told == queue.front());
        queue.pop_front();
        naive.has_gap_in_front[who.value()] = false;
    }
    void tell() {
        EventDraft draft{"b"};
        const std::string name = pick({"a.x", "a.y", "b"});
        draft.name = name;
        for (const char *key : {"k", "l"}) {
            if (below(3) > 0) draft.fields.add(key, pick({"1", "2", "12", "*"}));
        }
        Event event{naive.sequence + 1, 0, name, draft.fields, {}};
        naive.notify(event, now);
        CHECK(*bus.notify(std::move(draft), now) == event.sequence);
    }
    void take_resumed() {
        std::vector<Resumed> all;
        bus.take_resumed(all);
        for (const Resumed &one : all) {
            const std::string how = one.why == Resumed::Why::event     ? std::to_string(one.event->sequence)
                                    : one.why == Resumed::Why::timeout ? "timeout"
                                                                       : "gap";
            REQUIRE(naive.ended[one.owner] == how);
            naive.ended.erase(one.owner);
        }
        REQUIRE(naive.ended.empty());
        REQUIRE(bus.subscriptions() == naive.listening.size());
    }

    SeededRandom random;
    SeededRandom keys;
    Instant now = at_ms(1000);
    Bus bus;
    NaiveBus naive;
    std::vector<SubscriberId> subscribers;
    std::uint64_t waits = 0;
};

} // namespace

TEST_CASE("bus: under random use it does what a bus without any index does") {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        INFO("seed ", seed);
        Life life(seed);
        for (int i = 0; i < 3000; ++i) life.step();
        for (const SubscriberId who : life.subscribers) {
            EventPlace place;
            while (life.bus.next(who, place)) life.take(who, place);
            CHECK(life.naive.queues[who.value()].empty());
        }
    }
}
