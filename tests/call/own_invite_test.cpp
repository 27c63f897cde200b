// Re-INVITEs that tandem makes itself, here by Engine::refresh().
#include "call/two_phones.hpp"

using namespace tandem;
using test::TwoPhones;

namespace {

struct Refreshed : TwoPhones {
    Refreshed() { establish(); }
    DialogId alices_leg() { return engine().tracker().find("call-a", "alice", {}); }
    DialogId bobs_leg() { return engine().tracker().find(bobs_invite.call_id(), bobs_invite.from_tag(), {}); }

    // The call goes on as if nothing had been, and ends once.
    void talk_and_finish() {
        forget();
        send(alice, invite({}, "v=0 next", our_tag, 20));
        send(bob, answer(take(bob, "INVITE"), "200 OK", "", {}, "v=0 fine"));
        take(alice, "SIP/2.0 200");
        send(alice, request("ACK", our_tag, 20));
        take(bob, "ACK");
        send(alice, request("BYE", our_tag, 21));
        send(bob, answer(take(bob, "BYE"), "200 OK"));
        CHECK(finish().reason == EndReason::caller_bye);
    }
};

} // namespace

TEST_CASE(
    "own re-INVITE: each peer is offered what it was told last, with our own number, and its 2xx is acknowledged") {
    Refreshed phones;
    SUBCASE("the callee") {
        REQUIRE(phones.refresh(phones.bobs_leg()).ok());
        const Message invite = phones.take(phones.bob, "INVITE");
        CHECK(invite.body() == "v=0 offer");
        CHECK(invite.content_type() == "application/sdp");
        CHECK(invite.to_tag() == "bob");
        CHECK(invite.cseq() == 2);
        CHECK(invite.has(Header::contact));
        CHECK(invite.has(Header::allow));
        phones.send(phones.bob, TwoPhones::answer(invite, "100 Trying"));
        const std::string ok = TwoPhones::answer(invite, "200 OK", "", {}, "v=0 answer");
        phones.send(phones.bob, ok);
        CHECK(phones.take(phones.bob, "ACK").cseq() == 2);
        phones.send(phones.bob, ok); // sent again (RFC 3261 section 13.2.2.4)
        CHECK(phones.got(phones.bob, "ACK"));
    }
    SUBCASE("the caller") {
        REQUIRE(phones.refresh(phones.alices_leg()).ok());
        const Message invite = phones.take(phones.alice, "INVITE");
        CHECK(invite.body() == "v=0 answer");
        CHECK(invite.from_tag() == phones.our_tag);
        CHECK(invite.cseq() == 1);
        phones.send(phones.alice, TwoPhones::answer(invite, "200 OK", "", {}, "v=0 offer"));
        CHECK(phones.take(phones.alice, "ACK").cseq() == 1);
    }
    CHECK(phones.is_silent()); // nothing goes to the other side
    phones.talk_and_finish();
}

TEST_CASE("own re-INVITE: what the peers agreed on later is what is offered") {
    Refreshed phones;
    SUBCASE("by re-INVITE") {
        phones.send(phones.alice, phones.invite({}, "v=0 second offer", phones.our_tag, 2));
        phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "INVITE"), "200 OK", "", {}, "v=0 second"));
        phones.send(phones.alice, phones.request("ACK", phones.our_tag, 2));
    }
    SUBCASE("by re-INVITE with the offer in its 2xx") {
        phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "INVITE", 7));
        phones.send(phones.alice,
                    TwoPhones::answer(phones.take(phones.alice, "INVITE"), "200 OK", "", {}, "v=0 second offer"));
        phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "ACK", 7, {}, "v=0 second"));
    }
    SUBCASE("by UPDATE") {
        phones.send(phones.alice, phones.request("UPDATE", phones.our_tag, 2, {}, "v=0 second offer"));
        phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "UPDATE"), "200 OK", "", {}, "v=0 second"));
    }
    phones.forget();
    REQUIRE(phones.refresh(phones.bobs_leg()).ok());
    CHECK(phones.take(phones.bob, "INVITE").body() == "v=0 second offer");
    phones.forget();
}

TEST_CASE("own re-INVITE: a refused offer of a peer changes nothing of what is in force") {
    Refreshed phones;
    phones.send(phones.alice, phones.invite({}, "v=0 video", phones.our_tag, 2));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "INVITE"), "488 No Video"));
    phones.take(phones.alice, "SIP/2.0 488");
    REQUIRE(phones.refresh(phones.bobs_leg()).ok());
    CHECK(phones.take(phones.bob, "INVITE").body() == "v=0 offer");
}

TEST_CASE("own re-INVITE: 491 is tried again: 2.1 to 4 s later where the Call-ID is ours, else within 2 s "
          "(RFC 3261 section 14.1)") {
    Refreshed phones;
    SUBCASE("we made the Call-ID") {
        REQUIRE(phones.refresh(phones.bobs_leg()).ok());
        const Message invite = phones.take(phones.bob, "INVITE");
        phones.send(phones.bob, TwoPhones::answer(invite, "491 Request Pending"));
        CHECK(phones.got(phones.bob, "ACK"));
        phones.wait(2099);
        CHECK_FALSE(phones.got(phones.bob, "INVITE"));
        phones.wait(1901);
        const Message again = phones.take(phones.bob, "INVITE");
        CHECK(again.cseq() == 3);
        CHECK(again.body() == "v=0 offer");
        CHECK(again.top_via().branch != invite.top_via().branch);
        phones.send(phones.bob, TwoPhones::answer(again, "200 OK", "", {}, "v=0 answer"));
        CHECK(phones.got(phones.bob, "ACK"));
    }
    SUBCASE("the peer made it") {
        REQUIRE(phones.refresh(phones.alices_leg()).ok());
        phones.send(phones.alice, TwoPhones::answer(phones.take(phones.alice, "INVITE"), "491 Request Pending"));
        phones.wait(2000);
        const Message again = phones.take(phones.alice, "INVITE");
        phones.send(phones.alice, TwoPhones::answer(again, "200 OK", "", {}, "v=0 offer"));
    }
    SUBCASE("500 with Retry-After is a 491 of a kind (section 14.2)") {
        REQUIRE(phones.refresh(phones.bobs_leg()).ok());
        phones.send(phones.bob,
                    TwoPhones::answer(phones.take(phones.bob, "INVITE"), "500 Busy", "", "Retry-After: 5\r\n"));
        phones.wait(5000);
        CHECK_FALSE(phones.got(phones.bob, "INVITE"));
        phones.wait(1000);
        const Message again = phones.take(phones.bob, "INVITE");
        phones.send(phones.bob, TwoPhones::answer(again, "200 OK", "", {}, "v=0 answer"));
    }
    phones.talk_and_finish();
}

TEST_CASE("own re-INVITE: a peer that answers 491 for ever is left in peace, and the call goes on") {
    Refreshed phones;
    REQUIRE(phones.refresh(phones.bobs_leg()).ok());
    int asked = 0;
    while (auto invite = phones.try_take(phones.bob, "INVITE")) {
        REQUIRE(++asked < 10);
        phones.send(phones.bob, TwoPhones::answer(*invite, "491 Request Pending"));
        phones.forget(); // and what was sent again
        phones.wait(4000);
    }
    CHECK(asked > 3);
    phones.talk_and_finish();
}

TEST_CASE("own re-INVITE: another refusal changes nothing (RFC 3261 section 14.1)") {
    Refreshed phones;
    for (const char *refusal : {"488 Not Acceptable Here", "603 Decline", "407 Proxy Authentication Required"}) {
        REQUIRE(phones.refresh(phones.bobs_leg()).ok());
        phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "INVITE"), refusal));
        CHECK(phones.got(phones.bob, "ACK"));
        phones.wait(40'000);
        CHECK_FALSE(phones.got(phones.bob, "INVITE"));
    }
    phones.talk_and_finish();
}

TEST_CASE("own re-INVITE: 408, 481 and silence mean that the dialog is gone: the call ends by `probe` "
          "(RFC 3261 section 12.2.1.2)") {
    Refreshed phones;
    REQUIRE(phones.refresh(phones.bobs_leg()).ok());
    const Message invite = phones.take(phones.bob, "INVITE");
    SUBCASE("408") { phones.send(phones.bob, TwoPhones::answer(invite, "408 Request Timeout")); }
    SUBCASE("481") { phones.send(phones.bob, TwoPhones::answer(invite, "481 Call Does Not Exist")); }
    SUBCASE("no answer in 64*T1") { phones.wait(32'000); }
    SUBCASE("a provisional answer and no other, even after CANCEL") {
        phones.send(phones.bob, TwoPhones::answer(invite, "100 Trying"));
        phones.wait(32'000);
        const Message cancel = phones.take(phones.bob, "CANCEL");
        CHECK_FALSE(phones.got(phones.alice, "BYE"));
        phones.send(phones.bob, TwoPhones::answer(cancel, "200 OK"));
        phones.wait(32'000);
    }
    phones.send(phones.alice, TwoPhones::answer(phones.take(phones.alice, "BYE"), "200 OK"));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "481 Gone"));
    CHECK(phones.finish().reason == EndReason::probe);
}

TEST_CASE("own re-INVITE: one that rings is cancelled after 64*T1, and the call goes on") {
    Refreshed phones;
    REQUIRE(phones.refresh(phones.bobs_leg()).ok());
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "180 Ringing"));
    CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 180"));
    phones.wait(32'000);
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "CANCEL"), "200 OK"));
    phones.send(phones.bob, TwoPhones::answer(invite, "487 Request Terminated"));
    CHECK(phones.got(phones.bob, "ACK"));
    phones.talk_and_finish();
}

TEST_CASE("own re-INVITE: an offer of either peer that crosses it is 491 (RFC 3261 section 14.2)") {
    Refreshed phones;
    REQUIRE(phones.refresh(phones.bobs_leg()).ok());
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "INVITE", 5, {}, "v=0"));
    CHECK(phones.got(phones.bob, "SIP/2.0 491"));
    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "UPDATE", 6, {}, "v=0"));
    CHECK(phones.got(phones.bob, "SIP/2.0 491"));
    phones.send(phones.alice, phones.invite({}, "v=0", phones.our_tag, 2));
    CHECK(phones.got(phones.alice, "SIP/2.0 491"));
    phones.send(phones.alice, phones.request("UPDATE", phones.our_tag, 3, {}, "v=0"));
    CHECK(phones.got(phones.alice, "SIP/2.0 491"));
    phones.send(phones.alice, phones.request("INFO", phones.our_tag, 4));
    CHECK(phones.got(phones.bob, "INFO")); // no offer: it passes
    phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", "", {}, "v=0 answer"));
    phones.talk_and_finish();
}

TEST_CASE("own re-INVITE: it waits until the offer of a peer is answered and acknowledged") {
    Refreshed phones;
    phones.send(phones.alice, phones.invite({}, "v=0 second offer", phones.our_tag, 2));
    const Message passed = phones.take(phones.bob, "INVITE");
    REQUIRE(phones.refresh(phones.alices_leg()).ok());
    phones.wait(10);
    CHECK_FALSE(phones.got(phones.alice, "INVITE"));
    SUBCASE("which is refused") {
        phones.send(phones.bob, TwoPhones::answer(passed, "488 No"));
        CHECK(phones.take(phones.alice, "INVITE").body() == "v=0 answer");
    }
    SUBCASE("which is taken") {
        phones.send(phones.bob, TwoPhones::answer(passed, "200 OK", "", {}, "v=0 second"));
        CHECK_FALSE(phones.got(phones.alice, "INVITE"));
        phones.send(phones.alice, phones.request("ACK", phones.our_tag, 2));
        CHECK(phones.take(phones.alice, "INVITE").body() == "v=0 second");
    }
    SUBCASE("but not for ever") {
        phones.send(phones.bob, TwoPhones::answer(passed, "180 Ringing"));
        phones.wait(40'000);
        phones.send(phones.bob, TwoPhones::answer(passed, "488 No"));
        CHECK_FALSE(phones.got(phones.alice, "INVITE"));
    }
}

TEST_CASE("own re-INVITE: a BYE while it pends ends the call; an answer that comes all the same is acknowledged") {
    for (const bool is_same_peer : {true, false}) {
        for (const bool is_success : {true, false}) {
            CAPTURE(is_same_peer);
            CAPTURE(is_success);
            Refreshed phones;
            REQUIRE(phones.refresh(phones.bobs_leg()).ok());
            const Message invite = phones.take(phones.bob, "INVITE");
            phones.send(phones.bob, TwoPhones::answer(invite, "100 Trying"));
            if (is_same_peer) {
                phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "BYE", 5));
                CHECK(phones.got(phones.bob, "SIP/2.0 200"));
                phones.send(phones.alice, TwoPhones::answer(phones.take(phones.alice, "BYE"), "200 OK"));
            } else {
                phones.send(phones.alice, phones.request("BYE", phones.our_tag, 2));
                CHECK(phones.got(phones.alice, "SIP/2.0 200"));
                phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
            }
            phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "CANCEL"), "200 OK"));
            phones.send(phones.bob, is_success ? TwoPhones::answer(invite, "200 OK", "", {}, "v=0 late")
                                               : TwoPhones::answer(invite, "487 Request Terminated"));
            CHECK(phones.got(phones.bob, "ACK"));
            phones.finish();
        }
    }
}

TEST_CASE("own re-INVITE: there is none before the answer, after the end, or of a leg that is not there") {
    TwoPhones phones;
    CHECK(phones.refresh(DialogId(77)).error() == Error::not_found);
    phones.send(phones.alice, phones.invite());
    const DialogId leg = phones.engine().tracker().find("call-a", "alice", {});
    CHECK(phones.refresh(leg).error() == Error::wrong_state);
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", "bob", {}, "v=0 answer"));
    const std::string tag(phones.take(phones.alice, "SIP/2.0 200").to_tag());
    phones.send(phones.alice, phones.request("ACK", tag, 1));
    phones.send(phones.alice, phones.request("BYE", tag, 2));
    CHECK_FALSE(phones.refresh(leg).ok());
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
    CHECK(phones.refresh(leg).error() == Error::not_found);
    phones.finish();
}
