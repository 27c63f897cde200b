#include "sip/message.hpp"
#include <doctest/doctest.h>
#include <vector>
#include "sip/sample.hpp"

using namespace tandem;
using test::invite;
using test::with;

namespace {

Message parse(std::string_view bytes) {
    auto message = Message::parse(bytes);
    REQUIRE(message);
    return *message;
}

Endpoint source(std::string_view ip, std::uint16_t port) {
    Endpoint endpoint;
    endpoint.ip = *IpAddress::parse(ip);
    endpoint.port = port;
    return endpoint;
}

std::string vias(const Message &message) {
    std::string out;
    message.append_vias(out);
    return out;
}

} // namespace

TEST_CASE("message: a request gives every field that a dialog needs") {
    const Message message = parse(invite());
    CHECK(message.defect() == "");
    CHECK(message.defect_status() == 0);
    CHECK(message.is_request());
    CHECK(message.method() == Method::invite);
    CHECK(message.status() == 0);
    CHECK(message.request_uri() == "sip:bob@192.0.2.9:5060");
    CHECK(message.call_id() == "c1@192.0.2.1");
    CHECK(message.from_tag() == "a1");
    CHECK(message.to_tag() == "");
    CHECK(message.from_uri() == "sip:alice@example.com;user=phone");
    CHECK(message.from_display() == "\"Alice, \\\"A\\\"\"");
    CHECK(message.to_uri() == "sip:bob@example.com");
    CHECK(message.cseq() == 7);
    CHECK(message.max_forwards() == 70U);
    CHECK(message.contact_uri() == "sip:alice@192.0.2.1:5061");
    CHECK(message.content_type() == "application/sdp");
    CHECK(message.body() == "v=0\r\n");
    CHECK(message.top_via().branch == "z9hG4bKabc");
    CHECK(message.top_via().host == "192.0.2.1");
    CHECK(message.top_via().port == "5061");
    CHECK(message.top_via().has_rport);
    CHECK(message.via_count() == 2);
}

TEST_CASE("message: a response gives its status and the method of its CSeq") {
    const Message message = parse("SIP/2.0 486 Busy Here Now\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
                                  "From: <sip:a@h>;tag=1\r\nTo: sip:b@h;tag=2\r\nCall-ID: x\r\nCSeq: 3 BYE\r\n\r\n");
    CHECK_FALSE(message.is_request());
    CHECK(message.status() == 486);
    CHECK(message.reason_phrase() == "Busy Here Now");
    CHECK(message.method() == Method::bye);
    CHECK(message.to_tag() == "2");
    CHECK(message.to_uri() == "sip:b@h");
    CHECK(message.request_uri() == "");
}

TEST_CASE("message: header lines come in order, compact names known, unknown ones by their text") {
    const std::string text = with(with(invite(), "Call-ID:", "i:"), "Supported:", "k:");
    const Message message = parse(text);
    std::vector<Header> ids;
    std::string account;
    for (const HeaderLine &line : message.headers()) {
        ids.push_back(line.id);
        if (line.name == "X-Account") account = line.value;
    }
    CHECK(ids == std::vector<Header>{Header::via, Header::via, Header::max_forwards, Header::from, Header::to,
                                     Header::call_id, Header::cseq, Header::contact, Header::record_route,
                                     Header::record_route, Header::supported, Header::other, Header::content_type,
                                     Header::content_length});
    CHECK(account == "blue");
    CHECK(message.value(Header::call_id) == "c1@192.0.2.1");
}

TEST_CASE("message: routes are split at commas outside quotes and brackets") {
    const std::string text = with(invite(), "<sip:p3.example.com;lr>", "\"a, b\" <sip:p3.example.com;x=\",\";lr>");
    const std::vector<std::string_view> routes = parse(text).routes(Header::record_route);
    CHECK(routes.size() == 3);
    CHECK(parse(invite()).routes(Header::record_route)[1] == "<sip:p2.example.com;lr>");
}

TEST_CASE("message: folded headers are one line (RFC 3261 section 7.3.1)") {
    const Message message = parse(with(invite(), "X-Account: blue", "X-Account: blue\r\n\t  sky"));
    CHECK(message.defect() == "");
    for (const HeaderLine &line : message.headers()) {
        CHECK(line.value.find('\n') == std::string_view::npos);
        if (line.name == "X-Account") CHECK(line.value.substr(0, 4) == "blue");
        if (line.name == "X-Account") CHECK(line.value.substr(line.value.size() - 3) == "sky");
    }
}

TEST_CASE("message: a copy shares what was parsed and outlives the first") {
    Message copy;
    CHECK_FALSE(copy);
    {
        const Message message = parse(invite());
        copy = message;
    }
    CHECK(copy);
    CHECK(copy.call_id() == "c1@192.0.2.1");
}

TEST_CASE("message: received and rport tell the sender where it came from (RFC 3581 section 4)") {
    Message message = parse(invite());
    message.mark_received(source("203.0.113.5", 40000));
    CHECK(vias(message) == "Via: SIP/2.0/UDP 192.0.2.1:5061;branch=z9hG4bKabc;rport=40000;received=203.0.113.5\r\n"
                           "Via: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKdef\r\n");
    CHECK(message.response_target(source("203.0.113.5", 40000)) == source("203.0.113.5", 40000));
}

TEST_CASE("message: without rport a response goes to the port of sent-by (RFC 3261 section 18.2.2)") {
    Message message = parse(with(invite(), ";rport", ""));
    message.mark_received(source("192.0.2.1", 40000));
    CHECK(vias(message).find("Via: SIP/2.0/UDP 192.0.2.1:5061;branch=z9hG4bKabc\r\n") == 0);
    CHECK(message.response_target(source("192.0.2.1", 40000)) == source("192.0.2.1", 5061));
    Message bare = parse(with(with(invite(), ";rport", ""), "192.0.2.1:5061;branch", "192.0.2.1;branch"));
    CHECK(bare.response_target(source("192.0.2.1", 40000)) == source("192.0.2.1", 5060));
}

TEST_CASE("message: a received that the sender wrote itself is replaced") {
    Message message = parse(with(invite(), ";rport", ";received=198.51.100.1"));
    message.mark_received(source("203.0.113.5", 40000));
    CHECK(vias(message).find("198.51.100.1") == std::string::npos);
    CHECK(vias(message).find(";received=203.0.113.5\r\n") != std::string::npos);
    CHECK(message.response_target(source("203.0.113.5", 40000)).ip == *IpAddress::parse("203.0.113.5"));
}

TEST_CASE("message: IPv6 addresses stand in Via, Contact and URIs") {
    Message message = parse(with(invite(), "192.0.2.1:5061;branch", "[2001:db8::1]:5061;branch"));
    CHECK(message.top_via().host == "[2001:db8::1]");
    message.mark_received(source("2001:db8::1", 5061));
    CHECK(vias(message).find(";rport=5061;received=2001:db8::1\r\n") != std::string::npos);
}
