#include <doctest/doctest.h>
#include <random>
#include <string>
#include "sip/message.hpp"
#include "sip/mutate.hpp"
#include "sip/peek.hpp"
#include "sip/peek_agreement.hpp"
#include "sip/sample.hpp"

using namespace tandem;
using test::invite;
using test::with;

namespace {

std::string ringing() { return with(invite(), "INVITE sip:bob@192.0.2.9:5060 SIP/2.0", "SIP/2.0 180 Ringing"); }

std::string_view to_tag(const std::string &to) {
    static std::string bytes;
    bytes = with(invite(), "To: <sip:bob@example.com>", to);
    return peek(bytes).to_tag;
}

std::string_view branch(const std::string &via) {
    static std::string bytes;
    bytes = with(ringing(), "Via: SIP/2.0/UDP 192.0.2.1:5061;branch=z9hG4bKabc;rport", via);
    return peek(bytes).branch;
}

void compare(const std::string &bytes) {
    const auto message = Message::parse(bytes);
    if (!message || message->defect_status() != 0) return;
    CAPTURE(bytes);
    CHECK(test::agrees(peek(bytes), *message, bytes));
}

} // namespace

TEST_CASE("peek: a request's method, Call-ID and To-tag; a response's branch") {
    const std::string request = with(invite(), "To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=b2");
    CHECK_FALSE(peek(request).is_response);
    CHECK(peek(request).method == "INVITE");
    CHECK(peek(request).call_id == "c1@192.0.2.1");
    CHECK(peek(request).to_tag == "b2");
    CHECK(peek(invite()).to_tag == "");
    CHECK(peek(ringing()).is_response);
    CHECK(peek(ringing()).branch == "z9hG4bKabc");
}

TEST_CASE("peek: compact names, any case, blanks before the colon, empty lines in front") {
    std::string bytes = "\r\n\r\n" + invite();
    bytes = with(with(bytes, "Call-ID: c1@192.0.2.1", "I \t:\t c1@192.0.2.1 "), "To: <", "T:<");
    bytes = with(bytes, "bob@example.com>", "bob@example.com> ; TAG = b2 ;x");
    CHECK(peek(bytes).call_id == "c1@192.0.2.1");
    CHECK(peek(bytes).to_tag == "b2");
    CHECK(branch("V : SIP / 2.0 / UDP 192.0.2.1 ; Branch = z9hG4bK1 ; rport") == "z9hG4bK1");
}

TEST_CASE("peek: a folded header is one (RFC 3261 section 7.3.1)") {
    CHECK(to_tag("To\r\n :\r\n <sip:bob@example.com>\r\n\t;tag\r\n =\r\n b2\r\n ;x=y") == "b2");
    CHECK(peek(with(invite(), "Call-ID: c1@", "Call-ID:\n   c1@")).call_id == "c1@192.0.2.1");
}

TEST_CASE("peek: a tag is a parameter of the header, not of the URI, the name or what is quoted") {
    CHECK(to_tag("To: <sip:bob@example.com;tag=no>") == "");
    CHECK(to_tag("To: <sip:bob@example.com;tag=no>;tag=yes") == "yes");
    CHECK(to_tag("To: \"B <x>;tag=no\" <sip:bob@example.com>;tag=yes") == "yes");
    CHECK(to_tag("To: \"B \\\";tag=no\" <sip:bob@example.com>") == "");
    CHECK(to_tag("To: <sip:bob@example.com>;x=\";tag=no\";tag=yes") == "yes");
    CHECK(to_tag("To: sip:bob@example.com;tag=yes") == "yes"); // RFC 3261 section 20: the header's, without <>
    CHECK(to_tag("To: <sip:bob@example.com>;atag=no;tagged=no") == "");
    CHECK(to_tag("To: \"open <sip:bob@example.com>;tag=no") == "");
}

TEST_CASE("peek: the branch is that of the first Via, the first of its line and of all lines") {
    CHECK(branch("Via: SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/UDP b;branch=z9hG4bK2") == "z9hG4bK1");
    CHECK(branch("Via: SIP/2.0/UDP a;x=\",\";branch=z9hG4bK1") == "z9hG4bK1");
    CHECK(branch("Via: SIP/2.0/UDP a, SIP/2.0/UDP b;branch=z9hG4bK2") == "");
    CHECK(branch("Via: SIP/2.0/UDP a") == "");
    CHECK(branch("Via: , SIP/2.0/UDP a;branch=z9hG4bK1;branch=z9hG4bK2") == "z9hG4bK2"); // as the parser has it
    CHECK(branch("Via: SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bK1") == "z9hG4bK1");
}

TEST_CASE("peek: the headers are those before the empty line") {
    CHECK(peek("INVITE sip:a@b SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\nCall-ID: body\r\n").call_id == "");
}

TEST_CASE("peek: what an INVITE replaces (RFC 3891 section 6.1)") {
    const auto replacing = [](std::string_view header) {
        return with(invite(), "CSeq:", std::string(header) + "\r\nCSeq:");
    };
    const std::string bytes =
        replacing("REPLACES : 425928@bobster.example.org ;from-tag=6472; To-Tag = 7743 ;early-only");
    CHECK(peek(bytes).replaces_call_id == "425928@bobster.example.org");
    CHECK(peek(bytes).replaces_to_tag == "7743");
    CHECK(peek(bytes).call_id == "c1@192.0.2.1");
    CHECK(peek(replacing("Replaces: 1@a;from-tag=1")).replaces_to_tag == "");
    CHECK(peek(invite()).replaces_call_id == "");
}

TEST_CASE("peek: no bytes at all, and bytes that are no SIP, are read without harm") {
    for (const char *bytes :
         {"", "\r\n", "\r\n\r\n", "SIP/2.0 ", "INVITE", "INVITE sip:a@b SIP/2.0\r\nTo: \"",
          "\r\nTo:", "X\nTo: <\nt: a;tag", "X\nTo:;tag=", "SIP/2.0 200 OK\nVia:;branch", "x\n \n \n:\n"}) {
        CAPTURE(bytes);
        const Peek peeked = peek(bytes);
        CHECK(peeked.to_tag.size() + peeked.call_id.size() + peeked.branch.size() == 0);
    }
}

TEST_CASE("peek: it agrees with the parser on every message that is well-formed, whatever bytes change") {
    const std::string inside =
        with(invite(), "To: <sip:bob@example.com>", "To: \"B, ;\" <sip:bob@example.com;x>;tag=b2");
    std::mt19937 random(20261128);
    for (const std::string &whole : {invite(), inside, ringing()}) {
        compare(whole);
        for (std::size_t size = 0; size < whole.size(); ++size) compare(whole.substr(0, size));
        for (int round = 0; round < 20000; ++round) compare(test::mutate(whole, random));
    }
}
