// What ends something at a trunk that challenges it, BYE and the last NOTIFY: it gets there, also where the leg or the
// whole call is forgotten.
#include "call/trunk_phones.hpp"

namespace tandem::test {

TEST_CASE("trunk auth: ACK and BYE to a fork that is not wanted carry credentials, and a challenge is answered") {
    TrunkPhones phones;
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.challenged(phones.take(phones.bob, "INVITE"));
    phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", "bob", {}, "v=0 answer"));
    phones.our_tag = phones.take(phones.alice, "SIP/2.0 200").to_tag();
    phones.send(phones.alice, phones.request("ACK", phones.our_tag, 1));
    phones.forget();
    for (const std::string_view fork : {"second", "third"}) {
        CAPTURE(fork);
        phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", fork, {}, "v=0 answer"));
        const Message ack = phones.take(phones.bob, "ACK");
        CHECK(ack.cseq() == 2);
        CHECK(ack.value(Header::authorization) == invite.value(Header::authorization));
        const Message bye = phones.take(phones.bob, "BYE");
        CHECK(bye.to_tag() == fork);
        CHECK(bye.cseq() == 3);
        CHECK(bye.has(Header::authorization));
        const std::string nonce = "of-" + std::string(fork);
        const Message again =
            phones.challenged(bye, "WWW-Authenticate: Digest realm=\"b\", nonce=\"" + nonce + "\", qop=\"auth\"\r\n");
        CHECK(again.to_tag() == fork);
        CHECK(again.cseq() == 4);
        CHECK(has_credentials(again, nonce));
        phones.send(phones.bob, TwoPhones::answer(again, "200 OK"));
    }
    CHECK(phones.is_silent());
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, 2));
    const Message bye = phones.take(phones.bob, "BYE");
    CHECK(bye.to_tag() == "bob");
    CHECK(bye.cseq() == 3);
    phones.send(phones.bob, TwoPhones::answer(bye, "200 OK"));
    CHECK(phones.finish().reason == EndReason::caller_bye);
}

TEST_CASE("trunk auth: a target that answers too late is hung up with credentials, while the call is up and after it") {
    for (const bool is_over : {false, true}) {
        for (const bool was_challenged : {false, true}) {
            CAPTURE(is_over);
            CAPTURE(was_challenged);
            TrunkPhones phones;
            phones.router.answer.targets.push_back(
                {.request_uri = "sip:bob@192.0.2.3:5063", .to = phones.carol, .trunk = "other", .is_parallel = true});
            phones.send(phones.alice, phones.invite());
            Message invite = phones.take(phones.bob, "INVITE");
            if (was_challenged) invite = phones.challenged(invite);
            phones.send(phones.bob, TwoPhones::answer(invite, "180 Ringing"));
            const Message winner = phones.take(phones.carol, "INVITE");
            phones.send(phones.carol, TwoPhones::answer(winner, "200 OK", "carol", {}, "v=0 answer"));
            const std::string tag(phones.take(phones.alice, "SIP/2.0 200").to_tag());
            phones.send(phones.alice, phones.request("ACK", tag, 1));
            const Message cancel = phones.take(phones.bob, "CANCEL");
            phones.send(phones.bob, TwoPhones::answer(cancel, "200 OK"));
            const auto hang_up = [&] {
                phones.send(phones.alice, phones.request("BYE", tag, 2));
                phones.send(phones.carol, TwoPhones::answer(phones.take(phones.carol, "BYE"), "200 OK"));
            };
            if (is_over) hang_up();
            CHECK(phones.engine().calls() == (is_over ? 0 : 1));
            phones.forget();
            phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", "bob", {}, "v=0 answer"));
            const Message ack = phones.take(phones.bob, "ACK");
            CHECK(ack.value(Header::authorization) == invite.value(Header::authorization));
            const Message bye = phones.take(phones.bob, "BYE");
            CHECK(bye.cseq() > invite.cseq());
            const Message again = phones.challenged(bye, next_challenge);
            CHECK(again.cseq() == bye.cseq() + 1);
            CHECK(has_credentials(again, "n2"));
            phones.send(phones.bob, TwoPhones::answer(again, "401 Unauthorized", "", challenge)); // that is enough
            CHECK(phones.is_silent());
            if (!is_over) hang_up();
            CHECK(phones.finish().reason == EndReason::caller_bye);
        }
    }
}

TEST_CASE(
    "trunk auth: who has given way in a transfer, and a target that is not wanted, are hung up with credentials") {
    for (const bool is_refused : {false, true}) {
        CAPTURE(is_refused);
        TrunkPhones phones;
        phones.establish_challenged();
        phones.router.answer.targets = {{"sip:carol@192.0.2.3:5063", phones.carol, "carrier"}};
        phones.router.answer.targets.front().account = account();
        phones.send(phones.bob,
                    TwoPhones::from_bob(phones.bobs_invite, "REFER", 1, "Refer-To: <sip:c@c>\r\nRefer-Sub: false\r\n"));
        const Message to_carol = phones.take(phones.carol, "INVITE");
        CHECK(to_carol.cseq() == 1);
        CHECK(has_credentials(to_carol, "n1")); // of the same trunk
        phones.send(phones.carol, TwoPhones::answer(to_carol, "200 OK", "carol", {}, "v=0 answer"));
        CHECK(has_credentials(phones.take(phones.carol, "ACK"), "n1"));
        const Message to_alice = phones.take(phones.alice, "INVITE");
        phones.send(phones.alice, TwoPhones::answer(to_alice, is_refused ? "488 No" : "200 OK", "", {}, "v=0 offer"));
        const Endpoint &gone = is_refused ? phones.carol : phones.bob;
        const Message bye = phones.take(gone, "BYE");
        phones.forget();
        phones.send(gone, TwoPhones::answer(bye, "401 No", "", next_challenge));
        const Message again = phones.take(gone, "BYE");
        CHECK(again.cseq() == bye.cseq() + 1);
        CHECK(again.to_tag() == bye.to_tag());
        CHECK(has_credentials(again, "n2"));
        phones.send(gone, TwoPhones::answer(again, "200 OK"));
        CHECK(phones.is_silent());
        CHECK(phones.engine().calls() == 1);
    }
}

TEST_CASE("trunk auth: the ACK of a fork that answers late has the credentials of its INVITE, not of the last one") {
    TrunkPhones phones;
    phones.establish_challenged();
    phones.send(phones.alice, phones.invite({}, "v=0 offer 2", phones.our_tag, 2));
    const Message again = phones.challenged(phones.take(phones.bob, "INVITE"), next_challenge);
    phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "200 OK", "second", {}, "v=0 answer"));
    const Message ack = phones.take(phones.bob, "ACK");
    CHECK(ack.cseq() == phones.bobs_invite.cseq());
    CHECK(ack.value(Header::authorization) == phones.bobs_invite.value(Header::authorization));
    CHECK(has_credentials(phones.take(phones.bob, "BYE"), "n2"));
}

TEST_CASE("trunk auth: the NOTIFY that ends a transfer is challenged and gets there, but never after a BYE") {
    for (const bool is_over : {false, true}) {
        CAPTURE(is_over);
        TrunkPhones phones;
        phones.establish_challenged();
        phones.router.answer.targets = {{"sip:carol@192.0.2.3:5063", phones.carol, "other"}};
        phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "REFER", 50, "Refer-To: <sip:carol@c>\r\n"));
        const Message trying = phones.challenged(phones.take(phones.bob, "NOTIFY"), next_challenge);
        CHECK(trying.body() == "SIP/2.0 100 Trying\r\n");
        phones.send(phones.bob, TwoPhones::answer(trying, "200 OK"));
        phones.send(phones.carol, TwoPhones::answer(phones.take(phones.carol, "INVITE"), "486 Busy Here", "carol"));
        const Message last = phones.take(phones.bob, "NOTIFY");
        CHECK(last.cseq() == trying.cseq() + 1);
        if (is_over) {
            phones.send(phones.alice, phones.request("BYE", phones.our_tag, 2));
            const Message bye = phones.take(phones.bob, "BYE");
            phones.send(phones.bob, TwoPhones::answer(last, "401 No", "", challenge));
            CHECK_FALSE(phones.got(phones.bob, "NOTIFY"));
            phones.send(phones.bob, TwoPhones::answer(bye, "200 OK"));
            CHECK(phones.finish().reason == EndReason::caller_bye);
            continue;
        }
        const Message again = phones.challenged(last, "WWW-Authenticate: Digest realm=\"b\", nonce=\"n3\"\r\n");
        CHECK(again.cseq() == last.cseq() + 1);
        CHECK(has_credentials(again, "n3"));
        CHECK(again.body() == "SIP/2.0 486 Busy Here\r\n");
        phones.send(phones.bob, TwoPhones::answer(again, "200 OK"));
        CHECK(phones.engine().calls() == 1);
    }
}

} // namespace tandem::test
