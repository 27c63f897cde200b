// A call through the pure machine, as two phones write it.
#pragma once
#include <chrono>
#include <string>
#include <string_view>
#include "call/router.hpp"
#include "sip/message.hpp"

namespace tandem::bench {

inline Endpoint endpoint(std::uint16_t port) {
    Endpoint endpoint;
    endpoint.ip = *IpAddress::parse("127.0.0.1");
    endpoint.port = port;
    return endpoint;
}

inline const Endpoint caller = endpoint(15100);
inline const Endpoint callee = endpoint(15080);
constexpr const char *sdp = "v=0\r\no=alice 53655765 2353687637 IN IP4 127.0.0.1\r\n"
                            "s=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                            "m=audio 40000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
                            "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n";

class ToCallee final : public Router {
public:
    Route route(const Message &, const Endpoint &) override {
        Route route;
        route.targets.push_back({"sip:49301@127.0.0.1:15080", callee, {}});
        route.ring_timeout = std::chrono::seconds(60);
        return route;
    }
};

inline std::string with_body(std::string head, std::string_view body) {
    if (!body.empty()) head += "Content-Type: application/sdp\r\n";
    return head + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

inline std::string request(const char *method, std::uint64_t call, std::uint32_t cseq, std::string_view to_tag,
                    std::string_view body) {
    const std::string number = std::to_string(call);
    std::string out = std::string(method) + " sip:49301@127.0.0.1:15060 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:15100;" +
                      "branch=z9hG4bK-" + number + "-" + std::to_string(cseq) + method +
                      "\r\nMax-Forwards: 70\r\nFrom: \"Alice\" <sip:alice@127.0.0.1:15100>;tag=12a" + number +
                      "\r\nTo: <sip:49301@127.0.0.1:15060>" + (to_tag.empty() ? "" : ";tag=" + std::string(to_tag)) +
                      "\r\nCall-ID: " + number + "-2441@127.0.0.1\r\nCSeq: " + std::to_string(cseq) + " " + method +
                      "\r\nContact: <sip:alice@127.0.0.1:15100>\r\n" +
                      "Allow: INVITE, ACK, CANCEL, BYE, UPDATE, OPTIONS\r\nSupported: timer\r\n";
    return with_body(std::move(out), body);
}

inline std::string answer(const Message &request, const char *status, std::string_view body) {
    std::string out = std::string("SIP/2.0 ") + status + "\r\n";
    request.append_vias(out);
    out += "From: " + std::string(request.value(Header::from)) + "\r\nTo: " + std::string(request.value(Header::to)) +
           (request.to_tag().empty() ? ";tag=callee1" : "") + "\r\nCall-ID: " + std::string(request.call_id()) +
           "\r\nCSeq: " + std::string(request.value(Header::cseq)) + "\r\nContact: <sip:127.0.0.1:15080>\r\n";
    return with_body(std::move(out), body);
}

} // namespace tandem::bench
