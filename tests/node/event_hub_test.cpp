#include <algorithm>
#include <doctest/doctest.h>
#include <map>
#include <optional>
#include <string>
#include <vector>
#include "event/event_names.hpp"
#include "net/system_clock.hpp"
#include "net/system_random.hpp"
#include "node/event_hub.hpp"
#include "node/running_node.hpp"

using namespace tandem;
using Node = test::RunningNode;

namespace {

struct Fixture {
    explicit Fixture(EventHubOptions options = {}) : hub(options, loop, wall, random), source(hub.add_source()) {}

    void tell(std::string_view name) {
        if (!source.is_wanted()) return;
        source.tell({name}, SystemClock::now());
        source.flush();
    }
    void run() { // what is posted, and what that posts
        for (int i = 0; i < 4; ++i) {
            loop.stop();
            loop.run();
        }
    }
    void run_until(const std::function<bool()> &is_so) {
        const Instant late = SystemClock::now() + std::chrono::seconds(20);
        while (!is_so()) {
            REQUIRE(SystemClock::now() < late);
            Timer pause(loop, [this] { loop.stop(); });
            pause.set(SystemClock::now() + std::chrono::milliseconds(1));
            loop.run();
        }
    }
    SubscriberId listen(std::string_view name, std::optional<std::uint64_t> since = {}) {
        const SubscriberId id = *hub.listen([this] { ++ready; });
        REQUIRE(hub.bus().subscribe(id, *EventFilter::of(name), {}, since, SystemClock::now()).ok());
        hub.changed();
        return id;
    }
    std::string heard(SubscriberId id) {
        std::string all;
        for (EventPlace place; hub.bus().next(id, place);) {
            all += (all.empty() ? "" : " ") + (place.event ? place.event->name : std::string("gap"));
        }
        return all;
    }

    Loop loop;
    WallClock wall{SystemClock::now(), SystemClock::utc_us()};
    SystemRandom random;
    EventHub hub;
    EventSource &source;
    int ready = 0;
};

EventHubOptions kept_for(std::int64_t ms) {
    EventHubOptions options;
    options.bus.replay.age_max = std::chrono::milliseconds(ms);
    return options;
}

} // namespace

TEST_CASE("event hub: nothing is made while nobody listens; who does is told that something waits, and hears it") {
    Fixture fixture;
    fixture.tell("a");
    CHECK_FALSE(fixture.source.is_wanted());
    const SubscriberId id = fixture.listen("*");
    CHECK(fixture.source.is_wanted());
    fixture.tell("b");
    fixture.tell("c");
    fixture.run();
    CHECK(fixture.ready == 1);
    EventPlace place;
    REQUIRE(fixture.hub.bus().next(id, place));
    CHECK(std::abs(place.event->time_us - SystemClock::utc_us()) < 60'000'000);
    CHECK(fixture.heard(id) == "c");
    fixture.hub.leave(id);
    fixture.tell("d");
    fixture.run();
    CHECK(fixture.ready == 1);
}

TEST_CASE("event hub: who comes back in time finds what he has missed, and later a gap [W4]") {
    Fixture fixture(kept_for(500));
    const SubscriberId first = fixture.listen("*");
    fixture.tell("a");
    fixture.run();
    EventPlace place;
    REQUIRE(fixture.hub.bus().next(first, place));
    const std::uint64_t seen = place.event->sequence;
    fixture.hub.leave(first);
    fixture.tell("b"); // still
    fixture.run();
    const SubscriberId second = fixture.listen("*", seen);
    CHECK(fixture.heard(second) == "b");
    fixture.hub.leave(second);
    fixture.run_until([&] { return !fixture.source.is_wanted(); });
    fixture.tell("c");
    const SubscriberId third = fixture.listen("*", seen);
    fixture.tell("d");
    fixture.run();
    CHECK(fixture.heard(third) == "gap d");
}

TEST_CASE("event hub: what found no room on its way is a gap in its place") {
    Fixture fixture;
    const SubscriberId id = fixture.listen("b");
    for (std::size_t i = 0; i < EventSource::event_max; ++i) fixture.tell("a");
    fixture.tell("lost");
    fixture.run();
    fixture.tell("b");
    fixture.run();
    CHECK(fixture.heard(id) == "gap b");
    CHECK(fixture.hub.lost() == 1);
}

TEST_CASE("event hub: a thread that tells more than there is time for does not keep others from being heard") {
    EventHubOptions options;
    options.events_per_turn = 4;
    Fixture fixture(options);
    EventSource &quiet = fixture.hub.add_source();
    const SubscriberId id = fixture.listen("quiet");
    for (int i = 0; i < 100; ++i) fixture.tell("busy");
    quiet.tell({"quiet"}, SystemClock::now());
    quiet.flush();
    fixture.loop.stop();
    fixture.loop.run(); // one turn
    CHECK(fixture.heard(id) == "quiet");
    const std::uint64_t told = fixture.hub.sequence();
    fixture.run_until([&] { return fixture.hub.sequence() >= told + 92; }); // the rest is not forgotten
}

TEST_CASE("event hub: a wait from another thread ends with its event, at its timeout, or with a gap where it began") {
    Fixture fixture;
    std::vector<Resumed::Why> ended;
    const auto wait = [&](std::string_view name, std::int64_t ms, std::uint64_t since) {
        fixture.hub.wait(*EventFilter::of(name), std::chrono::milliseconds(ms), since,
                         [&](const Resumed &resumed) { ended.push_back(resumed.why); });
    };
    wait("a", 20'000, fixture.hub.sequence());
    CHECK(fixture.source.is_wanted()); // at once
    fixture.run();
    CHECK(ended == std::vector{Resumed::Why::gap}); // nobody has listened before: look again
    const std::uint64_t before = fixture.hub.sequence();
    fixture.tell("a"); // between the look and the wait
    wait("a", 20'000, before);
    fixture.run();
    CHECK(ended == std::vector{Resumed::Why::gap, Resumed::Why::event});
    wait("b", 20'000, fixture.hub.sequence());
    wait("c", 10, fixture.hub.sequence());
    fixture.run_until([&] { return ended.size() == 3; });
    CHECK(ended.back() == Resumed::Why::timeout);
    fixture.tell("b");
    fixture.run();
    CHECK(ended.back() == Resumed::Why::event);
}

TEST_CASE("event hub: each call of a server with several workers is told from its beginning to its record") {
    Node node;
    constexpr std::size_t calls = 64;
    std::map<std::string, std::string> states; // of the caller's legs, by Call-ID
    std::size_t records = 0;
    std::uint64_t sequence = 0;
    bool has_gap = false;
    bool is_ordered = true;
    SubscriberId id;
    const auto take = [&] {
        for (EventPlace place; node.server->events().bus().next(id, place);) {
            if (!place.event) {
                has_gap = true;
                continue;
            }
            const Event &event = *place.event;
            is_ordered = is_ordered && event.sequence > std::exchange(sequence, event.sequence);
            const std::string call(event.fields.find(event_key::call_id));
            if (event.name == event_name::cdr) {
                states[call] += "cdr";
                ++records;
            } else if (event.fields.find(event_key::side) == "caller") {
                states[call] += std::string(event.fields.find(event_key::state)) + " ";
            }
        }
        if (records == calls) node.end();
    };
    node.caller->on_final = [&](std::size_t call, std::uint16_t) { node.caller->hang_up(call); };
    node.run([&] {
        node.server->api_loop().post([&] {
            EventHub &hub = node.server->events();
            id = *hub.listen(take);
            REQUIRE(hub.bus().subscribe(id, *EventFilter::of("dialog.state"), {}, {}, SystemClock::now()).ok());
            REQUIRE(hub.bus().subscribe(id, *EventFilter::of("cdr"), {}, {}, SystemClock::now()).ok());
            hub.changed();
            node.loop.post([&] {
                for (std::size_t call = 0; call < calls; ++call) node.caller->invite(call);
            });
        });
    });
    CHECK_FALSE(has_gap);
    CHECK(is_ordered);
    CHECK(states.size() == calls);
    for (const auto &[call, told] : states) {
        INFO(call);
        CHECK(told == "trying confirmed terminated cdr");
    }
}
