// Reliable provisional responses and PRACK (RFC 3262).
#include "call/reliable_phones.hpp"

using namespace tandem;
using test::able;
using test::ReliablePhones;
using test::requiring;
using test::TwoPhones;

TEST_CASE("prack: a reliable response and its PRACK go end to end, with numbers of each leg (RFC 3262 section 3)") {
    ReliablePhones phones;
    phones.ring();
    CHECK(phones.bobs_invite.values(Header::supported) == "100rel,timer");
    const Message progress = phones.progress(7001, "v=0 answer");
    CHECK(progress.value(Header::require) == "100rel");
    const std::uint64_t rseq = std::stoull(std::string(progress.value(Header::rseq)));
    CHECK(rseq > 0);
    CHECK(rseq <= 0x7fffffff);
    CHECK(rseq != 7001);
    CHECK(progress.body() == "v=0 answer");

    phones.send(phones.alice, phones.prack(progress.to_tag(), 2, progress.value(Header::rseq), "v=0 more"));
    const Message prack = phones.take(phones.bob, "PRACK");
    CHECK(prack.value(Header::rack) == "7001 1 INVITE");
    CHECK(prack.to_tag() == "bob");
    CHECK(prack.cseq() == 2);
    CHECK(prack.body() == "v=0 more");
    CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 200"));
    phones.send(phones.bob, TwoPhones::answer(prack, "200 OK", "bob", {}, "v=0 yes"));
    const Message ok = phones.take(phones.alice, "SIP/2.0 200");
    CHECK(ok.value(Header::cseq) == "2 PRACK");
    CHECK(ok.body() == "v=0 yes");

    phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "200 OK"));
    phones.talk_and_hang_up(3);
}

TEST_CASE("prack: tandem requires nothing of the callee: what the caller requires is offered to him as supported") {
    ReliablePhones phones;
    phones.ring(requiring);
    CHECK_FALSE(phones.bobs_invite.has(Header::require));
    CHECK(phones.bobs_invite.values(Header::supported) == "timer,100rel");
}

TEST_CASE("prack: the refusal of a PRACK passes back") {
    ReliablePhones phones;
    phones.ring();
    const Message progress = phones.progress(1);
    phones.send(phones.alice, phones.prack(progress.to_tag(), 2, progress.value(Header::rseq)));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "PRACK"), "488 Not Like This"));
    CHECK(phones.take(phones.alice, "SIP/2.0 488").method() == Method::prack);
}

TEST_CASE("prack: for a caller who can not, nothing is offered and tandem acknowledges what comes all the same") {
    ReliablePhones phones;
    phones.ring({});
    CHECK(phones.bobs_invite.values(Header::supported) == "timer");
    const Message progress = phones.progress(9, "v=0 answer");
    CHECK_FALSE(progress.has(Header::require));
    CHECK_FALSE(progress.has(Header::rseq));
    CHECK(progress.body() == "v=0 answer");
    const Message prack = phones.take(phones.bob, "PRACK");
    CHECK(prack.value(Header::rack) == "9 1 INVITE");
    CHECK(prack.body().empty());
    phones.send(phones.bob, TwoPhones::answer(prack, "200 OK"));
    phones.wait(2000);
    CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 183")); // nothing is sent again
    // His answer was given; the caller has none that counts (RFC 3262 section 5, RFC 3261 section 13.2.1).
    phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "200 OK"));
    const Message ok = phones.take(phones.alice, "SIP/2.0 200");
    CHECK(ok.body() == "v=0 answer");
    CHECK(ok.content_type() == "application/sdp");
    phones.send(phones.alice, phones.request("ACK", ok.to_tag(), 1));
    phones.take(phones.bob, "ACK");
    phones.send(phones.alice, phones.invite({}, "v=0 hold", ok.to_tag(), 2));
    CHECK(phones.take(phones.bob, "INVITE").cseq() == 3);
}

TEST_CASE("prack: a 2xx with a description of its own keeps it") {
    ReliablePhones phones;
    phones.ring({});
    phones.progress(9, "v=0 answer");
    phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "200 OK", "bob", {}, "v=0 answer again"));
    CHECK(phones.take(phones.alice, "SIP/2.0 200").body() == "v=0 answer again");
}

TEST_CASE("prack: a callee who asks for 100rel by 421 gets it from tandem, once (RFC 3261 section 21.4.16)") {
    ReliablePhones phones;
    const std::string carols = "sip:carol@192.0.2.3:5063";
    phones.router.answer.targets.push_back({carols, phones.carol, "carrier-c"});
    phones.router.answer.hunt_on = {421};
    phones.ring({});
    phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "421 Extension Required", "bob", requiring));
    CHECK(phones.take(phones.bob, "ACK").call_id() == phones.bobs_invite.call_id());
    const Message again = phones.take(phones.bob, "INVITE");
    CHECK(again.values(Header::supported) == "timer,100rel");
    CHECK(again.call_id() != phones.bobs_invite.call_id());
    CHECK_FALSE(phones.got(phones.carol, "INVITE"));
    SUBCASE("he rings reliably") {
        phones.bobs_invite = again;
        CHECK_FALSE(phones.progress(3).has(Header::rseq));
        CHECK(phones.take(phones.bob, "PRACK").call_id() == again.call_id());
    }
    SUBCASE("he refuses once more: a refusal like any other") {
        phones.send(phones.bob, TwoPhones::answer(again, "421 Extension Required", "bob", requiring));
        CHECK_FALSE(phones.got(phones.bob, "INVITE"));
        CHECK(phones.got(phones.carol, "INVITE"));
    }
}

TEST_CASE("prack: 421 goes to the caller where tandem can not help") {
    ReliablePhones phones;
    SUBCASE("the caller's own support is what the callee saw") { phones.ring(able); }
    SUBCASE("the callee would make the offer, and its answer must come in a PRACK of the caller's") {
        phones.ring({}, "");
    }
    phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "421 Extension Required", "bob", requiring));
    CHECK(phones.got(phones.alice, "SIP/2.0 421"));
    CHECK_FALSE(phones.got(phones.bob, "INVITE"));
    phones.finish();
}

TEST_CASE("prack: a reliable response is sent again after T1, then twice as late each time (RFC 3262 section 3)") {
    ReliablePhones phones;
    phones.ring();
    const Message progress = phones.progress(1);
    for (std::int64_t gap : {500, 1000, 2000, 4000, 8000}) {
        phones.wait(gap - 1);
        CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 183"));
        phones.wait(1);
        CHECK(phones.take(phones.alice, "SIP/2.0 183").value(Header::rseq) == progress.value(Header::rseq));
    }
    phones.acknowledge(progress, 2);
    phones.wait(30'000);
    CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 183"));
}

TEST_CASE("prack: without a PRACK in 64*T1 the call is refused 504 and the callee cancelled (RFC 3262 section 3, N9)") {
    ReliablePhones phones;
    phones.ring();
    phones.progress(1, "v=0 answer");
    phones.wait(31'999);
    CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 504"));
    phones.wait(1);
    CHECK(phones.got(phones.alice, "SIP/2.0 504"));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "CANCEL"), "200 OK"));
    phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "487 Cancelled"));
    CHECK(phones.finish().sip_code == 504);
}

TEST_CASE("prack: the next reliable response waits for the PRACK of the one before, and counts up by one") {
    ReliablePhones phones;
    phones.ring();
    const Message first = phones.progress(70);
    phones.send(phones.bob, ReliablePhones::reliable(phones.bobs_invite, "180 Ringing", 71));
    CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 180"));
    phones.acknowledge(first, 2);
    const Message second = phones.take(phones.alice, "SIP/2.0 180");
    CHECK(std::stoull(std::string(second.value(Header::rseq))) ==
          std::stoull(std::string(first.value(Header::rseq))) + 1);
    phones.send(phones.alice, phones.prack(second.to_tag(), 3, second.value(Header::rseq)));
    CHECK(phones.take(phones.bob, "PRACK").value(Header::rack) == "71 1 INVITE");
}

TEST_CASE("prack: no more than eight wait; a further one is left for the callee to send again") {
    ReliablePhones phones;
    phones.ring();
    const Message first = phones.progress(1);
    for (std::uint32_t rseq = 2; rseq <= 9; ++rseq) {
        phones.send(phones.bob, ReliablePhones::reliable(phones.bobs_invite, "180 Ringing", rseq));
    }
    phones.acknowledge(first, 2);
    phones.forget();
    phones.send(phones.bob, ReliablePhones::reliable(phones.bobs_invite, "180 Ringing", 9));
    Message next = first;
    std::uint64_t rseq = std::stoull(std::string(first.value(Header::rseq)));
    for (std::uint32_t cseq = 3; cseq <= 10; ++cseq) {
        phones.send(phones.alice, phones.prack(first.to_tag(), cseq, std::to_string(++rseq)));
        CHECK(phones.take(phones.bob, "PRACK").value(Header::rack) == std::to_string(cseq - 1) + " 1 INVITE");
    }
    phones.send(phones.alice, phones.prack(first.to_tag(), 11, std::to_string(++rseq)));
    CHECK(phones.take(phones.alice, "SIP/2.0 481").cseq() == 11);
}

TEST_CASE("prack: a callee's response that comes again, or out of order, is discarded (RFC 3262 section 4)") {
    ReliablePhones phones;
    SUBCASE("end to end") { phones.ring(); }
    SUBCASE("by tandem") { phones.ring({}); }
    phones.progress(5);
    phones.forget();
    for (std::uint32_t rseq : {5U, 7U, 4U}) {
        phones.send(phones.bob, ReliablePhones::reliable(phones.bobs_invite, "183 Session Progress", rseq));
        CHECK(phones.is_silent());
    }
}

TEST_CASE("prack: a PRACK for nothing that waits is 481, one that can not be read 400 (RFC 3262 section 3)") {
    ReliablePhones phones;
    phones.ring();
    const Message progress = phones.progress(1);
    const std::string tag(progress.to_tag());
    const std::string rseq(progress.value(Header::rseq));
    const std::string other = std::to_string(std::stoull(rseq) + 1);
    const auto status = [&](std::uint32_t cseq, const std::string &lines) {
        phones.send(phones.alice, phones.request("PRACK", tag, cseq, lines));
        CHECK_FALSE(phones.got(phones.bob, "PRACK"));
        return phones.take(phones.alice, "SIP/2.0 4").status();
    };
    CHECK(status(2, "RAck: " + other + " 1 INVITE\r\n") == 481);
    CHECK(status(3, "RAck: " + rseq + " 2 INVITE\r\n") == 481);
    CHECK(status(4, "RAck: " + rseq + " 1 UPDATE\r\n") == 481);
    CHECK(status(5, "RAck: " + rseq + "\r\n") == 400);
    CHECK(status(6, "RAck: -1 1 INVITE\r\n") == 400);
    CHECK(status(7, "RAck: 99999999999999999999999 1 INVITE\r\n") == 400);
    CHECK(status(8, "RAck: 1 1 INVITE INVITE\r\n") == 400);
    CHECK(status(9, {}) == 400);
    phones.acknowledge(progress, 10);
    CHECK(status(11, "RAck: " + rseq + " 1 INVITE\r\n") == 481); // it was acknowledged
    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "PRACK", 5, "RAck: 1 1 INVITE\r\n"));
    CHECK(phones.got(phones.bob, "SIP/2.0 481"));
}

TEST_CASE("prack: for a caller who requires it a plain 18x becomes reliable, and its PRACK ends here") {
    ReliablePhones phones;
    phones.ring(requiring);
    phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "180 Ringing"));
    const Message ringing = phones.take(phones.alice, "SIP/2.0 180");
    CHECK(ringing.value(Header::require) == "100rel");
    phones.wait(500);
    CHECK(phones.got(phones.alice, "SIP/2.0 180"));
    phones.send(phones.alice, phones.prack(ringing.to_tag(), 2, ringing.value(Header::rseq)));
    CHECK(phones.take(phones.alice, "SIP/2.0 200").method() == Method::prack);
    CHECK_FALSE(phones.got(phones.bob, "PRACK"));
    phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "200 OK", "bob", {}, "v=0 answer"));
    phones.talk_and_hang_up(3);
}

TEST_CASE("prack: an offer for a callee who knows of no PRACK is refused 488, and its response counts as heard") {
    ReliablePhones phones;
    phones.ring(requiring);
    phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "183 Progress", "bob", {}, "v=0 answer"));
    const Message progress = phones.take(phones.alice, "SIP/2.0 183");
    phones.send(phones.alice, phones.prack(progress.to_tag(), 2, progress.value(Header::rseq), "v=0 new offer"));
    CHECK(phones.got(phones.alice, "SIP/2.0 488"));
    phones.wait(500);
    CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 183"));
}

TEST_CASE("prack: who can but does not require it gets a plain 18x as it comes") {
    ReliablePhones phones;
    phones.ring(able);
    phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "180 Ringing"));
    CHECK_FALSE(phones.take(phones.alice, "SIP/2.0 180").has(Header::rseq));
}

TEST_CASE("prack: a 2xx waits for the PRACK of a response with a description (RFC 3262 section 3)") {
    ReliablePhones phones;
    phones.ring(requiring);
    phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "183 Progress", "bob", {}, "v=0 answer"));
    const Message progress = phones.take(phones.alice, "SIP/2.0 183");
    phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "200 OK", "bob", {}, "v=0 answer"));
    CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 200"));
    SUBCASE("the PRACK comes") {
        phones.send(phones.alice, phones.prack(progress.to_tag(), 2, progress.value(Header::rseq)));
        CHECK(phones.take(phones.alice, "SIP/2.0 200").method() == Method::prack);
        phones.talk_and_hang_up(3);
    }
    SUBCASE("it never comes: 504, and the callee who has answered is hung up") {
        phones.wait(32'000);
        CHECK(phones.got(phones.alice, "SIP/2.0 504"));
        CHECK(phones.got(phones.bob, "ACK"));
        phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
        CHECK(phones.finish().sip_code == 504);
    }
    SUBCASE("the caller cancels meanwhile") {
        phones.send(phones.alice, phones.cancel());
        CHECK(phones.got(phones.alice, "SIP/2.0 487"));
        CHECK(phones.got(phones.bob, "ACK"));
        phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
        CHECK(phones.finish().reason == EndReason::cancelled);
    }
    SUBCASE("the callee hangs up meanwhile") {
        phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "BYE", 1));
        CHECK(phones.got(phones.bob, "SIP/2.0 200"));
        CHECK(phones.got(phones.alice, "SIP/2.0 487"));
        CHECK(phones.got(phones.bob, "ACK"));
        phones.finish();
    }
    SUBCASE("other requests pass meanwhile") {
        phones.send(phones.alice, phones.request("INFO", progress.to_tag(), 2));
        CHECK(phones.got(phones.bob, "INFO"));
    }
}

TEST_CASE("prack: a 2xx passes a response without a description, whose late PRACK is welcome (RFC 3262 section 3)") {
    ReliablePhones phones;
    const auto talk = [&] {
        const Message ringing = phones.take(phones.alice, "SIP/2.0 180");
        phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "200 OK", "bob", {}, "v=0 answer"));
        const Message ok = phones.take(phones.alice, "SIP/2.0 200");
        phones.send(phones.alice, phones.request("ACK", ok.to_tag(), 1));
        phones.take(phones.bob, "ACK");
        phones.wait(31'000);
        CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 180"));
        return ringing;
    };
    SUBCASE("end to end") {
        phones.ring(able);
        phones.send(phones.bob, ReliablePhones::reliable(phones.bobs_invite, "180 Ringing", 4));
        phones.acknowledge(talk(), 2);
    }
    SUBCASE("by tandem") {
        phones.ring(requiring);
        phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "180 Ringing"));
        const Message ringing = talk();
        phones.send(phones.alice, phones.prack(ringing.to_tag(), 2, ringing.value(Header::rseq)));
        CHECK(phones.take(phones.alice, "SIP/2.0 200").method() == Method::prack);
    }
    SUBCASE("after 64*T1 it is too late") {
        phones.ring(requiring);
        phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "180 Ringing"));
        const Message ringing = talk();
        phones.wait(1000);
        phones.send(phones.alice, phones.prack(ringing.to_tag(), 2, ringing.value(Header::rseq)));
        CHECK(phones.got(phones.alice, "SIP/2.0 481"));
    }
}

TEST_CASE("prack: each fork has its own numbers, and its PRACK goes to that fork [101, 102]") {
    ReliablePhones phones;
    phones.ring();
    const auto progress = [&](std::string_view tag, std::uint32_t rseq) {
        phones.send(phones.bob, ReliablePhones::reliable(phones.bobs_invite, "183 Progress", rseq, "v=0 a", tag));
        return phones.take(phones.alice, "SIP/2.0 183");
    };
    const Message first = progress("bob-1", 5);
    const Message second = progress("bob-2", 5);
    CHECK(first.to_tag() != second.to_tag());
    CHECK(first.value(Header::rseq) != second.value(Header::rseq));
    phones.send(phones.alice, phones.prack(first.to_tag(), 2, second.value(Header::rseq)));
    CHECK(phones.got(phones.alice, "SIP/2.0 481"));
    phones.send(phones.alice, phones.prack(second.to_tag(), 3, second.value(Header::rseq)));
    CHECK(phones.take(phones.bob, "PRACK").to_tag() == "bob-2");
    phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "200 OK", "bob-2"));
    phones.take(phones.alice, "SIP/2.0 200");
    // The other fork has lost, but its response was heard.
    phones.send(phones.alice, phones.prack(first.to_tag(), 4, first.value(Header::rseq)));
    CHECK(phones.take(phones.bob, "PRACK").to_tag() == "bob-1");
}

TEST_CASE("prack: forks that look like one share one row of numbers, and each PRACK finds its own") {
    ReliablePhones phones;
    phones.router.answer.forks = ForkView::one;
    phones.router.answer.targets.push_back({"sip:carol@192.0.2.3:5063", phones.carol, "c", {}, true});
    phones.ring();
    const Message carols = phones.take(phones.carol, "INVITE");
    const Message first = phones.progress(5);
    phones.send(phones.carol, ReliablePhones::reliable(carols, "180 Ringing", 900, {}, "carol"));
    CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 180"));
    phones.acknowledge(first, 2);
    const Message second = phones.take(phones.alice, "SIP/2.0 180");
    CHECK(second.to_tag() == first.to_tag());
    phones.send(phones.alice, phones.prack(second.to_tag(), 3, second.value(Header::rseq)));
    CHECK(phones.take(phones.carol, "PRACK").value(Header::rack) == "900 1 INVITE");
}

TEST_CASE("prack: a 2xx under the tag of a callee who was given up waits for the PRACK he was owed, not for ever") {
    ReliablePhones phones;
    phones.router.answer.forks = ForkView::one;
    phones.router.answer.targets.push_back({"sip:carol@192.0.2.3:5063", phones.carol, "c"});
    phones.router.answer.hunt_on = {486};
    phones.ring();
    const Message progress = phones.progress(5, "v=0 bob's");
    phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "486 Busy Here"));
    const Message carols = phones.take(phones.carol, "INVITE");
    phones.send(phones.carol, TwoPhones::answer(carols, "200 OK", "carol", {}, "v=0 carol's"));
    CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 200"));
    SUBCASE("it comes") {
        phones.send(phones.alice, phones.prack(progress.to_tag(), 2, progress.value(Header::rseq)));
        CHECK(phones.take(phones.alice, "SIP/2.0 200").method() == Method::prack);
    }
    SUBCASE("it never comes") { phones.wait(32'000); }
    const Message ok = phones.take(phones.alice, "SIP/2.0 200");
    CHECK(ok.to_tag() == progress.to_tag());
    CHECK(ok.body() == "v=0 carol's");
}

TEST_CASE("prack: what a callee said who was given up is acknowledged here, and what he had to say is dropped") {
    ReliablePhones phones;
    phones.router.answer.targets.push_back({"sip:carol@192.0.2.3:5063", phones.carol, "c"});
    phones.router.answer.hunt_on = {486};
    phones.ring();
    const Message progress = phones.progress(5, "v=0 bob's");
    phones.send(phones.bob, ReliablePhones::reliable(phones.bobs_invite, "180 Ringing", 6));
    phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "486 Busy Here"));
    const Message carols = phones.take(phones.carol, "INVITE");
    SUBCASE("the caller acknowledges it") {
        phones.send(phones.alice, phones.prack(progress.to_tag(), 2, progress.value(Header::rseq)));
        CHECK(phones.take(phones.alice, "SIP/2.0 200").method() == Method::prack);
        CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 180"));
    }
    SUBCASE("the caller never does, and the call goes on") {
        phones.send(phones.carol, TwoPhones::answer(carols, "180 Ringing", "carol"));
        phones.take(phones.alice, "SIP/2.0 180");
        phones.wait(33'000);
        CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 504"));
    }
    CHECK_FALSE(phones.got(phones.bob, "PRACK"));
    CHECK_FALSE(phones.got(phones.carol, "PRACK"));
    // The caller's offer waits for Carol's answer, whatever Bob's was.
    phones.send(phones.carol, TwoPhones::answer(carols, "183 Progress", "carol"));
    const Message carols_progress = phones.take(phones.alice, "SIP/2.0 183");
    phones.send(phones.alice, phones.request("UPDATE", carols_progress.to_tag(), 3, {}, "v=0 second"));
    CHECK(phones.got(phones.alice, "SIP/2.0 500"));
}

TEST_CASE("prack: the callee's RSeq may begin anywhere, but 0 is none; without a To-tag nothing is reliable") {
    ReliablePhones phones;
    phones.ring();
    SUBCASE("the highest") { CHECK(phones.progress(0xffffffff).has(Header::rseq)); }
    SUBCASE("zero") { CHECK_FALSE(phones.progress(0).has(Header::rseq)); }
    SUBCASE("no tag") {
        phones.send(phones.bob, ReliablePhones::reliable(phones.bobs_invite, "180 Ringing", 1, {}, ""));
        CHECK_FALSE(phones.take(phones.alice, "SIP/2.0 180").has(Header::rseq));
        CHECK_FALSE(phones.got(phones.bob, "PRACK"));
    }
}

TEST_CASE("prack: a re-INVITE does not offer it; what comes reliably all the same is acknowledged here") {
    TwoPhones phones;
    phones.establish();
    SUBCASE("who could gets plain responses") {
        phones.send(phones.alice, phones.invite(able, "v=0 hold", phones.our_tag, 2));
        const Message invite = phones.take(phones.bob, "INVITE");
        CHECK(invite.values(Header::supported) == "timer");
        phones.send(phones.bob, ReliablePhones::reliable(invite, "183 Progress", 8, "v=0 held", ""));
        CHECK_FALSE(phones.take(phones.alice, "SIP/2.0 183").has(Header::rseq));
        CHECK(phones.take(phones.bob, "PRACK").value(Header::rack) == "8 2 INVITE");
        phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", ""));
        CHECK(phones.take(phones.alice, "SIP/2.0 200").body() == "v=0 held");
    }
    SUBCASE("who requires it gets none") {
        phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "INVITE", 1, requiring, "v=0 hold"));
        const Message invite = phones.take(phones.alice, "INVITE");
        CHECK_FALSE(invite.has(Header::require));
        phones.forget();
        phones.send(phones.alice, TwoPhones::answer(invite, "180 Ringing", ""));
        CHECK(phones.is_silent());
        phones.send(phones.alice, ReliablePhones::reliable(invite, "183 Progress", 3, {}, ""));
        CHECK(phones.take(phones.alice, "PRACK").value(Header::rack) == "3 1 INVITE");
        CHECK(phones.is_silent());
        phones.send(phones.alice, TwoPhones::answer(invite, "200 OK", ""));
        CHECK(phones.got(phones.bob, "SIP/2.0 200"));
    }
}

TEST_CASE("prack: one for a fork that has been hung up is answered here (RFC 3261 section 15)") {
    ReliablePhones phones;
    phones.ring();
    phones.send(phones.bob, ReliablePhones::reliable(phones.bobs_invite, "183 Session Progress", 7, {}, "mobile"));
    const Message progress = phones.take(phones.alice, "SIP/2.0 183");
    phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "200 OK", "bob", {}, "v=0 answer"));
    phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "200 OK", "mobile", {}, "v=0 answer"));
    const Message bye = phones.take(phones.bob, "BYE");
    CHECK(bye.to_tag() == "mobile");
    phones.send(phones.alice, phones.prack(progress.to_tag(), 2, progress.value(Header::rseq)));
    CHECK_FALSE(phones.got(phones.bob, "PRACK"));
    phones.send(phones.bob, TwoPhones::answer(bye, "200 OK"));
    phones.talk_and_hang_up(3);
}

TEST_CASE("prack: a 2xx that waited for it leaves the caller her whole time for the ACK (RFC 3261 section 15)") {
    ReliablePhones phones;
    phones.ring();
    const Message progress = phones.progress(7, "v=0 answer");
    phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "200 OK", "bob", {}, "v=0 answer"));
    phones.wait(400);
    phones.send(phones.alice, phones.prack(progress.to_tag(), 2, progress.value(Header::rseq)));
    const std::string tag(phones.take(phones.alice, "SIP/2.0 200").to_tag());
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "PRACK"), "200 OK"));
    phones.wait(31'600); // of Bob's answer nobody has heard for 64*T1
    CHECK(phones.got(phones.bob, "ACK"));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
    CHECK_FALSE(phones.got(phones.alice, "BYE"));
    SUBCASE("the ACK comes, and then the BYE goes") {
        phones.send(phones.alice, phones.request("ACK", tag, 1));
        phones.send(phones.alice, TwoPhones::answer(phones.take(phones.alice, "BYE"), "200 OK"));
    }
    SUBCASE("it does not") {
        phones.wait(399);
        CHECK_FALSE(phones.got(phones.alice, "BYE"));
        phones.wait(1);
        CHECK(phones.got(phones.alice, "BYE"));
    }
    CHECK(phones.finish().reason == EndReason::no_ack);
}
