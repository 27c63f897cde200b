// Transfers into profiles that the cluster counts: whoever comes waits for the verdict, like a new call.
#include "call/shared_phones.hpp"
#include "cluster/fake_redis.hpp"

using namespace tandem;
using test::FakeNode;
using test::FakeRedis;
using test::of_dave;
using test::Shared;
using test::TwoPhones;

namespace {

const char *const audio = "v=0\r\no=x 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

// Alice, who called, refers: she goes, and each leg to a target counts by itself.
struct Referred : Shared {
    explicit Referred(OnOutage on_outage = OnOutage::closed) : Shared(on_outage) {
        router.answer.profiles.clear();
        establish();
        router.answer.profiles = {{"user", "carol"}, {"total", ""}};
        router.answer.targets = {{"sip:carol@192.0.2.3:5063", carol, ""}};
    }
    Reservation refer() {
        send(alice, request("REFER", our_tag, 2, "Refer-To: <sip:carol@c>\r\n"));
        CHECK(got(alice, "SIP/2.0 202"));
        CHECK(notified() == "SIP/2.0 100 Trying\r\n");
        CHECK_FALSE(got(carol, "INVITE"));
        return asked();
    }
    std::string notified() {
        const Message notify = take(alice, "NOTIFY");
        send(alice, answer(notify, "200 OK"));
        return std::string(notify.body());
    }
    void nothing_left() {
        wait(400'000);
        CHECK(engine().calls() == 0);
        CHECK(engine().transactions() == 0);
        CHECK(engine().dialogs() == 0);
        CHECK(size("user") == 0);
        CHECK(size("total") == 0);
    }
};

// Dave wants a place in Alice's call to Bob: hers, while it is up, or Bob's, while it rings.
struct Newcomer : Shared {
    explicit Newcomer(bool rings = false) {
        router.answer.profiles.clear();
        send(alice, invite({}, audio));
        bobs_invite = take(bob, "INVITE");
        send(bob, answer(bobs_invite, rings ? "180 Ringing" : "200 OK", "bob", {}, rings ? "" : audio));
        our_tag = take(alice, rings ? "SIP/2.0 180" : "SIP/2.0 200").to_tag();
        if (!rings) send(alice, request("ACK", our_tag, 1));
        forget();
        replaces = rings ? "Replaces: " + std::string(bobs_invite.call_id()) +
                               ";to-tag=" + std::string(bobs_invite.from_tag()) + ";from-tag=bob\r\n"
                         : "Replaces: call-a;to-tag=" + our_tag + ";from-tag=alice\r\n";
        router.answer.profiles = {{"user", "dave"}, {"total", ""}};
    }
    Reservation come() {
        send(dave, of_dave(invite(replaces, audio)));
        CHECK(got(dave, "SIP/2.0 100"));
        CHECK(is_silent());
        CHECK(size("total") == 1);
        return asked();
    }
    // The call that was up, or rang, is as it was.
    void end_by_alice(bool rings) {
        if (rings) {
            CHECK_FALSE(got(bob, "CANCEL"));
            send(alice, cancel());
            send(bob, answer(take(bob, "CANCEL"), "200 OK"));
            send(bob, answer(bobs_invite, "487 Request Terminated"));
        } else {
            CHECK_FALSE(got(bob, "INVITE"));
            send(alice, request("BYE", our_tag, 3));
            send(bob, answer(take(bob, "BYE"), "200 OK"));
        }
        wait(400'000);
        CHECK(engine().calls() == 0);
        CHECK(engine().transactions() == 0);
        CHECK(engine().dialogs() == 0);
        CHECK(size("user") == 0);
        CHECK(size("total") == 0);
    }
    std::string replaces;
};

} // namespace

TEST_CASE("cluster transfer: who calls for a REFER waits too; a refusal leaves the call as it was") {
    for (const Verdict verdict : {Verdict::admitted, Verdict::refused}) {
        CAPTURE(static_cast<int>(verdict));
        Shared phones;
        phones.router.answer.profiles.clear();
        phones.establish();
        phones.router.answer.profiles = {{"user", "carol"}};
        phones.router.answer.targets = {{"sip:carol@192.0.2.3:5063", phones.carol, ""}};
        phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "REFER", 1, "Refer-To: <sip:carol@c>\r\n"));
        CHECK(phones.got(phones.bob, "SIP/2.0 202"));
        CHECK_FALSE(phones.got(phones.carol, "INVITE"));
        const Reservation asked = phones.asked();
        REQUIRE(asked.places.size() == 1);
        CHECK(asked.places[0].value == "carol");
        phones.decide(asked, verdict);
        CHECK(phones.got(phones.carol, "INVITE") == (verdict == Verdict::admitted));
        CHECK(phones.size("user") == (verdict == Verdict::admitted ? 1 : 0));
        CHECK(phones.engine().calls() == 1);
    }
}

TEST_CASE("cluster transfer: places of a transfer that comes to nothing are left, also if they come late") {
    for (const bool is_late : {false, true}) {
        CAPTURE(is_late);
        Shared phones;
        phones.router.answer.profiles.clear();
        phones.establish();
        phones.router.answer.profiles = {{"user", "carol"}};
        phones.router.answer.targets = {{"sip:carol@192.0.2.3:5063", phones.carol, ""}};
        phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "REFER", 1, "Refer-To: <sip:carol@c>\r\n"));
        const Reservation asked = phones.asked();
        if (is_late) phones.send(phones.alice, phones.request("BYE", phones.our_tag, 2));
        phones.decide(asked, Verdict::admitted);
        if (is_late) {
            CHECK_FALSE(phones.got(phones.carol, "INVITE"));
        } else {
            phones.send(phones.carol, TwoPhones::answer(phones.take(phones.carol, "INVITE"), "486 Busy", "carol"));
            const auto left = phones.departures();
            REQUIRE(left.size() == 1);
            CHECK(left[0].dialog == asked.dialog);
            CHECK(left[0].profile == "user");
            CHECK(left[0].value == "carol");
        }
        CHECK(phones.size("user") == 0);
    }
}

TEST_CASE("cluster transfer: a place that is left and wanted again at once is kept") {
    FakeRedis redis;
    FakeNode node(redis, 1);
    Shared phones;
    phones.router.answer.profiles.clear();
    phones.establish();
    phones.router.answer.profiles = {{"user", "carol"}};
    phones.router.answer.targets = {{"sip:carol@192.0.2.3:5063", phones.carol, ""}};
    const auto refer = [&](int cseq) {
        phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "REFER", cseq, "Refer-To: <sip:carol@c>\r\n"));
    };
    const auto settle = [&] {
        for (const PlaceRequest &request : phones.requests()) node.leases.take(request, phones.now);
        for (int i = 0; i < 2; ++i) node.run(phones.now);
    };
    refer(1);
    settle();
    phones.decide({.id = ReservationId(node.told.begin()->first)}, Verdict::admitted);
    const Message invite = phones.take(phones.carol, "INVITE");
    CHECK(redis.size("{user=carol}") == 1);
    phones.send(phones.carol, TwoPhones::answer(invite, "486 Busy", "carol"));
    refer(2); // before the first one's end is told
    settle();
    REQUIRE(node.told.size() == 2);
    CHECK(redis.size("{user=carol}") == 1);
    phones.decide({.id = ReservationId(node.told.rbegin()->first)}, Verdict::admitted);
    CHECK(phones.got(phones.carol, "INVITE"));
    CHECK(phones.size("user") == 1);
}

TEST_CASE("cluster transfer: a target waits where the caller refers, and a refusal leaves the call as it was") {
    struct Case {
        OnOutage on_outage;
        Verdict verdict;
        bool passes;
    };
    for (const Case &it : {Case{OnOutage::closed, Verdict::admitted, true},
                           {OnOutage::closed, Verdict::refused, false},
                           {OnOutage::closed, Verdict::unknown, false},
                           {OnOutage::open, Verdict::unknown, true},
                           {OnOutage::open, Verdict::full, false}}) {
        CAPTURE(static_cast<int>(it.verdict));
        Referred phones(it.on_outage);
        const Reservation asked = phones.refer();
        REQUIRE(asked.places.size() == 1);
        CHECK(asked.places[0].value == "carol");
        CHECK(asked.places[0].limit == 1);
        CHECK(phones.size("total") == 1); // what is counted here is here
        phones.decide(asked, it.verdict);
        CHECK(phones.got(phones.carol, "INVITE") == it.passes);
        CHECK(phones.size("user") == (it.passes ? 1 : 0));
        CHECK(phones.size("total") == (it.passes ? 1 : 0));
        if (!it.passes) CHECK(phones.notified() == "SIP/2.0 503 Service Unavailable\r\n");
        CHECK(phones.profiles().info("user")->refused == (it.verdict == Verdict::refused ? 1 : 0));
        phones.send(phones.alice, phones.request("BYE", phones.our_tag, 3));
        CHECK(phones.got(phones.bob, "BYE") != it.passes); // a transfer that is under way goes on
        phones.nothing_left();
    }
}

TEST_CASE("cluster transfer: the next target has the place of one that has failed, and asks for none") {
    for (const bool is_same_target : {true, false}) {
        CAPTURE(is_same_target);
        Referred phones;
        phones.router.answer.hunt_on = {503};
        const RouteTarget dave{"sip:dave@192.0.2.4:5064", phones.dave, ""};
        if (is_same_target) phones.router.answer.targets[0].spares = {dave};
        if (!is_same_target) phones.router.answer.targets.push_back(dave);
        phones.decide(phones.refer(), Verdict::admitted);
        phones.send(phones.carol, TwoPhones::answer(phones.take(phones.carol, "INVITE"), "503 No", "carol"));
        CHECK(phones.got(phones.dave, "INVITE"));
        const auto requests = phones.requests();
        REQUIRE(requests.size() == 1);
        const auto &claimed = std::get<Reservation>(requests[0]);
        CHECK_FALSE(claimed.id);
        CHECK(claimed.places.at(0).limit == 0);
        CHECK(phones.size("user") == 1);
        CHECK(phones.size("total") == 1);
    }
}

TEST_CASE("cluster transfer: while one leg rings the next one asks for a place of its own") {
    Referred phones;
    phones.router.answer.targets.push_back({"sip:dave@192.0.2.4:5064", phones.dave, ""});
    phones.router.answer.targets[1].is_parallel = true;
    phones.send(phones.alice, phones.request("REFER", phones.our_tag, 2, "Refer-To: <sip:carol@c>\r\n"));
    const auto requests = phones.requests();
    REQUIRE(requests.size() == 2);
    phones.decide(std::get<Reservation>(requests[0]), Verdict::admitted);
    phones.decide(std::get<Reservation>(requests[1]), Verdict::refused);
    CHECK(phones.got(phones.carol, "INVITE"));
    CHECK_FALSE(phones.got(phones.dave, "INVITE"));
    CHECK(phones.size("user") == 1);
}

TEST_CASE("cluster transfer: if the remaining peer hangs up while the target waits, nobody is called") {
    for (const Verdict verdict : {Verdict::admitted, Verdict::refused, Verdict::unknown}) {
        Referred phones;
        const Reservation asked = phones.refer();
        phones.send(phones.bob, TwoPhones::from_bob(phones.bobs_invite, "BYE", 5));
        CHECK(phones.notified() == "SIP/2.0 487 Request Terminated\r\n");
        phones.decide(asked, verdict);
        CHECK_FALSE(phones.got(phones.carol, "INVITE"));
        CHECK_FALSE(phones.got(phones.carol, "CANCEL"));
        CHECK(phones.departures().empty()); // they go with the dialog
        phones.send(phones.alice, TwoPhones::answer(phones.take(phones.alice, "BYE"), "200 OK"));
        phones.nothing_left();
        REQUIRE(phones.ended.size() == 2);
        CHECK(phones.ended[0].reason != EndReason::expired);
    }
}

TEST_CASE("cluster transfer: whoever refers may hang up while the target waits") {
    Referred phones;
    const Reservation asked = phones.refer();
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, 3));
    CHECK(phones.got(phones.alice, "SIP/2.0 200"));
    CHECK_FALSE(phones.got(phones.bob, "BYE"));
    phones.decide(asked, Verdict::refused);
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
    phones.nothing_left();
}

TEST_CASE("cluster transfer: a process that dies while the target waits has called nobody") {
    Referred phones;
    phones.refer();
    phones.forget();
    phones.declare = [](ProfileTable &) {};
    phones.restart();
    CHECK_FALSE(phones.got(phones.carol, "CANCEL"));
    CHECK(phones.engine().calls() == 1);
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, 3));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
    phones.wait(400'000);
    CHECK(phones.engine().dialogs() == 0);
}

TEST_CASE("cluster transfer: a newcomer waits, and then has his seat (RFC 3891 section 3)") {
    for (const bool rings : {false, true}) {
        CAPTURE(rings);
        Newcomer phones(rings);
        const Reservation asked = phones.come();
        REQUIRE(asked.places.size() == 1);
        CHECK(asked.places[0].value == "dave");
        CHECK(asked.places[0].limit == 1);
        phones.decide(asked, Verdict::admitted);
        CHECK(phones.size("user") == 1);
        CHECK(phones.engine().calls() == 1);
        if (rings) {
            CHECK(phones.got(phones.bob, "CANCEL"));
            CHECK(phones.got(phones.alice, "SIP/2.0 200"));
        } else {
            phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "INVITE"), "200 OK", "", {}, audio));
            CHECK(phones.got(phones.alice, "BYE"));
        }
        const Message ok = phones.take(phones.dave, "SIP/2.0 200");
        phones.send(phones.dave, of_dave(phones.request("ACK", ok.to_tag(), 1)));
        phones.send(phones.dave, of_dave(phones.request("INFO", ok.to_tag(), 2)));
        CHECK(phones.got(rings ? phones.alice : phones.bob, "INFO"));
    }
}

TEST_CASE("cluster transfer: a newcomer who is one too many gets 503, and the call is as it was") {
    for (const bool rings : {false, true}) {
        for (const Verdict verdict : {Verdict::refused, Verdict::unknown, Verdict::full}) {
            CAPTURE(rings);
            CAPTURE(static_cast<int>(verdict));
            Newcomer phones(rings);
            phones.decide(phones.come(), verdict);
            const Message refusal = phones.take(phones.dave, "SIP/2.0 503");
            CHECK(refusal.has(Header::retry_after));
            CHECK(phones.size("user") == 0);
            CHECK(phones.size("total") == 0);
            phones.end_by_alice(rings);
            REQUIRE(phones.ended.size() == 2);
            CHECK(phones.ended[0].reason == (verdict == Verdict::refused ? EndReason::limit : EndReason::refused));
        }
    }
}

TEST_CASE("cluster transfer: a newcomer gives up while he waits: 487, and the call is as it was") {
    for (const bool rings : {false, true}) {
        Newcomer phones(rings);
        const Reservation asked = phones.come();
        phones.send(phones.dave, of_dave(phones.cancel()));
        CHECK(phones.got(phones.dave, "SIP/2.0 487"));
        phones.decide(asked, Verdict::admitted);
        phones.end_by_alice(rings);
    }
}

TEST_CASE("cluster transfer: the seat that a newcomer waits for may go meanwhile") {
    Newcomer phones;
    const Reservation asked = phones.come();
    const char *status = "SIP/2.0 481";
    SUBCASE("the call ends") {
        phones.send(phones.alice, phones.request("BYE", phones.our_tag, 3));
        phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
    }
    SUBCASE("somebody else takes it") {
        phones.router.answer.profiles.clear();
        std::string other = of_dave(phones.invite(phones.replaces, audio));
        test::swap_all(other, "call-d", "call-e");
        test::swap_all(other, "z9hG4bK-d", "z9hG4bK-e");
        phones.send(phones.dave, other);
        CHECK(phones.got(phones.bob, "INVITE"));
        status = "SIP/2.0 491";
    }
    phones.decide(asked, Verdict::admitted);
    CHECK(phones.got(phones.dave, status));
    CHECK(phones.size("user") == 0);
    CHECK(phones.size("total") == 0);
}

TEST_CASE("cluster transfer: a newcomer whose process dies while he waits hears 487 of the next one") {
    Newcomer phones;
    phones.come();
    phones.forget();
    phones.restart();
    CHECK(phones.got(phones.dave, "SIP/2.0 487"));
    CHECK(phones.engine().calls() == 1);
}
