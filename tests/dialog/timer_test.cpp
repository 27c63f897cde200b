// The deadlines of one set: each state's own, those a host gives it, and what asks for the end.
#include <doctest/doctest.h>
#include <functional>
#include "dialog/conversation.hpp"

using namespace tandem;
using test::Conversation;
using Kind = DialogEventKind;
using std::chrono::milliseconds;

namespace {

// A state with its timer running since t = 1000, by tracker options of 10, 20, 40 and 80 seconds.
struct Running {
    DialogTimer timer;
    std::int64_t span_ms;
    std::function<void(Conversation &)> enter;
};

const TrackerOptions short_timers{.early = milliseconds(10'000),
                                  .no_ack = milliseconds(20'000),
                                  .lifetime = milliseconds(40'000),
                                  .bye = milliseconds(80'000)};

std::vector<Running> running_timers() {
    const auto invite = [](Conversation &call) { static_cast<void>(call.invite({.cseq = 1, .at = at_ms(1000)})); };
    const auto answer = [](Conversation &call) {
        static_cast<void>(call.invite());
        static_cast<void>(call.answer(200, {.cseq = 1, .at = at_ms(1000)}));
    };
    const auto ack = [answer](Conversation &call) {
        answer(call);
        static_cast<void>(call.request(Side::caller, Method::ack, {.cseq = 1, .at = at_ms(1000)}));
    };
    return {{DialogTimer::early, 10'000, invite},
            {DialogTimer::early, 10'000,
             [](Conversation &call) {
                 static_cast<void>(call.invite());
                 static_cast<void>(call.answer(183, {.cseq = 1, .at = at_ms(1000)}));
             }},
            {DialogTimer::no_ack, 20'000, answer},
            {DialogTimer::lifetime, 40'000, ack},
            {DialogTimer::bye, 80'000,
             [ack](Conversation &call) {
                 ack(call);
                 static_cast<void>(call.request(Side::caller, Method::bye, {.cseq = 2, .at = at_ms(1000)}));
             }},
            {DialogTimer::bye, 80'000,
             [ack](Conversation &call) {
                 ack(call);
                 call.tracker.request_end(call.id, EndReason::admin, at_ms(1000));
             }},
            {DialogTimer::bye, 80'000, [](Conversation &call) {
                 static_cast<void>(call.invite());
                 static_cast<void>(call.cancel({.cseq = 1, .at = at_ms(1000)}));
             }}};
}

// The timer has done its work at `ms`, and nothing a millisecond before. The owner of the clock sleeps until
// next_deadline(), which may be early and never late.
void check_fires_at(Conversation &call, DialogTimer timer, std::int64_t ms) {
    CHECK(call.deadline_ms() == ms);
    call.events();
    std::int64_t slept = 0;
    for (int i = 0; i < 20 && call.events().empty(); ++i) {
        const auto next = call.tracker.next_deadline();
        REQUIRE(next);
        slept = to_ms(next->time_since_epoch());
        REQUIRE(slept <= ms);
        call.advance(ms - 1);
        REQUIRE_FALSE(call.is_over());
        REQUIRE(call.tracker.find(call.id)->timer_kind() == timer);
        if (slept == ms) {
            call.advance(ms);
            break;
        }
        call.tracker.advance(*next);
    }
    CHECK(slept == ms);
    const bool is_asked_first = timer != DialogTimer::bye;
    CHECK(call.is_over() != is_asked_first);
    if (is_asked_first) CHECK(call.deadline_ms() == ms + 80'000);
}

} // namespace

TEST_CASE("timer: each state's deadline is met to the millisecond") {
    for (const Running &running : running_timers()) {
        CAPTURE(static_cast<int>(running.timer));
        Conversation call(short_timers);
        running.enter(call);
        check_fires_at(call, running.timer, 1000 + running.span_ms);
    }
}

TEST_CASE("timer: a deadline between two milliseconds is met at the later one") {
    Conversation call(short_timers);
    CHECK(call.invite({.cseq = 1, .at = at_ms(0) + Duration(1)}));
    call.advance(10'000);
    CHECK(call.events() == std::vector{Kind::created});
    call.advance(10'001);
    CHECK(call.events() == std::vector{Kind::end_due});
}

TEST_CASE("timer: a set's own timeout holds, given before its state or in it, shorter or longer, at any time in it") {
    for (const Running &running : running_timers()) {
        for (std::int64_t span_ms : {1, 3000, 7000, 200'000, 4'000'000}) {
            for (std::int64_t given_ms : {-1, 1000, 1500, 3999}) { // -1: before the state
                if (given_ms > 1000 + span_ms) continue;
                CAPTURE(static_cast<int>(running.timer));
                CAPTURE(span_ms);
                CAPTURE(given_ms);
                Conversation call(short_timers);
                if (given_ms < 0) {
                    // Known from the first message of the call on, but not before it.
                    REQUIRE(call.invite());
                    REQUIRE(call.tracker.set_timeout(call.id, running.timer, milliseconds(span_ms)));
                }
                running.enter(call);
                if (given_ms < 0 && running.timer == DialogTimer::early && !call.tracker.find(call.id)->ringing) {
                    CHECK(call.deadline_ms() == span_ms); // the INVITE was at 0
                    continue;
                }
                if (given_ms >= 0) {
                    call.advance(given_ms);
                    REQUIRE(call.tracker.set_timeout(call.id, running.timer, milliseconds(span_ms)));
                }
                check_fires_at(call, running.timer, 1000 + span_ms);
            }
        }
    }
}

TEST_CASE("timer: a timeout given after its state holds for the next time, and not for the present state") {
    Conversation call(short_timers);
    call.confirm();
    CHECK(call.tracker.set_timeout(call.id, DialogTimer::early, milliseconds(1)));
    CHECK(call.tracker.set_timeout(call.id, DialogTimer::no_ack, milliseconds(1)));
    CHECK(call.deadline_ms() == 40'000);
    CHECK(call.tracker.set_timeout(call.id, DialogTimer::bye, milliseconds(5)));
    CHECK(call.deadline_ms() == 40'000);
    CHECK(call.request(Side::callee, Method::bye, {.cseq = 1, .at = at_ms(100)}));
    CHECK(call.deadline_ms() == 105);
}

TEST_CASE("timer: without an own timeout the tracker's holds again") {
    for (const Running &running : running_timers()) {
        CAPTURE(static_cast<int>(running.timer));
        Conversation call(short_timers);
        running.enter(call);
        for (std::int64_t span_ms : {500'000, 5000}) {
            REQUIRE(call.tracker.set_timeout(call.id, running.timer, milliseconds(span_ms)));
            REQUIRE(call.deadline_ms() == 1000 + span_ms);
            REQUIRE(call.tracker.set_timeout(call.id, running.timer, std::nullopt));
        }
        check_fires_at(call, running.timer, 1000 + running.span_ms);
    }
}

TEST_CASE("timer: an own timeout that is over already is due at once") {
    Conversation call(short_timers);
    call.confirm();
    call.advance(30'000);
    CHECK(call.tracker.set_timeout(call.id, DialogTimer::lifetime, milliseconds(25'000)));
    CHECK(call.tracker.next_deadline() <= at_ms(30'000));
    call.events();
    call.advance(30'000);
    CHECK(call.events() == std::vector{Kind::end_due});
}

TEST_CASE("timer: zero is no limit for the lifetime, and invalid for every other") {
    Conversation call(short_timers);
    CHECK(call.invite());
    for (DialogTimer timer : {DialogTimer::early, DialogTimer::no_ack, DialogTimer::bye}) {
        CHECK(call.tracker.set_timeout(call.id, timer, Duration::zero()).error() == Error::invalid);
    }
    CHECK(call.tracker.set_timeout(call.id, DialogTimer::lifetime, Duration(-1)).error() == Error::invalid);
    CHECK(call.tracker.set_timeout(call.id, DialogTimer::lifetime, Duration::zero()));
    CHECK(call.answer(200));
    CHECK(call.request(Side::caller, Method::ack, {.cseq = 1}));
    CHECK(call.tracker.find(call.id)->deadline == never);
    CHECK_FALSE(call.tracker.next_deadline());
    call.advance(1'000'000'000);
    CHECK(call.state() == DialogState::confirmed);
    CHECK(call.tracker.watchdog(at_ms(1'000'000'000), Duration::zero()).empty());
    CHECK(call.tracker.set_timeout(call.id, DialogTimer::lifetime, milliseconds(1'000'000'001)));
    check_fires_at(call, DialogTimer::lifetime, 1'000'000'001);
}

TEST_CASE("timer: a tracker without deadlines takes an own timeout, counted from where its own would be") {
    Conversation call({.early = {}, .no_ack = {}, .lifetime = {}, .bye = {}});
    CHECK(call.invite());
    CHECK(call.answer(183, {.cseq = 1, .at = at_ms(400)}));
    CHECK_FALSE(call.tracker.next_deadline());
    call.advance(500);
    CHECK(call.tracker.watchdog(at_ms(1'000'000), Duration::zero()).empty());
    CHECK(call.tracker.set_timeout(call.id, DialogTimer::early, milliseconds(1000)));
    CHECK(call.deadline_ms() == 1400);
    CHECK(call.answer(200, {.cseq = 1, .at = at_ms(600)}));
    CHECK_FALSE(call.tracker.next_deadline());
    CHECK(call.tracker.set_timeout(call.id, DialogTimer::no_ack, milliseconds(1000)));
    CHECK(call.deadline_ms() == 1600);
    CHECK(call.request(Side::caller, Method::bye, {.cseq = 2, .at = at_ms(700)}));
    CHECK_FALSE(call.tracker.next_deadline());
    CHECK(call.tracker.set_timeout(call.id, DialogTimer::bye, milliseconds(1000)));
    CHECK(call.deadline_ms() == 1700);
}

TEST_CASE("timer: the longest timeout there is does no harm") {
    for (DialogTimer timer : {DialogTimer::early, DialogTimer::no_ack, DialogTimer::lifetime, DialogTimer::bye}) {
        Conversation call;
        REQUIRE(call.invite());
        REQUIRE(call.tracker.set_timeout(call.id, timer, Duration::max()));
        CHECK(call.answer(200));
        CHECK(call.request(Side::caller, Method::ack, {.cseq = 1}));
        CHECK(call.request(Side::caller, Method::bye, {.cseq = 2}));
        CHECK(call.tracker.find(call.id)->deadline > at_ms(0));
        CHECK(call.tracker.watchdog(at_ms(0), Duration::max()).empty());
    }
}

TEST_CASE("timer: a set that is over, or unknown, takes no timeout") {
    Conversation call;
    call.confirm();
    call.tracker.end(call.id, EndReason::admin, at_ms(0));
    CHECK(call.tracker.set_timeout(call.id, DialogTimer::lifetime, milliseconds(5)).error() == Error::not_found);
    CHECK(call.tracker.set_timeout(DialogId(), DialogTimer::lifetime, milliseconds(5)).error() == Error::not_found);
}

TEST_CASE("timer: a refresh of the call does not lengthen its life") {
    Conversation call(short_timers);
    call.confirm();
    for (std::uint32_t cseq = 2; cseq < 6; ++cseq) {
        CHECK(call.request(Side::caller, Method::update, {.cseq = cseq, .at = at_ms(1000 * cseq)}));
        CHECK(call.respond(Side::caller, Method::update, 200, {.cseq = cseq, .at = at_ms(1000 * cseq)}));
    }
    check_fires_at(call, DialogTimer::lifetime, 40'000);
}

TEST_CASE("timer: after a challenged BYE the timer of before runs as if nothing had been") {
    Conversation call(short_timers);
    SUBCASE("lifetime") {
        call.confirm();
        call.hang_up(Side::caller, {.cseq = 2, .at = at_ms(15'000)}, 407);
        check_fires_at(call, DialogTimer::lifetime, 40'000);
    }
    SUBCASE("a lifetime that passed meanwhile") {
        call.confirm();
        CHECK(call.request(Side::caller, Method::bye, {.cseq = 2, .at = at_ms(39'000)}));
        call.advance(45'000);
        call.events();
        CHECK(call.respond(Side::caller, Method::bye, 407, {.cseq = 2, .at = at_ms(45'000)}));
        call.advance(45'000);
        CHECK(call.events() == std::vector{Kind::end_due});
        CHECK(call.reason() == EndReason::expired);
    }
    SUBCASE("no ACK yet") {
        CHECK(call.invite());
        CHECK(call.answer(200));
        call.hang_up(Side::caller, {.cseq = 2, .at = at_ms(15'000)}, 401);
        check_fires_at(call, DialogTimer::no_ack, 20'000);
    }
    SUBCASE("early") {
        CHECK(call.invite());
        CHECK(call.answer(180));
        call.hang_up(Side::caller, {.cseq = 2, .at = at_ms(5000)}, 407);
        check_fires_at(call, DialogTimer::early, 15'000);
    }
    SUBCASE("the BYE that comes again") {
        call.confirm();
        call.hang_up(Side::caller, {.cseq = 2, .at = at_ms(15'000)}, 407);
        CHECK(call.request(Side::caller, Method::bye, {.cseq = 3, .at = at_ms(16'000)}));
        check_fires_at(call, DialogTimer::bye, 96'000);
    }
}

TEST_CASE("timer: a challenged BYE does not undo an end that was asked for") {
    Conversation call(short_timers);
    call.confirm();
    CHECK(call.tracker.request_end(call.id, EndReason::session_timer, at_ms(1000)));
    call.hang_up(Side::caller, {.cseq = 2, .at = at_ms(1000)}, 407);
    CHECK(call.reason() == EndReason::session_timer);
    check_fires_at(call, DialogTimer::bye, 81'000);
}

TEST_CASE("timer: 1xx after a CANCEL keeps no cancelled call, and what comes later is no answer [3]") {
    Conversation call;
    CHECK(call.invite());
    CHECK(call.answer(180));
    CHECK(call.cancel({.cseq = 1, .at = at_ms(1000)}));
    for (std::int64_t ms = 2000; ms < 33'000; ms += 1000) {
        call.advance(ms);
        CHECK(call.answer(180, {.cseq = 1, .at = at_ms(ms)}));
        CHECK_FALSE(call.cancel({.cseq = 1, .at = at_ms(ms)})->is_new);
    }
    call.advance(32'999);
    CHECK_FALSE(call.is_over());
    call.events();
    call.advance(33'000);
    CHECK(call.events() == std::vector{Kind::ended});
    CHECK(call.reason() == EndReason::cancelled);
    CHECK(call.tracker.find(call.id)->sip_code == 487);
}

TEST_CASE("timer: request_end asks for the end of a call in each state, of none twice") {
    for (const Running &running : running_timers()) {
        CAPTURE(static_cast<int>(running.timer));
        Conversation call(short_timers);
        running.enter(call);
        call.events();
        const EndReason before = call.reason();
        const bool is_ending = running.timer == DialogTimer::bye;
        CHECK(call.tracker.request_end(call.id, EndReason::probe, at_ms(2000)) == !is_ending);
        CHECK(call.reason() == (is_ending ? before : EndReason::probe));
        CHECK_FALSE(call.is_over());
        using Kinds = std::vector<Kind>;
        CHECK(call.events() == (is_ending ? Kinds{} : Kinds{Kind::end_due}));
        CHECK_FALSE(call.tracker.request_end(call.id, EndReason::admin, at_ms(2000)));
        check_fires_at(call, DialogTimer::bye, is_ending ? 81'000 : 82'000);
        CHECK_FALSE(call.tracker.request_end(call.id, EndReason::admin, at_ms(90'000)));
    }
    Conversation call;
    CHECK_FALSE(call.tracker.request_end(DialogId(), EndReason::admin, at_ms(0)));
}

TEST_CASE("timer: the watchdog is empty while advance() is called in time, whatever the state [9]") {
    for (const Running &running : running_timers()) {
        Conversation call(short_timers);
        running.enter(call);
        for (int i = 0; i < 10 && !call.is_over(); ++i) {
            const auto next = call.tracker.next_deadline();
            REQUIRE(next);
            CHECK(call.tracker.watchdog(*next, Duration::zero()).empty());
            call.tracker.advance(*next);
            CHECK(call.tracker.watchdog(*next, Duration::zero()).empty());
        }
        CHECK(call.is_over());
    }
}

TEST_CASE("timer: the watchdog finds what outlived its deadline by more than the grace, when nobody calls advance()") {
    for (const Running &running : running_timers()) {
        Conversation call(short_timers);
        running.enter(call);
        const Instant due = at_ms(1000 + running.span_ms);
        CHECK(call.tracker.watchdog(due, Duration::zero()).empty());
        CHECK(call.tracker.watchdog(due + milliseconds(500), milliseconds(500)).empty());
        CHECK(call.tracker.watchdog(due + milliseconds(501), milliseconds(500)) == std::vector{call.id});
        call.tracker.end(call.id, EndReason::admin, due);
        CHECK(call.tracker.watchdog(due + milliseconds(501), milliseconds(500)).empty());
    }
}

TEST_CASE("timer: a process that slept through deadlines meets them in order at once") {
    Conversation call(short_timers);
    for (int i = 0; i < 5; ++i) {
        call.call_id = "call-" + std::to_string(i);
        CHECK(call.invite({.cseq = 1, .at = at_ms(i * 100)}));
    }
    for (Kind kind : {Kind::end_due, Kind::ended}) {
        call.events();
        call.advance(kind == Kind::end_due ? 1'000'000 : 2'000'000);
        std::vector<DialogId> met;
        for (DialogEvent event; call.tracker.next_event(event);) {
            CHECK(event.kind == kind);
            met.push_back(event.dialog);
        }
        REQUIRE(met.size() == 5);
        for (std::size_t i = 0; i < 5; ++i) {
            CHECK(call.tracker.find(met[i])->view(DialogSet::call_id) == "call-" + std::to_string(i));
        }
    }
    CHECK(call.tracker.statistics().expired == 5);
}
