#include "sip/call_id.hpp"
#include <doctest/doctest.h>
#include <string>
#include "base/random.hpp"
#include "sip/message.hpp"

using namespace tandem;

namespace {

std::string message(const std::string &start, const std::string &call_id) {
    return start + "\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nMax-Forwards: 70\r\nFrom: <sip:a@a>;tag=1\r\n" +
           "To: <sip:b@b>\r\n" + call_id + "\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
}

} // namespace

TEST_CASE("call id: of a request and of a response, by any name, folded or not") {
    for (const char *const start : {"OPTIONS sip:b@b SIP/2.0", "SIP/2.0 200 OK"}) {
        for (const char *const line : {"Call-ID: c1@a", "i:c1@a", "CALL-id  :   c1@a  ", "Call-ID:\r\n\tc1@a"}) {
            INFO(start, line);
            CHECK(call_id_of(message(start, line)) == "c1@a");
            CHECK(call_id_of("\r\n\r\n" + message(start, line)) == "c1@a");
        }
    }
}

TEST_CASE("call id: what stands in a body, or is no SIP, has none") {
    CHECK(call_id_of("").empty());
    CHECK(call_id_of("\r\n\r\n").empty());
    CHECK(call_id_of("Call-ID: first line").empty());
    CHECK(call_id_of("OPTIONS sip:b@b SIP/2.0\r\nVia: x\r\n\r\nCall-ID: body\r\n").empty());
    CHECK(call_id_of("OPTIONS sip:b@b SIP/2.0\r\nCall-ID").empty());
    CHECK(call_id_of("OPTIONS sip:b@b SIP/2.0\r\nCall-ID:").empty());
}

TEST_CASE("call id: it agrees with the parser on what is well-formed, whatever bytes change") {
    const std::uint64_t seed = 20261129;
    INFO("seed ", seed);
    SeededRandom random(seed);
    for (int i = 0; i < 20'000; ++i) {
        std::string bytes = message("OPTIONS sip:b@b SIP/2.0", "Call-ID: c1@a");
        for (int changes = 0; changes < 2; ++changes) {
            bytes[random.next() % bytes.size()] = "\r\n :iI\t;x"[random.next() % 9];
        }
        const std::string_view found = call_id_of(bytes);
        const auto parsed = Message::parse(bytes);
        if (!parsed || parsed->defect_status() != 0) continue;
        CAPTURE(bytes);
        CHECK(found == parsed->call_id());
    }
}
