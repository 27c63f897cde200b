// A call that waits for an event before it goes anywhere.
#include "call/two_phones.hpp"

using namespace tandem;
using test::TwoPhones;

namespace {

// Bob has no phone; a call to him waits for one, at most `timeout_ms`, and is told 480 else.
struct Asleep : TwoPhones {
    explicit Asleep(std::int64_t timeout_ms = 6000, EngineOptions options = {}) : TwoPhones(options) {
        awake = router.answer;
        router.answer = Route{.refuse = 480};
        router.answer.wait = EventWait{*EventFilter::of("registrar.binding"), std::chrono::milliseconds(timeout_ms), 7};
    }
    std::vector<WantedEvent> wanted() {
        std::vector<WantedEvent> waits;
        engine().take_waits(waits);
        return waits;
    }
    WantedEvent wanted_one() {
        auto waits = wanted();
        REQUIRE(waits.size() == 1);
        return waits.front();
    }
    void wake() { router.answer = awake; }

    Route awake;
};

} // namespace

TEST_CASE("event wait: the caller hears 100 and nothing else, then the call goes to the phone that has come") {
    Asleep phones;
    phones.send(phones.alice, phones.invite());
    phones.take(phones.alice, "SIP/2.0 100");
    CHECK(phones.is_silent());
    const WantedEvent wait = phones.wanted_one();
    CHECK(wait.wait.timeout == std::chrono::seconds(6));
    CHECK(wait.wait.since == 7);
    CHECK(wait.wait.filter.name() == "registrar.binding");
    phones.wait(2000);
    CHECK_FALSE(phones.got(phones.bob, "INVITE"));
    phones.wake();
    phones.resume(wait, Waited::event);
    const Message invite = phones.take(phones.bob, "INVITE");
    CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 100")); // once is enough
    phones.send(phones.bob, TwoPhones::answer(invite, "200 OK"));
    phones.send(phones.alice, phones.request("ACK", phones.take(phones.alice, "SIP/2.0 200").to_tag(), 1));
    phones.take(phones.bob, "ACK");
    phones.send(phones.bob, TwoPhones::from_bob(invite, "BYE", 1));
    CHECK(phones.finish().reason == EndReason::callee_bye);
    CHECK(phones.wanted().empty());
}

TEST_CASE("event wait: at the timeout the route holds as it was") {
    Asleep phones;
    phones.send(phones.alice, phones.invite());
    const WantedEvent wait = phones.wanted_one();
    const int asked = phones.router.asked;
    phones.wait(6000);
    phones.resume(wait, Waited::timeout);
    CHECK(phones.router.asked == asked);
    phones.take(phones.alice, "SIP/2.0 480");
    phones.resume(wait, Waited::event); // a second answer finds nothing
    phones.finish();
}

TEST_CASE("event wait: an event that was not enough is waited for again, for what is left of the time") {
    Asleep phones;
    phones.send(phones.alice, phones.invite());
    const WantedEvent first = phones.wanted_one();
    phones.wait(2000);
    phones.resume(first, Waited::gap); // somebody else's phone, or none
    const WantedEvent second = phones.wanted_one();
    CHECK(second.id != first.id);
    CHECK(second.wait.timeout == std::chrono::seconds(4));
    phones.wait(4000);
    phones.resume(second, Waited::event); // at the last moment, and still no phone
    CHECK(phones.wanted().empty());
    phones.take(phones.alice, "SIP/2.0 480");
    phones.finish();
}

TEST_CASE("event wait: a call that is cancelled meanwhile goes nowhere when the event comes") {
    Asleep phones;
    phones.send(phones.alice, phones.invite());
    const WantedEvent wait = phones.wanted_one();
    phones.send(phones.alice, phones.cancel());
    phones.take(phones.alice, "SIP/2.0 487");
    phones.wake();
    phones.resume(wait, Waited::event);
    CHECK_FALSE(phones.got(phones.bob, "INVITE"));
    CHECK(phones.finish().reason == EndReason::cancelled);
}

TEST_CASE("event wait: a call that waits is counted nowhere, and is when it goes on") {
    Asleep phones;
    REQUIRE(phones.profiles().declare({.name = "total", .limit = 1}));
    phones.router.answer.profiles = phones.awake.profiles = {{"total", ""}};
    phones.send(phones.alice, phones.invite());
    const WantedEvent wait = phones.wanted_one();
    CHECK(*phones.profiles().size("total") == 0);
    phones.wake();
    phones.resume(wait, Waited::event);
    CHECK(*phones.profiles().size("total") == 1);
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "INVITE"), "486 Busy"));
    phones.finish();
    CHECK(*phones.profiles().size("total") == 0);
}

TEST_CASE("event wait: a process that has died while a call waits tells the caller that it is over") {
    Asleep phones;
    phones.send(phones.alice, phones.invite());
    phones.forget();
    CHECK(phones.restart() == 0);
    phones.take(phones.alice, "SIP/2.0 487");
    phones.finish();
}
