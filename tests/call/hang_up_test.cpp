// BYE from either side, alone and against everything else that may be under way.
#include "call/call.hpp"
#include "call/two_phones.hpp"
#include "dialog/dialog_set.hpp"
#include "transaction/transaction.hpp"

using namespace tandem;
using test::TwoPhones;

TEST_CASE("call: a BYE is answered at once and goes on to the other side") {
    TwoPhones phones;
    phones.establish();
    SUBCASE("from the caller") {
        phones.send(phones.alice, phones.request("BYE", phones.our_tag, 2, "Reason: Q.850;cause=16\r\n"));
        CHECK(phones.got(phones.alice, "SIP/2.0 200"));
        const Message bye = phones.take(phones.bob, "BYE");
        CHECK(bye.value(Header::reason) == "Q.850;cause=16");
        CHECK(bye.cseq() == 2);
        phones.send(phones.bob, TwoPhones::answer(bye, "200 OK"));
        CHECK(phones.finish().reason == EndReason::caller_bye);
        CHECK(phones.ended[0].q850 == 16);
    }
    SUBCASE("from the callee") {
        phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "BYE", 1, "Reason: Q.850;cause=31\r\n"));
        CHECK(phones.got(phones.bob, "SIP/2.0 200"));
        const Message bye = phones.take(phones.alice, "BYE");
        CHECK(bye.value(Header::reason) == "Q.850;cause=31");
        phones.send(phones.alice, TwoPhones::answer(bye, "200 OK"));
        CHECK(phones.finish().reason == EndReason::callee_bye);
        CHECK(phones.ended[0].q850 == 31);
    }
    CHECK(phones.ended[0].sip_code == 200);
}

TEST_CASE("call: what a call has taken in tables is vacant when it is forgotten") {
    TwoPhones phones;
    CHECK(phones.engine().vacant_bytes() == 0);
    phones.establish();
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, 2));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
    phones.wait(400'000);
    CHECK(phones.engine().calls() + phones.engine().dialogs() + phones.engine().transactions() == 0);
    CHECK(phones.engine().vacant_bytes() > sizeof(Call) + 2 * sizeof(DialogSet) + 2 * sizeof(Transaction));
}

TEST_CASE("call: Reason on several lines passes as a whole, and the record has its Q.850 (RFC 3326) [68]") {
    TwoPhones phones;
    phones.establish();
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, 2,
                                             "Reason: SIP;cause=200\r\nReason: Q.850;cause=16;text=\"a, b\"\r\n"));
    const Message bye = phones.take(phones.bob, "BYE");
    CHECK(bye.values(Header::reason) == "SIP;cause=200,Q.850;cause=16;text=\"a, b\"");
    phones.send(phones.bob, TwoPhones::answer(bye, "200 OK"));
    CHECK(phones.finish().q850 == 16);
}

TEST_CASE("call: the record ends when the caller hangs up, not when the callee's phone is given up") {
    TwoPhones phones;
    phones.establish();
    phones.wait(5000);
    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "BYE", 1));
    phones.wait(400'000); // Alice's phone is gone
    const test::Ended ended = phones.finish();
    CHECK(ended.reason == EndReason::callee_bye);
    CHECK(ended.duration == std::chrono::milliseconds(5000));
}

TEST_CASE("call: crossing BYEs both get 200, and there is one record") {
    TwoPhones phones;
    phones.establish();
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, 2));
    const Message bye = phones.take(phones.bob, "BYE");
    phones.forget();
    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "BYE", 1));
    CHECK(phones.got(phones.bob, "SIP/2.0 200"));
    CHECK_FALSE(phones.got(phones.alice, "BYE"));
    phones.send(phones.bob, TwoPhones::answer(bye, "200 OK"));
    CHECK(phones.finish().reason == EndReason::caller_bye);
}

TEST_CASE("call: a BYE that the other side does not answer, or challenges, ends the call all the same") {
    for (const char *answer : {"", "481 Gone", "401 Prove it", "500 Broken"}) {
        CAPTURE(answer);
        TwoPhones phones;
        phones.establish();
        phones.send(phones.alice, phones.request("BYE", phones.our_tag, 2));
        const Message bye = phones.take(phones.bob, "BYE");
        if (*answer) phones.send(phones.bob, TwoPhones::answer(bye, answer));
        CHECK(phones.engine().calls() == (*answer ? 0 : 1));
        CHECK(phones.finish().reason == EndReason::caller_bye);
    }
}

TEST_CASE("call: a BYE while ringing is a hang-up: 200, 487 and CANCEL") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "180 Ringing"));
    const std::string tag(phones.take(phones.alice, "SIP/2.0 180").to_tag());
    phones.send(phones.alice, phones.request("BYE", tag, 2));
    CHECK(phones.take(phones.alice, "SIP/2.0 200").method() == Method::bye);
    CHECK(phones.got(phones.alice, "SIP/2.0 487"));
    CHECK(phones.got(phones.bob, "CANCEL"));
    phones.send(phones.bob, TwoPhones::answer(invite, "487 Terminated"));
    CHECK(phones.finish().reason == EndReason::caller_bye);
    CHECK(phones.ended[0].sip_code == 487);
}

TEST_CASE("call: the callee's BYE before the caller's ACK: his ACK, and the caller's BYE after hers (section 15)") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "200 OK"));
    const std::string tag(phones.take(phones.alice, "SIP/2.0 200").to_tag());
    phones.send(phones.bob, TwoPhones::from_bob(invite, "BYE", 1));
    CHECK(phones.got(phones.bob, "SIP/2.0 200"));
    CHECK(phones.got(phones.bob, "ACK"));
    CHECK_FALSE(phones.got(phones.alice, "BYE"));
    SUBCASE("her ACK comes") {
        phones.send(phones.alice, phones.request("ACK", tag, 1));
        const Message bye = phones.take(phones.alice, "BYE");
        phones.send(phones.alice, TwoPhones::answer(bye, "200 OK"));
    }
    SUBCASE("her ACK never comes") {
        phones.wait(499);
        CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 200"));
        phones.wait(1);
        CHECK(phones.got(phones.alice, "SIP/2.0 200"));
        phones.wait(31'500);
        CHECK(phones.got(phones.alice, "BYE"));
    }
    CHECK(phones.finish().reason == EndReason::callee_bye);
}

TEST_CASE("call: the caller's BYE before her ACK ends the call, and the callee gets ACK and BYE") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "200 OK"));
    const std::string tag(phones.take(phones.alice, "SIP/2.0 200").to_tag());
    phones.send(phones.alice, phones.request("BYE", tag, 2));
    CHECK(phones.got(phones.alice, "SIP/2.0 200"));
    CHECK(phones.got(phones.bob, "ACK"));
    const Message bye = phones.take(phones.bob, "BYE");
    phones.send(phones.bob, TwoPhones::answer(bye, "200 OK"));
    CHECK(phones.finish().reason == EndReason::caller_bye);
}

TEST_CASE("call: a BYE ends the re-INVITE and the requests under way with 487 (RFC 5407 section 3.2.2)") {
    TwoPhones phones;
    phones.establish();
    phones.send(phones.alice, phones.request("INFO", phones.our_tag, 2));
    phones.take(phones.bob, "INFO");
    phones.send(phones.alice, phones.invite({}, "v=0", phones.our_tag, 3));
    const Message reinvite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(reinvite, "100 Trying", ""));
    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "BYE", 1));
    CHECK(phones.got(phones.bob, "SIP/2.0 200"));
    CHECK(phones.take(phones.alice, "SIP/2.0 487").method() == Method::invite);
    CHECK(phones.take(phones.alice, "SIP/2.0 487").method() == Method::info);
    CHECK(phones.got(phones.bob, "CANCEL"));
    const Message bye = phones.take(phones.alice, "BYE");
    phones.send(phones.alice, TwoPhones::answer(bye, "200 OK"));
    SUBCASE("the callee gives up the re-INVITE") {
        phones.send(phones.bob, TwoPhones::answer(reinvite, "487 Terminated"));
    }
    SUBCASE("the callee answers it all the same") {
        phones.send(phones.bob, TwoPhones::answer(reinvite, "200 OK", ""));
        CHECK(phones.got(phones.bob, "ACK"));
    }
    CHECK(phones.finish().reason == EndReason::callee_bye);
}

TEST_CASE("call: a BYE against the 2xx of a re-INVITE leaves nobody without an ACK") {
    TwoPhones phones;
    phones.establish();
    phones.send(phones.alice, phones.invite({}, "v=0", phones.our_tag, 2));
    const Message reinvite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(reinvite, "200 OK", ""));
    phones.forget();
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, 3)); // her ACK was lost
    CHECK(phones.got(phones.alice, "SIP/2.0 200"));
    CHECK(phones.take(phones.bob, "ACK").cseq() == 2);
    const Message bye = phones.take(phones.bob, "BYE");
    CHECK(bye.cseq() == 3);
    phones.send(phones.bob, TwoPhones::answer(bye, "200 OK"));
    CHECK(phones.finish().reason == EndReason::caller_bye);
}

TEST_CASE("call: the longest lifetime ends both sides with BYE, reason expired") {
    EngineOptions options;
    options.dialogs.lifetime = std::chrono::seconds(3600);
    TwoPhones phones(options);
    phones.establish();
    phones.wait(3'599'999);
    CHECK_FALSE(phones.got(phones.alice, "BYE"));
    phones.wait(1);
    const Message to_alice = phones.take(phones.alice, "BYE");
    const Message to_bob = phones.take(phones.bob, "BYE");
    phones.send(phones.alice, TwoPhones::answer(to_alice, "200 OK"));
    phones.send(phones.bob, TwoPhones::answer(to_bob, "200 OK"));
    CHECK(phones.finish().reason == EndReason::expired);
}

TEST_CASE("call: requests after the end are 481") {
    TwoPhones phones;
    phones.establish();
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, 2));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
    phones.send(phones.alice, phones.request("INFO", phones.our_tag, 3));
    CHECK(phones.got(phones.alice, "SIP/2.0 481"));
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, 4));
    CHECK(phones.got(phones.alice, "SIP/2.0 481"));
    phones.forget();
    phones.send(phones.alice, phones.request("ACK", phones.our_tag, 1));
    CHECK(phones.is_silent());
}
