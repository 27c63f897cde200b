// The quick way to read a message and the thorough one are one: what the first takes reads the same in the second.
#include <doctest/doctest.h>
#include <random>
#include <string>
#include "sip/message.hpp"
#include "sip/message_fields.hpp"
#include "sip/same_message.hpp"
#include "sip/sample.hpp"

using namespace tandem;
using test::with;

namespace {

std::string everyday() {
    return "INVITE sip:bob@192.0.2.9:5060;transport=udp SIP/2.0\r\n"
           "Via: SIP/2.0/UDP 192.0.2.1:5061;branch=z9hG4bKabc;rport\r\n"
           "Via: SIP/2.0/TCP proxy.example.com;branch=z9hG4bKdef;received=10.0.0.2\r\n"
           "Max-Forwards: 70\r\n"
           "From: \"Alice A.\" <sip:alice@example.com;user=phone>;tag=a1;x=\"y\"\r\n"
           "To: Bob <sip:bob@example.com>;tag=b1\r\n"
           "Call-ID: c1@192.0.2.1\r\n"
           "CSeq: 7 INVITE\r\n"
           "Contact: <sip:alice@192.0.2.1:5061>;expires=60;+sip.instance=\"<urn:uuid:1>\"\r\n"
           "Record-Route: <sip:p1.example.com;lr;r2=on>\r\n"
           "Record-Route: <sip:10.0.0.3:5070;lr>\r\n"
           "Route: <sip:p2.example.com;lr>\r\n"
           "Require: 100rel\r\n"
           "Supported: timer, 100rel\r\n"
           "Allow: INVITE, ACK\r\n"
           "Allow: BYE\r\n"
           "Session-Expires: 1800;refresher=uac\r\n"
           "User-Agent: phone/1.0 (x; y)\r\n"
           "P-Asserted-Identity: \"A\" <sip:a@b>, <tel:+1>\r\n"
           "Date: Sat, 13 Nov 2010 23:29:00 GMT\r\n"
           "X-Account: bl\xc3\xbc, \"x\r\n"
           "Content-Type: application/sdp;charset=utf-8\r\n"
           "Content-Length: 5\r\n"
           "\r\n"
           "v=0\r\n";
}

std::string answer() {
    return "SIP/2.0 180 Ringing (slowly)\r\n"
           "v: SIP/2.0/UDP 192.0.2.1:5061;branch=z9hG4bKabc;rport=5061;received=192.0.2.1\r\n"
           "f: sip <sip:alice@example.com>;tag=a1\r\n"
           "t: <sip:bob@example.com>;tag=b1\r\n"
           "i: c1\r\n"
           "CSeq: 7 INVITE\r\n"
           "m: <sip:bob@192.0.2.9>\r\n"
           "l: 0\r\n"
           "\r\n";
}

bool is_plain(const std::string &bytes) {
    MessageFields fields;
    return read_plain(bytes, fields);
}

// What a peer may change in a message, at one place.
std::string changed(std::string bytes, std::mt19937 &random) {
    const std::size_t at = random() % bytes.size();
    static constexpr std::string_view inserted = "\r\n,;<>\"\\%@: \t=?&'()/[]0aZ-._~*!+`";
    switch (random() % 5) {
    case 0: bytes[at] = static_cast<char>(random()); break;
    case 1: bytes[at] = inserted[random() % inserted.size()]; break;
    case 2: bytes.erase(at, 1 + random() % 12); break;
    case 3: bytes.insert(at, 1 + random() % 3, inserted[random() % inserted.size()]); break;
    default: bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 40)); break;
    }
    return bytes;
}

} // namespace

TEST_CASE("message: the everyday message needs no sofia, and reads as it does there") {
    for (const std::string &bytes : {everyday(), answer()}) {
        CHECK(is_plain(bytes));
        CHECK(test::difference(*Message::parse(bytes), *Message::parse_any(bytes)) == "");
    }
}

TEST_CASE("message: what is spelled in an unusual way is left to sofia") {
    const char *const cases[][2] = {
        {"sip:bob@192.0.2.9:5060", "sips:bob@192.0.2.9:5060"},
        {"sip:bob@192.0.2.9:5060", "sip:b%6fb@192.0.2.9"},
        {"SIP/2.0\r\nVia", "SIP/2.0 \r\nVia"},
        {"INVITE sip", "JUMP sip"},
        {"SIP/2.0/UDP", "SIP/2.0/udp"},
        {"SIP/2.0/UDP", "SIP / 2.0 / UDP"},
        {"SIP/2.0/UDP 192.0.2.1", "SIP/2.0/UDP [2001:db8::1]"},
        {";branch=z9hG4bKabc", ""},
        {"branch=z9hG4bKabc", "BRANCH=z9hG4bKabc"},
        {"<sip:alice@example.com;user=phone>", "sip:alice@example.com"},
        {"\"Alice A.\"", "\"Alice \\\"A\\\"\""},
        {";tag=a1", ";tag=a1;tag=a2"},
        {";tag=b1", ";tag"},
        {"Max-Forwards: 70", "Max-Forwards: 256"},
        {"CSeq: 7 INVITE", "CSeq: 7  INVITE"},
        {"CSeq: 7 INVITE", "CSeq: 7 OPTIONS"},
        {"CSeq: 7 INVITE", "CSeq: 2147483648 INVITE"},
        {"CSeq: 7 INVITE", "CSeq: 7 INVITE\r\nCSeq: 7 INVITE"},
        {"Content-Length: 5", "Content-Length: 4"},
        {"Content-Length: 5", "Content-Length: 6"},
        {"Content-Length: 5\r\n", ""},
        {"<sip:p2.example.com;lr>", "<sip:p2.example.com;lr>, <sip:p3.example.com;lr>"},
        {"Supported: timer", "Supported: timer,\r\n x"},
        {"Supported:", "Supported :"},
        {"Supported: timer, 100rel", "Supported:"},
        {"Date:", "Date\r:"},
        {"\r\nDate", "\nDate"},
    };
    for (const auto &change : cases) {
        CAPTURE(change[1]);
        const std::string bytes = with(everyday(), change[0], change[1]);
        REQUIRE_FALSE(bytes.empty());
        CHECK_FALSE(is_plain(bytes));
    }
}

TEST_CASE("message: whatever is changed in one, the quick way declines or reads the same") {
    std::mt19937 random(20261128);
    std::size_t taken = 0;
    for (int round = 0; round < 40000; ++round) {
        const std::string bytes = changed(round % 4 == 0 ? answer() : everyday(), random);
        if (!is_plain(bytes)) continue;
        ++taken;
        const auto thorough = Message::parse_any(bytes);
        CAPTURE(bytes);
        REQUIRE(thorough);
        REQUIRE(test::difference(*Message::parse(bytes), *thorough) == "");
    }
    CHECK(taken > 10000);
}
