// The race table of lib/call/README.md, a test for each row: what two sides did at the same time, in every order that
// the messages can arrive in. Each ends with nothing left and one record (TwoPhones::finish()).
#include "call/two_phones.hpp"

using namespace tandem;
using test::TwoPhones;

namespace {

// Bob's phone answers whatever hangs it up, as often as it is sent.
void answer_bye(TwoPhones &phones, const Endpoint &phone) {
    const Message bye = phones.take(phone, "BYE");
    phones.send(phone, TwoPhones::answer(bye, "200 OK"));
}

} // namespace

TEST_CASE("race: CANCEL against 200") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "180 Ringing"));
    const std::string ok = TwoPhones::answer(invite, "200 OK", "bob", {}, "v=0 answer");
    SUBCASE("the CANCEL is first: 487 to the caller, ACK and BYE to the callee") {
        phones.send(phones.alice, phones.cancel());
        CHECK(phones.got(phones.alice, "SIP/2.0 200")); // to the CANCEL
        CHECK(phones.got(phones.alice, "SIP/2.0 487"));
        phones.send(phones.bob, ok);
        CHECK(phones.got(phones.bob, "ACK"));
        answer_bye(phones, phones.bob);
        CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 200"));
        phones.send(phones.bob, ok); // once more: its ACK was lost
        CHECK(phones.got(phones.bob, "ACK"));
        CHECK_FALSE(phones.got(phones.bob, "BYE"));
        CHECK(phones.finish().reason == EndReason::cancelled);
    }
    SUBCASE("the 200 is first: the CANCEL is answered and means nothing, and the call is up") {
        phones.send(phones.bob, ok);
        const std::string tag(phones.take(phones.alice, "SIP/2.0 200").to_tag());
        phones.send(phones.alice, phones.cancel());
        CHECK(phones.got(phones.alice, "SIP/2.0 200"));
        CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 487"));
        CHECK_FALSE(phones.got(phones.bob, "CANCEL"));
        phones.send(phones.alice, phones.request("ACK", tag, 1));
        CHECK(phones.got(phones.bob, "ACK"));
        phones.send(phones.alice, phones.request("BYE", tag, 2));
        answer_bye(phones, phones.bob);
        CHECK(phones.finish().reason == EndReason::caller_bye);
    }
}

TEST_CASE("race: 2xx after the CANCEL was answered, and a refusal of its own in place of 487") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "180 Ringing"));
    phones.send(phones.alice, phones.cancel());
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "CANCEL"), "200 OK"));
    SUBCASE("2xx") {
        phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", "bob", {}, "v=0 answer"));
        CHECK(phones.got(phones.bob, "ACK"));
        answer_bye(phones, phones.bob);
    }
    SUBCASE("486") {
        phones.send(phones.bob, TwoPhones::answer(invite, "486 Busy Here"));
        CHECK(phones.got(phones.bob, "ACK"));
    }
    SUBCASE("nothing: after 64*T1 the INVITE is over (RFC 3261 section 9.1)") { phones.wait(32'000); }
    phones.send(phones.alice, phones.request("ACK", phones.take(phones.alice, "SIP/2.0 487").to_tag(), 1, {}, {},
                                             "z9hG4bK-a1INVITE"));
    const auto ended = phones.finish();
    CHECK(ended.reason == EndReason::cancelled);
    CHECK(ended.sip_code == 487);
}

TEST_CASE("race: BYE against BYE: both get 200, and the first that arrived has hung up") {
    for (const bool alice_first : {true, false}) {
        CAPTURE(alice_first);
        TwoPhones phones;
        phones.establish();
        const std::string from_alice = phones.request("BYE", phones.our_tag, 2);
        const std::string from_bob = TwoPhones::from_bob(phones.bobs_invite, "BYE", 7);
        phones.send(alice_first ? phones.alice : phones.bob, alice_first ? from_alice : from_bob);
        phones.send(alice_first ? phones.bob : phones.alice, alice_first ? from_bob : from_alice);
        CHECK(phones.got(phones.alice, "SIP/2.0 200"));
        CHECK(phones.got(phones.bob, "SIP/2.0 200"));
        // The BYE that went the other way finds a phone that has hung up: 481 is as good as 200 (RFC 5407 section
        // 3.2.3).
        const Endpoint &late = alice_first ? phones.bob : phones.alice;
        phones.send(late, TwoPhones::answer(phones.take(late, "BYE"), "481 Gone"));
        CHECK(phones.finish().reason == (alice_first ? EndReason::caller_bye : EndReason::callee_bye));
    }
}

TEST_CASE("race: BYE against re-INVITE: 487 to the one, 200 to the other, whoever did which") {
    for (const bool alice_invites : {true, false}) {
        for (const bool same_side : {true, false}) {
            CAPTURE(alice_invites);
            CAPTURE(same_side);
            TwoPhones phones;
            phones.establish();
            const Endpoint &inviter = alice_invites ? phones.alice : phones.bob;
            const Endpoint &invited = alice_invites ? phones.bob : phones.alice;
            phones.send(inviter, alice_invites ? phones.invite({}, "v=0 hold", phones.our_tag, 2)
                                               : TwoPhones::from_bob(phones.bobs_invite, "INVITE", 2, {}, "v=0 hold"));
            const Message reinvite = phones.take(invited, "INVITE");
            const bool alice_leaves = alice_invites == same_side;
            const Endpoint &leaver = alice_leaves ? phones.alice : phones.bob;
            phones.send(leaver, alice_leaves ? phones.request("BYE", phones.our_tag, 3)
                                             : TwoPhones::from_bob(phones.bobs_invite, "BYE", 3));
            CHECK(phones.got(leaver, "SIP/2.0 200"));
            CHECK(phones.got(inviter, "SIP/2.0 487"));
            const Endpoint &left = alice_leaves ? phones.bob : phones.alice;
            answer_bye(phones, left);
            // What the invited side says of the re-INVITE comes last: 2xx wants an ACK still.
            phones.send(invited, TwoPhones::answer(reinvite, "200 OK", "", {}, "v=0 held"));
            CHECK(phones.got(invited, "ACK"));
            CHECK(phones.finish().reason == (alice_leaves ? EndReason::caller_bye : EndReason::callee_bye));
        }
    }
}

TEST_CASE("race: re-INVITE against re-INVITE: 491 to both, and each may try again (RFC 3261 section 14.1)") {
    TwoPhones phones;
    phones.establish();
    phones.send(phones.alice, phones.invite({}, "v=0 a", phones.our_tag, 2));
    const Message to_bob = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "INVITE", 2, {}, "v=0 b"));
    CHECK(phones.got(phones.bob, "SIP/2.0 491"));
    phones.send(phones.bob, TwoPhones::answer(to_bob, "491 Request Pending", ""));
    CHECK(phones.got(phones.alice, "SIP/2.0 491"));
    // The one who waits shorter is first.
    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "INVITE", 3, {}, "v=0 b"));
    const Message to_alice = phones.take(phones.alice, "INVITE");
    phones.send(phones.alice, TwoPhones::answer(to_alice, "200 OK", "", {}, "v=0 a"));
    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "ACK", 3));
    CHECK(phones.got(phones.alice, "ACK"));
    phones.send(phones.alice, phones.invite({}, "v=0 a", phones.our_tag, 3));
    CHECK(phones.got(phones.bob, "INVITE"));
}

TEST_CASE("race: ACK lost: the 2xx comes again, from each side to each side, until there is one") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.take(phones.bob, "INVITE");
    const std::string ok = TwoPhones::answer(invite, "200 OK", "bob", {}, "v=0 answer");
    phones.send(phones.bob, ok);
    const Message first = phones.take(phones.alice, "SIP/2.0 200");
    phones.wait(500);
    CHECK(phones.take(phones.alice, "SIP/2.0 200").to_tag() == first.to_tag());
    phones.send(phones.bob, ok);
    CHECK_FALSE(phones.got(phones.bob, "ACK")); // the caller's has not come
    phones.send(phones.alice, phones.request("ACK", first.to_tag(), 1));
    CHECK(phones.got(phones.bob, "ACK"));
    phones.send(phones.bob, ok); // ours was lost
    CHECK(phones.got(phones.bob, "ACK"));
    phones.send(phones.alice, phones.request("ACK", first.to_tag(), 1));
    CHECK_FALSE(phones.got(phones.bob, "ACK")); // hers once more: nobody asked for it
    phones.send(phones.alice, phones.request("BYE", first.to_tag(), 2));
    answer_bye(phones, phones.bob);
    CHECK(phones.finish().reason == EndReason::caller_bye);
}

TEST_CASE("race: ACK late: after 64*T1 the call is over, and an ACK brings nothing back") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", "bob", {}, "v=0 answer"));
    const std::string tag(phones.take(phones.alice, "SIP/2.0 200").to_tag());
    SUBCASE("in the last millisecond it is in time") {
        phones.wait(31'999);
        phones.send(phones.alice, phones.request("ACK", tag, 1));
        CHECK(phones.got(phones.bob, "ACK"));
        phones.send(phones.alice, phones.request("BYE", tag, 2));
        answer_bye(phones, phones.bob);
        CHECK(phones.finish().reason == EndReason::caller_bye);
    }
    SUBCASE("a millisecond later both sides are hung up") {
        phones.wait(32'000);
        CHECK(phones.got(phones.bob, "ACK"));
        phones.forget();
        phones.send(phones.alice, phones.request("ACK", tag, 1));
        CHECK(phones.is_silent());
        CHECK(phones.finish().reason == EndReason::no_ack);
    }
}

TEST_CASE("race: a retransmission after the end gets its old answer or 481, and begins nothing") {
    TwoPhones phones;
    phones.establish();
    const std::string bye = phones.request("BYE", phones.our_tag, 2);
    phones.send(phones.alice, bye);
    CHECK(phones.got(phones.alice, "SIP/2.0 200"));
    answer_bye(phones, phones.bob);
    phones.forget();
    SUBCASE("the BYE") {
        phones.send(phones.alice, bye);
        CHECK(phones.got(phones.alice, "SIP/2.0 200"));
    }
    SUBCASE("the callee's 200: its ACK again") {
        phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "200 OK", "bob", {}, "v=0 answer"));
        CHECK(phones.got(phones.bob, "ACK"));
    }
    SUBCASE("the INVITE") { phones.send(phones.alice, phones.invite()); }
    SUBCASE("the ACK") { phones.send(phones.alice, phones.request("ACK", phones.our_tag, 1)); }
    SUBCASE("the BYE, when its transaction is gone") {
        phones.wait(40'000);
        phones.send(phones.alice, bye);
        CHECK(phones.got(phones.alice, "SIP/2.0 481"));
    }
    CHECK_FALSE(phones.got(phones.bob, "INVITE"));
    CHECK_FALSE(phones.got(phones.bob, "BYE"));
    CHECK(phones.finish().reason == EndReason::caller_bye);
}

TEST_CASE("race: 200 on a fork that lost: ACK and BYE at once, whether it is of the same INVITE or of another target") {
    TwoPhones phones;
    phones.router.answer.targets.push_back({"sip:carol@192.0.2.3:5063", phones.carol, {}, {}, true});
    phones.send(phones.alice, phones.invite());
    const Message bobs = phones.take(phones.bob, "INVITE");
    const Message carols = phones.take(phones.carol, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(bobs, "200 OK", "bob", {}, "v=0 bob"));
    const std::string tag(phones.take(phones.alice, "SIP/2.0 200").to_tag());
    SUBCASE("another phone of the same INVITE") {
        phones.send(phones.bob, TwoPhones::answer(bobs, "200 OK", "second", {}, "v=0 second"));
        CHECK(phones.take(phones.bob, "ACK").to_tag() == "second");
        const Message bye = phones.take(phones.bob, "BYE");
        CHECK(bye.to_tag() == "second");
        phones.send(phones.bob, TwoPhones::answer(bye, "200 OK"));
    }
    SUBCASE("another target, before its CANCEL could leave") {
        phones.send(phones.carol, TwoPhones::answer(carols, "200 OK", "carol", {}, "v=0 carol"));
        CHECK(phones.got(phones.carol, "ACK"));
        answer_bye(phones, phones.carol);
    }
    SUBCASE("another target, after its CANCEL") {
        phones.send(phones.carol, TwoPhones::answer(carols, "180 Ringing", "carol"));
        phones.send(phones.carol, TwoPhones::answer(phones.take(phones.carol, "CANCEL"), "200 OK"));
        phones.send(phones.carol, TwoPhones::answer(carols, "200 OK", "carol", {}, "v=0 carol"));
        CHECK(phones.got(phones.carol, "ACK"));
        answer_bye(phones, phones.carol);
    }
    CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 200"));
    phones.send(phones.alice, phones.request("ACK", tag, 1));
    CHECK(phones.take(phones.bob, "ACK").to_tag() == "bob");
    phones.send(phones.alice, phones.request("BYE", tag, 2));
    answer_bye(phones, phones.bob);
    CHECK(phones.finish().reason == EndReason::caller_bye);
}
