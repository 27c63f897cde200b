#include <doctest/doctest.h>
#include "call/header_policy.hpp"

using namespace tandem;

namespace {

std::string passed(std::string_view lines) {
    const auto message = Message::parse("INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
                                        "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n" +
                                        std::string(lines) + "\r\n");
    REQUIRE(message);
    std::string out;
    Writer writer(out);
    pass_headers(*message, writer, false);
    return out;
}

} // namespace

TEST_CASE("header policy: what both sides talk about passes as it was written") {
    CHECK(passed("X-Custom: a, b;c\r\nSubject: s\r\nHistory-Info: <sip:x>;index=1\r\nDiversion: <sip:d>\r\n") ==
          "X-Custom: a, b;c\r\nSubject: s\r\nHistory-Info: <sip:x>;index=1\r\nDiversion: <sip:d>\r\n");
}

TEST_CASE("header policy: what belongs to one leg stays there") {
    CHECK(passed("Contact: <sip:a@h>\r\nRecord-Route: <sip:p;lr>\r\nRoute: <sip:q;lr>\r\nMax-Forwards: 9\r\n") == "");
    CHECK(passed("Authorization: Digest username=\"u\"\r\nProxy-Authorization: Digest username=\"u\"\r\n") == "");
    CHECK(passed("P-Asserted-Identity: <sip:ceo@h>\r\nSecurity-Client: x\r\nX-Tandem-Loop: 1\r\n") == "");
    CHECK(passed("x: 1800;refresher=uac\r\nMin-SE: 90\r\nRSeq: 1\r\nRAck: 1 1 INVITE\r\n") == "");
    CHECK(passed("Content-Type: text/plain\r\nContent-Length: 0\r\n") == "");
}

TEST_CASE("header policy: Allow and Supported pass reduced to what works end to end") {
    CHECK(passed("Allow: INVITE, ACK, PRACK, BYE,REFER, INFO, REGISTER\r\n") ==
          "Allow: INVITE, ACK, PRACK, BYE, REFER, INFO\r\n");
    CHECK(passed("Supported: 100rel, timer, replaces\r\n") == "Supported: 100rel, replaces\r\n");
    CHECK(passed("Supported: outbound\r\n") == "");
    CHECK(passed("Require: 100rel, timer, histinfo\r\n") == "Require: histinfo\r\n"); // each leg has its own
}
