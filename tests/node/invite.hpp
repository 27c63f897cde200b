// An INVITE to ask routes and templates about.
#pragma once
#include <string>
#include <string_view>
#include "sip/message.hpp"

namespace tandem::test {

// `extra` is whole header lines with CRLF.
inline Message invite(std::string_view request_uri, std::string_view extra = {},
                      std::string_view from = "\"Alice\" <sip:alice@a.example>") {
    std::string text = "INVITE " + std::string(request_uri) + " SIP/2.0\r\n";
    text += "Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n";
    text += "From: " + std::string(from) + ";tag=1\r\nTo: <sip:bob@b.example>\r\nCall-ID: 1@a\r\nCSeq: 1 INVITE\r\n";
    text += "Contact: <sip:alice@192.0.2.10>\r\n" + std::string(extra) + "Content-Length: 0\r\n\r\n";
    return Message::parse(text).value();
}

inline Endpoint endpoint(std::string_view ip, std::uint16_t port = 5060) {
    Endpoint endpoint;
    endpoint.ip = IpAddress::parse(ip).value();
    endpoint.port = port;
    return endpoint;
}

} // namespace tandem::test
