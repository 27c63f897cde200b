// Peers who know more than they should, and peers who break the rules.
#include "call/two_phones.hpp"

using namespace tandem;
using test::TwoPhones;

namespace {

std::string swapped(std::string text, std::string_view old_text, std::string_view new_text) {
    const std::size_t at = text.find(old_text);
    REQUIRE(at != std::string::npos);
    return text.replace(at, old_text.size(), new_text);
}

// The caller speaks as tandem's side of her own leg: she knows both tags.
std::string forged(const TwoPhones &phones, std::string_view method) {
    return std::string(method) + " sip:x@192.0.2.9 SIP/2.0\r\n" +
           "Via: SIP/2.0/UDP 192.0.2.1:5061;branch=z9hG4bKforged\r\n" + "From: <sip:bob@b>;tag=" + phones.our_tag +
           "\r\nTo: <sip:alice@a>;tag=alice\r\nCall-ID: call-a\r\nCSeq: 2147483647 " + std::string(method) +
           "\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n";
}

} // namespace

TEST_CASE("call: nobody speaks for our side of a leg, whoever knows its tags") {
    for (const char *method : {"BYE", "INFO", "INVITE"}) {
        CAPTURE(method);
        TwoPhones phones;
        phones.establish();
        phones.send(phones.alice, forged(phones, method));
        CHECK(phones.got(phones.alice, "SIP/2.0 481"));
        phones.wait(40'000);
        CHECK(phones.ended.empty());
        CHECK(phones.engine().calls() == 1);
        phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "BYE", 1));
        const Message bye = phones.take(phones.alice, "BYE");
        CHECK(bye.cseq() == 1); // our numbers are our own
        phones.send(phones.alice, TwoPhones::answer(bye, "200 OK"));
        CHECK(phones.finish().reason == EndReason::callee_bye);
    }
}

TEST_CASE("call: a response that names another dialog than its request's is dropped") {
    TwoPhones phones;
    phones.establish();
    const std::string ok = TwoPhones::answer(phones.bobs_invite, "200 OK", "other");
    phones.send(phones.bob, swapped(ok, phones.bobs_invite.call_id(), "somebody-elses"));
    phones.send(phones.bob, swapped(ok, "CSeq: 1 ", "CSeq: 4294967295 "));
    phones.send(phones.bob, swapped(ok, phones.bobs_invite.from_tag(), "guess"));
    CHECK(phones.is_silent());
    phones.send(phones.bob, ok);
    CHECK(phones.got(phones.bob, "BYE")); // a real second fork
}

TEST_CASE("call: a callee with more phones than anybody has is not hung up on each of them") {
    TwoPhones phones;
    phones.establish();
    for (int i = 0; i < 500; ++i) {
        phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "200 OK", "fork" + std::to_string(i)));
    }
    CHECK(phones.engine().transactions() < 40);
}

TEST_CASE("call: of more forks than are tracked the one that answers is the callee") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.take(phones.bob, "INVITE");
    for (int i = 0; i < 40; ++i) {
        phones.send(phones.bob, TwoPhones::answer(invite, "180 Ringing", "fork" + std::to_string(i)));
    }
    phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", "late"));
    const std::string tag(phones.take(phones.alice, "SIP/2.0 200").to_tag());
    phones.send(phones.alice, phones.request("ACK", tag, 1));
    CHECK(phones.take(phones.bob, "ACK").to_tag() == "late");
    phones.send(phones.alice, phones.request("BYE", tag, 2));
    const Message bye = phones.take(phones.bob, "BYE");
    CHECK(bye.to_tag() == "late");
    phones.send(phones.bob, TwoPhones::answer(bye, "200 OK"));
    CHECK(phones.finish().reason == EndReason::caller_bye);
}

TEST_CASE("call: an answer without a tag, sent again, is one answer (RFC 3261 section 12.1.2)") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", ""));
    const std::string tag(phones.take(phones.alice, "SIP/2.0 200").to_tag());
    phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", ""));
    CHECK_FALSE(phones.got(phones.bob, "BYE"));
    phones.send(phones.alice, phones.request("ACK", tag, 1));
    CHECK(phones.got(phones.bob, "ACK"));
    phones.send(phones.alice, phones.request("BYE", tag, 2));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
    CHECK(phones.finish().reason == EndReason::caller_bye);
}

TEST_CASE("call: a request under way while it rings is answered when the call is refused") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "180 Ringing"));
    const std::string tag(phones.take(phones.alice, "SIP/2.0 180").to_tag());
    phones.send(phones.alice, phones.request("INFO", tag, 2));
    CHECK(phones.got(phones.bob, "INFO"));
    phones.send(phones.bob, TwoPhones::answer(invite, "486 Busy"));
    CHECK(phones.take(phones.alice, "SIP/2.0 487").method() == Method::info);
    CHECK(phones.finish().reason == EndReason::refused);
}

TEST_CASE("call: it rings without a tag: there is no dialog that a request could be in") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "180 Ringing", ""));
    const std::string tag(phones.take(phones.alice, "SIP/2.0 180").to_tag());
    phones.send(phones.alice, phones.request("INFO", tag, 2));
    CHECK(phones.got(phones.alice, "SIP/2.0 481"));
    CHECK_FALSE(phones.got(phones.bob, "INFO"));
}

TEST_CASE("call: a re-INVITE whose answer is never acknowledged ends the call (RFC 3261 section 14.2)") {
    TwoPhones phones;
    phones.establish();
    phones.send(phones.alice, phones.invite({}, "", phones.our_tag, 2)); // without an offer
    const Message reinvite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(reinvite, "200 OK", "", {}, "v=0 offer"));
    phones.wait(31'999);
    CHECK_FALSE(phones.got(phones.alice, "BYE"));
    phones.wait(1);
    CHECK(phones.got(phones.bob, "ACK"));
    const Message to_alice = phones.take(phones.alice, "BYE");
    const Message to_bob = phones.take(phones.bob, "BYE");
    phones.send(phones.alice, TwoPhones::answer(to_alice, "200 OK"));
    phones.send(phones.bob, TwoPhones::answer(to_bob, "200 OK"));
    CHECK(phones.finish().reason == EndReason::no_ack);
}

TEST_CASE("call: a callee who hangs up while he rings, or one of his forks, says nothing of the call") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "180 Ringing", "bob"));
    phones.send(phones.bob, TwoPhones::answer(invite, "180 Ringing", "mobile"));
    phones.send(phones.bob, TwoPhones::from_bob(invite, "BYE", 1));
    CHECK(phones.got(phones.bob, "SIP/2.0 200"));
    CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 487"));
    phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", "mobile"));
    const std::string tag(phones.take(phones.alice, "SIP/2.0 200").to_tag());
    phones.send(phones.alice, phones.request("ACK", tag, 1));
    phones.forget();
    phones.send(phones.bob, TwoPhones::from_bob(invite, "BYE", 2)); // the fork that was not answered
    CHECK_FALSE(phones.got(phones.alice, "BYE"));
    phones.send(phones.bob, TwoPhones::from_bob(invite, "INFO", 3));
    CHECK(phones.got(phones.bob, "SIP/2.0 481"));
    CHECK(phones.engine().tracker().statistics().active == 1);
}

TEST_CASE("call: a callee whose BYE overtakes his answer has hung up (RFC 5407 section 3.1.2)") {
    for (const bool has_other : {false, true}) {
        CAPTURE(has_other);
        TwoPhones phones;
        phones.send(phones.alice, phones.invite());
        const Message invite = phones.take(phones.bob, "INVITE");
        phones.send(phones.bob, TwoPhones::answer(invite, "180 Ringing", "bob"));
        if (has_other) phones.send(phones.bob, TwoPhones::answer(invite, "180 Ringing", "mobile"));
        phones.send(phones.bob, TwoPhones::from_bob(invite, "BYE", 1));
        phones.forget();
        phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", "bob"));
        CHECK(phones.take(phones.bob, "ACK").to_tag() == "bob");
        const Message bye = phones.take(phones.bob, "BYE");
        CHECK(bye.to_tag() == "bob");
        phones.send(phones.bob, TwoPhones::answer(bye, "481 Gone"));
        CHECK(phones.got(phones.alice, "SIP/2.0 480"));
        CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 200"));
        if (has_other) { // it answers, too late
            phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", "mobile"));
            CHECK(phones.take(phones.bob, "ACK").to_tag() == "mobile");
            CHECK(phones.take(phones.bob, "BYE").to_tag() == "mobile");
        }
        const test::Ended ended = phones.finish();
        CHECK(ended.reason == EndReason::callee_bye);
        CHECK(ended.sip_code == 480);
        CHECK_FALSE(ended.is_answered);
    }
}

TEST_CASE("call: a fork that is dropped gets a BYE with a number that it has not seen (RFC 3261 section 12.2.1.1)") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "183 Soon", "bob"));
    phones.send(phones.bob, TwoPhones::answer(invite, "183 Soon", "mobile"));
    phones.take(phones.alice, "SIP/2.0 183");
    const std::string tag(phones.take(phones.alice, "SIP/2.0 183").to_tag());
    phones.send(phones.alice, phones.request("UPDATE", tag, 2));
    const Message update = phones.take(phones.bob, "UPDATE");
    CHECK(update.to_tag() == "mobile");
    phones.send(phones.bob, TwoPhones::answer(update, "200 OK"));
    phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", "bob"));
    phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", "mobile"));
    const Message bye = phones.take(phones.bob, "BYE");
    CHECK(bye.to_tag() == "mobile");
    CHECK(bye.cseq() > update.cseq());
}

TEST_CASE("call: a fork of a leg that is over gets a BYE with such a number, too (RFC 3261 section 12.2.1.1)") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "180 Ringing", "one"));
    phones.take(phones.alice, "SIP/2.0 180");
    phones.send(phones.bob, TwoPhones::answer(invite, "180 Ringing", "two"));
    const Message rings = phones.take(phones.alice, "SIP/2.0 180");
    phones.send(phones.alice, phones.request("UPDATE", rings.to_tag(), 2));
    const Message update = phones.take(phones.bob, "UPDATE");
    CHECK(update.to_tag() == "two");
    phones.send(phones.bob, TwoPhones::answer(update, "200 OK"));

    phones.send(phones.alice, phones.cancel());
    phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", "one"));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
    phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", "two"));
    const Message bye = phones.take(phones.bob, "BYE");
    CHECK(bye.to_tag() == "two");
    CHECK(bye.cseq() > update.cseq());
    phones.send(phones.bob, TwoPhones::answer(bye, "200 OK"));
    CHECK(phones.finish().reason == EndReason::cancelled);
}

TEST_CASE("call: a Contact that no request could be sent to is refused, or not used") {
    for (const char *contact : {"<sip:al ice@192.0.2.1>", "<foo>", "<http://x/>", "<sip:a@192.0.2.1:0>",
                                "<sip:a@192.0.2.1;method=REGISTER>"}) {
        CAPTURE(contact);
        TwoPhones phones;
        phones.send(phones.alice,
                    swapped(phones.invite(), "<sip:alice@192.0.2.1:5061>\r\nMax", std::string(contact) + "\r\nMax"));
        CHECK(phones.got(phones.alice, "SIP/2.0 400"));
    }
    TwoPhones phones;
    phones.send(phones.alice, swapped(phones.invite(), "5061>\r\nMax", "5061?Route=%3Csip:evil%3E>\r\nMax"));
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "200 OK"));
    phones.wait(32'000);
    CHECK(phones.take(phones.alice, "BYE").request_uri() == "sip:alice@192.0.2.1:5061");
}

TEST_CASE("call: what a route sets takes the place of what the caller sent") {
    TwoPhones phones;
    phones.router.answer.headers = "X-Tenant: blue\r\n";
    phones.send(phones.alice, phones.invite("x-tenant: evil\r\nX-Tenancy: mine\r\n"));
    std::vector<std::string> tenants;
    const Message invite = phones.take(phones.bob, "INVITE");
    for (const HeaderLine &line : invite.headers()) {
        if (line.name.substr(0, 5) == "X-Ten" || line.name.substr(0, 5) == "x-ten") tenants.emplace_back(line.value);
    }
    CHECK(tenants == std::vector<std::string>{"mine", "blue"});
}

TEST_CASE("call: a CANCEL is known by its branch, wherever it comes from (RFC 3261 section 9.2) [46]") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "180 Ringing"));
    const Endpoint elsewhere = test::endpoint("203.0.113.9", 5061);
    std::string guessed = phones.cancel();
    guessed.replace(guessed.find("z9hG4bK-a1INVITE"), 16, "z9hG4bK-a1GUESS!");
    phones.send(elsewhere, guessed);
    CHECK(phones.got(elsewhere, "SIP/2.0 481"));
    CHECK_FALSE(phones.got(phones.bob, "CANCEL"));
    phones.send(elsewhere, phones.cancel());
    CHECK(phones.got(elsewhere, "SIP/2.0 200"));
    CHECK(phones.got(phones.alice, "SIP/2.0 487"));
    CHECK(phones.got(phones.bob, "CANCEL"));
}

TEST_CASE("call: with no transaction left the other side still hears of the end") {
    EngineOptions options;
    options.transactions.transaction_max = 4;
    TwoPhones phones(options);
    phones.establish();
    for (std::uint32_t cseq = 2; phones.engine().transactions() < 3; ++cseq) {
        phones.send(phones.alice, phones.request("OPTIONS", {}, cseq, {}, {}, "z9hG4bKo" + std::to_string(cseq)));
    }
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, 90));
    CHECK(phones.got(phones.alice, "SIP/2.0 200"));
    CHECK(phones.got(phones.bob, "BYE"));
}

TEST_CASE("call: many calls that expire at once all end, after a stall too") {
    EngineOptions options;
    options.dialogs.event_max = 100;
    TwoPhones phones(options);
    for (int i = 0; i < 300; ++i) {
        const std::string number = std::to_string(i);
        std::string invite = phones.request("INVITE", {}, 1, {}, "v=0", "z9hG4bK-many" + number);
        phones.send(phones.alice, swapped(invite, "Call-ID: call-a", "Call-ID: many-" + number));
    }
    CHECK(phones.engine().calls() == 300);
    phones.now = at_ms(500'000); // nothing ran for minutes
    phones.wait(400'000);
    CHECK(phones.engine().calls() == 0);
    CHECK(phones.engine().transactions() == 0);
    CHECK(phones.ended.size() == 300);
}

TEST_CASE("call: an answer too large for a datagram ends the call on both sides, and is no answered call") {
    std::string routes;
    for (int i = 0; i < 30; ++i) {
        routes += "Record-Route: <sip:" + std::string(1500, 'r') + "@192.0.2.1:5061;lr>\r\n";
    }
    TwoPhones phones;
    phones.send(phones.alice, phones.invite(routes));
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", "bob", {}, std::string(40'000, 's')));
    CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 200"));
    CHECK(phones.got(phones.alice, "SIP/2.0 487"));
    CHECK(phones.got(phones.bob, "ACK"));
    const Message bye = phones.take(phones.bob, "BYE");
    phones.send(phones.bob, TwoPhones::answer(bye, "200 OK"));
    CHECK(phones.finish().reason == EndReason::refused);
    CHECK_FALSE(phones.ended[0].is_answered);
}
