// Calls by command (RFC 3725): every flow, refusals at each step, and what crosses what.
#include "call/started_call.hpp"

using namespace tandem;
using std::chrono::seconds;
using test::media_of;
using test::sdp_of;
using test::StartedCall;
using test::TwoPhones;
using Words = std::vector<std::string>;

namespace {

std::string_view direction_of(const Message &message) {
    const std::size_t at = message.body().find("a=inactive");
    return at == std::string_view::npos ? "" : message.body().substr(at + 2, 8);
}

} // namespace

TEST_CASE("start: a callee who answers at once gets the caller's offer, and her ACK his answer (RFC 3725 flow I)") {
    StartedCall phones;
    phones.alices_invite = phones.ring();
    CHECK(phones.alices_invite.body().empty());
    CHECK(phones.alices_invite.from_uri() == "sip:bob@b"); // so that her phone shows who will be called
    CHECK(phones.alices_invite.to_uri() == "sip:alice@a");
    CHECK(phones.events() == Words{"accepted"});
    phones.send(phones.alice, TwoPhones::answer(phones.alices_invite, "180 Ringing", "alice"));
    CHECK(phones.events().empty());
    phones.send(phones.alice, TwoPhones::answer(phones.alices_invite, "200 OK", "alice", {}, sdp_of("alice")));
    CHECK(phones.events() == Words{"answered caller 200", "started caller"});
    phones.bobs_invite = phones.take(phones.bob, "INVITE");
    CHECK(phones.bobs_invite.body() == sdp_of("alice"));
    CHECK(phones.bobs_invite.from_uri() == "sip:alice@a");
    CHECK(phones.bobs_invite.to_uri() == "sip:bob@b");
    phones.bob_says("180 Ringing");
    CHECK_FALSE(phones.got(phones.alice, "ACK"));
    phones.bob_says("200 OK", sdp_of("bob"));
    CHECK(phones.take(phones.bob, "ACK").body().empty());
    CHECK(phones.take(phones.alice, "ACK").body() == sdp_of("bob"));
    CHECK_FALSE(phones.got(phones.alice, "INVITE"));
    CHECK(phones.events() == Words{"pending caller 180 SIP/2.0 180 Ringing", "succeeded caller 200", "ended 200"});

    // They talk, as in any other call.
    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "INFO", 3));
    CHECK(phones.got(phones.alice, "INFO"));
    phones.wait(5'000);
    phones.send(phones.alice, phones.from_alice("BYE", 7));
    CHECK(phones.got(phones.alice, "SIP/2.0 200"));
    phones.answer_bye(phones.bob);
    const Cdr record = phones.only_record();
    CHECK(record.from_uri == "sip:alice@a");
    CHECK(record.to_uri == "sip:bob@b");
    CHECK(record.request_uri == "sip:bob@b");
    CHECK(record.source == "command");
    CHECK(record.caller_call_id == phones.alices_invite.call_id());
    CHECK(record.callee_call_id == phones.bobs_invite.call_id());
    CHECK(record.end_reason == EndReason::caller_bye);
    CHECK(record.sip_code == 200);
    CHECK(record.duration_us == 5'000'000);
    CHECK(record.created_us == phones.wall.utc_us(at_ms(0)));
}

TEST_CASE("start: a caller whose callee rings on is acknowledged on hold in time, and offered his answer later") {
    StartedCall phones;
    phones.answered();
    phones.wait(1'999);
    CHECK_FALSE(phones.got(phones.alice, "ACK"));
    phones.send(phones.alice, TwoPhones::answer(phones.alices_invite, "200 OK", "alice", {}, sdp_of("alice"))); // again
    CHECK_FALSE(phones.got(phones.alice, "BYE"));
    phones.wait(1);
    const Message ack = phones.take(phones.alice, "ACK");
    CHECK(direction_of(ack) == "inactive");
    CHECK(ack.body().find("m=audio 9 RTP/AVP 0\r\n") != std::string_view::npos);
    phones.wait(20'000);
    phones.bob_says("200 OK", sdp_of("bob"));
    CHECK(phones.got(phones.bob, "ACK"));
    const Message again = phones.take(phones.alice, "INVITE");
    CHECK(media_of(again.body()) == media_of(sdp_of("bob")));
    // One origin, and a version that rises (RFC 3264 section 8).
    const std::string origin(
        ack.body().substr(ack.body().find("o="), ack.body().find(" 1 IN") - ack.body().find("o=")));
    CHECK(again.body().find(origin + " 2 IN IP4") != std::string_view::npos);
    phones.events();
    phones.send(phones.alice, TwoPhones::answer(again, "200 OK", "", {}, sdp_of("alice", 2)));
    CHECK(phones.got(phones.alice, "ACK"));
    CHECK_FALSE(phones.got(phones.bob, "INVITE")); // nothing differs
    CHECK(phones.events() == Words{"succeeded caller 200", "ended 200"});
}

TEST_CASE(
    "start: a caller who answers the callee's description by another one than she offered first has it told him") {
    StartedCall phones;
    phones.answered();
    phones.wait(2'000);
    phones.take(phones.alice, "ACK");
    phones.bob_says("200 OK", sdp_of("bob"));
    phones.take(phones.bob, "ACK");
    std::string other = sdp_of("alice", 2);
    other.replace(other.find("m=audio 4000"), 12, "m=audio 4444");
    phones.send(phones.alice, TwoPhones::answer(phones.take(phones.alice, "INVITE"), "200 OK", "", {}, other));
    const Message settle = phones.take(phones.bob, "INVITE");
    CHECK(media_of(settle.body()) == media_of(other));
    CHECK(phones.last_event() != "ended 200");
    phones.send(phones.bob, TwoPhones::answer(settle, "200 OK", "", {}, sdp_of("bob", 2)));
    CHECK(phones.last_event() == "ended 200");
}

TEST_CASE("start: early media of the callee is the caller's with her ACK, and his answer needs no re-INVITE then") {
    StartedCall phones;
    phones.answered();
    phones.bob_says("183 Session Progress", sdp_of("bob"));
    CHECK(phones.take(phones.alice, "ACK").body() == sdp_of("bob"));
    phones.wait(30'000);
    phones.bob_says("200 OK", sdp_of("bob"));
    CHECK(phones.got(phones.bob, "ACK"));
    CHECK_FALSE(phones.got(phones.alice, "INVITE"));
    CHECK(phones.last_event() == "ended 200");
}

TEST_CASE("start: a caller's phone that wants an offer gets one on hold, whatever its refusal is") {
    for (const char *refusal : {"400 Bad Request", "406 Not Acceptable", "415 Unsupported", "488 Not Acceptable Here",
                                "500 Error", "501 Not Implemented", "606 Not Acceptable"}) {
        CAPTURE(refusal);
        StartedCall phones;
        phones.send(phones.alice, TwoPhones::answer(phones.ring(), refusal, "alice"));
        CHECK(phones.got(phones.alice, "ACK"));
        phones.alices_invite = phones.take(phones.alice, "INVITE");
        CHECK(direction_of(phones.alices_invite) == "inactive");
        CHECK(phones.alices_invite.body().find("m=audio 9 ") != std::string_view::npos);
        phones.send(phones.alice,
                    TwoPhones::answer(phones.alices_invite, "200 OK", "alice", {}, sdp_of("alice", 1, "inactive")));
        CHECK(phones.take(phones.alice, "ACK").body().empty());
        phones.bobs_invite = phones.take(phones.bob, "INVITE");
        CHECK(media_of(phones.bobs_invite.body()) == media_of(sdp_of("alice"))); // not on hold for him
        phones.bob_says("200 OK", sdp_of("bob"));
        const Message again = phones.take(phones.alice, "INVITE");
        CHECK(media_of(again.body()) == media_of(sdp_of("bob")));
        phones.send(phones.alice, TwoPhones::answer(again, "200 OK", "", {}, sdp_of("alice", 2)));
        CHECK(phones.events() ==
              Words{"accepted", "answered caller 200", "started caller", "succeeded caller 200", "ended 200"});
        phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "BYE", 3));
        phones.answer_bye(phones.alice);
        CHECK(phones.only_record().end_reason == EndReason::callee_bye);
    }
}

TEST_CASE("start: a caller's phone that wants reliable responses, or credentials, is not had") {
    for (const char *refusal : {"421 Extension Required", "401 Unauthorized", "302 Moved"}) {
        CAPTURE(refusal);
        StartedCall phones;
        phones.send(phones.alice, TwoPhones::answer(phones.ring(), refusal, "alice",
                                                    "Require: 100rel\r\nContact: <sip:x@192.0.2.7>\r\n"));
        CHECK(phones.got(phones.alice, "ACK"));
        CHECK(phones.last_event().starts_with("ended "));
        CHECK_FALSE(phones.only_record().answered_us);
    }
}

TEST_CASE("start: a caller's phone that takes no offer either is not asked again") {
    StartedCall phones;
    phones.send(phones.alice, TwoPhones::answer(phones.ring(), "488 Not Acceptable Here", "alice"));
    phones.send(phones.alice,
                TwoPhones::answer(phones.take(phones.alice, "INVITE"), "488 Not Acceptable Here", "alice"));
    CHECK(phones.events() == Words{"accepted", "ended 488"});
    CHECK_FALSE(phones.got(phones.bob, "INVITE"));
    CHECK_FALSE(phones.got(phones.alice, "INVITE"));
    CHECK(phones.only_record().sip_code == 488);
}

TEST_CASE("start: a callee who does not take the caller's offer makes one of his own (RFC 3725 flow III)") {
    StartedCall phones;
    phones.answered();
    phones.bob_says("488 Not Acceptable Here");
    phones.take(phones.bob, "ACK");
    CHECK(direction_of(phones.take(phones.alice, "ACK")) == "inactive");
    phones.bobs_invite = phones.take(phones.bob, "INVITE");
    CHECK(phones.bobs_invite.body().empty());
    phones.bob_says("200 OK", sdp_of("bob"));
    CHECK_FALSE(phones.got(phones.bob, "ACK")); // it has her answer
    const Message again = phones.take(phones.alice, "INVITE");
    CHECK(media_of(again.body()) == media_of(sdp_of("bob")));
    phones.send(phones.alice, TwoPhones::answer(again, "200 OK", "", {}, sdp_of("alice", 2)));
    CHECK(media_of(phones.take(phones.bob, "ACK").body()) == media_of(sdp_of("alice")));
    CHECK(phones.events() ==
          Words{"accepted", "answered caller 200", "started caller", "succeeded caller 200", "ended 200"});
    phones.send(phones.alice, phones.from_alice("BYE", 7));
    phones.answer_bye(phones.bob);
    CHECK(phones.only_record().end_reason == EndReason::caller_bye);
}

TEST_CASE("start: a callee who takes no offer and makes none ends the call") {
    StartedCall phones;
    phones.answered();
    phones.bob_says("488 Not Acceptable Here");
    phones.take(phones.alice, "ACK");
    phones.bobs_invite = phones.take(phones.bob, "INVITE");
    phones.bob_says("488 Not Acceptable Here");
    CHECK(phones.last_event() == "ended 488");
    phones.answer_bye(phones.alice);
    const Cdr record = phones.only_record();
    CHECK(record.end_reason == EndReason::refused);
    CHECK(record.sip_code == 488);
}

TEST_CASE("start: a caller who offers nothing is asked for her description when there is his") {
    StartedCall phones;
    phones.alices_invite = phones.ring();
    phones.send(phones.alice, TwoPhones::answer(phones.alices_invite, "200 OK", "alice"));
    CHECK(phones.take(phones.alice, "ACK").body().empty());
    phones.bobs_invite = phones.take(phones.bob, "INVITE");
    CHECK(phones.bobs_invite.body().empty());
    phones.bob_says("200 OK", sdp_of("bob"));
    phones.send(phones.alice,
                TwoPhones::answer(phones.take(phones.alice, "INVITE"), "200 OK", "", {}, sdp_of("alice")));
    CHECK(media_of(phones.take(phones.bob, "ACK").body()) == media_of(sdp_of("alice")));
    CHECK(phones.last_event() == "ended 200");
}

TEST_CASE("start: a caller who does not answer, or refuses, is not missed: nobody else is called") {
    struct Refusal {
        const char *line;
        std::uint16_t status;
        EndReason reason;
    };
    for (const Refusal &refusal :
         {Refusal{"486 Busy Here", 486, EndReason::refused}, Refusal{"603 Decline", 603, EndReason::refused},
          Refusal{"404 Not Found", 404, EndReason::refused}}) {
        CAPTURE(refusal.line);
        StartedCall phones;
        phones.send(phones.alice, TwoPhones::answer(phones.ring(), refusal.line, "alice"));
        CHECK(phones.events() == Words{"accepted", "ended " + std::to_string(refusal.status)});
        CHECK_FALSE(phones.got(phones.bob, "INVITE"));
        const Cdr record = phones.only_record();
        CHECK(record.sip_code == refusal.status);
        CHECK(record.end_reason == refusal.reason);
        CHECK(record.from_uri == "sip:alice@a");
        CHECK(record.to_uri == "sip:bob@b");
        CHECK_FALSE(record.answered_us);
    }
    StartedCall phones;
    const Message invite = phones.ring();
    phones.send(phones.alice, TwoPhones::answer(invite, "180 Ringing", "alice"));
    phones.wait(60'000); // the ring timeout of the route
    CHECK(phones.last_event() == "ended 408");
    phones.send(phones.alice, TwoPhones::answer(phones.take(phones.alice, "CANCEL"), "200 OK"));
    phones.send(phones.alice, TwoPhones::answer(invite, "487 Request Terminated", "alice"));
    const Cdr record = phones.only_record();
    CHECK(record.end_reason == EndReason::no_answer);
    CHECK(record.sip_code == 408);
}

TEST_CASE("start: a busy callee: the caller is acknowledged and hung up") {
    for (const bool is_acked : {false, true}) {
        CAPTURE(is_acked);
        StartedCall phones;
        phones.answered();
        if (is_acked) phones.wait(3'000);
        phones.bob_says("486 Busy Here");
        CHECK(phones.last_event() == "ended 486");
        CHECK(direction_of(phones.take(phones.alice, "ACK")) == "inactive");
        phones.answer_bye(phones.alice);
        const Cdr record = phones.only_record();
        CHECK(record.end_reason == EndReason::refused);
        CHECK(record.sip_code == 486);
        CHECK(record.answered_us);
        CHECK(record.caller_call_id == phones.alices_invite.call_id());
        CHECK(record.callee_call_id == phones.bobs_invite.call_id());
    }
}

TEST_CASE("start: a callee who rings too long is cancelled, and the caller hung up") {
    StartedCall phones;
    phones.answered();
    phones.bob_says("180 Ringing");
    phones.wait(60'000);
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "CANCEL"), "200 OK"));
    phones.bob_says("487 Request Terminated");
    CHECK(phones.last_event() == "ended 408");
    phones.answer_bye(phones.alice);
    CHECK(phones.only_record().end_reason == EndReason::no_answer);
}

TEST_CASE("start: a caller who hangs up while the callee rings cancels him, also if his answer crosses that") {
    for (const bool is_acked : {false, true}) {
        for (const bool crosses : {false, true}) {
            CAPTURE(is_acked);
            CAPTURE(crosses);
            StartedCall phones;
            phones.answered();
            phones.bob_says("180 Ringing");
            if (is_acked) phones.wait(3'000);
            phones.send(phones.alice, phones.from_alice("BYE", 7));
            CHECK(phones.got(phones.alice, "SIP/2.0 200"));
            CHECK(phones.last_event() == "ended 487");
            phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "CANCEL"), "200 OK"));
            if (crosses) {
                phones.bob_says("200 OK", sdp_of("bob"));
                CHECK(phones.got(phones.bob, "ACK"));
                phones.answer_bye(phones.bob);
            } else {
                phones.bob_says("487 Request Terminated");
            }
            CHECK_FALSE(phones.got(phones.alice, "INVITE"));
            CHECK(phones.only_record().end_reason == EndReason::caller_bye);
        }
    }
}

TEST_CASE("start: a caller who hangs up while she is offered the callee's answer ends both") {
    StartedCall phones;
    phones.answered();
    phones.wait(2'000);
    phones.bob_says("200 OK", sdp_of("bob"));
    phones.take(phones.bob, "ACK");
    const Message again = phones.take(phones.alice, "INVITE");
    phones.send(phones.alice, phones.from_alice("BYE", 7));
    phones.answer_bye(phones.bob);
    phones.send(phones.alice, TwoPhones::answer(again, "487 Request Terminated", ""));
    CHECK(phones.last_event() == "ended 487");
    CHECK(phones.only_record().end_reason == EndReason::caller_bye);
}

TEST_CASE("start: a callee who hangs up while the caller is offered his answer ends both") {
    StartedCall phones;
    phones.answered();
    phones.wait(2'000);
    phones.bob_says("200 OK", sdp_of("bob"));
    phones.take(phones.bob, "ACK");
    const Message again = phones.take(phones.alice, "INVITE");
    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "BYE", 3));
    CHECK(phones.got(phones.bob, "SIP/2.0 200"));
    phones.send(phones.alice, TwoPhones::answer(again, "200 OK", "", {}, sdp_of("alice", 2)));
    phones.answer_bye(phones.alice);
    CHECK(phones.last_event() == "ended 480");
    phones.only_record();
}

TEST_CASE("start: a caller who refuses the callee's answer, or is gone, ends both") {
    for (const char *refusal : {"488 Not Acceptable Here", "481 Gone", "603 Decline"}) {
        CAPTURE(refusal);
        StartedCall phones;
        phones.answered();
        phones.wait(2'000);
        phones.bob_says("200 OK", sdp_of("bob"));
        phones.take(phones.bob, "ACK");
        phones.send(phones.alice, TwoPhones::answer(phones.take(phones.alice, "INVITE"), refusal, ""));
        CHECK(phones.last_event().substr(0, 5) == "ended");
        phones.answer_bye(phones.bob);
        phones.answer_bye(phones.alice);
        phones.only_record();
    }
}

TEST_CASE("start: a re-INVITE of the caller's that crosses ours is refused 491, and ours goes again") {
    StartedCall phones;
    phones.answered();
    phones.wait(2'000);
    phones.take(phones.alice, "ACK");
    phones.send(phones.alice, phones.from_alice("INVITE", 5, sdp_of("alice", 2)));
    phones.take(phones.alice, "SIP/2.0 491"); // nobody is there yet
    phones.bob_says("200 OK", sdp_of("bob"));
    phones.take(phones.bob, "ACK");
    const Message again = phones.take(phones.alice, "INVITE");
    phones.send(phones.alice, phones.from_alice("INVITE", 6, sdp_of("alice", 3)));
    phones.take(phones.alice, "SIP/2.0 491");
    phones.send(phones.alice, TwoPhones::answer(again, "491 Request Pending", ""));
    phones.wait(4'000);
    phones.send(phones.alice,
                TwoPhones::answer(phones.take(phones.alice, "INVITE"), "200 OK", "", {}, sdp_of("alice", 4)));
    CHECK(phones.last_event() == "ended 200");
}

TEST_CASE("start: its deadline ends it, whoever rings") {
    for (const bool has_answered : {false, true}) {
        CAPTURE(has_answered);
        StartedCall phones;
        phones.alices_invite = phones.ring(seconds(10));
        phones.send(phones.alice, TwoPhones::answer(phones.alices_invite, "180 Ringing", "alice"));
        if (has_answered) {
            phones.send(phones.alice, TwoPhones::answer(phones.alices_invite, "200 OK", "alice", {}, sdp_of("alice")));
            phones.bobs_invite = phones.take(phones.bob, "INVITE");
            phones.bob_says("180 Ringing");
        }
        phones.wait(10'000);
        CHECK(phones.last_event() == "ended 408");
        const Endpoint rings = has_answered ? phones.bob : phones.alice;
        phones.send(rings, TwoPhones::answer(phones.take(rings, "CANCEL"), "200 OK"));
        const Message &invite = has_answered ? phones.bobs_invite : phones.alices_invite;
        phones.send(rings, TwoPhones::answer(invite, "487 Request Terminated", has_answered ? "bob" : "alice"));
        if (has_answered) phones.answer_bye(phones.alice);
        const Cdr record = phones.only_record();
        CHECK(record.end_reason == EndReason::no_answer);
        CHECK(record.sip_code == 408);
    }
}

TEST_CASE("start: a caller who answers after the deadline is acknowledged and hung up at once") {
    StartedCall phones;
    phones.alices_invite = phones.ring(seconds(10));
    phones.send(phones.alice, TwoPhones::answer(phones.alices_invite, "180 Ringing", "alice"));
    phones.wait(10'000);
    phones.send(phones.alice, TwoPhones::answer(phones.take(phones.alice, "CANCEL"), "200 OK"));
    phones.send(phones.alice, TwoPhones::answer(phones.alices_invite, "200 OK", "alice", {}, sdp_of("alice")));
    CHECK(phones.got(phones.alice, "ACK"));
    phones.answer_bye(phones.alice);
    CHECK_FALSE(phones.got(phones.bob, "INVITE"));
    phones.only_record();
}

TEST_CASE("start: the host ends it at any step") {
    for (const int step : {0, 1, 2}) {
        CAPTURE(step);
        StartedCall phones;
        phones.alices_invite = phones.ring();
        phones.send(phones.alice, TwoPhones::answer(phones.alices_invite, "180 Ringing", "alice"));
        if (step > 0) {
            phones.send(phones.alice, TwoPhones::answer(phones.alices_invite, "200 OK", "alice", {}, sdp_of("alice")));
            phones.bobs_invite = phones.take(phones.bob, "INVITE");
            phones.bob_says("180 Ringing");
        }
        if (step > 1) phones.bob_says("200 OK", sdp_of("bob"));
        phones.events();
        const auto view = phones.engine().find_call(phones.alices_invite.call_id());
        std::vector<CallView> all;
        std::uint64_t cursor = 0;
        phones.engine().list_calls(cursor, 10, all);
        REQUIRE(all.size() == 1);
        CHECK(all.front().from_uri == "sip:alice@a");
        CHECK(all.front().to_uri == "sip:bob@b");
        CHECK(view.has_value());
        REQUIRE(phones.engine().end(all.front().caller, EndReason::admin, phones.now).ok());
        phones.wait(0);
        CHECK(phones.events() == (step < 2 ? Words{"ended 487"} : Words{}));
        if (step == 0) {
            phones.send(phones.alice, TwoPhones::answer(phones.take(phones.alice, "CANCEL"), "200 OK"));
            phones.send(phones.alice, TwoPhones::answer(phones.alices_invite, "487 Request Terminated", "alice"));
        } else {
            phones.answer_bye(phones.alice);
        }
        if (step == 1) {
            phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "CANCEL"), "200 OK"));
            phones.bob_says("487 Request Terminated");
        }
        if (step == 2) phones.answer_bye(phones.bob);
        CHECK(phones.only_record().end_reason == EndReason::admin);
    }
}

TEST_CASE("start: parties are URIs or users of ours, and nothing that could be more than that") {
    StartedCall phones;
    phones.options().domain = "our.example";
    phones.restart();
    const auto refused = [&](std::string_view caller, std::string_view callee) {
        const auto begun = phones.engine().start({.caller = caller, .callee = callee}, phones.now);
        REQUIRE_FALSE(begun.ok());
        return begun.error();
    };
    for (const char *bad :
         {"", "sip:", "http://alice", "alice bob", "sip:alice@a\r\nX: y", "<sip:alice@a>", "sip:alice@a>;x",
          "sip:alice@a?Replaces=x", "sip:alice@a;method=BYE", "alice\"", "sip:al\x80ice@a"}) {
        CAPTURE(bad);
        CHECK(refused(bad, "sip:bob@b") == Error::invalid);
        CHECK(refused("sip:alice@a", bad) == Error::invalid);
    }
    CHECK(refused("sip:" + std::string(3000, 'a') + "@a", "bob") == Error::invalid);
    CHECK(refused("alice", "sip:nobody@b") == Error::not_found);
    CHECK(refused("nobody", "bob") == Error::not_found);
    CHECK(phones.engine().calls() == 0);
    REQUIRE(phones.begin({.caller = "alice", .callee = "bob@b"}).ok());
    const Message invite = phones.take(phones.alice, "INVITE");
    CHECK(invite.to_uri() == "sip:alice@our.example");
    CHECK(invite.from_uri() == "sip:bob@b");
}

TEST_CASE("start: a call that a profile has no room for is refused, and leaves a record that says so") {
    StartedCall phones;
    phones.declare = [](ProfileTable &table) {
        for (const char *name : {"in", "out"}) REQUIRE(table.declare({.name = name, .limit = 1}).ok());
    };
    phones.restart();
    phones.limits = {{"alice", {{"in", ""}}}, {"bob", {{"out", ""}, {"in", ""}}}};
    REQUIRE(phones.begin({.caller = "alice", .callee = "bob"}).ok());
    CHECK(*phones.profiles().size("in") == 1);
    CHECK(*phones.profiles().size("out") == 1);
    CHECK(phones.begin({.caller = "alice", .callee = "bob"}).error() == Error::limit);
    REQUIRE(phones.cdrs.size() == 1);
    CHECK(phones.cdrs.front().end_reason == EndReason::limit);
    CHECK(phones.cdrs.front().sip_code == 503);
    // The places are the call's own as long as it is there.
    phones.alices_invite = phones.take(phones.alice, "INVITE");
    phones.send(phones.alice, TwoPhones::answer(phones.alices_invite, "200 OK", "alice", {}, sdp_of("alice")));
    phones.bobs_invite = phones.take(phones.bob, "INVITE");
    CHECK(*phones.profiles().size("in") == 1);
    phones.bob_says("200 OK", sdp_of("bob"));
    CHECK(*phones.profiles().size("out") == 1);
    phones.send(phones.alice, phones.from_alice("BYE", 7));
    phones.answer_bye(phones.bob);
    CHECK(*phones.profiles().size("in") == 0);
    CHECK(*phones.profiles().size("out") == 0);
    REQUIRE(phones.cdrs.size() == 2);
    CHECK(phones.cdrs.back().profiles.size() == 2);
}

TEST_CASE("start: variables of the command are the call's, and stand in its record") {
    StartedCall phones;
    REQUIRE(phones.begin({.caller = "alice", .callee = "bob", .variables = {{"campaign", "spring"}}}).ok());
    phones.alices_invite = phones.take(phones.alice, "INVITE");
    phones.send(phones.alice, TwoPhones::answer(phones.alices_invite, "200 OK", "alice", {}, sdp_of("alice")));
    phones.bobs_invite = phones.take(phones.bob, "INVITE");
    phones.bob_says("200 OK", sdp_of("bob"));
    phones.send(phones.alice, phones.from_alice("BYE", 7));
    phones.answer_bye(phones.bob);
    const Cdr record = phones.only_record();
    REQUIRE(record.variables.size() == 1);
    CHECK(record.variables.front().text == "spring");
}

TEST_CASE("start: of several phones of the caller the first to answer has the call, and there is one record") {
    StartedCall phones;
    phones.router.inside = [&](const Message &invite) {
        Route route = phones.route_of(invite.request_uri());
        if (invite.request_uri().find("alice") == std::string_view::npos) return route;
        route.targets.push_back({"sip:alice@192.0.2.4:5064", phones.dave, {}});
        route.targets.back().is_parallel = true;
        return route;
    };
    const Message first = phones.ring();
    const Message second = phones.take(phones.dave, "INVITE");
    phones.send(phones.alice, TwoPhones::answer(first, "180 Ringing", "alice"));
    phones.send(phones.dave, TwoPhones::answer(second, "200 OK", "alice", {}, sdp_of("alice")));
    phones.send(phones.alice, TwoPhones::answer(phones.take(phones.alice, "CANCEL"), "200 OK"));
    phones.send(phones.alice, TwoPhones::answer(first, "487 Request Terminated", "alice"));
    phones.bobs_invite = phones.take(phones.bob, "INVITE");
    phones.bob_says("200 OK", sdp_of("bob"));
    CHECK(phones.take(phones.dave, "ACK").body() == sdp_of("bob"));
    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "BYE", 3));
    phones.answer_bye(phones.dave);
    const Cdr record = phones.only_record();
    CHECK(record.end_reason == EndReason::callee_bye);
    CHECK(record.caller_call_id == second.call_id());
}

TEST_CASE("start: a call that is up outlives the process; one that is not ends, with one record") {
    for (const int step : {0, 1, 2}) {
        CAPTURE(step);
        StartedCall phones;
        phones.alices_invite = phones.ring();
        phones.send(phones.alice, TwoPhones::answer(phones.alices_invite, "180 Ringing", "alice"));
        if (step > 0) {
            phones.send(phones.alice, TwoPhones::answer(phones.alices_invite, "200 OK", "alice", {}, sdp_of("alice")));
            phones.bobs_invite = phones.take(phones.bob, "INVITE");
            phones.bob_says("180 Ringing");
        }
        if (step > 1) phones.bob_says("200 OK", sdp_of("bob"));
        phones.forget();
        REQUIRE(phones.restart() == 0);
        if (step == 0) {
            phones.send(phones.alice, TwoPhones::answer(phones.take(phones.alice, "CANCEL"), "200 OK"));
            phones.send(phones.alice, TwoPhones::answer(phones.alices_invite, "487 Request Terminated", "alice"));
        } else if (step == 1) {
            phones.answer_bye(phones.alice);
            phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "CANCEL"), "200 OK"));
            phones.bob_says("487 Request Terminated");
        } else {
            phones.send(phones.alice, phones.from_alice("INFO", 6));
            phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "INFO"), "200 OK", ""));
            phones.send(phones.alice, phones.from_alice("BYE", 7));
            phones.answer_bye(phones.bob);
        }
        const Cdr record = phones.only_record();
        CHECK(record.end_reason == (step < 2 ? EndReason::restart : EndReason::caller_bye));
        CHECK(record.from_uri == "sip:alice@a");
        CHECK(record.to_uri == "sip:bob@b");
    }
}

TEST_CASE("start: another process takes the call over from its copy") {
    StartedCall phones;
    phones.talk();
    const auto copies = phones.copies();
    REQUIRE(copies.size() == 1);
    phones.take_over(copies);
    phones.send(phones.alice, phones.from_alice("INFO", 6));
    CHECK(phones.got(phones.bob, "INFO"));
    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "BYE", 9));
    phones.answer_bye(phones.alice);
    CHECK(phones.only_record().end_reason == EndReason::callee_bye);
}

TEST_CASE("start: the call is held, resumed and transferred like any other") {
    StartedCall phones;
    phones.talk();
    const auto view = phones.engine().find_call(phones.alices_invite.call_id());
    REQUIRE(view);
    for (const bool is_resume : {false, true}) {
        REQUIRE((is_resume ? phones.engine().resume(view->caller, phones.now)
                           : phones.engine().hold(view->caller, phones.now))
                    .ok());
        phones.wait(0);
        for (const Endpoint &phone : {phones.alice, phones.bob}) {
            const Message invite = phones.take(phone, "INVITE");
            CHECK(invite.body().find(is_resume ? "a=sendrecv" : "a=sendonly") != std::string_view::npos);
            phones.send(phone, TwoPhones::answer(invite, "200 OK", "", {},
                                                 sdp_of("x", is_resume ? 3 : 2, is_resume ? "sendrecv" : "recvonly")));
        }
        CHECK(phones.last_event() == "ended 200");
    }
    REQUIRE(phones.engine().transfer(view->caller, "<sip:carol@c>", phones.now).ok());
    phones.wait(0);
    phones.send(phones.carol,
                TwoPhones::answer(phones.take(phones.carol, "INVITE"), "200 OK", "carol", {}, sdp_of("carol")));
    const Message again = phones.take(phones.alice, "INVITE");
    phones.send(phones.alice, TwoPhones::answer(again, "200 OK", "", {}, sdp_of("x", 4)));
    phones.answer_bye(phones.bob);
    CHECK(phones.last_event() == "ended 200");
    phones.send(phones.alice, phones.from_alice("BYE", 7));
    phones.answer_bye(phones.carol);
    CHECK(phones.only_record().end_reason == EndReason::caller_bye);
}

TEST_CASE("start: nobody is called while no new calls are taken") {
    StartedCall phones;
    phones.engine().set_overloaded(true);
    CHECK(phones.begin({.caller = "alice", .callee = "bob"}).error() == Error::wrong_state);
    phones.engine().set_overloaded(false);
    phones.engine().set_store_lost(true);
    CHECK(phones.begin({.caller = "alice", .callee = "bob"}).error() == Error::wrong_state);
    phones.engine().set_store_lost(false);
    phones.engine().refuse_new_calls();
    CHECK(phones.begin({.caller = "alice", .callee = "bob"}).error() == Error::wrong_state);
    CHECK(phones.engine().calls() == 0);
}

TEST_CASE("start: whoever is not up yet takes no command, and nobody takes a place in it") {
    StartedCall phones;
    phones.alices_invite = phones.ring();
    phones.send(phones.alice, TwoPhones::answer(phones.alices_invite, "180 Ringing", "alice"));
    std::vector<CallView> all;
    std::uint64_t cursor = 0;
    phones.engine().list_calls(cursor, 10, all);
    REQUIRE(all.size() == 1);
    CHECK(phones.engine().hold(all.front().caller, phones.now).error() == Error::conflict);
    // An INVITE with Replaces that names the dialog which rings.
    std::string pick_up = phones.invite("Replaces: " + std::string(phones.alices_invite.call_id()) + ";to-tag=" +
                                        std::string(phones.alices_invite.from_tag()) + ";from-tag=alice\r\n");
    phones.send(phones.dave, test::of_dave(pick_up));
    CHECK(phones.got(phones.dave, "SIP/2.0 481"));
    // Requests of hers before her answer.
    for (const char *method : {"INVITE", "UPDATE", "INFO", "REFER", "PRACK", "SUBSCRIBE"}) {
        CAPTURE(method);
        phones.send(phones.alice, phones.from_alice(method, 20));
        CHECK(phones.got(phones.alice, "SIP/2.0"));
        CHECK_FALSE(phones.got(phones.bob, method));
    }
    phones.send(phones.alice, TwoPhones::answer(phones.alices_invite, "486 Busy Here", "alice"));
    CHECK(phones.last_event() == "ended 486");
}

TEST_CASE(
    "start: who is asked about calls decides about the one to the callee; the caller the host has decided about") {
    enum class Word : std::uint8_t { allowed, refused, none };
    for (const Word word : {Word::allowed, Word::refused, Word::none}) {
        CAPTURE(static_cast<int>(word));
        StartedCall phones;
        phones.router.inside = [&](const Message &invite) {
            Route route = phones.route_of(invite.request_uri());
            route.is_controlled = true;
            return route;
        };
        phones.alices_invite = phones.ring();
        phones.send(phones.alice, TwoPhones::answer(phones.alices_invite, "200 OK", "alice", {}, sdp_of("alice")));
        CHECK_FALSE(phones.got(phones.bob, "INVITE"));
        const Question question = phones.question();
        CHECK(question.from.uri == "sip:alice@a");
        CHECK(question.to.uri == "sip:bob@b");
        CHECK(question.source_ip == "192.0.2.9"); // ourselves
        if (word == Word::none) {                 // she hangs up meanwhile
            phones.send(phones.alice, phones.from_alice("BYE", 7));
            CHECK(phones.last_event() == "ended 487");
            CHECK(phones.decide(question, Decision()) == DecisionOutcome::gone);
            CHECK(phones.only_record().end_reason == EndReason::caller_bye);
            continue;
        }
        Decision decision;
        if (word == Word::refused) decision.code = 403;
        decision.variables = {{.name = "tenant", .text = "blue"}};
        phones.decide(question, decision);
        if (word == Word::refused) {
            CHECK(phones.last_event() == "ended 403");
            phones.answer_bye(phones.alice);
            CHECK(phones.only_record().sip_code == 403);
            continue;
        }
        phones.bobs_invite = phones.take(phones.bob, "INVITE");
        CHECK(phones.bobs_invite.body() == sdp_of("alice"));
        phones.bob_says("200 OK", sdp_of("bob"));
        CHECK(phones.take(phones.alice, "ACK").body() == sdp_of("bob"));
        phones.send(phones.alice, phones.from_alice("BYE", 7));
        phones.answer_bye(phones.bob);
        const Cdr record = phones.only_record();
        REQUIRE(record.variables.size() == 1);
        CHECK(record.variables.front().text == "blue");
    }
}

TEST_CASE("start: the end of a command is told, however many other events nobody takes") {
    StartedCall phones;
    phones.ring(seconds(5));
    const std::size_t room = phones.options().event_max;
    for (std::size_t i = 0; i < room; ++i) {
        REQUIRE(phones.begin({.caller = "sip:alice@a", .callee = "sip:bob@b"}).ok());
    }
    phones.wait(5000);
    CHECK(phones.engine().statistics().events_lost > 0);
    CHECK(phones.last_event() == "ended 408");
}
