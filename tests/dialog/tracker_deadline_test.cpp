#include <doctest/doctest.h>
#include "dialog/conversation.hpp"

using namespace tandem;
using test::Conversation;
using Kind = DialogEventKind;

TEST_CASE("dialog: an early dialog expires at its timeout and not a millisecond before") {
    Conversation call;
    CHECK(call.invite());
    call.tracker.advance(at_ms(180'999));
    CHECK(call.state() == DialogState::trying);
    CHECK(call.events() == std::vector{Kind::created});
    call.tracker.advance(at_ms(181'000));
    CHECK(call.events() == std::vector{Kind::end_due});
    CHECK(call.reason() == EndReason::no_answer);
    CHECK(call.tracker.statistics().expired == 1);
    SUBCASE("the CANCEL that it asks for has its answer") {
        CHECK(call.cancel({.cseq = 1, .at = at_ms(181'000)}));
        CHECK(call.answer(487, {.cseq = 1, .at = at_ms(181'050)}));
        CHECK(call.tracker.find(call.id)->sip_code == 487);
    }
    SUBCASE("the CANCEL has none, or nobody sends it") {
        call.tracker.advance(at_ms(212'999));
        CHECK(call.state() == DialogState::trying);
        call.tracker.advance(at_ms(213'000));
        CHECK(call.tracker.find(call.id)->sip_code == 408);
    }
    CHECK(call.events() == std::vector{Kind::ended});
    CHECK(call.reason() == EndReason::no_answer);
    CHECK(call.tracker.statistics().expired == 1);
    CHECK(call.tracker.statistics().failed == 1);
    // A timer of before may still look at the set once, and finds nothing due.
    call.tracker.advance(at_ms(300'000));
    CHECK_FALSE(call.tracker.next_deadline());
}

TEST_CASE("dialog: where nobody hears of its deadline an early dialog ends at it") {
    Conversation call({.wants_end_due = false});
    CHECK(call.invite());
    call.tracker.advance(at_ms(180'999));
    CHECK(call.state() == DialogState::trying);
    call.tracker.advance(at_ms(181'000));
    CHECK(call.is_over());
    CHECK(call.reason() == EndReason::no_answer);
    CHECK(call.tracker.find(call.id)->sip_code == 408);
}

TEST_CASE("dialog: an answer that crosses the CANCEL of the early deadline is a call like others (RFC 3261 16.8)") {
    Conversation call;
    call.declare("total");
    CHECK(call.invite());
    CHECK(call.join("total"));
    CHECK(call.answer(180));
    call.tracker.advance(at_ms(181'000));
    CHECK(call.answer(200, {.cseq = 1, .at = at_ms(181'010)}));
    CHECK(call.answer(487, {.cseq = 1, .to_tag = "b2", .at = at_ms(181'020)})); // of another branch
    CHECK(call.request(Side::caller, Method::ack, {.cseq = 1, .at = at_ms(181'030)}));
    CHECK(call.tracker.statistics().active == 1);
    CHECK(call.size("total") == 1);
    call.tracker.advance(at_ms(250'000));
    CHECK(call.state() == DialogState::confirmed);
    call.hang_up(Side::callee, {.cseq = 1, .at = at_ms(251'000)});
    CHECK(call.is_over());
    CHECK(call.reason() == EndReason::callee_bye);
    CHECK(call.tracker.find(call.id)->sip_code == 200);
}

TEST_CASE("dialog: 101 to 199 restart the early deadline, 100 does not (RFC 3261 section 16.7)") {
    Conversation call;
    CHECK(call.invite());
    CHECK(call.answer(100, {.cseq = 1, .to_tag = "", .at = at_ms(1000)}));
    CHECK(call.tracker.find(call.id)->deadline == at_ms(181'000));
    CHECK(call.answer(180, {.cseq = 1, .at = at_ms(2000)}));
    CHECK(call.tracker.find(call.id)->deadline == at_ms(183'000));
    CHECK(call.answer(180, {.cseq = 1, .at = at_ms(9000)}));
    CHECK(call.tracker.find(call.id)->deadline == at_ms(190'000));
}

TEST_CASE("dialog: an answer without ACK asks for BYE, and ends when nothing helps") {
    Conversation call;
    CHECK(call.invite());
    CHECK(call.answer(200));
    call.events();
    call.tracker.advance(at_ms(31'999));
    CHECK(call.events().empty());
    call.tracker.advance(at_ms(32'000));
    CHECK(call.events() == std::vector{Kind::end_due});
    CHECK(call.reason() == EndReason::no_ack);
    CHECK(call.state() == DialogState::confirmed);
    call.tracker.advance(at_ms(63'999));
    CHECK(call.state() == DialogState::confirmed);
    call.tracker.advance(at_ms(64'000));
    CHECK(call.state() == DialogState::terminated);
    CHECK(call.tracker.statistics().active == 0);
    CHECK(call.tracker.statistics().expired == 1);
}

TEST_CASE("dialog: a late BYE after expiry keeps the reason of the expiry") {
    Conversation call({.lifetime = std::chrono::milliseconds(60'000)});
    call.confirm();
    call.tracker.advance(at_ms(60'000));
    CHECK(call.reason() == EndReason::expired);
    CHECK(call.request(Side::caller, Method::bye, {.cseq = 2, .at = at_ms(60'001)}));
    CHECK(call.respond(Side::caller, Method::bye, 200, {.cseq = 2, .at = at_ms(60'002)}));
    CHECK(call.state() == DialogState::terminated);
    CHECK(call.reason() == EndReason::expired);
}

TEST_CASE("dialog: a BYE without any answer ends it in bounded time") {
    Conversation call;
    call.confirm();
    CHECK(call.request(Side::caller, Method::bye, {.cseq = 2, .at = at_ms(1000)}));
    call.tracker.advance(at_ms(32'999));
    CHECK(call.state() == DialogState::confirmed);
    call.tracker.advance(at_ms(33'000));
    CHECK(call.state() == DialogState::terminated);
    CHECK(call.reason() == EndReason::caller_bye);
    CHECK(call.tracker.statistics().expired == 0);
}

TEST_CASE("dialog: a deadline of zero is none") {
    Conversation call({.lifetime = Duration::zero()});
    call.confirm();
    CHECK_FALSE(call.tracker.next_deadline());
    CHECK(call.tracker.find(call.id)->deadline == never);
}

TEST_CASE("dialog: an end by command releases it at once") {
    Conversation call;
    call.confirm();
    call.tracker.end(call.id, EndReason::admin, at_ms(5));
    CHECK(call.state() == DialogState::terminated);
    CHECK(call.reason() == EndReason::admin);
    CHECK_FALSE(call.tracker.next_deadline());
    call.tracker.end(call.id, EndReason::probe, at_ms(6));
    CHECK(call.reason() == EndReason::admin);
}
