// Messages that come in another order than they were sent in, that never come, or that belong to nothing.
#include <doctest/doctest.h>
#include "dialog/conversation.hpp"

using namespace tandem;
using test::Conversation;
using Kind = DialogEventKind;

TEST_CASE("dialog: an ACK that overtakes its 200 counts when the 200 comes") {
    const auto check = [](Conversation &call, std::string_view acked) {
        CHECK(call.request(Side::caller, Method::ack, {.cseq = 1, .to_tag = acked}));
        CHECK(call.state() < DialogState::confirmed);
        call.events();
        CHECK(call.answer(200, {.cseq = 1, .contact = "sip:bob@h", .record_route = "<sip:p;lr>", .at = at_ms(5)}));
        CHECK(call.tracker.find(call.id)->target(Side::callee) == "sip:bob@h");
        CHECK(call.tracker.find(call.id)->route_set(Side::callee) == "<sip:p;lr>");
        const bool is_its_own = acked == "b1";
        CHECK(call.events() == (is_its_own ? std::vector{Kind::confirmed, Kind::acked} : std::vector{Kind::confirmed}));
        CHECK(call.deadline_ms() == (is_its_own ? 43'200'005 : 32'005));
    };
    Conversation unseen;
    CHECK(unseen.invite());
    SUBCASE("and nothing of that dialog was seen before") { check(unseen, "b1"); }
    SUBCASE("and the dialog rang before") {
        CHECK(unseen.answer(180));
        check(unseen, "b1");
    }
    SUBCASE("and it is the ACK of another branch: that one does not count") {
        CHECK(unseen.answer(180));
        check(unseen, "b2");
    }
}

TEST_CASE("dialog: a 180 behind the overtaking ACK tells the target, and the answer still counts as acknowledged") {
    Conversation call;
    CHECK(call.invite());
    CHECK(call.request(Side::caller, Method::ack, {.cseq = 1}));
    CHECK(call.answer(180, {.cseq = 1, .contact = "sip:ring@h", .record_route = "<sip:p;lr>"}));
    CHECK(call.state() == DialogState::early);
    CHECK(call.tracker.find(call.id)->target(Side::callee) == "sip:ring@h");
    CHECK(call.tracker.find(call.id)->route_set(Side::callee) == "<sip:p;lr>");
    CHECK(call.answer(200));
    CHECK(call.tracker.find(call.id)->forks->is_acked);
    CHECK(call.deadline_ms() == 43'200'000);
}

TEST_CASE("dialog: a provisional answer behind the final one changes nothing") {
    Conversation call;
    CHECK(call.invite());
    CHECK(call.answer(200, {.cseq = 1, .at = at_ms(10)}));
    call.events();
    for (const char *tag : {"b1", "b2", ""}) CHECK(call.answer(180, {.cseq = 1, .to_tag = tag, .at = at_ms(20)}));
    CHECK(call.events().empty());
    CHECK(call.deadline_ms() == 32'010);
    CHECK_FALSE(call.tracker.find(call.id)->ringing);
    CHECK_FALSE(call.tracker.find(call.id)->find_fork("b2"));
}

TEST_CASE("dialog: a CANCEL behind the 200 changes nothing") {
    Conversation call;
    call.confirm();
    call.events();
    CHECK_FALSE(call.cancel()->dialog);
    CHECK(call.answer(487)); // and what it brings about
    CHECK(call.state() == DialogState::confirmed);
    CHECK(call.events().empty());
    CHECK(call.deadline_ms() == 43'200'000);
}

TEST_CASE("dialog: an answer that crosses the CANCEL starts the timers of an answer") {
    for (Method method : {Method::prack, Method::update, Method::info}) { // they may have crossed the answer
        Conversation crossed;
        CHECK(crossed.invite());
        CHECK(crossed.answer(183));
        CHECK(crossed.answer(200));
        CHECK(crossed.request(Side::caller, method, {.cseq = 2}));
        CHECK(crossed.deadline_ms() == 32'000);
    }
    Conversation call;
    CHECK(call.invite());
    CHECK(call.answer(180));
    CHECK(call.cancel({.cseq = 1, .at = at_ms(1000)}));
    CHECK(call.answer(200, {.cseq = 1, .at = at_ms(1500)}));
    CHECK(call.deadline_ms() == 33'500);
    CHECK(call.request(Side::caller, Method::ack, {.cseq = 1, .at = at_ms(1600)}));
    CHECK(call.deadline_ms() == 43'201'500);
    call.hang_up(Side::caller, {.cseq = 2, .at = at_ms(1700)});
    CHECK(call.reason() == EndReason::caller_bye);
}

TEST_CASE("dialog: a BYE before the ACK ends the call; the late ACK belongs to nothing (RFC 5407 section 3.1.6)") {
    Conversation call;
    CHECK(call.invite());
    CHECK(call.answer(200));
    CHECK(call.request(Side::caller, Method::bye, {.cseq = 2, .at = at_ms(10)}));
    CHECK(call.request(Side::caller, Method::ack, {.cseq = 1, .at = at_ms(20)})->is_new);
    CHECK(call.deadline_ms() == 32'010);
    CHECK(call.respond(Side::caller, Method::bye, 200, {.cseq = 2, .at = at_ms(30)}));
    CHECK(call.is_over());
    const auto ack = call.request(Side::caller, Method::ack, {.cseq = 1, .at = at_ms(40)});
    REQUIRE(ack);
    CHECK_FALSE(ack->dialog);
}

TEST_CASE("dialog: a callee's BYE that overtakes its 200 ends the call in bounded time") {
    Conversation call;
    CHECK(call.invite());
    CHECK(call.answer(180));
    CHECK(call.request(Side::callee, Method::bye, {.cseq = 1, .at = at_ms(10)}));
    CHECK(call.answer(200, {.cseq = 1, .at = at_ms(20)}));
    CHECK(call.reason() == EndReason::callee_bye);
    CHECK(call.deadline_ms() == 32'020);
    SUBCASE("with its answer") { CHECK(call.respond(Side::callee, Method::bye, 200, {.cseq = 1, .at = at_ms(30)})); }
    SUBCASE("or without") { call.advance(32'020); }
    CHECK(call.is_over());
    CHECK(call.reason() == EndReason::callee_bye);
}

TEST_CASE("dialog: a caller that goes on with the call has acknowledged it, whatever way its ACK took") {
    for (Method method : {Method::invite, Method::refer, Method::options, Method::message}) {
        Conversation call;
        CHECK(call.invite());
        CHECK(call.answer(200));
        CHECK(call.request(Side::callee, Method::info, {.cseq = 1})); // says nothing of the ACK
        CHECK(call.deadline_ms() == 32'000);
        CHECK(call.request(Side::caller, method, {.cseq = 2}));
        CHECK(call.deadline_ms() == 43'200'000);
        call.advance(40'000);
        CHECK(call.state() == DialogState::confirmed);
        CHECK(call.reason() == EndReason::none);
    }
    Conversation call;
    CHECK(call.invite());
    CHECK(call.answer(180));
    CHECK(call.request(Side::caller, Method::prack, {.cseq = 2})); // before the answer it says nothing either
    CHECK(call.answer(200));
    CHECK(call.deadline_ms() == 32'000);
}

TEST_CASE("dialog: the ACK of a re-INVITE is not the ACK of the call") {
    Conversation call;
    CHECK(call.invite());
    CHECK(call.answer(200));
    CHECK(call.request(Side::callee, Method::invite, {.cseq = 7}));
    CHECK(call.respond(Side::callee, Method::invite, 200, {.cseq = 7}));
    CHECK_FALSE(call.request(Side::callee, Method::ack, {.cseq = 7})->is_new);
    CHECK_FALSE(call.request(Side::caller, Method::ack, {.cseq = 5})->is_new);
    CHECK(call.deadline_ms() == 32'000);
    CHECK(call.request(Side::caller, Method::ack, {.cseq = 1})->is_new);
}

TEST_CASE("dialog: the refusal of a re-INVITE ends nothing, whatever it is") {
    for (Side from : {Side::caller, Side::callee}) {
        for (std::uint16_t status : std::initializer_list<std::uint16_t>{401, 407, 408, 481, 488, 491, 500, 503, 603}) {
            Conversation call;
            call.confirm();
            CHECK(call.request(from, Method::invite, {.cseq = 2}));
            CHECK(call.respond(from, Method::invite, status, {.cseq = 2}));
            CHECK(call.state() == DialogState::confirmed);
        }
    }
}

TEST_CASE("dialog: the answer to a re-INVITE moves targets once: a late copy does not undo what came after") {
    Conversation call;
    call.confirm();
    const auto move = [&](Method method, std::uint32_t cseq, std::string_view contact) {
        CHECK(call.request(Side::caller, method, {.cseq = cseq}));
        CHECK(call.respond(Side::caller, method, 200, {.cseq = cseq, .contact = contact}));
    };
    move(Method::invite, 2, "sip:bob@first");
    move(Method::update, 3, "sip:bob@second");
    CHECK(call.respond(Side::caller, Method::invite, 200, {.cseq = 2, .contact = "sip:bob@first"}));
    CHECK(call.tracker.find(call.id)->target(Side::callee) == "sip:bob@second");
    // Nor does it pass for the answer to the next one.
    CHECK(call.request(Side::caller, Method::invite, {.cseq = 4, .contact = "sip:alice@next"}));
    CHECK(call.respond(Side::caller, Method::update, 200, {.cseq = 3, .contact = "sip:bob@second"}));
    CHECK(call.tracker.find(call.id)->target(Side::caller) == "sip:alice@192.0.2.1");
    CHECK(call.respond(Side::caller, Method::invite, 200, {.cseq = 4, .contact = "sip:bob@third"}));
    CHECK(call.tracker.find(call.id)->target(Side::caller) == "sip:alice@next");
}

TEST_CASE("dialog: a callee's requests are known from its first answer on, before that they belong to no dialog") {
    Conversation call;
    CHECK(call.invite());
    CHECK(call.request(Side::callee, Method::update, {.cseq = 1}).error() == Error::no_dialog);
    CHECK(call.answer(183));
    CHECK(call.request(Side::callee, Method::update, {.cseq = 1, .contact = "sip:bob@new"})->is_new);
    CHECK(call.respond(Side::callee, Method::update, 200, {.cseq = 1})->from == Side::caller);
    CHECK(call.tracker.find(call.id)->target(Side::callee) == "sip:bob@new");
    CHECK(call.answer(200));
    CHECK(call.request(Side::callee, Method::invite, {.cseq = 2})->is_new);
}

TEST_CASE("dialog: answers of unknown dialogs, methods and numbers change nothing") {
    Conversation call;
    call.confirm();
    CHECK(call.request(Side::caller, Method::bye, {.cseq = 5}));
    call.events();
    CHECK(call.respond(Side::caller, Method::bye, 200, {.cseq = 4}));  // of another BYE
    CHECK(call.respond(Side::callee, Method::bye, 200, {.cseq = 5}));  // of the other side's
    CHECK(call.respond(Side::caller, Method::info, 481, {.cseq = 5})); // of another request
    CHECK_FALSE(call.respond(Side::caller, Method::bye, 200, {.cseq = 5, .to_tag = "b7"})->dialog);
    call.call_id = "call-7";
    CHECK_FALSE(call.respond(Side::caller, Method::bye, 200, {.cseq = 5})->dialog);
    CHECK_FALSE(call.respond(Side::callee, Method::info, 200, {.cseq = 5})->dialog);
    CHECK(call.events().empty());
    CHECK(call.state() == DialogState::confirmed);
}

TEST_CASE("dialog: an INVITE from the callee's tag does not hide the dialog from the caller's answers") {
    Conversation call;
    call.confirm();
    const DialogId id = call.id;
    CHECK(call.request(Side::callee, Method::bye, {.cseq = 1}));
    call.caller_tag = "b1"; // the same Call-ID, from the tag of the callee
    CHECK(call.invite()->is_new);
    call.caller_tag = "a1";
    CHECK(call.respond(Side::callee, Method::bye, 200, {.cseq = 1})->dialog == id);
    CHECK(call.tracker.find(id)->is_over());
}

TEST_CASE("dialog: a To-tag equal to the From-tag breaks nothing") {
    Conversation call;
    CHECK(call.invite());
    CHECK(call.answer(200, {.cseq = 1, .to_tag = "a1"}));
    CHECK(call.request(Side::caller, Method::ack, {.cseq = 1, .to_tag = "a1"})->is_new);
    call.hang_up(Side::callee, {.cseq = 2, .to_tag = "a1"});
    CHECK(call.is_over());
}

TEST_CASE("dialog: who says BYE again and again, unanswered, moves no deadline") {
    Conversation call({.lifetime = std::chrono::milliseconds(60'000)});
    call.confirm();
    for (std::uint32_t i = 0; i < 20 && !call.is_over(); ++i) {
        const std::int64_t ms = 10'000 + 5000 * i;
        call.advance(ms);
        static_cast<void>(call.request(Side::caller, Method::bye, {.cseq = 2 + i, .at = at_ms(ms)}));
    }
    CHECK(call.is_over());
    CHECK(call.tracker.find(call.id)->ended <= at_ms(45'000));
}
