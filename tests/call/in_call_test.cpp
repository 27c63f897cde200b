// Requests inside a call.
#include <set>
#include "call/two_phones.hpp"

using namespace tandem;
using test::TwoPhones;

TEST_CASE("call: a re-INVITE passes both ways with its bodies, and its ACK follows") {
    TwoPhones phones;
    phones.establish();
    SUBCASE("from the caller") {
        phones.send(phones.alice, phones.invite({}, "v=0 hold", phones.our_tag, 2));
        const Message reinvite = phones.take(phones.bob, "INVITE");
        CHECK(reinvite.to_tag() == "bob");
        CHECK(reinvite.cseq() == 2);
        CHECK(reinvite.body() == "v=0 hold");
        phones.send(phones.bob, TwoPhones::answer(reinvite, "200 OK", "", {}, "v=0 held"));
        CHECK(phones.take(phones.alice, "SIP/2.0 200").body() == "v=0 held");
        phones.send(phones.alice, phones.request("ACK", phones.our_tag, 2));
        CHECK(phones.take(phones.bob, "ACK").cseq() == 2);
    }
    SUBCASE("from the callee") {
        phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "INVITE", 77, {}, "v=0 hold"));
        const Message reinvite = phones.take(phones.alice, "INVITE");
        CHECK(reinvite.to_tag() == "alice");
        CHECK(reinvite.from_tag() == phones.our_tag);
        CHECK(reinvite.cseq() == 1); // our own numbers on this leg
        phones.send(phones.alice, TwoPhones::answer(reinvite, "200 OK", "", {}, "v=0 held"));
        CHECK(phones.take(phones.bob, "SIP/2.0 200").body() == "v=0 held");
        phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "ACK", 77));
        CHECK(phones.take(phones.alice, "ACK").cseq() == 1);
    }
    CHECK(phones.engine().tracker().statistics().active == 1);
}

TEST_CASE("call: a refused re-INVITE leaves the call as it was") {
    TwoPhones phones;
    phones.establish();
    phones.send(phones.alice, phones.invite({}, "v=0 video", phones.our_tag, 2));
    const Message reinvite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(reinvite, "488 No Video"));
    CHECK(phones.got(phones.alice, "SIP/2.0 488 No Video"));
    phones.send(phones.alice, phones.invite({}, "v=0 audio", phones.our_tag, 3));
    CHECK(phones.got(phones.bob, "INVITE"));
}

TEST_CASE("call: glare: 491 to the side that crosses, 500 with Retry-After on overlap (RFC 3261 section 14.2)") {
    TwoPhones phones;
    phones.establish();
    phones.send(phones.alice, phones.invite({}, "v=0", phones.our_tag, 2));
    phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "INVITE", 5, {}, "v=0"));
    CHECK(phones.got(phones.bob, "SIP/2.0 491"));
    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "UPDATE", 6, {}, "v=0"));
    CHECK(phones.got(phones.bob, "SIP/2.0 491"));
    phones.send(phones.alice, phones.invite({}, "v=0", phones.our_tag, 3));
    CHECK(phones.take(phones.alice, "SIP/2.0 500").has(Header::retry_after));
    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "INFO", 7)); // no offer: it passes
    CHECK(phones.got(phones.alice, "INFO"));
}

TEST_CASE("call: every request that has no meaning of its own here passes end to end, both ways") {
    const std::set<std::string_view> refreshing = {"UPDATE", "SUBSCRIBE", "NOTIFY"}; // the target of its sender
    for (const char *method : {"UPDATE", "INFO", "MESSAGE", "OPTIONS", "SUBSCRIBE", "NOTIFY", "PUBLISH"}) {
        CAPTURE(method);
        TwoPhones phones;
        phones.establish();
        phones.send(phones.alice, phones.request(method, phones.our_tag, 2, "X-Way: there\r\n", "v=0 body"));
        const Message passed = phones.take(phones.bob, method);
        CHECK(passed.body() == "v=0 body");
        CHECK(passed.cseq() == 2);
        CHECK(passed.has(Header::contact) == refreshing.contains(method));
        phones.send(phones.bob, TwoPhones::answer(passed, "200 Fine", "", {}, "v=0 back"));
        const Message answer = phones.take(phones.alice, "SIP/2.0 200 Fine");
        CHECK(answer.body() == "v=0 back");
        CHECK(answer.to_tag() == phones.our_tag);

        phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, method, 9));
        const Message back = phones.take(phones.alice, method);
        CHECK(back.cseq() == 1);
        phones.send(phones.alice, TwoPhones::answer(back, "405 No"));
        CHECK(phones.got(phones.bob, "SIP/2.0 405 No"));
        CHECK(phones.engine().tracker().statistics().active == 1);
    }
}

TEST_CASE("call: an early UPDATE stays with its fork") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite({}, ""));
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "180 Ringing", "desk"));
    phones.send(phones.bob, TwoPhones::answer(invite, "183 Soon", "mobile"));
    const std::string desk(phones.take(phones.alice, "SIP/2.0 180").to_tag());
    phones.send(phones.alice, phones.request("UPDATE", desk, 2));
    CHECK(phones.take(phones.bob, "UPDATE").to_tag() == "desk");
}

TEST_CASE("call: a request inside the call that nobody answers is 408") {
    TwoPhones phones;
    phones.establish();
    phones.send(phones.alice, phones.request("INFO", phones.our_tag, 2));
    phones.wait(32'000);
    CHECK(phones.got(phones.alice, "SIP/2.0 408"));
}

TEST_CASE("call: CANCEL of a re-INVITE asks the callee, whose answer both sides keep") {
    TwoPhones phones;
    phones.establish();
    phones.send(phones.alice, phones.request("INVITE", phones.our_tag, 2, {}, "v=0", "z9hG4bK-re"));
    const Message reinvite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(reinvite, "100 Trying", ""));
    phones.send(phones.alice, phones.request("CANCEL", phones.our_tag, 2, {}, {}, "z9hG4bK-re"));
    CHECK(phones.got(phones.bob, "CANCEL"));
    phones.send(phones.bob, TwoPhones::answer(reinvite, "487 Terminated"));
    CHECK(phones.got(phones.alice, "SIP/2.0 487"));
    CHECK(phones.engine().tracker().statistics().active == 1);
}

TEST_CASE("call: a lower CSeq is 500, and the call goes on (RFC 3261 section 12.2.2)") {
    TwoPhones phones;
    phones.establish();
    phones.send(phones.alice, phones.request("INFO", phones.our_tag, 9));
    phones.take(phones.bob, "INFO");
    phones.send(phones.alice, phones.request("INFO", phones.our_tag, 8));
    CHECK(phones.got(phones.alice, "SIP/2.0 500"));
    CHECK_FALSE(phones.got(phones.bob, "INFO"));
}

TEST_CASE("call: requests go where the route set says, and to the Contact of the last refresh") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite("Record-Route: <sip:192.0.2.71:5071;lr>, <sip:192.0.2.72;lr>\r\n"));
    const Message invite = phones.take(phones.bob, "INVITE");
    CHECK_FALSE(invite.has(Header::record_route));
    phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", "bob",
                                              "Record-Route: <sip:192.0.2.81:5081;lr>, <sip:192.0.2.82:5082;lr>\r\n"));
    const Message answer = phones.take(phones.alice, "SIP/2.0 200");
    CHECK(answer.routes(Header::record_route).size() == 2);
    CHECK(answer.routes(Header::record_route)[0] == "<sip:192.0.2.71:5071;lr>");
    phones.send(phones.alice, phones.request("ACK", answer.to_tag(), 1));
    const Endpoint next_to_bob = test::endpoint("192.0.2.82", 5082);
    const Message ack = phones.take(next_to_bob, "ACK");
    CHECK(ack.routes(Header::route)[0] == "<sip:192.0.2.82:5082;lr>");
    CHECK(ack.routes(Header::route)[1] == "<sip:192.0.2.81:5081;lr>");
    CHECK(ack.request_uri() == "sip:bob@192.0.2.2:5062");
    phones.send(phones.bob, TwoPhones::from_bob(invite, "BYE", 1));
    const Message bye = phones.take(test::endpoint("192.0.2.71", 5071), "BYE");
    CHECK(bye.routes(Header::route)[0] == "<sip:192.0.2.71:5071;lr>");
    CHECK(bye.request_uri() == "sip:alice@192.0.2.1:5061");
}

TEST_CASE("call: more requests at a time than forward_max are refused") {
    EngineOptions options;
    options.forward_max = 2;
    TwoPhones phones(options);
    phones.establish();
    for (std::uint32_t cseq : {2U, 3U, 4U}) phones.send(phones.alice, phones.request("INFO", phones.our_tag, cseq));
    CHECK(phones.take(phones.alice, "SIP/2.0 500").cseq() == 4);
}

TEST_CASE("call: a request inside the call that has no hop left is 483, an OPTIONS too") {
    TwoPhones phones;
    phones.establish();
    for (const char *method : {"OPTIONS", "INFO"}) {
        std::string request = phones.request(method, phones.our_tag, method[0] == 'O' ? 2 : 3);
        request.replace(request.find("Max-Forwards: 70"), 16, "Max-Forwards: 0");
        phones.send(phones.alice, request);
        CHECK(phones.got(phones.alice, "SIP/2.0 483"));
        CHECK_FALSE(phones.got(phones.bob, method));
    }
}

TEST_CASE("call: a late offer is over with the ACK that answers it, and the next one may come") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite({}, ""));
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", "bob", {}, "v=0 late offer"));
    const std::string tag(phones.take(phones.alice, "SIP/2.0 200").to_tag());
    phones.send(phones.alice, phones.request("ACK", tag, 1, {}, "v=0 late answer"));
    phones.take(phones.bob, "ACK");
    phones.send(phones.alice, phones.invite({}, "v=0 hold", tag, 2));
    CHECK(phones.got(phones.bob, "INVITE"));
}

TEST_CASE("call: a CANCEL ends at once what was under way while it rang") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "180 Ringing"));
    const std::string tag(phones.take(phones.alice, "SIP/2.0 180").to_tag());
    phones.send(phones.alice, phones.request("INFO", tag, 2));
    phones.send(phones.alice, phones.cancel());
    CHECK(phones.take(phones.alice, "SIP/2.0 487").method() == Method::info);
    CHECK(phones.take(phones.alice, "SIP/2.0 487").method() == Method::invite);
}
