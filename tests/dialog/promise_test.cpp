// What the tracker promises of a dialog: each promise has a test of its name, here or in tracker_test.cpp.
#include <array>
#include <doctest/doctest.h>
#include <functional>
#include <set>
#include <tuple>
#include "dialog/conversation.hpp"

using namespace tandem;
using test::Conversation;
using Kind = DialogEventKind;

TEST_CASE("dialog: one entry stands for an initial INVITE, known by its Call-ID and From-tag") {
    Conversation call;
    CHECK(call.invite());
    const DialogId first = call.id;
    CHECK_FALSE(call.invite()->is_new);
    call.caller_tag = "a2"; // another caller's choice
    CHECK(call.invite()->is_new);
    CHECK(call.id != first);
    call.caller_tag = "a1";
    call.call_id = "call-2";
    CHECK(call.invite()->is_new);
    CHECK(call.tracker.size() == 3);
    CHECK(call.tracker.find("call-1", "a1", "") == first);
}

TEST_CASE("dialog: each To-tag has its own early dialog, route set and CSeq spaces") {
    Conversation call;
    CHECK(call.invite({.cseq = 10}));
    CHECK(call.answer(183, {.cseq = 10, .to_tag = "b1", .contact = "sip:b1@h", .record_route = "<sip:p1;lr>"}));
    CHECK(call.answer(183, {.cseq = 10, .to_tag = "b2", .contact = "sip:b2@h", .record_route = "<sip:p2;lr>"}));
    CHECK(call.request(Side::caller, Method::prack, {.cseq = 11, .to_tag = "b1"})->is_new);
    CHECK(call.request(Side::caller, Method::prack, {.cseq = 11, .to_tag = "b2"})->is_new);
    CHECK(call.request(Side::caller, Method::update, {.cseq = 12, .to_tag = "b2"})->is_new);
    CHECK(call.request(Side::callee, Method::update, {.cseq = 700, .to_tag = "b1"})->is_new);
    const auto record = *call.tracker.record(call.id);
    REQUIRE(record.forks.size() == 2);
    CHECK(record.forks[0].to_tag == "b2"); // the latest early one first
    CHECK(record.forks[0].callee_target == "sip:b2@h");
    CHECK(record.forks[0].callee_route_set == "<sip:p2;lr>");
    CHECK(record.forks[0].last_cseq == std::array<std::uint32_t, 2>{12, 0});
    CHECK(record.forks[1].callee_target == "sip:b1@h");
    CHECK(record.forks[1].callee_route_set == "<sip:p1;lr>");
    CHECK(record.forks[1].last_cseq == std::array<std::uint32_t, 2>{11, 700});
    CHECK(call.request(Side::caller, Method::update, {.cseq = 11, .to_tag = "b2"}).error() == Error::stale_cseq);
}

TEST_CASE("dialog: proceeding is a provisional answer without a tag, and no step leads back") {
    Conversation call;
    CHECK(call.invite());
    CHECK(call.answer(183, {.cseq = 1, .to_tag = ""}));
    CHECK(call.state() == DialogState::proceeding);
    CHECK(call.answer(100, {.cseq = 1, .to_tag = "b1"})); // a tag in a 100 makes no dialog (RFC 3261 section 12.1)
    CHECK(call.state() == DialogState::proceeding);
    CHECK(call.answer(180));
    CHECK(call.answer(100, {.cseq = 1, .to_tag = ""}));
    CHECK(call.state() == DialogState::early);
    CHECK(call.answer(202));
    CHECK(call.answer(183, {.cseq = 1, .to_tag = "b2"}));
    CHECK(call.state() == DialogState::confirmed);
}

TEST_CASE("dialog: `early` counts sets without a final answer, `active` those with a confirmed fork [17]") {
    Conversation call;
    const auto are = [&](std::uint64_t early, std::uint64_t active) {
        const DialogStatistics now = call.tracker.statistics();
        return now.early == early && now.active == active;
    };
    CHECK(call.invite());
    CHECK(are(1, 0));
    for (const char *tag : {"b1", "b2", "b3"}) CHECK(call.answer(180, {.cseq = 1, .to_tag = tag}));
    CHECK(are(1, 0));
    for (const char *tag : {"b1", "b2", "b3"}) CHECK(call.answer(200, {.cseq = 1, .to_tag = tag}));
    CHECK(are(0, 1));
    for (const char *tag : {"b1", "b2"}) call.hang_up(Side::caller, {.cseq = 2, .to_tag = tag});
    CHECK(are(0, 1));
    call.hang_up(Side::caller, {.cseq = 2, .to_tag = "b3"});
    CHECK(are(0, 0));
    for (const char *tag : {"b1", "b2", "b3"}) call.hang_up(Side::callee, {.cseq = 2, .to_tag = tag});
    CHECK(call.answer(200));
    CHECK(call.answer(486));
    CHECK(are(0, 0));
    CHECK(call.tracker.statistics().failed == 0);
}

TEST_CASE("dialog: a retransmission of any message changes nothing") {
    using Send = std::function<void(Conversation &)>;
    const auto request = [](Side from, Method method, std::uint32_t cseq) -> Send {
        return [=](Conversation &call) {
            static_cast<void>(call.request(from, method, {.cseq = cseq, .contact = "sip:x@h"}));
        };
    };
    const auto respond = [](Side asker, Method method, std::uint16_t status, std::uint32_t cseq) -> Send {
        return [=](Conversation &call) {
            static_cast<void>(call.respond(asker, method, status, {.cseq = cseq, .contact = "sip:y@h"}));
        };
    };
    const auto answer = [](std::uint16_t status) -> Send {
        return [=](Conversation &call) {
            static_cast<void>(call.answer(status, {.cseq = 1, .contact = "sip:bob@h", .record_route = "<sip:p;lr>"}));
        };
    };
    const std::vector<Send> messages = {[](Conversation &call) { static_cast<void>(call.invite()); },
                                        answer(100),
                                        answer(183),
                                        request(Side::caller, Method::prack, 2),
                                        respond(Side::caller, Method::prack, 200, 2),
                                        answer(200),
                                        request(Side::caller, Method::ack, 1),
                                        request(Side::callee, Method::invite, 8),
                                        respond(Side::callee, Method::invite, 200, 8),
                                        request(Side::callee, Method::ack, 8),
                                        request(Side::caller, Method::update, 3),
                                        respond(Side::caller, Method::update, 200, 3),
                                        request(Side::caller, Method::bye, 4),
                                        respond(Side::caller, Method::bye, 200, 4)};
    const auto picture = [](Conversation &call) {
        std::string text = std::to_string(call.events().size()) + ' ';
        const auto record = call.tracker.record(call.id);
        text.append(to_string(record->state)).append(record->caller_target);
        text += std::to_string(record->deadline.time_since_epoch().count());
        for (const ForkRecord &fork : record->forks) {
            text.append(fork.callee_target).append(fork.callee_route_set).append(fork.is_acked ? "acked" : "");
            for (std::uint32_t cseq : fork.last_cseq) text += ' ' + std::to_string(cseq);
        }
        return text;
    };
    Conversation once;
    Conversation thrice;
    once.branch = thrice.branch = "z9hG4bK1";
    for (std::size_t i = 0; i < messages.size(); ++i) {
        CAPTURE(i);
        messages[i](once);
        for (int k = 0; k < 3; ++k) messages[i](thrice);
        // And those of before, late.
        for (std::size_t old = 0; old <= i; ++old) messages[old](thrice);
        CHECK(picture(once) == picture(thrice));
    }
    CHECK(once.is_over());
    CHECK(thrice.is_over());
    CHECK(thrice.tracker.statistics().processed == 1);
}

TEST_CASE("dialog: after a final negative answer the same Call-ID starts anew with a new id [23]") {
    Conversation call;
    std::set<RecordId> records;
    std::set<DialogId> ids;
    for (std::uint16_t status : std::initializer_list<std::uint16_t>{302, 401, 407, 408, 480, 486, 487, 503, 603}) {
        CAPTURE(status);
        const std::uint32_t cseq = 1 + static_cast<std::uint32_t>(ids.size());
        REQUIRE(call.invite({.cseq = cseq})->is_new);
        CHECK(call.answer(180, {.cseq = cseq}));
        CHECK(call.answer(status, {.cseq = cseq}));
        CHECK(call.is_over());
        CHECK(call.request(Side::caller, Method::ack, {.cseq = cseq}));
        ids.insert(call.id);
        records.insert(call.tracker.find(call.id)->record);
    }
    CHECK(ids.size() == 9);
    CHECK(records.size() == 9);
    CHECK(call.tracker.statistics().failed == 9);
    REQUIRE(call.invite({.cseq = 20})->is_new);
    CHECK_FALSE(call.answer(486, {.cseq = 9})->dialog); // late, of an older one
    CHECK(call.state() == DialogState::trying);
    CHECK(call.answer(200, {.cseq = 20}));
    CHECK(call.tracker.statistics().active == 1);
}

TEST_CASE("dialog: a BYE ends it when it is answered with 2xx, 481 or 408 (RFC 3261 section 15.1.1)") {
    using Statuses = std::initializer_list<std::uint16_t>;
    for (std::uint16_t status : Statuses{200, 202, 408, 481}) {
        for (Side from : {Side::caller, Side::callee}) {
            CAPTURE(status);
            Conversation call;
            call.confirm();
            call.hang_up(from, {.cseq = 2}, 100);
            CHECK_FALSE(call.is_over());
            static_cast<void>(call.respond(from, Method::bye, status, {.cseq = 2}));
            CHECK(call.is_over());
        }
    }
}

TEST_CASE("dialog: a BYE that gets another refusal ends nothing: who refused it may talk on [43]") {
    using Statuses = std::initializer_list<std::uint16_t>;
    for (std::uint16_t status : Statuses{302, 400, 401, 403, 405, 407, 420, 483, 487, 491, 500, 501, 503, 603}) {
        CAPTURE(status);
        for (Side from : {Side::caller, Side::callee}) {
            Conversation call;
            call.confirm();
            for (std::uint32_t cseq = 5; cseq < 9; ++cseq) {
                call.hang_up(from, {.cseq = cseq, .at = at_ms(1000 * cseq)}, status);
                CHECK(call.state() == DialogState::confirmed);
                CHECK(call.reason() == EndReason::none);
                CHECK(call.deadline_ms() == 43'200'000);
            }
            call.hang_up(from, {.cseq = 9, .at = at_ms(90'000)});
            CHECK(call.is_over());
            CHECK(call.reason() == reason_of_bye(from));
        }
        Conversation early;
        CHECK(early.invite());
        CHECK(early.answer(180));
        early.hang_up(Side::caller, {.cseq = 2, .at = at_ms(1000)}, status);
        CHECK(early.deadline_ms() == 182'000);
        CHECK(early.answer(200, {.cseq = 1, .at = at_ms(2000)}));
        CHECK(early.tracker.statistics().active == 1);
    }
}

TEST_CASE("dialog: who refuses a BYE again and again keeps it from no deadline") {
    Conversation call({.lifetime = std::chrono::milliseconds(100'000)});
    call.confirm();
    for (std::int64_t ms = 1000; ms < 200'000; ms += 31'000) {
        call.hang_up(Side::caller, {.cseq = 2, .at = at_ms(ms)}, 483);
        call.advance(ms + 30'999);
    }
    CHECK(call.is_over());
    CHECK(call.reason() == EndReason::expired);
}

TEST_CASE("dialog: a BYE of our own that is refused ends it, for we have left (RFC 3261 section 15.1.1)") {
    Conversation call;
    call.local_side = Side::caller;
    call.confirm();
    call.hang_up(Side::caller, {.cseq = 2}, 500);
    CHECK(call.is_over());
}

TEST_CASE("dialog: a BYE that is never answered ends it when its transaction times out") {
    for (Side from : {Side::caller, Side::callee}) {
        Conversation call;
        call.confirm();
        CHECK(call.request(from, Method::bye, {.cseq = 2, .at = at_ms(100)}));
        call.advance(32'099);
        CHECK_FALSE(call.is_over());
        call.advance(32'100);
        CHECK(call.is_over());
        CHECK(call.reason() == (from == Side::caller ? EndReason::caller_bye : EndReason::callee_bye));
    }
}

TEST_CASE("dialog: a callee's BYE before the answer ends nothing while it has no answer itself (RFC 3261 section 15)") {
    Conversation call;
    CHECK(call.invite());
    CHECK(call.answer(180));
    CHECK(call.request(Side::callee, Method::bye, {.cseq = 1}));
    CHECK(call.deadline_ms() == 181'000);
    CHECK(call.reason() == EndReason::none);
    CHECK(call.answer(180, {.cseq = 1, .at = at_ms(1000)}));
    CHECK(call.deadline_ms() == 182'000);
}

TEST_CASE("dialog: nothing stays for ever: each state ends by its own deadline, with its own reason [1, 3-12]") {
    // When it is gone, when it ended by its record, and why.
    using End = std::tuple<std::int64_t, std::int64_t, EndReason>;
    const auto end_of = [](auto prepare) {
        Conversation call;
        CHECK(call.invite());
        prepare(call);
        std::int64_t ms = 0;
        while (const auto next = call.tracker.next_deadline()) {
            ms = to_ms(next->time_since_epoch());
            call.tracker.advance(*next);
        }
        CHECK(call.is_over());
        CHECK(call.tracker.size() == 0);
        return End(ms, to_ms(call.tracker.find(call.id)->ended->time_since_epoch()), call.reason());
    };
    CHECK(end_of([](Conversation &) {}) == End(213'000, 213'000, EndReason::no_answer));
    CHECK(end_of([](Conversation &call) { CHECK(call.answer(100, {.cseq = 1, .to_tag = "", .at = at_ms(100)})); }) ==
          End(213'000, 213'000, EndReason::no_answer));
    CHECK(end_of([](Conversation &call) { CHECK(call.answer(180, {.cseq = 1, .at = at_ms(5000)})); }) ==
          End(218'000, 218'000, EndReason::no_answer));
    CHECK(end_of([](Conversation &call) { CHECK(call.cancel({.cseq = 1, .at = at_ms(5000)})); }) ==
          End(37'000, 37'000, EndReason::cancelled));
    CHECK(end_of([](Conversation &call) { CHECK(call.answer(200, {.cseq = 1, .at = at_ms(1000)})); }) ==
          End(65'000, 33'000, EndReason::no_ack));
    const auto confirm = [](Conversation &call) {
        CHECK(call.answer(200, {.cseq = 1, .at = at_ms(1000)}));
        CHECK(call.request(Side::caller, Method::ack, {.cseq = 1, .at = at_ms(1000)}));
    };
    CHECK(end_of(confirm) == End(43'233'000, 43'201'000, EndReason::expired));
    CHECK(end_of([&](Conversation &call) { // nobody talks while a BYE is repeated in vain
              confirm(call);
              CHECK(call.request(Side::callee, Method::bye, {.cseq = 1, .at = at_ms(61'000)}));
          }) == End(93'000, 61'000, EndReason::callee_bye));
}

TEST_CASE("dialog: a tagless callee has a dialog too (RFC 3261 section 12.1.2)") {
    Conversation call;
    CHECK(call.invite());
    CHECK(call.answer(200, {.cseq = 1, .to_tag = ""}));
    CHECK(call.state() == DialogState::confirmed);
    CHECK(call.request(Side::caller, Method::ack, {.cseq = 1, .to_tag = ""})->is_new);
    CHECK(call.request(Side::callee, Method::info, {.cseq = 1, .to_tag = ""})->is_new);
    CHECK(call.request(Side::caller, Method::info, {.cseq = 2, .to_tag = ""})->is_new);
    CHECK(call.deadline_ms() == 43'200'000);
    call.hang_up(Side::caller, {.cseq = 3, .to_tag = ""});
    CHECK(call.is_over());
}

TEST_CASE("dialog: requests outside of a dialog are accepted and change nothing") {
    Conversation call;
    call.confirm();
    call.events();
    for (Method method : {Method::options, Method::bye, Method::info, Method::message, Method::ack, Method::register_,
                          Method::unknown}) {
        const auto fed = call.request(Side::caller, method, {.cseq = 9, .to_tag = ""});
        REQUIRE(fed);
        CHECK_FALSE(fed->dialog);
    }
    CHECK(call.events().empty());
    CHECK(call.tracker.next_cseq(call.id, Side::caller) == 2);
}
