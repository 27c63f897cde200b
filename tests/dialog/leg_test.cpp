// A leg of a B2BUA: one of the two sides is ours, and nobody else may speak for it.
#include <doctest/doctest.h>
#include "dialog/conversation.hpp"

using namespace tandem;
using test::Conversation;

TEST_CASE("leg: what comes from outside in our name changes nothing, whatever it knows") {
    for (Side local : {Side::caller, Side::callee}) {
        CAPTURE(to_string(local));
        Conversation call;
        call.local_side = local;
        call.confirm();
        call.events();
        call.is_forged = true;
        for (Method method : {Method::bye, Method::invite, Method::update, Method::info}) {
            CHECK(call.request(local, method, {.cseq = 50, .contact = "sip:evil@h"}).error() == Error::no_dialog);
        }
        CHECK_FALSE(call.request(local, Method::ack, {.cseq = 1})->dialog);
        CHECK(call.request(other(local), Method::bye, {.cseq = 60}));
        CHECK_FALSE(call.respond(other(local), Method::bye, 200, {.cseq = 60})->dialog); // our answer
        if (local == Side::callee) CHECK_FALSE(call.answer(200, {.cseq = 1, .to_tag = "b2"})->dialog);
        if (local == Side::caller) CHECK_FALSE(call.cancel()->dialog);
        CHECK(call.state() == DialogState::confirmed);
        CHECK(call.tracker.next_cseq(call.id, local) == (local == Side::caller ? 2 : 1));
        call.is_forged = false;
        CHECK(call.respond(other(local), Method::bye, 200, {.cseq = 60})->dialog);
        CHECK(call.is_over());
    }
}

TEST_CASE("leg: a forged CANCEL shortens nothing") {
    Conversation call;
    call.local_side = Side::caller;
    CHECK(call.invite());
    CHECK(call.answer(180));
    call.is_forged = true;
    CHECK_FALSE(call.cancel({.cseq = 1, .at = at_ms(10)})->dialog);
    CHECK(call.deadline_ms() == 181'000);
}

TEST_CASE("leg: it lives from INVITE to BYE on either side as it does in the middle") {
    for (Side local : {Side::caller, Side::callee}) {
        for (Side leaver : {Side::caller, Side::callee}) {
            Conversation call;
            call.local_side = local;
            CHECK(call.invite()->is_new);
            CHECK(call.answer(180));
            CHECK(call.answer(200));
            CHECK(call.deadline_ms() == 32'000);
            CHECK(call.request(Side::caller, Method::ack, {.cseq = 1})->is_new);
            CHECK(call.request(leaver, Method::bye, {.cseq = 2}));
            CHECK(call.respond(leaver, Method::bye, 200, {.cseq = 2}));
            CHECK(call.is_over());
            CHECK(call.reason() == (leaver == Side::caller ? EndReason::caller_bye : EndReason::callee_bye));
            CHECK(call.tracker.record(call.id)->local_side == local);
        }
    }
}

TEST_CASE("leg: no other request stands for the ACK: it came to us or it did not") {
    Conversation call;
    call.local_side = Side::callee;
    CHECK(call.invite());
    CHECK(call.answer(200));
    CHECK(call.request(Side::caller, Method::info, {.cseq = 2}));
    CHECK(call.deadline_ms() == 32'000);
}

TEST_CASE("leg: an ACK before our answer is nobody's") {
    Conversation call;
    call.local_side = Side::callee;
    CHECK(call.invite());
    CHECK_FALSE(call.request(Side::caller, Method::ack, {.cseq = 1})->dialog);
    CHECK(call.answer(180));
    CHECK_FALSE(call.request(Side::caller, Method::ack, {.cseq = 1})->is_new);
    CHECK(call.answer(200));
    CHECK(call.deadline_ms() == 32'000);
}

TEST_CASE("leg: the second answer of a fork is dropped with its own BYE, the first one stays and decides the end") {
    Conversation call;
    call.local_side = Side::caller;
    call.confirm();
    CHECK(call.answer(200, {.cseq = 1, .to_tag = "b2"}));
    CHECK(call.request(Side::caller, Method::ack, {.cseq = 1, .to_tag = "b2"}));
    CHECK(call.tracker.find(call.id)->to_tag() == "b1");
    SUBCASE("dropped first") {
        CHECK(call.request(Side::caller, Method::bye, {.cseq = 2, .to_tag = "b2"}));
        CHECK(call.reason() == EndReason::none);
        CHECK(call.respond(Side::caller, Method::bye, 407, {.cseq = 2, .to_tag = "b2"}));
        CHECK(call.request(Side::caller, Method::bye, {.cseq = 3, .to_tag = "b2"}));
        CHECK(call.respond(Side::caller, Method::bye, 200, {.cseq = 3, .to_tag = "b2"}));
        CHECK(call.state() == DialogState::confirmed);
        CHECK(call.deadline_ms() == 43'200'000);
    }
    SUBCASE("never dropped") {}
    SUBCASE("its BYE crosses that of the call, and is challenged") {
        CHECK(call.request(Side::callee, Method::bye, {.cseq = 2}));
        CHECK(call.request(Side::caller, Method::bye, {.cseq = 2, .to_tag = "b2"}));
        CHECK(call.respond(Side::caller, Method::bye, 401, {.cseq = 2, .to_tag = "b2"}));
        CHECK(call.reason() == EndReason::callee_bye);
        CHECK(call.respond(Side::callee, Method::bye, 200, {.cseq = 2}));
        CHECK(call.is_over());
        return;
    }
    call.hang_up(Side::callee, {.cseq = 9});
    CHECK(call.is_over());
    CHECK(call.reason() == EndReason::callee_bye);
}

TEST_CASE("leg: the ACK of a second answer does not take the place of the first one") {
    Conversation call;
    call.local_side = Side::caller;
    CHECK(call.invite());
    for (const char *tag : {"b1", "b2"}) CHECK(call.answer(200, {.cseq = 1, .to_tag = tag}));
    CHECK(call.request(Side::caller, Method::ack, {.cseq = 1, .to_tag = "b2"}));
    CHECK(call.tracker.find(call.id)->to_tag() == "b1");
    CHECK(call.deadline_ms() == 32'000);
}

TEST_CASE("leg: our next number goes on from what we sent, for each fork, whatever the method [59, 62]") {
    Conversation call;
    call.local_side = Side::caller;
    CHECK(call.invite({.cseq = 41}));
    CHECK(call.tracker.next_cseq(call.id, Side::caller) == 42);
    for (const char *tag : {"b1", "b2"}) CHECK(call.answer(183, {.cseq = 41, .to_tag = tag}));
    CHECK(call.request(Side::caller, Method::prack, {.cseq = 42, .to_tag = "b1"}));
    CHECK(call.request(Side::caller, Method::prack, {.cseq = 44, .to_tag = "b1"})); // 43 was challenged
    CHECK(call.tracker.next_cseq(call.id, Side::caller, "b1") == 45);
    CHECK(call.tracker.next_cseq(call.id, Side::caller, "b2") == 42);
    CHECK(call.tracker.next_cseq(call.id, Side::callee, "b1") == 1);
    CHECK(call.tracker.next_cseq(DialogId(), Side::caller) == 0);
}

TEST_CASE("leg: one that outlives the set it belonged to counts by itself, in a set and a record of its own") {
    Conversation call;
    call.local_side = Side::caller;
    call.leg_of = {7, 7};
    call.confirm();
    CHECK(call.tracker.statistics().active == 0);
    const DialogId leg = call.id;
    const RecordId record = call.tracker.record(leg)->id;
    const auto apart = call.tracker.count_apart(leg, at_ms(5));
    REQUIRE(apart);
    CHECK(call.tracker.statistics().active == 1);
    CHECK(call.tracker.statistics().processed == 1);
    CHECK(call.tracker.find(leg)->is_over());
    const auto now = call.tracker.record(*apart);
    CHECK(now->id != record);
    CHECK_FALSE(now->leg_of);
    CHECK(now->state == DialogState::confirmed);
    CHECK(now->forks.at(0).to_tag == "b1");
    CHECK(call.tracker.count_apart(*apart, at_ms(5)).error() == Error::wrong_state);
    CHECK(call.tracker.count_apart(leg, at_ms(5)).error() == Error::not_found);
    // The dialog goes on there, with its numbers and its deadline.
    CHECK(call.tracker.next_cseq(*apart, Side::caller) == 2);
    CHECK(call.request(Side::callee, Method::bye, {.cseq = 9})->dialog == *apart);
    CHECK(call.respond(Side::callee, Method::bye, 200, {.cseq = 9})->dialog == *apart);
    CHECK(call.tracker.find(*apart)->is_over());
    std::size_t ended = 0;
    call.tracker.drain_changes(nullptr, [&](const DialogRecord &) { ++ended; });
    CHECK(ended == 2);
    CHECK(call.tracker.statistics().active == 0);
    CHECK_FALSE(call.tracker.next_deadline());
}

TEST_CASE("leg: one that is not answered can not count by itself") {
    Conversation call;
    call.local_side = Side::caller;
    call.leg_of = {7, 7};
    CHECK(call.invite());
    CHECK(call.tracker.count_apart(call.id, at_ms(0)).error() == Error::wrong_state);
}

TEST_CASE("leg: a set that no peer knows goes on with the dialog of a leg, and stays what it was for all others") {
    Conversation call;
    call.declare("total");
    call.local_side = Side::callee;
    REQUIRE(call.invite({.cseq = 1, .at = at_ms(1)}));
    const DialogId root = call.id;
    const RecordId record = call.tracker.record(root)->id;
    REQUIRE(call.tracker.set_variable(root, "a", VariableValue::of_text("b"), at_ms(1)).ok());
    REQUIRE(call.join("total", {}, at_ms(1)).ok());
    call.call_id = "leg-1";
    call.caller_tag = "a2";
    call.local_side = Side::caller;
    call.leg_of = record;
    REQUIRE(call.invite({.cseq = 1, .at = at_ms(2)}));
    const DialogId leg = call.id;
    CHECK(call.tracker.take_dialog(root, leg, at_ms(3)).error() == Error::wrong_state); // not answered
    REQUIRE(call.answer(200, {.cseq = 1, .at = at_ms(4)}));
    CHECK(call.tracker.statistics().active == 0);
    REQUIRE(call.tracker.take_dialog(root, leg, at_ms(5)).ok());
    CHECK(call.tracker.statistics().active == 1);
    CHECK(call.tracker.statistics().early == 0);
    CHECK(call.tracker.statistics().processed == 1);
    CHECK(call.tracker.find(leg)->is_over());
    const auto now = call.tracker.record(root);
    CHECK(now->id == record);
    CHECK(now->is_renamed);
    CHECK(now->call_id == "leg-1");
    CHECK(now->local_side == Side::caller);
    CHECK(now->created == at_ms(1));
    CHECK(now->answered == at_ms(4));
    CHECK(now->variables.size() == 1);
    CHECK(now->profiles.size() == 1);
    CHECK(call.size("total") == 1);
    CHECK(call.tracker.find("leg-1", "a2", {}) == root);
    CHECK(call.tracker.take_dialog(root, leg, at_ms(5)).error() == Error::not_found);
    CHECK(call.request(Side::callee, Method::bye, {.cseq = 9})->dialog == root);
    CHECK(call.respond(Side::callee, Method::bye, 200, {.cseq = 9})->dialog == root);
    CHECK(call.tracker.find(root)->is_over());
    std::size_t records = 0;
    call.tracker.drain_changes(nullptr, [&](const DialogRecord &ended) { records += ended.leg_of ? 0U : 1U; });
    CHECK(records == 1);
    CHECK(call.size("total") == 0);
    CHECK_FALSE(call.tracker.next_deadline());
}
