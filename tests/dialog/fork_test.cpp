// Several dialogs of one INVITE: they ring, are answered and end each for itself.
#include <doctest/doctest.h>
#include "dialog/conversation.hpp"

using namespace tandem;
using test::Conversation;
using test::Step;
using Kind = DialogEventKind;

namespace {

// INVITE, a 200 from b1 and one from b2, both acknowledged, at t = 0.
void answer_twice(Conversation &call) {
    static_cast<void>(call.invite());
    for (const char *tag : {"b1", "b2"}) static_cast<void>(call.answer(200, {.cseq = 1, .to_tag = tag}));
    for (const char *tag : {"b1", "b2"}) {
        static_cast<void>(call.request(Side::caller, Method::ack, {.cseq = 1, .to_tag = tag}));
    }
    call.events();
}

DialogState fork_state(const Conversation &call, std::string_view tag) {
    return call.tracker.find(call.id)->find_fork(tag)->state;
}

} // namespace

TEST_CASE("fork: the set ends when the last of its answered dialogs has ended, in whatever order") {
    for (const auto &[first, second] : {std::pair("b1", "b2"), std::pair("b2", "b1")}) {
        CAPTURE(first);
        Conversation call;
        answer_twice(call);
        call.hang_up(Side::caller, {.cseq = 2, .to_tag = first, .at = at_ms(1000)});
        CHECK(call.state() == DialogState::confirmed);
        CHECK(call.tracker.find(call.id)->to_tag() == second);
        CHECK(call.deadline_ms() == 43'200'000);
        CHECK(call.request(Side::callee, Method::info, {.cseq = 1, .to_tag = first}).error() == Error::no_dialog);
        CHECK(call.request(Side::callee, Method::info, {.cseq = 1, .to_tag = second})->is_new);
        call.hang_up(Side::callee, {.cseq = 2, .to_tag = second, .at = at_ms(2000)});
        CHECK(call.is_over());
        CHECK(call.reason() == EndReason::callee_bye);
        CHECK(call.tracker.find(call.id)->ended == at_ms(2000));
    }
}

TEST_CASE("fork: BYEs of both under way at once end the set when both are answered, in whatever order") {
    for (const auto &[first, second] : {std::pair("b1", "b2"), std::pair("b2", "b1")}) {
        Conversation call;
        answer_twice(call);
        for (const char *tag : {"b1", "b2"}) CHECK(call.request(Side::caller, Method::bye, {.cseq = 2, .to_tag = tag}));
        CHECK(call.deadline_ms() == 32'000);
        CHECK(call.respond(Side::caller, Method::bye, 200, {.cseq = 2, .to_tag = first}));
        CHECK_FALSE(call.is_over());
        CHECK(call.deadline_ms() == 32'000);
        CHECK(call.respond(Side::caller, Method::bye, 200, {.cseq = 2, .to_tag = second}));
        CHECK(call.is_over());
        CHECK(call.reason() == EndReason::caller_bye);
    }
}

TEST_CASE("fork: the unanswered BYE of one does not end the other") {
    for (const auto &[gone, kept] : {std::pair("b1", "b2"), std::pair("b2", "b1")}) {
        CAPTURE(gone);
        Conversation call;
        answer_twice(call);
        CHECK(call.request(Side::caller, Method::bye, {.cseq = 2, .to_tag = gone}));
        call.advance(100'000);
        CHECK(call.state() == DialogState::confirmed);
        CHECK(call.reason() == EndReason::none);
        // and is no reason to stay when the other has gone
        call.hang_up(Side::caller, {.cseq = 2, .to_tag = kept, .at = at_ms(100'000)});
        call.advance(132'000);
        CHECK(call.is_over());
        CHECK(call.reason() == EndReason::caller_bye);
    }
}

TEST_CASE("fork: a challenged BYE of one leaves the end of the other alone") {
    Conversation call;
    answer_twice(call);
    for (const char *tag : {"b1", "b2"}) CHECK(call.request(Side::caller, Method::bye, {.cseq = 2, .to_tag = tag}));
    CHECK(call.respond(Side::caller, Method::bye, 407, {.cseq = 2, .to_tag = "b2"}));
    CHECK(call.reason() == EndReason::none); // b2 is up again
    CHECK(call.respond(Side::caller, Method::bye, 200, {.cseq = 2, .to_tag = "b1"}));
    CHECK(call.state() == DialogState::confirmed);
    CHECK(call.tracker.find(call.id)->to_tag() == "b2");
    CHECK(call.deadline_ms() == 43'200'000);
    call.hang_up(Side::caller, {.cseq = 3, .to_tag = "b2"});
    CHECK(call.is_over());
}

TEST_CASE("fork: an answer that comes while the BYE of the first one is under way keeps the set") {
    for (bool is_bye_answered : {true, false}) {
        CAPTURE(is_bye_answered);
        Conversation call;
        call.confirm();
        CHECK(call.request(Side::caller, Method::bye, {.cseq = 2}));
        CHECK(call.answer(200, {.cseq = 1, .to_tag = "b2"}));
        CHECK(call.request(Side::caller, Method::ack, {.cseq = 1, .to_tag = "b2"})->is_new);
        if (is_bye_answered) CHECK(call.respond(Side::caller, Method::bye, 200, {.cseq = 2}));
        call.advance(50'000);
        CHECK(call.state() == DialogState::confirmed);
        CHECK(call.reason() == EndReason::none);
    }
}

TEST_CASE("fork: an answered one that is acknowledged is not ended for another that is not [41]") {
    Conversation call;
    CHECK(call.invite());
    for (const char *tag : {"b1", "b2"}) CHECK(call.answer(200, {.cseq = 1, .to_tag = tag}));
    CHECK(call.request(Side::caller, Method::ack, {.cseq = 1, .to_tag = "b2"})->is_new);
    CHECK(call.tracker.find(call.id)->to_tag() == "b2");
    call.events();
    call.advance(32'000);
    CHECK(call.events().empty());
    CHECK(call.deadline_ms() == 43'200'000);
    // Alone again, the other one had its time.
    call.hang_up(Side::caller, {.cseq = 2, .to_tag = "b2", .at = at_ms(40'000)});
    call.events();
    call.advance(40'000);
    CHECK(call.events() == std::vector{Kind::end_due});
    CHECK(call.reason() == EndReason::no_ack);
}

TEST_CASE("fork: a caller's BYE ends one early dialog, and the others ring on (RFC 3261 section 15)") {
    Conversation call;
    CHECK(call.invite());
    for (const char *tag : {"b1", "b2"}) CHECK(call.answer(180, {.cseq = 1, .to_tag = tag}));
    call.hang_up(Side::caller, {.cseq = 2, .to_tag = "b1"});
    CHECK(call.state() == DialogState::early);
    CHECK(fork_state(call, "b1") == DialogState::terminated);
    CHECK(call.request(Side::caller, Method::bye, {.cseq = 2, .to_tag = "b2"}));
    CHECK(call.reason() == EndReason::caller_bye);
    SUBCASE("until that of the INVITE ends the set") {
        CHECK(call.respond(Side::caller, Method::bye, 200, {.cseq = 2, .to_tag = "b2"}));
        CHECK(call.answer(487));
        CHECK(call.is_over());
        CHECK(call.reason() == EndReason::caller_bye);
        CHECK(call.tracker.statistics().failed == 1);
    }
    SUBCASE("until an answer that crosses it: the set ends with the BYE all the same (RFC 5407 section 3.1.3)") {
        CHECK(call.answer(200, {.cseq = 1, .to_tag = "b2", .at = at_ms(10)}));
        CHECK(call.state() == DialogState::confirmed);
        CHECK(call.deadline_ms() == 32'000);
        CHECK(call.respond(Side::caller, Method::bye, 200, {.cseq = 2, .to_tag = "b2"}));
        CHECK(call.is_over());
        CHECK(call.reason() == EndReason::caller_bye);
    }
    SUBCASE("until a third one answers: that is the call") {
        CHECK(call.answer(200, {.cseq = 1, .to_tag = "b3", .at = at_ms(10)}));
        CHECK(call.respond(Side::caller, Method::bye, 200, {.cseq = 2, .to_tag = "b2"}));
        CHECK(call.state() == DialogState::confirmed);
        CHECK(call.reason() == EndReason::none);
        CHECK(call.deadline_ms() == 32'010);
    }
}

TEST_CASE("fork: an answer that crosses the BYE of one of several early dialogs ends with that BYE") {
    for (bool is_answered : {true, false}) {
        Conversation call;
        CHECK(call.invite());
        for (const char *tag : {"b1", "b2"}) CHECK(call.answer(180, {.cseq = 1, .to_tag = tag}));
        CHECK(call.request(Side::caller, Method::bye, {.cseq = 2, .to_tag = "b1"}));
        CHECK(call.answer(200, {.cseq = 1, .to_tag = "b1", .at = at_ms(10)}));
        CHECK(call.reason() == EndReason::caller_bye);
        if (is_answered) CHECK(call.respond(Side::caller, Method::bye, 200, {.cseq = 2, .to_tag = "b1"}));
        call.advance(32'010);
        CHECK(call.is_over());
        CHECK(call.reason() == EndReason::caller_bye);
    }
}

TEST_CASE("fork: the BYE of one that still rings does not end an answered call") {
    Conversation call;
    CHECK(call.invite());
    for (const char *tag : {"b1", "b2"}) CHECK(call.answer(180, {.cseq = 1, .to_tag = tag}));
    CHECK(call.answer(200));
    CHECK(call.request(Side::caller, Method::ack, {.cseq = 1}));
    call.hang_up(Side::caller, {.cseq = 2, .to_tag = "b2"});
    CHECK(call.state() == DialogState::confirmed);
    CHECK(call.reason() == EndReason::none);
    CHECK(fork_state(call, "b2") == DialogState::terminated);
}

TEST_CASE("fork: a 2xx for a dialog that a BYE ended before its answer brings nothing back") {
    Conversation call;
    CHECK(call.invite());
    for (const char *tag : {"b1", "b2"}) CHECK(call.answer(180, {.cseq = 1, .to_tag = tag}));
    call.hang_up(Side::caller, {.cseq = 2, .to_tag = "b1"});
    CHECK(call.answer(200, {.cseq = 1, .to_tag = "b1"}));
    CHECK(call.state() == DialogState::early);
    CHECK(call.tracker.statistics().active == 0);
    CHECK(call.answer(200, {.cseq = 1, .to_tag = "b2"}));
    CHECK(call.tracker.statistics().active == 1);
}

TEST_CASE("fork: the answer that a BYE of the only early dialog has overtaken ends the set (RFC 5407 section 3.1.2)") {
    for (Side from : {Side::caller, Side::callee}) {
        Conversation call;
        CHECK(call.invite());
        CHECK(call.answer(180));
        call.hang_up(from, {.cseq = 2});
        CHECK(call.state() == DialogState::early);
        call.events();
        CHECK(call.answer(200, {.cseq = 1, .at = at_ms(10)}));
        CHECK(call.is_over());
        CHECK(call.reason() == reason_of_bye(from));
        CHECK(call.events() == std::vector{DialogEventKind::confirmed, DialogEventKind::ended});
        CHECK(call.tracker.statistics().active == 0);
        CHECK(call.tracker.statistics().early == 0);
    }
}

TEST_CASE("fork: crossing BYEs of one, the first of them challenged, still end it") {
    Conversation call;
    call.confirm();
    CHECK(call.request(Side::caller, Method::bye, {.cseq = 2, .at = at_ms(100)}));
    CHECK(call.request(Side::callee, Method::bye, {.cseq = 1, .at = at_ms(200)}));
    CHECK(call.respond(Side::caller, Method::bye, 407, {.cseq = 2, .at = at_ms(300)}));
    CHECK(call.reason() == EndReason::callee_bye);
    CHECK(call.deadline_ms() == 32'100);
    call.advance(32'100);
    CHECK(call.is_over());
}

TEST_CASE("fork: an end that was asked for is for all answered dialogs of the set") {
    Conversation call;
    answer_twice(call);
    CHECK(call.tracker.request_end(call.id, EndReason::admin, at_ms(1000)));
    CHECK(call.events() == std::vector{Kind::end_due});
    for (const char *tag : {"b1", "b2"}) {
        CHECK(call.reason() == EndReason::admin);
        CHECK(call.deadline_ms() == 33'000);
        CHECK_FALSE(call.is_over());
        call.hang_up(Side::caller, {.cseq = 2, .to_tag = tag, .at = at_ms(1000)});
    }
    CHECK(call.is_over());
    CHECK(call.reason() == EndReason::admin);
}

TEST_CASE("fork: with fork_max reached an answer takes the place of one that rings, never of an answered one") {
    Conversation call({.fork_max = 3});
    CHECK(call.invite());
    for (const char *tag : {"b1", "b2"}) CHECK(call.answer(180, {.cseq = 1, .to_tag = tag}));
    for (const char *tag : {"b2", "b1"}) CHECK(call.answer(200, {.cseq = 1, .to_tag = tag}));
    CHECK(call.answer(180, {.cseq = 1, .to_tag = "b3"}));
    CHECK(call.answer(200, {.cseq = 1, .to_tag = "b4"}));
    const DialogSet *set = call.tracker.find(call.id);
    CHECK_FALSE(set->find_fork("b3"));
    for (const char *tag : {"b1", "b2", "b4"}) CHECK(fork_state(call, tag) == DialogState::confirmed);
    CHECK(call.answer(200, {.cseq = 1, .to_tag = "b5"})); // beyond the bound: not tracked
    CHECK_FALSE(set->find_fork("b5"));
}

TEST_CASE("fork: each has its own target: a re-INVITE moves that of the fork it belongs to") {
    Conversation call;
    CHECK(call.invite());
    CHECK(call.answer(200, {.cseq = 1, .to_tag = "b1", .contact = "sip:one@h"}));
    CHECK(call.answer(200, {.cseq = 1, .to_tag = "b2", .contact = "sip:two@h"}));
    const Step step{.cseq = 5, .to_tag = "b2", .contact = "sip:one@h"}; // like that of the other
    CHECK(call.request(Side::callee, Method::invite, step));
    CHECK(call.respond(Side::callee, Method::invite, 200, {.cseq = 5, .to_tag = "b2"}));
    const auto record = *call.tracker.record(call.id);
    for (const ForkRecord &fork : record.forks) CHECK(fork.callee_target == "sip:one@h");
}
