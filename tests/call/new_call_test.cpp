// Whether a request may pass at all.
#include "call/two_phones.hpp"

using namespace tandem;
using test::TwoPhones;

TEST_CASE("call: what cannot pass is refused with the status that says why") {
    struct Case {
        std::string_view extra;
        std::string_view status;
        Header header;
        std::string_view value;
    };
    const Case cases[] = {
        {"Require: gruu, 100rel\r\n", "SIP/2.0 420", Header::unsupported, "gruu"},
        {"Require: timer, foo\r\n", "SIP/2.0 420", Header::unsupported, "foo"},
    };
    for (const Case &refused : cases) {
        CAPTURE(refused.extra);
        TwoPhones phones;
        phones.send(phones.alice, phones.invite(refused.extra));
        const Message answer = phones.take(phones.alice, refused.status);
        CHECK(answer.value(refused.header) == refused.value);
        CHECK(answer.to_tag() != "");
        CHECK_FALSE(phones.got(phones.bob, "INVITE"));
        CHECK(phones.engine().calls() == 0);
        CHECK(phones.router.asked == 0);
    }
}

TEST_CASE("call: Max-Forwards 0 is 483, 1 passes as 0 (RFC 3261 section 16.3)") {
    TwoPhones phones;
    std::string invite = phones.invite();
    invite.replace(invite.find("Max-Forwards: 70"), 16, "Max-Forwards: 0");
    phones.send(phones.alice, invite);
    CHECK(phones.got(phones.alice, "SIP/2.0 483"));
    TwoPhones others;
    invite.replace(invite.find("Max-Forwards: 0"), 15, "Max-Forwards: 1");
    others.send(others.alice, invite);
    CHECK(others.take(others.bob, "INVITE").max_forwards() == 0U);
}

TEST_CASE("call: a loop is cut, a spiral is not (RFC 3261 section 16.3)") {
    TwoPhones phones;
    phones.send(phones.alice, phones.invite());
    const Message out = phones.take(phones.bob, "INVITE");
    std::string token;
    for (const HeaderLine &line : out.headers()) {
        if (line.name == "X-Tandem-Loop") token = line.value;
    }
    REQUIRE(token != "");
    // The same again, with its token: as another call, since the other side is a B2BUA too.
    const std::string loop = "X-Tandem-Loop: other," + token + "\r\n";
    std::string invite = phones.request("INVITE", {}, 1, loop, "v=0", "z9hG4bK-loop");
    invite.replace(invite.find("Call-ID: call-a"), 15, "Call-ID: call-x");
    phones.send(phones.alice, invite);
    CHECK(phones.got(phones.alice, "SIP/2.0 482"));
    CHECK(phones.engine().statistics().loops == 1);
    invite = phones.request("INVITE", {}, 1, loop, "v=0", "z9hG4bK-spiral");
    invite.replace(invite.find("Call-ID: call-a"), 15, "Call-ID: call-y");
    invite.replace(invite.find("sip:bob@192.0.2.9"), 17, "sip:eve@192.0.2.9");
    phones.send(phones.alice, invite);
    CHECK(phones.got(phones.bob, "INVITE"));
}

TEST_CASE("call: no route is the router's refusal, and a record") {
    TwoPhones phones;
    phones.router.answer = {};
    phones.router.answer.refuse = 404;
    phones.send(phones.alice, phones.invite());
    CHECK(phones.got(phones.alice, "SIP/2.0 404"));
    CHECK(phones.finish().reason == EndReason::refused);
    CHECK(phones.ended[0].sip_code == 404);
    CHECK(phones.ended[0].callee_call_id == "");
}

TEST_CASE("call: beyond call_max and while draining a new call is 503 with Retry-After") {
    EngineOptions options;
    options.call_max = 1;
    TwoPhones phones(options);
    phones.establish();
    std::string invite = phones.request("INVITE", {}, 1, {}, "v=0", "z9hG4bK-2");
    invite.replace(invite.find("Call-ID: call-a"), 15, "Call-ID: call-x");
    phones.send(phones.alice, invite);
    CHECK(phones.take(phones.alice, "SIP/2.0 503").has(Header::retry_after));
    CHECK(phones.engine().statistics().refused_full == 1);

    TwoPhones draining;
    draining.establish();
    draining.engine().refuse_new_calls();
    draining.send(draining.alice, invite);
    CHECK(draining.take(draining.alice, "SIP/2.0 503").has(Header::retry_after));
    draining.send(draining.alice, draining.request("INFO", draining.our_tag, 2)); // what is up goes on
    CHECK(draining.got(draining.bob, "INFO"));
}

TEST_CASE("call: requests outside a dialog are answered for themselves") {
    TwoPhones phones;
    const auto ask = [&](std::string_view method, std::string_view status) {
        CAPTURE(method);
        phones.send(phones.alice, phones.request(method, {}, 1));
        CHECK(phones.got(phones.alice, status));
    };
    ask("OPTIONS", "SIP/2.0 200");
    ask("REGISTER", "SIP/2.0 403");
    ask("BYE", "SIP/2.0 481");
    ask("INFO", "SIP/2.0 481");
    ask("SUBSCRIBE", "SIP/2.0 405");
    ask("MESSAGE", "SIP/2.0 405");
    ask("FROBNICATE", "SIP/2.0 501");
    CHECK(phones.engine().calls() == 0);
}

TEST_CASE("call: a Request-URI of a scheme that is not served is 416 (RFC 3261 section 8.2.2.1)") {
    for (const char *method : {"INVITE", "OPTIONS"}) {
        for (const char *uri : {"nobodyKnowsThisScheme:opaque", "soap.beep://192.0.2.103:3002", "http:x"}) {
            CAPTURE(method);
            CAPTURE(uri);
            TwoPhones phones;
            // The scheme is looked at before the extensions that are asked for (RFC 3261 section 8.2).
            std::string request = phones.request(method, {}, 1, "Require: nothing-known\r\n");
            request.replace(request.find("sip:bob@192.0.2.9"), 17, uri);
            phones.send(phones.alice, request);
            CHECK(phones.got(phones.alice, "SIP/2.0 416"));
            CHECK(phones.engine().calls() == 0);
        }
        TwoPhones phones;
        std::string request = phones.request(method, {}, 1);
        request.replace(request.find("sip:bob@192.0.2.9"), 17, "TEL:+3110662000");
        phones.send(phones.alice, request);
        CHECK(phones.got(phones.alice, *method == 'I' ? "SIP/2.0 100" : "SIP/2.0 200"));
    }
}

TEST_CASE("call: requests for a dialog that is not here are 481") {
    TwoPhones phones;
    for (const char *method : {"BYE", "INVITE", "UPDATE", "INFO"}) {
        phones.send(phones.alice, phones.request(method, "nobody", 1));
        CHECK(phones.got(phones.alice, "SIP/2.0 481"));
    }
    phones.send(phones.alice, phones.request("ACK", "nobody", 1));
    CHECK(phones.is_silent());
}

TEST_CASE("call: garbage is dropped and counted") {
    TwoPhones phones;
    phones.send(phones.alice, "\r\n\r\n");
    phones.send(phones.alice, "hello there, this is not SIP");
    phones.send(phones.alice, std::string(70'000, 'x'));
    CHECK(phones.is_silent());
    CHECK(phones.engine().statistics().keepalives == 1);
    CHECK(phones.engine().statistics().not_sip == 1);
    CHECK(phones.engine().statistics().too_large == 1);
}
