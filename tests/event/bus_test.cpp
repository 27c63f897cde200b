#include <doctest/doctest.h>
#include <string>
#include <vector>
#include "event/bus.hpp"
#include "event/glob.hpp"

using namespace tandem;

namespace {

struct Hall { // a bus with what a test says often
    explicit Hall(BusOptions options = {}) : bus(options, random, at_ms(0)) {}

    std::uint64_t tell(std::string_view name, std::string_view key = {}, std::string_view value = {},
                       Instant now = at_ms(0)) {
        EventDraft draft{name};
        draft.fields.add(key, value);
        const auto told = bus.notify(std::move(draft), now);
        REQUIRE(told.ok());
        return *told;
    }
    static EventFilter filter(std::string_view name, std::string_view key = {}, std::string_view pattern = {}) {
        auto made = EventFilter::of(name);
        REQUIRE(made.ok());
        if (!key.empty()) REQUIRE(made->add(key, pattern).ok());
        return *made;
    }
    SubscriberId subscriber() {
        const auto added = bus.add_subscriber();
        REQUIRE(added.ok());
        return *added;
    }
    Subscribed listen(SubscriberId who, const EventFilter &filter, std::optional<std::uint64_t> since = {},
                      Duration ttl = {}, Instant now = at_ms(0)) {
        const auto made = bus.subscribe(who, filter, ttl, since, now);
        REQUIRE(made.ok());
        return *made;
    }
    // "3 4 gap 5-7/3 8"
    std::string heard(SubscriberId who) {
        std::string all;
        EventPlace place;
        while (bus.next(who, place)) {
            if (!all.empty()) all += ' ';
            all += place.event ? std::to_string(place.event->sequence)
                               : "gap " + std::to_string(place.gap.first) + "-" + std::to_string(place.gap.last) + "/" +
                                     std::to_string(place.gap.lost);
        }
        return all;
    }
    std::vector<Resumed> resumed() {
        std::vector<Resumed> all;
        bus.take_resumed(all);
        return all;
    }

    SeededRandom random{1};
    Bus bus;
};

} // namespace

TEST_CASE("bus: a subscriber hears what his filters are about, in order, and each event once") {
    Hall hall;
    const SubscriberId alice = hall.subscriber();
    const SubscriberId bob = hall.subscriber();
    hall.listen(alice, Hall::filter("cdr"));
    hall.listen(alice, Hall::filter("*", "call-id", "a"));
    hall.listen(bob, Hall::filter("dialog.*"));
    hall.tell("cdr", "call-id", "a");          // 1: two of alice's
    hall.tell("dialog.state", "call-id", "a"); // 2
    hall.tell("dialog.state", "call-id", "b"); // 3
    hall.tell("call.dtmf", "call-id", "b");    // 4
    CHECK(hall.heard(alice) == "1 2");
    CHECK(hall.heard(bob) == "2 3");
    CHECK(hall.heard(bob).empty());
}

TEST_CASE("bus: who has ended a subscription or gone hears nothing more") {
    Hall hall;
    const SubscriberId alice = hall.subscriber();
    const SubscriptionId subscription = hall.listen(alice, Hall::filter("cdr")).id;
    CHECK(hall.bus.subscriber_of(subscription) == alice);
    CHECK(hall.bus.unsubscribe(subscription));
    CHECK_FALSE(hall.bus.unsubscribe(subscription));
    CHECK_FALSE(hall.bus.subscriber_of(subscription));
    hall.tell("cdr");
    CHECK(hall.heard(alice).empty());
    hall.listen(alice, Hall::filter("cdr"));
    hall.tell("cdr");
    hall.bus.remove_subscriber(alice);
    CHECK(hall.bus.subscriptions() == 0);
    CHECK(hall.bus.subscribers() == 0);
    std::vector<SubscriberId> ready;
    hall.bus.take_ready(ready);
    CHECK(ready.empty());
    CHECK(hall.bus.subscribe(alice, Hall::filter("cdr"), {}, {}, at_ms(0)).error() == Error::not_found);
    CHECK_FALSE(hall.bus.next_deadline());
}

TEST_CASE("bus: those that something waits for are named once until it was taken") {
    Hall hall;
    const SubscriberId alice = hall.subscriber();
    hall.listen(alice, Hall::filter("cdr"));
    std::vector<SubscriberId> ready;
    hall.tell("cdr");
    hall.tell("cdr");
    hall.bus.take_ready(ready);
    CHECK(ready == std::vector{alice});
    hall.bus.take_ready(ready);
    CHECK(ready.size() == 1);
    hall.tell("cdr");
    hall.bus.take_ready(ready);
    CHECK(ready.size() == 2);
    hall.tell("cdr");
    CHECK(hall.heard(alice) == "1 2 3 4");
    hall.bus.take_ready(ready);
    CHECK(ready.size() == 2);
}

TEST_CASE("bus: a subscription ends at its ttl and not a millisecond before, and a renewed one later") {
    Hall hall;
    const SubscriberId alice = hall.subscriber();
    const SubscriptionId first = hall.listen(alice, Hall::filter("cdr"), {}, std::chrono::milliseconds(1000)).id;
    CHECK(hall.bus.next_deadline() == at_ms(1000));
    hall.tell("cdr", {}, {}, at_ms(999));
    CHECK(hall.bus.renew(first, std::chrono::milliseconds(500), at_ms(999)).ok());
    hall.tell("cdr", {}, {}, at_ms(1498));
    hall.tell("cdr", {}, {}, at_ms(1499));
    CHECK(hall.heard(alice) == "1 2");
    CHECK(hall.bus.renew(first, std::chrono::milliseconds(500), at_ms(1499)).error() == Error::not_found);
    CHECK(hall.bus.statistics().expired == 1);
}

TEST_CASE("bus: who does not take his events loses the oldest and finds a gap that says how many") {
    BusOptions options;
    options.queue_max = 3;
    Hall hall(options);
    const SubscriberId slow = hall.subscriber();
    const SubscriberId quick = hall.subscriber();
    hall.listen(slow, Hall::filter("cdr"));
    hall.listen(quick, Hall::filter("cdr"));
    std::string all;
    for (int i = 0; i < 10; ++i) {
        hall.tell(i == 4 ? "dialog.state" : "cdr");
        all += hall.heard(quick) + " ";
    }
    CHECK(all == "1 2 3 4  6 7 8 9 10 ");
    CHECK(hall.heard(slow) == "gap 1-7/6 8 9 10");
    CHECK(hall.bus.statistics().lost == 6);
    hall.tell("cdr");
    CHECK(hall.heard(slow) == "11");
}

TEST_CASE("bus: the bytes that wait for a subscriber are bounded as well") {
    BusOptions options;
    options.queue_byte_max = 20'000;
    Hall hall(options);
    const SubscriberId slow = hall.subscriber();
    hall.listen(slow, Hall::filter("cdr"));
    for (int i = 0; i < 10; ++i) {
        REQUIRE(hall.bus.notify({"cdr", 0, {}, std::string(9000, ' ')}, at_ms(0)).ok());
    }
    CHECK(hall.heard(slow) == "gap 1-8/8 9 10");
    REQUIRE(hall.bus.notify({"cdr", 0, {}, std::string(60'000, ' ')}, at_ms(0)).ok());
    CHECK(hall.heard(slow) == "11");
}

TEST_CASE("bus: since brings what came after it, before what comes next") {
    Hall hall;
    for (int i = 0; i < 5; ++i) hall.tell(i % 2 == 0 ? "cdr" : "call.dtmf");
    const SubscriberId alice = hall.subscriber();
    const Subscribed made = hall.listen(alice, Hall::filter("cdr"), 1);
    CHECK(made.sequence == 5);
    CHECK_FALSE(made.gap);
    hall.tell("cdr");
    CHECK(hall.heard(alice) == "3 5 6");
}

TEST_CASE("bus: a replay brings again what another subscription has brought, and what comes then comes once") {
    Hall hall;
    const SubscriberId alice = hall.subscriber();
    hall.listen(alice, Hall::filter("cdr"));
    hall.tell("cdr");
    hall.listen(alice, Hall::filter("*"), 0);
    hall.tell("cdr");
    CHECK(hall.heard(alice) == "1 1 2");
}

TEST_CASE("bus: what since asks for and is not there any more is a gap, never silence") {
    BusOptions options;
    options.replay.event_max = 3;
    options.replay.age_max = std::chrono::milliseconds(1000);
    Hall hall(options);
    for (int i = 0; i < 5; ++i) hall.tell("cdr");
    const SubscriberId alice = hall.subscriber();
    const Subscribed made = hall.listen(alice, Hall::filter("cdr"), 1);
    CHECK(made.gap == EventGap{2, 2, 1});
    CHECK(hall.heard(alice) == "gap 2-2/1 3 4 5");

    // By age.
    const SubscriberId bob = hall.subscriber();
    CHECK_FALSE(hall.listen(bob, Hall::filter("cdr"), 2, {}, at_ms(1000)).gap);
    CHECK(hall.heard(bob) == "3 4 5");
    CHECK(hall.listen(bob, Hall::filter("cdr", "call-id", "x"), 2, {}, at_ms(1001)).gap == EventGap{3, 5, 3});
    CHECK(hall.heard(bob) == "gap 3-5/3");

    // Of another life, which had come further; and one that numbers its lives.
    CHECK(hall.listen(bob, Hall::filter("*"), 99, {}, at_ms(1001)).gap == EventGap{6, 99, 94});
    options.sequence = 1000;
    Hall later(options);
    CHECK(later.listen(later.subscriber(), Hall::filter("cdr"), 5).gap == EventGap{6, 1000, 995});
    CHECK(later.tell("cdr") == 1001);
}

TEST_CASE("bus: events that were lost before they came are a gap for everybody, now and in a replay") {
    Hall hall;
    const SubscriberId alice = hall.subscriber();
    hall.listen(alice, Hall::filter("cdr"));
    hall.tell("cdr");
    hall.bus.note_lost(3, at_ms(0));
    hall.tell("cdr");
    CHECK(hall.heard(alice) == "1 gap 2-4/3 5");
    const SubscriberId bob = hall.subscriber();
    hall.listen(bob, Hall::filter("cdr"), 0);
    CHECK(hall.heard(bob) == "1 gap 2-4/3 5");
    CHECK(hall.bus.statistics().lost_before == 3);
}

TEST_CASE("bus: a time in which nobody made events is a gap for who asks for it") {
    Hall hall;
    hall.tell("cdr");
    hall.bus.begin_anew();
    const SubscriberId alice = hall.subscriber();
    CHECK(hall.listen(alice, Hall::filter("cdr"), 1).gap == EventGap{2, 2, 1});
    CHECK(hall.tell("cdr") == 3);
    CHECK(hall.heard(alice) == "gap 2-2/1 3");
}

TEST_CASE("bus: a wait ends once, with the first event that it is about") {
    Hall hall;
    const auto waiting = hall.bus.wait(Hall::filter("registrar.binding", "aor", "bob@example.com"),
                                       std::chrono::milliseconds(6000), {}, 42, at_ms(0));
    REQUIRE(waiting.ok());
    hall.tell("registrar.binding", "aor", "alice@example.com");
    CHECK(hall.resumed().empty());
    hall.tell("registrar.binding", "aor", "bob@example.com");
    hall.tell("registrar.binding", "aor", "bob@example.com");
    const auto ended = hall.resumed();
    REQUIRE(ended.size() == 1);
    CHECK(ended[0].id == waiting->id);
    CHECK(ended[0].owner == 42);
    CHECK(ended[0].why == Resumed::Why::event);
    CHECK(ended[0].event->sequence == 2);
    CHECK(hall.bus.subscriptions() == 0);
    CHECK_FALSE(hall.bus.next_deadline());
}

TEST_CASE("bus: a wait ends at its timeout, and an event of the same moment is too late") {
    Hall hall;
    const Duration timeout = std::chrono::milliseconds(1000);
    REQUIRE(hall.bus.wait(Hall::filter("cdr"), timeout, {}, 1, at_ms(0)).ok());
    REQUIRE(hall.bus.wait(Hall::filter("cdr"), timeout + std::chrono::milliseconds(1), {}, 2, at_ms(0)).ok());
    hall.bus.advance(at_ms(999));
    CHECK(hall.resumed().empty());
    hall.tell("cdr", {}, {}, at_ms(1000));
    const auto ended = hall.resumed();
    REQUIRE(ended.size() == 2);
    CHECK(ended[0].owner == 1);
    CHECK(ended[0].why == Resumed::Why::timeout);
    CHECK(ended[1].owner == 2);
    CHECK(ended[1].why == Resumed::Why::event);
    CHECK(hall.bus.statistics().timed_out == 1);
}

TEST_CASE("bus: a wait that is given up does not end any more") {
    Hall hall;
    const auto waiting = hall.bus.wait(Hall::filter("cdr"), std::chrono::seconds(1), {}, 1, at_ms(0));
    CHECK(hall.bus.unsubscribe(waiting->id));
    hall.tell("cdr");
    hall.bus.advance(at_ms(5000));
    CHECK(hall.resumed().empty());
}

TEST_CASE("bus: a wait since a number ends at once with what came after it, or if that is not known any more") {
    Hall hall;
    hall.tell("cdr", "call-id", "a");
    hall.tell("cdr", "call-id", "b");
    const auto wait = [&](std::string_view call_id, std::uint64_t since) {
        const EventFilter filter = Hall::filter("cdr", "call-id", call_id);
        REQUIRE(hall.bus.wait(filter, std::chrono::seconds(1), since, 1, at_ms(0)).ok());
        return hall.resumed();
    };
    CHECK(wait("b", 1).at(0).event->sequence == 2);
    CHECK(wait("a", 1).empty());
    hall.bus.begin_anew();
    CHECK(wait("a", 2).at(0).why == Resumed::Why::gap);
    CHECK(wait("a", 3).empty());
    hall.bus.note_lost(1, at_ms(0)); // the two that wait may have missed theirs
    CHECK(hall.resumed().size() == 2);
    CHECK(wait("a", 3).at(0).why == Resumed::Why::gap);
    CHECK(hall.bus.subscriptions() == 0);
}

TEST_CASE("bus: its tables are bounded, and what is refused is counted and leaves nothing") {
    BusOptions options;
    options.subscriber_max = 2;
    options.subscription_max = 5;
    options.per_subscriber_max = 3;
    options.walked_max = 1;
    Hall hall(options);
    const SubscriberId alice = hall.subscriber();
    const SubscriberId bob = hall.subscriber();
    CHECK(hall.bus.add_subscriber().error() == Error::full);
    const auto refusal = [&](SubscriberId who, std::string_view name) {
        const auto made = hall.bus.subscribe(who, Hall::filter(name), {}, {}, at_ms(0));
        return made ? Error() : made.error();
    };
    hall.listen(alice, Hall::filter("*"));
    CHECK(refusal(bob, "a*") == Error::full); // patterns alone
    const EventFilter of_name = Hall::filter("a", "call-id", "*x");
    CHECK(hall.bus.subscribe(bob, of_name, {}, {}, at_ms(0)).error() == Error::full);
    const EventFilter pattern = Hall::filter("", "call-id", "*");
    CHECK(hall.bus.wait(pattern, std::chrono::seconds(1), {}, 1, at_ms(0)).error() == Error::full);
    hall.listen(bob, Hall::filter("a*", "call-id", "a"));
    hall.listen(alice, Hall::filter("a"));
    hall.listen(alice, Hall::filter("a"));
    CHECK(refusal(alice, "a") == Error::full);
    REQUIRE(hall.bus.wait(Hall::filter("a"), std::chrono::seconds(1), {}, 1, at_ms(0)).ok());
    CHECK(refusal(bob, "a") == Error::full);
    CHECK(hall.bus.statistics().refused == 6);
    CHECK(hall.bus.subscriptions() == 5);
    hall.bus.remove_subscriber(alice);
    CHECK(hall.bus.subscriptions() == 2);
    CHECK(refusal(bob, "a*") == Error());
    CHECK(hall.bus.notify({"", 0, {}, {}}, at_ms(0)).error() == Error::invalid);
    CHECK(hall.bus.notify({"cdr", 0, {}, std::string(event_data_max + 1, ' ')}, at_ms(0)).error() == Error::invalid);
}
