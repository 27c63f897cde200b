// The search for a callee: serial hunting, parallel forking, failover between addresses, redirections, names.
#include "call/two_phones.hpp"

using namespace tandem;
using test::TwoPhones;

namespace {

// Alice's call may go to Bob, then to Carol, then to Dave.
struct Hunt : TwoPhones {
    explicit Hunt(bool is_parallel = false) {
        router.answer.targets.push_back({"sip:carol@192.0.2.3:5063", carol, "carrier-c", {}, is_parallel});
        router.answer.targets.push_back({"sip:dave@192.0.2.4:5064", dave, "carrier-d", {}, is_parallel});
        router.answer.hunt_on = {408, 500, 503};
    }

    // Alice hears the 200, acknowledges, and hangs up; the callee sees ACK and BYE and answers.
    void talk(const Endpoint &callee) {
        const Message ok = take(alice, "SIP/2.0 200");
        send(alice, request("ACK", ok.to_tag(), 1));
        take(callee, "ACK");
        send(alice, request("BYE", ok.to_tag(), 2));
        send(callee, answer(take(callee, "BYE"), "200 OK"));
        take(alice, "SIP/2.0 200");
    }
};

} // namespace

TEST_CASE("hunt: an answer in hunt_on tries the next target with a leg of its own, and the caller sees nothing of it") {
    Hunt phones;
    phones.send(phones.alice, phones.invite());
    const Message first = phones.take(phones.bob, "INVITE");
    CHECK_FALSE(phones.got(phones.carol, "INVITE"));
    phones.send(phones.bob, TwoPhones::answer(first, "503 Busy Lines"));
    CHECK(phones.got(phones.bob, "ACK"));
    const Message second = phones.take(phones.carol, "INVITE");
    CHECK(second.request_uri() == "sip:carol@192.0.2.3:5063");
    CHECK(second.call_id() != first.call_id());
    CHECK(second.from_tag() != first.from_tag());
    CHECK(second.top_via().branch != first.top_via().branch);
    CHECK(second.cseq() == 1);
    CHECK(second.body() == "v=0 offer");
    CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 503"));
    phones.send(phones.carol, TwoPhones::answer(second, "200 OK", "carol", {}, "v=0 answer"));
    phones.talk(phones.carol);
    const auto ended = phones.finish();
    CHECK(ended.reason == EndReason::caller_bye);
    CHECK(ended.callee_call_id == second.call_id());
}

TEST_CASE("hunt: an answer that is not in hunt_on goes to the caller") {
    Hunt phones;
    phones.send(phones.alice, phones.invite());
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "INVITE"), "486 Busy Here"));
    CHECK(phones.got(phones.alice, "SIP/2.0 486 Busy Here"));
    CHECK_FALSE(phones.got(phones.carol, "INVITE"));
    CHECK(phones.finish().sip_code == 486);
}

TEST_CASE("hunt: the caller gets the best refusal of all: 6xx, else the lowest class (RFC 3261 section 16.7 item 6)") {
    Hunt phones;
    phones.router.answer.hunt_on = {404, 503, 500};
    phones.send(phones.alice, phones.invite());
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "INVITE"), "503 No"));
    phones.send(phones.carol, TwoPhones::answer(phones.take(phones.carol, "INVITE"), "404 Gone", "c", "X-Best: y\r\n"));
    phones.send(phones.dave, TwoPhones::answer(phones.take(phones.dave, "INVITE"), "500 No"));
    CHECK(phones.take(phones.alice, "SIP/2.0 404 Gone").has(Header::call_id));
    CHECK(phones.finish().sip_code == 404);
}

TEST_CASE("hunt: 6xx speaks for everybody and ends the hunt (RFC 3261 section 16.7 item 5)") {
    Hunt phones;
    phones.router.answer.hunt_on = {503, 603};
    phones.send(phones.alice, phones.invite());
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "INVITE"), "603 Decline"));
    CHECK(phones.got(phones.alice, "SIP/2.0 603"));
    CHECK_FALSE(phones.got(phones.carol, "INVITE"));
    phones.finish();
}

TEST_CASE("hunt: a challenge counts as 503 and never reaches the caller") {
    Hunt phones;
    phones.send(phones.alice, phones.invite());
    const std::string challenge = "Proxy-Authenticate: Digest realm=\"t\", nonce=\"n\"\r\n";
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "INVITE"), "407 Prove It", "b", challenge));
    phones.send(phones.carol, TwoPhones::answer(phones.take(phones.carol, "INVITE"), "407 Prove It", "c", challenge));
    phones.send(phones.dave, TwoPhones::answer(phones.take(phones.dave, "INVITE"), "407 Prove It", "d", challenge));
    const Message refusal = phones.take(phones.alice, "SIP/2.0 503");
    CHECK_FALSE(refusal.has(Header::proxy_authenticate));
    phones.finish();
}

TEST_CASE("hunt: a target that rings too long is cancelled, and the next one rings") {
    Hunt phones;
    phones.router.answer.ring_timeout = std::chrono::seconds(20);
    phones.send(phones.alice, phones.invite());
    const Message first = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(first, "180 Ringing"));
    CHECK(phones.got(phones.alice, "SIP/2.0 180"));
    phones.wait(20'000);
    const Message cancel = phones.take(phones.bob, "CANCEL");
    const Message second = phones.take(phones.carol, "INVITE");
    SUBCASE("and what the first one still says changes nothing") {
        phones.send(phones.bob, TwoPhones::answer(cancel, "200 OK"));
        phones.send(phones.bob, TwoPhones::answer(first, "487 Request Terminated"));
        CHECK(phones.got(phones.bob, "ACK"));
    }
    SUBCASE("and if the first one answers all the same it is hung up") {
        phones.send(phones.bob, TwoPhones::answer(cancel, "200 OK"));
        phones.send(phones.bob, TwoPhones::answer(first, "200 OK", "bob", {}, "v=0 late"));
        CHECK(phones.got(phones.bob, "ACK"));
        phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
        CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 200"));
    }
    SUBCASE("even if he challenges the BYE") {
        phones.send(phones.bob, TwoPhones::answer(first, "200 OK", "bob", {}, "v=0 late"));
        CHECK(phones.engine().dialogs() == 3);
        phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "401 Prove it"));
        CHECK(phones.engine().dialogs() == 2);
    }
    phones.send(phones.carol, TwoPhones::answer(second, "200 OK", "carol", {}, "v=0 answer"));
    phones.talk(phones.carol);
    CHECK(phones.finish().reason == EndReason::caller_bye);
}

TEST_CASE("hunt: when the last target rings too long the caller hears 408, and the record says no_answer") {
    Hunt phones;
    phones.router.answer.ring_timeout = std::chrono::seconds(20);
    phones.send(phones.alice, phones.invite());
    for (const Endpoint &phone : {phones.bob, phones.carol, phones.dave}) {
        phones.send(phone, TwoPhones::answer(phones.take(phone, "INVITE"), "180 Ringing"));
        phones.wait(20'000);
        const Message cancel = phones.take(phone, "CANCEL");
        phones.send(phone, TwoPhones::answer(cancel, "200 OK"));
    }
    CHECK(phones.got(phones.alice, "SIP/2.0 408"));
    CHECK(phones.finish().reason == EndReason::no_answer);
}

TEST_CASE("hunt: a target that does not answer at all is left after 64*T1 (RFC 3261 timer B)") {
    Hunt phones;
    phones.send(phones.alice, phones.invite());
    phones.take(phones.bob, "INVITE");
    phones.wait(31'999);
    CHECK_FALSE(phones.got(phones.carol, "INVITE"));
    phones.wait(1);
    CHECK(phones.got(phones.carol, "INVITE"));
}

TEST_CASE("hunt: a target that nothing can be sent to is a 503 like any other") {
    Hunt phones;
    phones.router.answer.targets.front().to.transport = Transport::tls; // there is no such listener
    SUBCASE("hunted past") {
        phones.send(phones.alice, phones.invite());
        CHECK(phones.got(phones.carol, "INVITE"));
        CHECK_FALSE(phones.got(phones.dave, "INVITE"));
    }
    SUBCASE("or not") {
        phones.router.answer.hunt_on = {486};
        phones.send(phones.alice, phones.invite());
        CHECK(phones.got(phones.alice, "SIP/2.0 503"));
        CHECK_FALSE(phones.got(phones.carol, "INVITE"));
        phones.finish();
    }
    SUBCASE("beside one that rings: the next target waits for that one") {
        phones.router.answer.targets[1].is_parallel = true;
        phones.send(phones.alice, phones.invite());
        const Message carols = phones.take(phones.carol, "INVITE");
        CHECK_FALSE(phones.got(phones.dave, "INVITE"));
        phones.send(phones.carol, TwoPhones::answer(carols, "486 Busy", "carol"));
        CHECK(phones.got(phones.dave, "INVITE"));
    }
}

TEST_CASE("hunt: CANCEL ends the hunt") {
    Hunt phones;
    phones.send(phones.alice, phones.invite());
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "INVITE"), "503 No"));
    const Message second = phones.take(phones.carol, "INVITE");
    phones.send(phones.carol, TwoPhones::answer(second, "180 Ringing", "carol"));
    phones.send(phones.alice, phones.cancel("Reason: Q.850;cause=16\r\n"));
    CHECK(phones.got(phones.alice, "SIP/2.0 487"));
    CHECK(phones.take(phones.carol, "CANCEL").value(Header::reason) == "Q.850;cause=16");
    phones.send(phones.carol, TwoPhones::answer(second, "503 Whatever", "carol"));
    CHECK_FALSE(phones.got(phones.dave, "INVITE"));
    CHECK(phones.finish().reason == EndReason::cancelled);
}

TEST_CASE("fork: targets that are parallel ring at once; the first 2xx wins, the others are cancelled") {
    Hunt phones(true);
    phones.send(phones.alice, phones.invite());
    const Message bobs = phones.take(phones.bob, "INVITE");
    const Message carols = phones.take(phones.carol, "INVITE");
    const Message daves = phones.take(phones.dave, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(bobs, "183 Progress", "bob", {}, "v=0 bob"));
    phones.send(phones.carol, TwoPhones::answer(carols, "180 Ringing", "carol"));
    const Message bob_rings = phones.take(phones.alice, "SIP/2.0 183");
    const Message carol_rings = phones.take(phones.alice, "SIP/2.0 180");
    CHECK(bob_rings.body() == "v=0 bob"); // each fork's early media
    CHECK(bob_rings.to_tag() != carol_rings.to_tag());

    phones.send(phones.carol, TwoPhones::answer(carols, "200 OK", "carol", {}, "v=0 carol"));
    const Message cancel = phones.take(phones.bob, "CANCEL");
    CHECK(cancel.value(Header::reason) == "SIP;cause=200;text=\"Call completed elsewhere\""); // RFC 3326
    CHECK_FALSE(phones.got(phones.dave, "CANCEL")); // it has said nothing yet (RFC 3261 section 9.1)
    phones.send(phones.dave, TwoPhones::answer(daves, "180 Ringing", "dave"));
    CHECK(phones.got(phones.dave, "CANCEL"));
    const Message ok = phones.take(phones.alice, "SIP/2.0 200");
    CHECK(ok.to_tag() == carol_rings.to_tag());
    CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 180")); // Dave's came too late

    SUBCASE("the losers say 487") {
        phones.send(phones.bob, TwoPhones::answer(bobs, "487 Request Terminated", "bob"));
        phones.send(phones.dave, TwoPhones::answer(daves, "487 Request Terminated", "dave"));
    }
    SUBCASE("a loser answers 200 as well: it is acknowledged and hung up at once") {
        phones.send(phones.bob, TwoPhones::answer(bobs, "200 OK", "bob", {}, "v=0 bob"));
        CHECK(phones.got(phones.bob, "ACK"));
        phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
    }
    phones.send(phones.alice, phones.request("ACK", ok.to_tag(), 1));
    CHECK(phones.got(phones.carol, "ACK"));
    phones.send(phones.alice, phones.request("BYE", ok.to_tag(), 2));
    phones.send(phones.carol, TwoPhones::answer(phones.take(phones.carol, "BYE"), "200 OK"));
    const auto ended = phones.finish();
    CHECK(ended.reason == EndReason::caller_bye);
    CHECK(ended.callee_call_id == carols.call_id());
}

TEST_CASE("fork: the caller may see all forks as one") {
    Hunt phones(true);
    phones.router.answer.forks = ForkView::one;
    phones.send(phones.alice, phones.invite());
    const Message bobs = phones.take(phones.bob, "INVITE");
    const Message carols = phones.take(phones.carol, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(bobs, "180 Ringing", "bob"));
    const std::string tag(phones.take(phones.alice, "SIP/2.0 180").to_tag());
    phones.send(phones.carol, TwoPhones::answer(carols, "183 Progress", "carol"));
    CHECK(phones.take(phones.alice, "SIP/2.0 183").to_tag() == tag);
    phones.send(phones.bob, TwoPhones::answer(bobs, "200 OK", "bob", {}, "v=0"));
    CHECK(phones.take(phones.alice, "SIP/2.0 200").to_tag() == tag);
}

TEST_CASE("fork: refusals wait for the others, and the best of them goes to the caller") {
    Hunt phones(true);
    phones.send(phones.alice, phones.invite());
    const Message bobs = phones.take(phones.bob, "INVITE");
    const Message carols = phones.take(phones.carol, "INVITE");
    const Message daves = phones.take(phones.dave, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(bobs, "486 Busy Here", "bob"));
    phones.send(phones.carol, TwoPhones::answer(carols, "500 Oh", "carol"));
    CHECK_FALSE(phones.got(phones.alice, "SIP/2.0 486"));
    SUBCASE("none answers") {
        phones.send(phones.dave, TwoPhones::answer(daves, "503 No", "dave"));
        CHECK(phones.got(phones.alice, "SIP/2.0 486"));
    }
    SUBCASE("one declines for all: nobody else rings") {
        phones.send(phones.dave, TwoPhones::answer(daves, "603 Decline", "dave"));
        CHECK(phones.got(phones.alice, "SIP/2.0 603"));
    }
    phones.finish();
}

TEST_CASE("fork: CANCEL reaches everybody who rings") {
    Hunt phones(true);
    phones.send(phones.alice, phones.invite());
    for (const Endpoint &phone : {phones.bob, phones.carol, phones.dave}) {
        const Message invite = phones.take(phone, "INVITE");
        phones.send(phone, TwoPhones::answer(invite, "180 Ringing"));
    }
    phones.send(phones.alice, phones.cancel());
    for (const Endpoint &phone : {phones.bob, phones.carol, phones.dave}) CHECK(phones.got(phone, "CANCEL"));
    CHECK(phones.finish().reason == EndReason::cancelled);
}

TEST_CASE("fork: requests before the answer stay with the callee that they belong to") {
    Hunt phones(true);
    phones.send(phones.alice, phones.invite());
    const Message bobs = phones.take(phones.bob, "INVITE");
    const Message carols = phones.take(phones.carol, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(bobs, "183 Progress", "bob"));
    const std::string bobs_tag(phones.take(phones.alice, "SIP/2.0 183").to_tag());
    phones.send(phones.carol, TwoPhones::answer(carols, "183 Progress", "carol"));
    const std::string carols_tag(phones.take(phones.alice, "SIP/2.0 183").to_tag());

    phones.send(phones.alice, phones.request("INFO", carols_tag, 2));
    CHECK(phones.take(phones.carol, "INFO").call_id() == carols.call_id());
    phones.send(phones.bob, TwoPhones::from_bob(bobs, "INFO", 7));
    CHECK(phones.take(phones.alice, "INFO").from_tag() == bobs_tag);
}

TEST_CASE("failover: another address of the same name is tried after 503 or silence, never after an answer") {
    TwoPhones phones;
    phones.router.answer.targets.front().lookup = "sip:carrier.example";
    phones.send(phones.alice, phones.invite());
    CHECK_FALSE(phones.got(phones.bob, "INVITE"));
    CHECK(phones.got(phones.alice, "SIP/2.0 100"));
    const Lookup lookup = phones.lookup();
    CHECK(lookup.uri == "sip:carrier.example");
    phones.resolve(lookup, {phones.bob, phones.carol, phones.dave});
    const Message first = phones.take(phones.bob, "INVITE");
    CHECK_FALSE(phones.got(phones.carol, "INVITE"));
    SUBCASE("503 (RFC 3263 section 4.3)") {
        phones.send(phones.bob, TwoPhones::answer(first, "503 Not Here"));
        phones.fail(phones.carol, "INVITE"); // it cannot be sent
        CHECK(phones.take(phones.dave, "INVITE").request_uri() == first.request_uri());
    }
    SUBCASE("silence") {
        phones.wait(32'000);
        CHECK(phones.got(phones.carol, "INVITE"));
    }
    SUBCASE("a callee that rings and then refuses has been reached") {
        phones.send(phones.bob, TwoPhones::answer(first, "180 Ringing"));
        phones.send(phones.bob, TwoPhones::answer(first, "486 Busy Here"));
        CHECK(phones.got(phones.alice, "SIP/2.0 486"));
        CHECK_FALSE(phones.got(phones.carol, "INVITE"));
    }
}

TEST_CASE("failover: a name without an address is refused 503, or hunted past") {
    TwoPhones phones;
    phones.router.answer.targets.front().lookup = "sip:carrier.example";
    SUBCASE("the only target") {
        phones.send(phones.alice, phones.invite());
        phones.resolve(phones.lookup(), {});
        CHECK(phones.got(phones.alice, "SIP/2.0 503"));
        CHECK(phones.finish().reason == EndReason::transport);
    }
    SUBCASE("there is another one") {
        phones.router.answer.targets.push_back({"sip:carol@192.0.2.3:5063", phones.carol, {}});
        phones.router.answer.hunt_on = {503};
        phones.send(phones.alice, phones.invite());
        phones.resolve(phones.lookup(), {});
        CHECK(phones.got(phones.carol, "INVITE"));
    }
    SUBCASE("the caller hangs up meanwhile, and the answer comes too late") {
        phones.send(phones.alice, phones.invite());
        const Lookup lookup = phones.lookup();
        phones.send(phones.alice, phones.cancel());
        CHECK(phones.got(phones.alice, "SIP/2.0 487"));
        phones.resolve(lookup, {phones.bob});
        CHECK_FALSE(phones.got(phones.bob, "INVITE"));
        phones.resolve(lookup, {phones.bob});
        CHECK(phones.finish().reason == EndReason::cancelled);
    }
    SUBCASE("nobody resolves it: the ring timeout ends the wait") {
        phones.send(phones.alice, phones.invite());
        phones.wait(60'000);
        CHECK(phones.got(phones.alice, "SIP/2.0 408"));
        phones.finish();
    }
}

TEST_CASE("redirect: 3xx passes to the caller with its Contacts, unless the route follows it") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    const std::string contacts = "Contact: <sip:carol@192.0.2.3:5063>;q=0.5, <sip:dave@192.0.2.4:5064>\r\n";
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "INVITE"), "302 Moved", "bob", contacts));
    const Message moved = phones.take(phones.alice, "SIP/2.0 302");
    CHECK(moved.values(Header::contact) == "<sip:carol@192.0.2.3:5063>;q=0.5, <sip:dave@192.0.2.4:5064>");
    phones.finish();
}

TEST_CASE("redirect: a followed 3xx calls its Contacts in the order of q, each once") {
    TwoPhones phones;
    phones.router.answer.redirects = Redirects::follow;
    phones.send(phones.alice, phones.invite());
    const std::string contacts = "Contact: <sip:carol@192.0.2.3:5063>;q=0.5, <sip:nowhere@192.0.2.8>, <mailto:x@y>, "
                                 "<sip:dave@192.0.2.4:5064>;q=0.7, <sip:bob@192.0.2.2:5062>\r\n";
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "INVITE"), "302 Moved", "bob", contacts));
    const Message daves = phones.take(phones.dave, "INVITE");
    CHECK(daves.request_uri() == "sip:dave@192.0.2.4:5064");
    phones.router.answer.hunt_on = {};
    SUBCASE("the next one follows only where the route hunts on") {
        phones.send(phones.dave, TwoPhones::answer(daves, "486 Busy", "dave"));
        CHECK(phones.got(phones.alice, "SIP/2.0 486"));
    }
    SUBCASE("a loop ends") {
        phones.send(phones.dave, TwoPhones::answer(daves, "302 Back", "dave", "Contact: <sip:bob@192.0.2.2:5062>\r\n"));
        CHECK_FALSE(phones.got(phones.bob, "INVITE"));
        CHECK(phones.got(phones.alice, "SIP/2.0 302"));
    }
    phones.finish();
}

TEST_CASE("redirect: it is followed to nowhere that it may not lead, by a phone to nowhere that no phone may be") {
    TwoPhones phones;
    phones.router.answer.redirects = Redirects::follow;
    phones.router.barred = {phones.carol};
    SUBCASE("of whom the configuration names") { phones.router.barred_from = TargetOrigin::redirection; }
    SUBCASE("of a registered phone") { phones.router.answer.targets.front().origin = TargetOrigin::binding; }
    SUBCASE("of a registered phone, twice") {
        phones.router.answer.targets.front() = {"sip:dave@192.0.2.4:5064", phones.dave, {}};
        phones.router.answer.targets.front().origin = TargetOrigin::binding;
        phones.send(phones.alice, phones.invite());
        const std::string next = "Contact: <sip:bob@192.0.2.2:5062>\r\n";
        phones.send(phones.dave, TwoPhones::answer(phones.take(phones.dave, "INVITE"), "302 Moved", "d", next));
    }
    phones.send(phones.alice, phones.invite());
    const std::string contacts = "Contact: <sip:carol@192.0.2.3:5063>\r\n";
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "INVITE"), "302 Moved", "bob", contacts));
    CHECK_FALSE(phones.got(phones.carol, "INVITE"));
    CHECK(phones.got(phones.alice, "SIP/2.0 480"));
    CHECK(phones.engine().statistics().barred_ways == 1);
    phones.finish();
}

TEST_CASE("redirect: from SIPS it is followed to SIPS alone (RFC 3261 section 26.2.2)") {
    EngineOptions options;
    const auto over_tls = [](Endpoint at) {
        at.transport = Transport::tls;
        return at;
    };
    options.listeners.push_back({over_tls(test::endpoint("192.0.2.9", 5061)), "192.0.2.9:5061"}); // before that of UDP
    TwoPhones phones(options);
    phones.router.answer.redirects = Redirects::follow;
    const Endpoint bob = over_tls(phones.bob);
    phones.router.answer.targets.front() = {"sips:bob@192.0.2.2:5062", bob, "carrier"};
    std::string contacts = "Contact: <sip:carol@192.0.2.3:5063>, <sip:carol@192.0.2.3:5063;transport=tls>";
    std::optional<Endpoint> next;
    SUBCASE("nobody is left") {}
    SUBCASE("one is left") {
        contacts += ", <SIPS:dave@192.0.2.4:5064>";
        next = over_tls(phones.dave);
    }
    const Endpoint alice = over_tls(phones.alice);
    phones.send(alice, phones.invite());
    phones.send(bob, TwoPhones::answer(phones.take(bob, "INVITE"), "302 Moved", "bob", contacts + "\r\n"));
    Endpoint carol = phones.carol;
    carol.listener = 1;
    CHECK_FALSE(phones.got(carol, "INVITE"));
    CHECK_FALSE(phones.got(over_tls(phones.carol), "INVITE"));
    if (next) {
        CHECK(phones.take(*next, "INVITE").request_uri() == "SIPS:dave@192.0.2.4:5064");
    } else {
        CHECK(phones.got(alice, "SIP/2.0 302"));
    }
    phones.finish();
}

TEST_CASE("redirect: no more than five are followed") {
    TwoPhones phones;
    phones.router.answer.redirects = Redirects::follow;
    phones.send(phones.alice, phones.invite());
    int asked = 0;
    for (std::optional<Message> invite = phones.take(phones.bob, "INVITE"); invite; ++asked) {
        const std::string next = "Contact: <sip:u" + std::to_string(asked) + "@192.0.2.2:5062>\r\n";
        phones.send(phones.bob, TwoPhones::answer(*invite, "302 Moved", "b" + std::to_string(asked), next));
        phones.take(phones.bob, "ACK");
        invite = phones.try_take(phones.bob, "INVITE");
    }
    CHECK(asked == 6);
    CHECK(phones.got(phones.alice, "SIP/2.0 302"));
    phones.finish();
}
