// Two phones of which Alice, who can do 100rel, hears reliably of Bob (RFC 3262).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include "call/two_phones.hpp"

namespace tandem::test {

inline const std::string able = "Supported: 100rel\r\n";
inline const std::string requiring = "Require: 100rel\r\n";

struct ReliablePhones : TwoPhones {
    explicit ReliablePhones(EngineOptions options = {}) : TwoPhones(options) {}

    void ring(std::string_view extra = able, std::string_view body = "v=0 offer") {
        send(alice, invite(extra, body));
        bobs_invite = take(bob, "INVITE");
    }
    static std::string reliable(const Message &invite, std::string_view line, std::uint32_t rseq,
                                std::string_view body = {}, std::string_view tag = "bob") {
        return answer(invite, line, tag, "Require: 100rel\r\nRSeq: " + std::to_string(rseq) + "\r\n", body);
    }
    std::string prack(std::string_view tag, std::uint32_t cseq, std::string_view rseq, std::string_view body = {}) {
        return request("PRACK", tag, cseq, "RAck: " + std::string(rseq) + " 1 INVITE\r\n", body);
    }
    // Bob's reliable 183 as Alice gets it.
    Message progress(std::uint32_t rseq, std::string_view body = {}) {
        send(bob, reliable(bobs_invite, "183 Session Progress", rseq, body));
        return take(alice, "SIP/2.0 183");
    }
    // Alice acknowledges it; Bob gets the PRACK and answers it.
    void acknowledge(const Message &response, std::uint32_t cseq) {
        send(alice, prack(response.to_tag(), cseq, response.value(Header::rseq)));
        send(bob, answer(take(bob, "PRACK"), "200 OK"));
        CHECK(take(alice, "SIP/2.0 200").method() == Method::prack);
    }
    void talk_and_hang_up(std::uint32_t cseq) {
        const Message ok = take(alice, "SIP/2.0 200");
        REQUIRE(ok.method() == Method::invite);
        send(alice, request("ACK", ok.to_tag(), 1));
        take(bob, "ACK");
        send(alice, request("BYE", ok.to_tag(), cseq));
        send(bob, answer(take(bob, "BYE"), "200 OK"));
        CHECK(finish().reason == EndReason::caller_bye);
    }
};

} // namespace tandem::test
