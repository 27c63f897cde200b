// BYE seen from the middle, where it is the other side that judges it, and what a record says of it.
#include <doctest/doctest.h>
#include "dialog/conversation.hpp"
#include "dialog/reason_header.hpp"

using namespace tandem;
using test::Conversation;

TEST_CASE("bye: one that is challenged may come again under its number, with credentials") {
    for (Side from : {Side::caller, Side::callee}) {
        Conversation call;
        call.confirm();
        call.hang_up(from, {.cseq = 2}, 407);
        CHECK(call.reason() == EndReason::none);
        CHECK(call.request(from, Method::bye, {.cseq = 2})->is_new);
        CHECK_FALSE(call.request(from, Method::bye, {.cseq = 2})->is_new);
        CHECK(call.respond(from, Method::bye, 200, {.cseq = 2}));
        CHECK(call.is_over());
    }
}

TEST_CASE("bye: it is never refused for its number, which somebody may have spoilt [43]") {
    Conversation call;
    call.confirm();
    CHECK(call.request(Side::caller, Method::info, {.cseq = 2'147'483'646}));
    CHECK(call.respond(Side::caller, Method::info, 403, {.cseq = 2'147'483'646}));
    CHECK(call.request(Side::caller, Method::info, {.cseq = 2}).error() == Error::stale_cseq);
    CHECK(call.request(Side::caller, Method::bye, {.cseq = 2})->is_new);
    SUBCASE("the callee takes it") {
        CHECK(call.respond(Side::caller, Method::bye, 200, {.cseq = 2}));
        CHECK(call.is_over());
        CHECK(call.reason() == EndReason::caller_bye);
    }
    SUBCASE("the callee does not, and talks on") {
        CHECK(call.respond(Side::caller, Method::bye, 500, {.cseq = 2}));
        CHECK(call.state() == DialogState::confirmed);
        CHECK(call.deadline_ms() == 43'200'000);
    }
}

TEST_CASE("bye: one that comes late keeps the answer of the one that is under way") {
    Conversation call;
    call.confirm();
    call.hang_up(Side::caller, {.cseq = 2}, 407);
    CHECK(call.request(Side::caller, Method::bye, {.cseq = 3}));
    CHECK(call.request(Side::caller, Method::bye, {.cseq = 2}).error() == Error::stale_cseq);
    CHECK(call.respond(Side::caller, Method::bye, 200, {.cseq = 3}));
    CHECK(call.is_over());
}

TEST_CASE("bye: on a leg of our own one with a lower number is refused (RFC 3261 section 12.2.2)") {
    Conversation call;
    call.local_side = Side::callee;
    call.confirm();
    CHECK(call.request(Side::caller, Method::info, {.cseq = 7}));
    CHECK(call.request(Side::caller, Method::bye, {.cseq = 6}).error() == Error::stale_cseq);
}

TEST_CASE("bye: the Q.850 cause is that of the BYE or the refusal that ended the set") {
    Conversation call;
    CHECK(call.invite());
    SUBCASE("not that of a CANCEL that came too late") {
        CHECK(call.cancel({.cseq = 1, .reason = "Q.850;cause=102"}));
        CHECK(call.answer(200));
        CHECK(call.request(Side::caller, Method::ack, {.cseq = 1}));
    }
    SUBCASE("not that of the BYE that ended another fork") {
        for (const char *tag : {"b1", "b2"}) CHECK(call.answer(200, {.cseq = 1, .to_tag = tag}));
        call.hang_up(Side::caller, {.cseq = 2, .to_tag = "b2", .reason = "Q.850;cause=26"});
    }
    SUBCASE("not that of a BYE that was challenged") {
        CHECK(call.answer(200));
        call.hang_up(Side::callee, {.cseq = 1, .reason = "Q.850;cause=31"}, 401);
    }
    CHECK(call.tracker.find(call.id)->q850 == 0);
    call.hang_up(Side::caller, {.cseq = 3, .reason = "SIP;cause=200,Q.850;cause=16"});
    CHECK(call.is_over());
    CHECK(call.tracker.find(call.id)->q850 == 16);
}

TEST_CASE("bye: one that crosses the end that is due, for a fork that does not answer, takes nothing of the other") {
    Conversation call;
    CHECK(call.invite());
    CHECK(call.answer(180, {.cseq = 1, .to_tag = "b1"}));
    call.advance(181'000); // END_DUE
    CHECK(call.request(Side::caller, Method::bye, {.cseq = 2, .to_tag = "b1", .at = at_ms(181'010)}));
    SUBCASE("another one answers") {
        CHECK(call.answer(200, {.cseq = 1, .to_tag = "b2", .at = at_ms(181'020)}));
        CHECK(call.request(Side::caller, Method::ack, {.cseq = 1, .to_tag = "b2", .at = at_ms(181'030)}));
        call.advance(300'000);
        CHECK(call.state() == DialogState::confirmed);
        CHECK(call.reason() == EndReason::none);
    }
    SUBCASE("another one rings") {
        CHECK(call.answer(180, {.cseq = 1, .to_tag = "b2", .at = at_ms(181'020)}));
        call.advance(300'000);
        CHECK(call.is_over());
        CHECK(call.reason() == EndReason::no_answer);
        CHECK(call.tracker.find(call.id)->sip_code == 408);
        CHECK(call.tracker.statistics().expired == 1);
    }
}

TEST_CASE("reason: the cause of the first value whose protocol is Q.850 (RFC 3326)") {
    CHECK(parse_q850("Q.850;cause=16") == 16);
    CHECK(parse_q850("q.850 ; text=\"x\" ; Cause = 31") == 31);
    CHECK(parse_q850("SIP;cause=487;text=\"a, b\",Q.850;cause=102") == 102);
    CHECK(parse_q850("SIP;cause=487 , Q.850;cause=17 , Q.850;cause=18") == 17);
    CHECK(parse_q850("Q.850;text=\"a;cause=31;b\";cause=16") == 16);
    CHECK(parse_q850("Q.850;text=\"\\\";cause=31\";cause=16") == 16);
    CHECK(parse_q850("Q.850;cause=127") == 127);
    for (const char *none :
         {"", ",", ";", "Q.850", "Q.850;", "Q.850;cause", "Q.850;cause=", "Q.850;cause=128", "Q.850;cause=-1",
          "Q.850;cause=16x", "SIP;cause=16", "Q.850;text=\"cause=16", "XQ.850;cause=1", "cause=16"}) {
        CAPTURE(none);
        CHECK(parse_q850(none) == 0);
    }
}

TEST_CASE("dialog: an UPDATE that is refused leaves the re-INVITE beside it its Contact (RFC 3261 section 12.2.1.2)") {
    Conversation call;
    call.confirm();
    CHECK(call.request(Side::caller, Method::invite, {.cseq = 2, .contact = "sip:alice@new"}));
    CHECK(call.request(Side::caller, Method::update, {.cseq = 3, .contact = "sip:alice@newer"}));
    CHECK(call.respond(Side::caller, Method::update, 491, {.cseq = 3}));
    CHECK(call.respond(Side::caller, Method::invite, 200, {.cseq = 2, .contact = "sip:bob@new"}));
    CHECK(call.tracker.find(call.id)->target(Side::caller) == "sip:alice@new");
    CHECK(call.tracker.find(call.id)->target(Side::callee) == "sip:bob@new");
}

TEST_CASE("dialog: the ACK of a later answer has its own time (RFC 3261 section 13.3.1.4)") {
    Conversation call;
    CHECK(call.invite());
    CHECK(call.answer(200, {.cseq = 1, .to_tag = "b1"}));
    CHECK(call.request(Side::caller, Method::ack, {.cseq = 1, .to_tag = "b1"}));
    CHECK(call.answer(200, {.cseq = 1, .to_tag = "b2", .at = at_ms(31'000)}));
    call.hang_up(Side::caller, {.cseq = 2, .to_tag = "b1", .at = at_ms(31'000)});
    CHECK(call.deadline_ms() == 63'000);
    CHECK(call.request(Side::caller, Method::ack, {.cseq = 1, .to_tag = "b2", .at = at_ms(32'100)}));
    CHECK(call.deadline_ms() == 43'200'000);
}

TEST_CASE("dialog: an ACK with an invented tag, and what follows it, answers no call and ends none") {
    for (Method method : {Method::bye, Method::info, Method::invite}) {
        for (Side from : {Side::caller, Side::callee}) {
            Conversation call;
            CHECK(call.invite());
            CHECK(call.answer(180));
            CHECK(call.request(Side::caller, Method::ack, {.cseq = 1, .to_tag = "x"}));
            CHECK(call.request(from, method, {.cseq = 2, .to_tag = "x"}));
            CHECK(call.respond(from, method, 481, {.cseq = 2, .to_tag = "x"}));
            CHECK(call.state() == DialogState::early);
            CHECK(call.deadline_ms() == 181'000);
            SUBCASE("it is refused") {
                CHECK(call.answer(486));
                CHECK(call.is_over());
                CHECK(call.tracker.statistics().failed == 1);
            }
            SUBCASE("it is answered") {
                CHECK(call.answer(200));
                CHECK(call.tracker.statistics().active == 1);
            }
        }
    }
}

TEST_CASE("dialog: ACKs with invented tags keep no callee out") {
    Conversation call({.fork_max = 4});
    CHECK(call.invite());
    for (int i = 0; i < 100; ++i) {
        const std::string tag = "x" + std::to_string(i);
        CHECK(call.request(Side::caller, Method::ack, {.cseq = 1, .to_tag = tag}));
    }
    for (const char *tag : {"b1", "b2", "b3", "b4"}) CHECK(call.answer(183, {.cseq = 1, .to_tag = tag}));
    for (const char *tag : {"b1", "b2", "b3", "b4"}) {
        CHECK(call.request(Side::caller, Method::prack, {.cseq = 2, .to_tag = tag}));
    }
    CHECK(call.request(Side::caller, Method::prack, {.cseq = 2, .to_tag = "x1"}).error() == Error::no_dialog);
}

TEST_CASE("dialog: a Replaces header finds no fork that has ended (RFC 3891 section 3)") {
    Conversation call;
    CHECK(call.invite());
    CHECK(call.answer(180, {.cseq = 1, .to_tag = "b0"}));
    for (const char *tag : {"b1", "b2"}) CHECK(call.answer(200, {.cseq = 1, .to_tag = tag}));
    call.hang_up(Side::caller, {.cseq = 2, .to_tag = "b1"});
    CHECK(call.tracker.find("call-1", "a1", "b0") == call.id);
    CHECK(call.tracker.find("call-1", "b2", "a1") == call.id);
    CHECK_FALSE(call.tracker.find("call-1", "a1", "b1"));
    CHECK_FALSE(call.tracker.find("call-1", "b1", "a1"));
}

TEST_CASE("dialog: the text of forks without an answer has a bound") {
    Conversation call;
    CHECK(call.invite());
    const std::string routes = "<sip:" + std::string(16'000, 'p') + ";lr>";
    for (int i = 0; i < 32; ++i) {
        const std::string tag = "b" + std::to_string(i);
        CHECK(call.answer(180, {.cseq = 1, .to_tag = tag, .record_route = routes}));
    }
    std::size_t count = 0;
    for (const Fork *fork = call.tracker.find(call.id)->forks.get(); fork; fork = fork->next.get()) ++count;
    CHECK(count == 4);
    CHECK(call.answer(200, {.cseq = 1, .to_tag = "b31", .record_route = routes}));
    CHECK(call.state() == DialogState::confirmed);
    CHECK(call.tracker.find(call.id)->to_tag() == "b31");
}
