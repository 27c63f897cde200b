// Offers and answers before the answer to the INVITE: in reliable responses, PRACK and UPDATE (RFC 3262 section 5,
// RFC 3311).
#include "call/reliable_phones.hpp"

using namespace tandem;
using test::able;
using test::ReliablePhones;
using test::TwoPhones;

TEST_CASE(
    "early offer: an offer in a reliable response is answered in its PRACK, and the next one may come (section 5)") {
    ReliablePhones phones;
    phones.ring(able, "");
    const Message progress = phones.progress(1, "v=0 late offer");
    phones.send(phones.alice, phones.request("UPDATE", progress.to_tag(), 2, {}, "v=0 too early"));
    CHECK(phones.got(phones.alice, "SIP/2.0 491")); // RFC 3311 section 5.2
    phones.send(phones.alice, phones.prack(progress.to_tag(), 3, progress.value(Header::rseq), "v=0 late answer"));
    const Message prack = phones.take(phones.bob, "PRACK");
    CHECK(prack.body() == "v=0 late answer");
    phones.send(phones.bob, TwoPhones::answer(prack, "200 OK"));
    phones.take(phones.alice, "SIP/2.0 200");

    phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "200 OK")); // nothing more to say
    const Message ok = phones.take(phones.alice, "SIP/2.0 200");
    CHECK(ok.body().empty());
    phones.send(phones.alice, phones.request("ACK", ok.to_tag(), 1));
    phones.take(phones.bob, "ACK");
    phones.send(phones.alice, phones.invite({}, "v=0 hold", ok.to_tag(), 4));
    CHECK(phones.got(phones.bob, "INVITE"));
}

TEST_CASE("early offer: what was agreed before the answer is what a refresh repeats afterwards") {
    ReliablePhones phones;
    std::string alices = "v=0 offer";
    std::string bobs = "v=0 answer";
    SUBCASE("in the INVITE and a reliable response") {
        phones.ring();
        phones.acknowledge(phones.progress(1, bobs), 2);
    }
    SUBCASE("in a reliable response and its PRACK") {
        phones.ring(able, "");
        const Message progress = phones.progress(1, bobs);
        phones.send(phones.alice, phones.prack(progress.to_tag(), 2, progress.value(Header::rseq), alices));
        phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "PRACK"), "200 OK"));
        phones.take(phones.alice, "SIP/2.0 200");
    }
    SUBCASE("in a PRACK and its answer") {
        alices = "v=0 second offer";
        bobs = "v=0 second answer";
        phones.ring();
        const Message progress = phones.progress(1, "v=0 answer");
        phones.send(phones.alice, phones.prack(progress.to_tag(), 2, progress.value(Header::rseq), alices));
        phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "PRACK"), "200 OK", "bob", {}, bobs));
        phones.take(phones.alice, "SIP/2.0 200");
    }
    SUBCASE("by tandem, for a caller who can not") {
        phones.ring({});
        phones.progress(1, bobs);
        phones.take(phones.bob, "PRACK");
    }
    phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "200 OK"));
    const Message ok = phones.take(phones.alice, "SIP/2.0 200");
    phones.send(phones.alice, phones.request("ACK", ok.to_tag(), 1));
    phones.take(phones.bob, "ACK");
    const Tracker &tracker = phones.engine().tracker();
    REQUIRE(phones.refresh(tracker.find(phones.bobs_invite.call_id(), phones.bobs_invite.from_tag(), {})).ok());
    const Message invite = phones.take(phones.bob, "INVITE");
    CHECK(invite.body() == alices);
    CHECK(invite.cseq() == 3);
    phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", "", {}, bobs));
    phones.take(phones.bob, "ACK");
    REQUIRE(phones.refresh(tracker.find("call-a", "alice", {})).ok());
    CHECK(phones.take(phones.alice, "INVITE").body() == bobs);
}

TEST_CASE("early offer: what one fork agreed on before the answer is not what another one has said") {
    ReliablePhones phones;
    const auto progress = [&](std::string_view tag, std::string_view body) {
        phones.send(phones.bob, ReliablePhones::reliable(phones.bobs_invite, "183 Progress", 5, body, tag));
        return phones.take(phones.alice, "SIP/2.0 183");
    };
    std::string_view answered = "v=0 second";
    SUBCASE("in the 2xx") {
        phones.ring();
        progress("bob-1", "v=0 first");
        phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "200 OK", "bob-2", {}, answered));
    }
    const auto acknowledge = [&](const Message &response, std::uint32_t cseq, std::string_view body) {
        phones.send(phones.alice, phones.prack(response.to_tag(), cseq, response.value(Header::rseq), body));
        phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "PRACK"), "200 OK"));
        CHECK(phones.got(phones.alice, "SIP/2.0 200"));
    };
    SUBCASE("reliably, and before the other") {
        phones.ring();
        const Message second = progress("bob-2", answered);
        progress("bob-1", "v=0 first");
        acknowledge(second, 2, {});
        phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "200 OK", "bob-2"));
    }
    SUBCASE("by a PRACK that comes after the answer of the other") {
        phones.ring(able, "");
        const Message first = progress("bob-1", "v=0 first");
        acknowledge(progress("bob-2", answered), 2, "v=0 answer to second");
        phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "200 OK", "bob-2"));
        phones.take(phones.alice, "SIP/2.0 200");
        acknowledge(first, 3, "v=0 answer to first");
        phones.wait(1000); // the 2xx comes again
    }
    const Message ok = phones.take(phones.alice, "SIP/2.0 200");
    phones.send(phones.alice, phones.request("ACK", ok.to_tag(), 1));
    phones.take(phones.bob, "ACK");
    REQUIRE(phones.refresh(phones.engine().tracker().find("call-a", "alice", {})).ok());
    CHECK(phones.take(phones.alice, "INVITE").body() == answered);
}

TEST_CASE("early offer: an UPDATE with an offer passes before the answer once the first offer has its own (RFC 3311)") {
    ReliablePhones phones;
    phones.ring();
    phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "183 Progress", "bob", {}, "v=0 preview"));
    const std::string tag(phones.take(phones.alice, "SIP/2.0 183").to_tag());
    phones.send(phones.alice, phones.request("UPDATE", tag, 2, {}, "v=0 second"));
    CHECK(phones.got(phones.alice, "SIP/2.0 500")); // a plain 183 answers nothing
    phones.acknowledge(phones.progress(1, "v=0 answer"), 3);
    SUBCASE("of the caller's") {
        phones.send(phones.alice, phones.request("UPDATE", tag, 4, {}, "v=0 second"));
        const Message update = phones.take(phones.bob, "UPDATE");
        CHECK(update.body() == "v=0 second");
        CHECK(update.cseq() == 3);
        phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "UPDATE", 1, {}, "v=0 across"));
        CHECK(phones.got(phones.bob, "SIP/2.0 491"));
        phones.send(phones.bob, TwoPhones::answer(update, "200 OK", "bob", {}, "v=0 yes"));
        CHECK(phones.take(phones.alice, "SIP/2.0 200").body() == "v=0 yes");
    }
    SUBCASE("of the callee's, and it is still open when he answers") {
        phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "UPDATE", 1, {}, "v=0 second"));
        const Message update = phones.take(phones.alice, "UPDATE");
        phones.send(phones.bob, TwoPhones::answer(phones.bobs_invite, "200 OK"));
        const Message ok = phones.take(phones.alice, "SIP/2.0 200");
        phones.send(phones.alice, phones.request("ACK", ok.to_tag(), 1));
        phones.send(phones.alice, phones.invite({}, "v=0 hold", tag, 4));
        CHECK(phones.got(phones.alice, "SIP/2.0 491"));
        phones.send(phones.alice, TwoPhones::answer(update, "200 OK", "", {}, "v=0 yes"));
        CHECK(phones.take(phones.bob, "SIP/2.0 200").body() == "v=0 yes");
        phones.send(phones.alice, phones.invite({}, "v=0 hold", tag, 5));
        CHECK(phones.got(phones.bob, "INVITE"));
    }
}

TEST_CASE("early offer: the answer to an UPDATE says nothing of the callee who was faster") {
    ReliablePhones phones;
    phones.router.answer.targets.push_back({"sip:carol@192.0.2.3:5063", phones.carol, "carrier-c", {}, true});
    phones.ring(able, "v=0 first");
    const Message carols = phones.take(phones.carol, "INVITE");
    const Message progress = phones.progress(7, "v=0 bob");
    phones.acknowledge(progress, 2);
    phones.send(phones.alice, phones.request("UPDATE", progress.to_tag(), 3, {}, "v=0 second"));
    const Message update = phones.take(phones.bob, "UPDATE");
    phones.send(phones.carol, TwoPhones::answer(carols, "200 OK", "carol", {}, "v=0 carol"));
    const Message ok = phones.take(phones.alice, "SIP/2.0 200");
    phones.send(phones.alice, phones.request("ACK", ok.to_tag(), 1));
    phones.send(phones.bob, TwoPhones::answer(update, "200 OK", "bob", {}, "v=0 bob again"));
    CHECK(phones.refresh(phones.engine().tracker().find("call-a", "alice", {})).ok());
    CHECK(phones.take(phones.alice, "INVITE").body() == "v=0 carol");
}

TEST_CASE("early offer: an offer in a PRACK is open until its answer (RFC 3262 section 5)") {
    ReliablePhones phones;
    phones.ring();
    const Message progress = phones.progress(1, "v=0 answer");
    phones.send(phones.alice, phones.prack(progress.to_tag(), 2, progress.value(Header::rseq), "v=0 second offer"));
    const Message prack = phones.take(phones.bob, "PRACK");
    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "UPDATE", 1, {}, "v=0 across"));
    CHECK(phones.got(phones.bob, "SIP/2.0 491"));
    phones.send(phones.bob, TwoPhones::answer(prack, "200 OK", "bob", {}, "v=0 second answer"));
    phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "UPDATE", 2, {}, "v=0 third"));
    CHECK(phones.got(phones.alice, "UPDATE"));
}
