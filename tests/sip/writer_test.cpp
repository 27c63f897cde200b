#include "sip/writer.hpp"
#include <doctest/doctest.h>
#include "sip/sample.hpp"

using namespace tandem;

TEST_CASE("writer: a request is printed in the order that it is written") {
    std::string out = "left over";
    Writer writer(out);
    writer.request_line("BYE", "sip:a@b")
        .via(Transport::udp, "192.0.2.9:5060", "z9hG4bKx")
        .header("Max-Forwards", std::uint64_t{70})
        .party("From", {}, "sip:b@h", "t1")
        .party("To", "\"A\"", "sip:a@h", {})
        .cseq(4294967295U, "BYE")
        .lines("X-A: 1\r\nX-B: 2\r\n")
        .body("body");
    CHECK(out == "BYE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKx;rport\r\nMax-Forwards: 70\r\n"
                 "From: <sip:b@h>;tag=t1\r\nTo: \"A\" <sip:a@h>\r\nCSeq: 4294967295 BYE\r\nX-A: 1\r\nX-B: 2\r\n"
                 "Content-Length: 4\r\n\r\nbody");
}

TEST_CASE("writer: a response carries what its request says (RFC 3261 section 8.2.6)") {
    const auto request = Message::parse(test::invite());
    std::string out;
    write_response(out, *request, 404, {}, "t9", "Allow: INVITE\r\n");
    const auto response = Message::parse(out);
    REQUIRE(response);
    CHECK(response->defect() == "");
    CHECK(response->status() == 404);
    CHECK(response->reason_phrase() == "Not Found");
    CHECK(response->via_count() == 2);
    CHECK(response->from_display() == request->from_display());
    CHECK(response->from_tag() == "a1");
    CHECK(response->to_tag() == "t9");
    CHECK(response->call_id() == request->call_id());
    CHECK(response->cseq() == 7);
    CHECK(response->method() == Method::invite);
    CHECK(response->value(Header::allow) == "INVITE");
}

TEST_CASE("writer: a To-tag that is there stays") {
    const auto request =
        Message::parse(test::with(test::invite(), "To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=b1"));
    std::string out;
    write_response(out, *request, 200, "Fine", "t9");
    CHECK(Message::parse(out)->to_tag() == "b1");
    CHECK(Message::parse(out)->reason_phrase() == "Fine");
}

TEST_CASE("writer: a status without a phrase of its own still has one") {
    CHECK(default_reason(487) == "Request Terminated");
    CHECK(default_reason(699) == "Unknown");
}
