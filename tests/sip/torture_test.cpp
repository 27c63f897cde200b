// What is malformed but can be answered says why; what can not be answered is refused; nothing crashes.
#include <doctest/doctest.h>
#include <random>
#include <string>
#include "sip/message.hpp"
#include "sip/mutate.hpp"
#include "sip/sample.hpp"

using namespace tandem;
using test::invite;
using test::with;

namespace {

struct Bad {
    const char *old_text;
    std::string new_text;
    std::uint16_t status;
    const char *reason;
};

} // namespace

TEST_CASE("message: a malformed request that can be answered says what is wrong (RFC 4475)") {
    const Bad cases[] = {
        {"CSeq: 7 INVITE", "CSeq: seven INVITE", 400, "Bad CSeq"},
        {"CSeq: 7 INVITE", "CSeq: 99999999999 INVITE", 400, "Bad CSeq"},
        {"CSeq: 7 INVITE", "CSeq: 2147483648 INVITE", 400, "CSeq Out Of Range"},
        {"CSeq: 7 INVITE", "CSeq: 7 OPTIONS", 400, "CSeq Method Mismatch"},
        {"CSeq: 7 INVITE", "CSeq: 7 INVITE\r\nCSeq: 8 INVITE", 400, "Bad CSeq"},
        {"To: <sip:bob@example.com>", "To: <sip:bob@example.com>\r\nTo: <sip:eve@example.com>", 400, "Bad To"},
        {"Call-ID: c1@192.0.2.1", "Call-ID: c1@192.0.2.1\r\nCall-ID: c2", 400, "Bad Call-ID"},
        {"Content-Length: 5", "Content-Length: -5", 400, "Bad Content-Length"},
        {"Content-Length: 5", "Content-Length: five", 400, "Bad Content-Length"},
        {"Content-Length: 5", "Content-Length: 5\r\nContent-Length: 4", 400, "Bad Content-Length"},
        {"Content-Length: 5", "Content-Length: 6", 400, "Body Shorter Than Content-Length"},
        {"Content-Length: 5", "Content-Length: 4294967301", 400, "Bad Content-Length"},
        {"<sip:p3.example.com;lr>", "<sip:p3 .example.com>", 400, "Bad Record-Route"},
        {"SIP/2.0/UDP 192", "SIP/2.0/UDPn[2001:db8::1];branch=z9hG4bK7\r\nVia: SIP/2.0/UDP 192", 400, "Bad Via"},
        {"To: <sip:bob@example.com>", "To: m>", 400, "Bad To"},
        {"To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag", 400, "Bad To"},
        {"To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=", 400, "Bad To"},
        {"To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag;Tag=2", 400, "Bad To"},
        {"To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=1;TAG=2", 400, "Bad To"},
        {";tag=a1", ";tag=a1;tag=a2", 400, "Bad From"},
        {"<sip:p3.example.com;lr>", "<sip:p3: <sip:p4@example.com>", 400, "Bad Record-Route"},
        {"Max-Forwards: 70", "Max-Forwards: 256", 400, "Bad Max-Forwards"},
        {"Max-Forwards: 70", "Max-Forwards: x", 400, "Bad Max-Forwards"},
        {"SIP/2.0\r\nVia", "SIP/7.0\r\nVia", 505, "Version Not Supported"},
        {"sip:bob@192.0.2.9:5060", "sip:bob @192.0.2.9", 400, "Bad Request-Line"},
        {"sip:bob@192.0.2.9:5060", "<sip:bob@192.0.2.9>", 400, "Bad Request-URI"},
        {"INVITE sip:bob@192.0.2.9:5060", "IN+VITE` sip:bob@192.0.2.9:5060", 501, "Unknown Method"},
        {"X-Account: blue", "X-Account: blue\rVia: SIP/2.0/UDP evil", 400, "Bare CR In Header"},
        {"X-Account: blue", std::string("X-Account: bl\0ue", 16), 400, "NUL In Header"},
        {"X-Account: blue", std::string("X-\0: a", 6), 400, "NUL In Header"},
        {"From: \"Alice", std::string("From: \"Al\\\0ice", 12), 400, "NUL In Header"},
        {"X-Account: blue", "this is no header", 400, "Bad Header Line"},
        {"X-Account: blue", "X-Account: " + std::string(header_size_max, 'b'), 400, "Header Too Long"},
        {"sip:bob@192.0.2.9:5060", "sip:" + std::string(uri_size_max, 'b') + "@h", 414, "Request-URI Too Long"},
        {"c1@192.0.2.1", std::string(call_id_size_max + 1, 'c'), 400, "Call-ID Too Long"},
        {"tag=a1", "tag=" + std::string(tag_size_max + 1, 'a'), 400, "Tag Too Long"},
        {"z9hG4bKabc", "z9hG4bK" + std::string(branch_size_max, 'b'), 400, "Branch Too Long"},
    };
    for (const Bad &bad : cases) {
        CAPTURE(bad.reason);
        CAPTURE(bad.new_text.substr(0, 60));
        const auto message = Message::parse(with(invite(), bad.old_text, bad.new_text));
        REQUIRE(message);
        CHECK(message->defect_status() == bad.status);
        CHECK(message->defect() == bad.reason);
        CHECK(message->call_id().size() <= message_size_max);
    }
}

TEST_CASE("message: the limits themselves are allowed") {
    const auto longest = [](std::size_t size, char c) { return std::string(size, c); };
    CHECK(Message::parse(with(invite(), "tag=a1", "tag=" + longest(tag_size_max, 'a')))->defect() == "");
    CHECK(Message::parse(with(invite(), "c1@192.0.2.1", longest(call_id_size_max, 'c')))->defect() == "");
    std::string many;
    for (int i = 0; i < 240; ++i) many += "X-Filler: x\r\n";
    CHECK(Message::parse(with(invite(), "X-Account: blue\r\n", many))->defect() == "");
    for (int i = 0; i < 20; ++i) many += "X-Filler: x\r\n";
    CHECK(Message::parse(with(invite(), "X-Account: blue\r\n", many))->defect() == "Too Many Headers");
    std::string vias;
    for (std::size_t i = 0; i < via_count_max; ++i) vias += "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n";
    CHECK(Message::parse(with(invite(), "Max-Forwards", vias + "Max-Forwards"))->defect() == "Too Many Via");
}

TEST_CASE("message: what can not be answered is no SIP") {
    CHECK(Message::parse("").error() == Error::not_sip);
    CHECK(Message::parse("\r\n\r\n").error() == Error::not_sip);
    CHECK(Message::parse("GET / HTTP/1.1\r\nHost: x\r\n\r\n").error() == Error::not_sip);
    CHECK(Message::parse("jaK\r\n").error() == Error::not_sip);
    CHECK(Message::parse(std::string(300, '\0')).error() == Error::not_sip);
    CHECK(Message::parse("INVITE sip:a@b SIP/2.0\r\n\r\n").error() == Error::not_sip);
    for (const char *needed : {"From:", "To:", "Call-ID:", "CSeq:"}) {
        CAPTURE(needed);
        CHECK(Message::parse(with(invite(), needed, "X-Gone:")).error() == Error::not_sip);
    }
    CHECK(Message::parse(with(with(invite(), "Via:", "X-Gone:"), "Via:", "X-Gone:")).error() == Error::not_sip);
    CHECK(Message::parse(std::string(message_size_max + 1, 'x')).error() == Error::too_large);
}

TEST_CASE("message: a Via with separators left over can be answered by its sent-by (RFC 4475 section 3.1.2.1)") {
    const std::string one = with(invite(), "Via: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKdef\r\n", "");
    for (const char *params : {";;,;,,", ";;branch=z9hG4bKabc", ";=;"}) {
        CAPTURE(params);
        const auto message = Message::parse(with(one, ";branch=z9hG4bKabc;rport", params));
        REQUIRE(message);
        CHECK(message->defect_status() == 400);
        CHECK(message->defect() == "Bad Via");
        CHECK(message->response_target({}).port == 5061);
        std::string vias;
        message->append_vias(vias);
        CHECK(vias == "Via: SIP/2.0/UDP 192.0.2.1:5061\r\n");
    }
    CHECK(Message::parse(with(one, "192.0.2.1:5061;branch=z9hG4bKabc;rport", ";;")).error() == Error::not_sip);
}

TEST_CASE("message: bytes behind Content-Length are cut off (RFC 3261 section 18.3)") {
    const auto message = Message::parse(invite() + "more that was never announced");
    REQUIRE(message);
    CHECK(message->defect() == "");
    CHECK(message->body() == "v=0\r\n");
}

TEST_CASE("message: empty lines before the start line are tolerated (RFC 3261 section 7.5)") {
    CHECK(Message::parse("\r\n\r\n" + invite())->defect() == "");
}

TEST_CASE("message: a From or To with half a pair of brackets is refused: nobody could say where its tag is") {
    const auto defect_of = [](const std::string &from, const std::string &to) {
        const auto message =
            Message::parse("BYE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: " + from +
                           "\r\nTo: " + to + "\r\nCall-ID: x\r\nCSeq: 1 BYE\r\n\r\n");
        REQUIRE(message);
        return std::string(message->defect());
    };
    CHECK(defect_of("<sip:a@b>;tag=1", "@sip:b@b<;tag=2") == "Bad To");
    CHECK(defect_of("<sip:a@b>;tag=1", "<sip:b@b>;tag=2>") == "Bad To");
    CHECK(defect_of("sip:a@b>;tag=1", "<sip:b@b>;tag=2") == "Bad From");
    CHECK(defect_of("\"a < b\" <sip:a@b>;tag=1", "sip:b@b;tag=2") == "");
}

TEST_CASE("message: the unusual but legal is taken (RFC 4475 section 3.1.1)") {
    const char *const cases[][2] = {
        {"CSeq: 7 INVITE", "cseq:    0007   INVITE"},
        {"From:", "fRoM :"},
        {"X-Account: blue", "NewFangledHeader: newfangled value, with; odd=\"punctuation\\\"\" %00"},
        {"sip:bob@192.0.2.9:5060", "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_"
                                   "too.(doesn't-it)@example.com"},
        {"Contact: <sip:alice@192.0.2.1:5061>", "Contact: sip:alice@192.0.2.1:5061;expires=3600"},
        {"To: <sip:bob@example.com>", "To: \"B\\\\\" <sip:bob@example.com>"},
    };
    for (const auto &change : cases) {
        CAPTURE(change[1]);
        const auto message = Message::parse(with(invite(), change[0], change[1]));
        REQUIRE(message);
        CHECK(message->defect() == "");
        CHECK(message->cseq() == 7);
    }
}

TEST_CASE("message: no truncation and no random change of bytes crashes") {
    const std::string whole = invite();
    const auto use = [](const std::string &bytes) {
        auto message = Message::parse(bytes);
        if (!message) return;
        message->mark_received({});
        std::string out;
        message->append_vias(out);
        CHECK(message->from_uri().size() + message->to_uri().size() + message->contact_uri().size() <= bytes.size());
        CHECK(message->routes(Header::route).size() <= bytes.size());
        CHECK(message->response_target({}).listener == 0);
    };
    for (std::size_t size = 0; size < whole.size(); ++size) use(whole.substr(0, size));
    std::mt19937 random(20261121);
    for (int round = 0; round < 20000; ++round) use(test::mutate(whole, random));
}
