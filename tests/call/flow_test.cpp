// Calls to phones that can be reached by no other way than the one they have opened (RFC 5626 section 5.3), or through
// the proxies of their Path (RFC 3327).
#include "call/two_phones.hpp"

using namespace tandem;
using test::TwoPhones;

namespace {

// Bob is behind a NAT: what he calls his address is not his here. His phone has other flows at Carol's and at Dave's.
struct Flows : TwoPhones {
    Flows() {
        router.answer.targets.front() = way(bob);
        router.answer.targets.front().spares = {way(carol), way(dave)};
    }

    static RouteTarget way(const Endpoint &to) {
        RouteTarget target;
        target.request_uri = "sip:bob@10.0.0.7:5060";
        target.to = to;
        target.is_flow = true;
        return target;
    }

    Message ring() {
        send(alice, invite());
        return take(bob, "INVITE");
    }
};

} // namespace

TEST_CASE("flow: all that belongs to a call over a flow goes there, wherever the phone says that it is") {
    Flows phones;
    const Message invite = phones.ring();
    CHECK(invite.request_uri() == "sip:bob@10.0.0.7:5060");
    phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", "bob", {}, "v=0 answer"));
    const std::string tag(phones.take(phones.alice, "SIP/2.0 200").to_tag());
    phones.send(phones.alice, phones.request("ACK", tag, 1));
    CHECK(phones.take(phones.bob, "ACK").request_uri() == "sip:bob@10.0.0.7:5060");
    phones.send(phones.alice, phones.request("BYE", tag, 2));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
    phones.finish();
}

TEST_CASE("flow: a Record-Route leads the requests inside the call, as in any other") {
    Flows phones;
    phones.send(phones.bob, TwoPhones::answer(phones.ring(), "200 OK", "bob",
                                              "Record-Route: <sip:192.0.2.4:5064;lr>\r\n", "v=0 answer"));
    const std::string tag(phones.take(phones.alice, "SIP/2.0 200").to_tag());
    phones.send(phones.alice, phones.request("ACK", tag, 1));
    CHECK(phones.got(phones.dave, "ACK"));
    phones.send(phones.alice, phones.request("BYE", tag, 2));
    phones.send(phones.dave, TwoPhones::answer(phones.take(phones.dave, "BYE"), "200 OK"));
    phones.finish();
}

TEST_CASE("flow: a 2xx that comes after the call was given up is acknowledged and hung up over the flow") {
    Flows phones;
    const Message invite = phones.ring();
    phones.send(phones.bob, TwoPhones::answer(invite, "180 Ringing"));
    phones.send(phones.alice, phones.cancel());
    phones.take(phones.bob, "CANCEL");
    phones.send(phones.bob, TwoPhones::answer(invite, "200 OK", "bob", {}, "v=0 answer"));
    CHECK(phones.got(phones.bob, "ACK"));
    phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
    phones.finish();
}

TEST_CASE("flow: the next flow of the phone is tried where one fails, and never two at once [115]") {
    Flows phones;
    const Message first = phones.ring();
    CHECK_FALSE(phones.got(phones.carol, "INVITE"));
    SUBCASE("430 (RFC 5626 section 5.3)") { phones.send(phones.bob, TwoPhones::answer(first, "430 Flow Failed")); }
    SUBCASE("503") { phones.send(phones.bob, TwoPhones::answer(first, "503 No")); }
    SUBCASE("silence") { phones.wait(32'000); }
    CHECK_FALSE(phones.got(phones.dave, "INVITE"));
    const Message second = phones.take(phones.carol, "INVITE");
    CHECK(second.call_id() != first.call_id());
}

TEST_CASE("flow: one that nothing can be sent over is left for the next, and the last that fails is the phone's 480") {
    Flows phones;
    phones.send(phones.alice, phones.invite());
    phones.fail(phones.bob, "INVITE");
    phones.fail(phones.carol, "INVITE");
    phones.send(phones.dave, TwoPhones::answer(phones.take(phones.dave, "INVITE"), "430 Flow Failed"));
    const Message refusal = phones.take(phones.alice, "SIP/2.0 480");
    CHECK(refusal.reason_phrase() == "Temporarily Unavailable");
    phones.finish();
}

TEST_CASE("flow: a phone that has rung or refused is not asked again over another flow") {
    Flows phones;
    const Message invite = phones.ring();
    SUBCASE("busy") { phones.send(phones.bob, TwoPhones::answer(invite, "486 Busy Here")); }
    SUBCASE("rang first") {
        phones.send(phones.bob, TwoPhones::answer(invite, "180 Ringing"));
        phones.send(phones.bob, TwoPhones::answer(invite, "486 Busy Here"));
    }
    CHECK(phones.got(phones.alice, "SIP/2.0 486"));
    CHECK_FALSE(phones.got(phones.carol, "INVITE"));
    phones.finish();
}

TEST_CASE("flow: a spare way may be a name; where no address is found the one after it is tried") {
    Flows phones;
    phones.router.answer.targets.front().spares.front().lookup = "sip:edge.example.com";
    const Message first = phones.ring();
    phones.send(phones.bob, TwoPhones::answer(first, "430 Flow Failed"));
    const Lookup lookup = phones.lookup();
    CHECK(lookup.uri == "sip:edge.example.com");
    SUBCASE("nobody knows it") {
        phones.resolve(lookup, {});
        CHECK(phones.got(phones.dave, "INVITE"));
    }
    SUBCASE("it is known") {
        phones.resolve(lookup, {phones.carol});
        CHECK(phones.got(phones.carol, "INVITE"));
    }
    SUBCASE("the caller hangs up before") {
        phones.send(phones.alice, phones.cancel());
        CHECK(phones.got(phones.alice, "SIP/2.0 487"));
        phones.resolve(lookup, {phones.carol});
        CHECK_FALSE(phones.got(phones.carol, "INVITE"));
        phones.finish();
    }
}

TEST_CASE("flow: one that no listener can send over is left for the next") {
    Flows phones;
    phones.router.answer.targets.front().to.ip = *IpAddress::parse("2001:db8::1");
    phones.send(phones.alice, phones.invite());
    CHECK(phones.got(phones.carol, "INVITE"));
}

TEST_CASE("flow: a way to where no call of a phone may go is not taken, and a phone without another is unavailable") {
    Flows phones;
    RouteTarget &phone = phones.router.answer.targets.front();
    phone.origin = TargetOrigin::binding;
    for (RouteTarget &spare : phone.spares) spare.origin = TargetOrigin::binding;
    SUBCASE("another way is") {
        phones.router.barred = {phones.bob, phones.carol};
        phones.send(phones.alice, phones.invite());
        CHECK(phones.got(phones.dave, "INVITE"));
        CHECK_FALSE(phones.got(phones.bob, "INVITE"));
        CHECK_FALSE(phones.got(phones.carol, "INVITE"));
        CHECK(phones.engine().statistics().barred_ways == 2);
    }
    SUBCASE("there is none") {
        phones.router.barred = {phones.bob, phones.carol, phones.dave};
        phones.send(phones.alice, phones.invite());
        CHECK(phones.got(phones.alice, "SIP/2.0 480"));
        CHECK(phones.finish().sip_code == 480);
    }
    SUBCASE("a name may lead there") {
        phone.spares.clear();
        phone.lookup = "sip:phone.example.com";
        phones.router.barred = {phones.bob};
        phones.send(phones.alice, phones.invite());
        SUBCASE("with another address") {
            phones.resolve(phones.lookup(), {phones.bob, phones.carol});
            CHECK(phones.got(phones.carol, "INVITE"));
        }
        SUBCASE("and nowhere else") {
            phones.resolve(phones.lookup(), {phones.bob});
            CHECK(phones.got(phones.alice, "SIP/2.0 480"));
            phones.finish();
        }
        CHECK_FALSE(phones.got(phones.bob, "INVITE"));
    }
    SUBCASE("from where it has registered, through a trunk, it may be called") {
        phone.registered_from = phones.bob.ip;
        phones.router.barred = {phones.bob};
        phones.send(phones.alice, phones.invite());
        CHECK(phones.got(phones.bob, "INVITE"));
    }
    SUBCASE("but never at one of our own listeners") {
        phone.registered_from = phones.bob.ip;
        phone.spares.clear();
        phones.router.barred = {phones.bob};
        phones.router.barred_from = TargetOrigin::redirection;
        phones.send(phones.alice, phones.invite());
        CHECK_FALSE(phones.got(phones.bob, "INVITE"));
        CHECK(phones.got(phones.alice, "SIP/2.0 480"));
        phones.finish();
    }
    SUBCASE("what the configuration names may lead there") {
        phone.origin = TargetOrigin::configured;
        phones.router.barred = {phones.bob};
        phones.send(phones.alice, phones.invite());
        CHECK(phones.got(phones.bob, "INVITE"));
    }
}

TEST_CASE("flow: where no phone may be called the next target is, as after a 503") {
    Flows phones;
    RouteTarget &phone = phones.router.answer.targets.front();
    phone.origin = TargetOrigin::binding;
    phone.spares.clear();
    phones.router.barred = {phones.bob};
    phones.router.answer.targets.push_back({"sip:mailbox@192.0.2.4:5064", phones.dave, ""});
    phones.router.answer.hunt_on = {503};
    phones.send(phones.alice, phones.invite());
    CHECK(phones.got(phones.dave, "INVITE"));
    CHECK_FALSE(phones.got(phones.bob, "INVITE"));
}

TEST_CASE("path: the INVITE carries it as its Route, and goes to its first proxy (RFC 3327 section 5.1) [114]") {
    TwoPhones phones;
    phones.router.answer.targets.front().request_uri = "sip:bob@10.0.0.7";
    phones.router.answer.targets.front().route_set = "<sip:192.0.2.2:5062;lr>,<sip:inner.example.com;lr>";
    phones.send(phones.alice, phones.invite());
    const Message invite = phones.take(phones.bob, "INVITE");
    CHECK(invite.request_uri() == "sip:bob@10.0.0.7");
    CHECK(invite.value(Header::route) == "<sip:192.0.2.2:5062;lr>,<sip:inner.example.com;lr>");
    phones.send(phones.alice, phones.cancel());
    phones.send(phones.bob, TwoPhones::answer(invite, "180 Ringing"));
    // The CANCEL of an INVITE takes its Route along (RFC 3261 section 9.1).
    CHECK(phones.take(phones.bob, "CANCEL").value(Header::route) == invite.value(Header::route));
    phones.send(phones.bob, TwoPhones::answer(invite, "487 Request Terminated"));
    CHECK(phones.take(phones.bob, "ACK").value(Header::route) == invite.value(Header::route));
    phones.finish();
}
