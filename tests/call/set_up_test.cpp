// From INVITE to ACK, and all the ways that do not get there.
#include "call/two_phones.hpp"

using namespace tandem;
using test::TwoPhones;

TEST_CASE("call: 100 comes at once, and the callee gets an INVITE of its own") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite("Subject: lunch\r\nX-Account: blue\r\n"));
    CHECK(phones.take(phones.alice, "SIP/2.0 100").to_tag() == "");
    const Message invite = phones.take(phones.bob, "INVITE");
    CHECK(invite.request_uri() == "sip:bob@192.0.2.2:5062");
    CHECK(invite.via_count() == 1);
    CHECK(invite.top_via().host == "192.0.2.9");
    CHECK(invite.call_id() != "call-a");
    CHECK(invite.from_tag() != "alice");
    CHECK(invite.from_uri() == "sip:alice@a");
    CHECK(invite.from_display() == "\"Alice\"");
    CHECK(invite.to_uri() == "sip:bob@b");
    CHECK(invite.contact_uri() == "sip:192.0.2.9:5060");
    CHECK(invite.max_forwards() == 69U);
    CHECK(invite.value(Header::subject) == "lunch");
    CHECK(invite.body() == "v=0 offer");
    CHECK(invite.content_type() == "application/sdp");
    CHECK(phones.engine().calls() == 1);
}

TEST_CASE("call: 18x and 2xx pass with their bodies, ACK goes when the caller's came") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "183 Soon", "bob", "X-Early: 1\r\n", "v=0 early"));
    const Message early = phones.take(phones.alice, "SIP/2.0 183 Soon");
    CHECK(early.body() == "v=0 early");
    CHECK(early.call_id() == "call-a");
    CHECK(early.contact_uri() == "sip:192.0.2.9:5060");
    phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", "bob", {}, "v=0 answer"));
    const Message answer = phones.take(phones.alice, "SIP/2.0 200");
    CHECK(answer.body() == "v=0 answer");
    CHECK(answer.to_tag() == early.to_tag()); // one tag for one fork
    CHECK_FALSE(phones.got(phones.bob, "ACK"));
    phones.send(phones.alice, phones.request("ACK", answer.to_tag(), 1));
    const Message ack = phones.take(phones.bob, "ACK");
    CHECK(ack.request_uri() == "sip:bob@192.0.2.2:5062");
    CHECK(ack.to_tag() == "bob");
    CHECK(ack.cseq() == 1);
    CHECK(phones.engine().tracker().statistics().active == 1);
}

TEST_CASE("call: a late offer goes out in the 2xx and its answer in the ACK (RFC 3264 section 4)") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite({}, ""));
    const Message invite = phones.take(phones.bob, "INVITE");
    CHECK(invite.body() == "");
    phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", "bob", {}, "v=0 late offer"));
    const Message answer = phones.take(phones.alice, "SIP/2.0 200");
    CHECK(answer.body() == "v=0 late offer");
    phones.send(phones.alice, phones.request("ACK", answer.to_tag(), 1, {}, "v=0 late answer"));
    CHECK(phones.take(phones.bob, "ACK").body() == "v=0 late answer");
}

TEST_CASE("call: a refusal passes with its status, phrase and Reason, and is the record's") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "486 On the phone", "bob", "Reason: Q.850;cause=17\r\n"));
    CHECK(phones.got(phones.bob, "ACK"));
    const Message refusal = phones.take(phones.alice, "SIP/2.0 486 On the phone");
    CHECK(refusal.value(Header::reason) == "Q.850;cause=17");
    CHECK(refusal.to_tag() != "");
    phones.send(phones.alice, phones.request("ACK", refusal.to_tag(), 1, {}, {}, "z9hG4bK-a1INVITE"));
    const test::Ended record = phones.finish();
    CHECK(record.reason == EndReason::refused);
    CHECK(record.sip_code == 486);
    CHECK(record.q850 == 17);
    CHECK(record.callee_call_id == invite.call_id());
}

TEST_CASE("call: a challenge of the callee's side never reaches the caller") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "407 Prove it", "bob",
                                              "Proxy-Authenticate: Digest realm=\"x\", nonce=\"n\"\r\n"));
    const Message refusal = phones.take(phones.alice, "SIP/2.0 503");
    CHECK_FALSE(refusal.has(Header::proxy_authenticate));
}

TEST_CASE("call: a redirection passes with its Contact") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "302 Moved", "bob", "Contact: <sip:bob@elsewhere>\r\n"));
    CHECK(phones.take(phones.alice, "SIP/2.0 302").contact_uri() == "sip:bob@elsewhere");
}

TEST_CASE("call: nobody answers within the ring timeout: CANCEL to the callee, 408 to the caller") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "180 Ringing"));
    phones.wait(59'999);
    CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 408"));
    phones.wait(1);
    const Message cancel = phones.take(phones.bob, "CANCEL");
    CHECK(cancel.top_via().branch == invite.top_via().branch);
    CHECK(phones.got(phones.alice, "SIP/2.0 408"));
    phones.send(phones.bob, TwoPhones::answer(cancel, "200 OK"));
    phones.send(phones.bob, TwoPhones::answer(invite, "487 Terminated"));
    CHECK(phones.got(phones.bob, "ACK"));
    CHECK(phones.finish().reason == EndReason::no_answer);
    CHECK(phones.ended[0].sip_code == 408);
}

TEST_CASE("call: a callee that is not there is 408 after Timer B") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    phones.wait(31'999);
    CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 408"));
    phones.wait(1);
    CHECK(phones.got(phones.alice, "SIP/2.0 408"));
    CHECK(phones.finish().reason == EndReason::no_answer);
}

TEST_CASE("call: CANCEL while ringing: 200 and 487 to the caller, CANCEL with its Reason to the callee") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "180 Ringing"));
    phones.send(phones.alice, phones.cancel("Reason: SIP;cause=200;text=\"Elsewhere\"\r\n"));
    CHECK(phones.take(phones.alice, "SIP/2.0 200").method() == Method::cancel);
    CHECK(phones.got(phones.alice, "SIP/2.0 487"));
    const Message cancel = phones.take(phones.bob, "CANCEL");
    CHECK(cancel.value(Header::reason) == "SIP;cause=200;text=\"Elsewhere\"");
    phones.send(phones.bob, TwoPhones::answer(cancel, "200 OK"));
    phones.send(phones.bob, TwoPhones::answer(invite, "487 Terminated"));
    CHECK(phones.finish().reason == EndReason::cancelled);
    CHECK(phones.ended[0].sip_code == 487);
}

TEST_CASE("call: CANCEL before any provisional response waits for one (RFC 3261 section 9.1)") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.alice, phones.cancel());
    CHECK(phones.got(phones.alice, "SIP/2.0 487"));
    CHECK_FALSE(phones.got(phones.bob, "CANCEL"));
    phones.send(phones.bob, TwoPhones::answer(invite, "100 Trying", ""));
    CHECK(phones.got(phones.bob, "CANCEL"));
}

TEST_CASE("call: an answer that crosses the CANCEL gets ACK and BYE, the caller 487 and nothing else") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "180 Ringing"));
    phones.send(phones.alice, phones.cancel());
    CHECK(phones.got(phones.alice, "SIP/2.0 487"));
    phones.forget();
    phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", "bob", {}, "v=0"));
    CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 200"));
    CHECK(phones.take(phones.bob, "ACK").to_tag() == "bob");
    const Message bye = phones.take(phones.bob, "BYE");
    CHECK(bye.cseq() == 2);
    phones.send(phones.bob, TwoPhones::answer(bye, "200 OK"));
    CHECK(phones.finish().reason == EndReason::cancelled);
    CHECK_FALSE(phones.ended[0].is_answered);
}

TEST_CASE("call: every fork of the callee has a To-tag of its own, and a second answer is hung up at once") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "180 Ringing", "desk"));
    phones.send(phones.bob, TwoPhones::answer(invite, "183 Soon", "mobile", {}, "v=0 mobile"));
    const std::string desk(phones.take(phones.alice, "SIP/2.0 180").to_tag());
    const std::string mobile(phones.take(phones.alice, "SIP/2.0 183").to_tag());
    CHECK(desk != mobile);
    phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", "mobile"));
    CHECK(phones.take(phones.alice, "SIP/2.0 200").to_tag() == mobile);
    phones.send(phones.alice, phones.request("ACK", mobile, 1));
    CHECK(phones.take(phones.bob, "ACK").to_tag() == "mobile");
    for (int round = 0; round < 2; ++round) { // the second one because our ACK was lost
        phones.forget();
        phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", "desk"));
        CHECK(phones.take(phones.bob, "ACK").to_tag() == "desk");
        CHECK(phones.got(phones.bob, "BYE") == (round == 0));
        CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 200"));
    }
    CHECK(phones.engine().tracker().statistics().active == 1);
}

TEST_CASE("call: the 2xx is sent again until the ACK, at T1 doubling to T2 (RFC 3261 section 13.3.1.4)") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "200 OK"));
    const std::string tag(phones.take(phones.alice, "SIP/2.0 200").to_tag());
    for (std::int64_t gap : {500, 1000, 2000, 4000, 4000}) {
        phones.wait(gap - 1);
        CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 200"));
        phones.wait(1);
        CHECK(phones.got(phones.alice, "SIP/2.0 200"));
    }
    phones.send(phones.alice, phones.request("ACK", tag, 1));
    phones.take(phones.bob, "ACK");
    phones.wait(20'000);
    CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 200"));
    // The ACK to the callee was lost: his 2xx comes again.
    phones.forget();
    phones.send(phones.bob, TwoPhones::answer(invite, "200 OK"));
    CHECK(phones.got(phones.bob, "ACK"));
    CHECK(phones.is_silent());
}

TEST_CASE("call: no ACK in 64*T1: BYE to both sides, reason no_ack") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(invite, "200 OK"));
    phones.wait(31'999);
    CHECK_FALSE(phones.got(phones.alice, "BYE"));
    phones.wait(1);
    const Message to_alice = phones.take(phones.alice, "BYE");
    CHECK(to_alice.request_uri() == "sip:alice@192.0.2.1:5061");
    CHECK(to_alice.to_tag() == "alice");
    CHECK(phones.got(phones.bob, "ACK")); // he is owed one, whatever comes after
    const Message to_bob = phones.take(phones.bob, "BYE");
    phones.send(phones.alice, TwoPhones::answer(to_alice, "200 OK"));
    phones.send(phones.bob, TwoPhones::answer(to_bob, "200 OK"));
    CHECK(phones.finish().reason == EndReason::no_ack);
    CHECK(phones.ended[0].is_answered);
}
