// Messages to begin with; a test changes what it is about.
#pragma once
#include <string>
#include <string_view>

namespace tandem::test {

inline std::string invite() {
    return "INVITE sip:bob@192.0.2.9:5060 SIP/2.0\r\n"
           "Via: SIP/2.0/UDP 192.0.2.1:5061;branch=z9hG4bKabc;rport\r\n"
           "Via: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKdef\r\n"
           "Max-Forwards: 70\r\n"
           "From: \"Alice, \\\"A\\\"\" <sip:alice@example.com;user=phone>;tag=a1\r\n"
           "To: <sip:bob@example.com>\r\n"
           "Call-ID: c1@192.0.2.1\r\n"
           "CSeq: 7 INVITE\r\n"
           "Contact: <sip:alice@192.0.2.1:5061>\r\n"
           "Record-Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr>\r\n"
           "Record-Route: <sip:p3.example.com;lr>\r\n"
           "Supported: timer, 100rel\r\n"
           "X-Account: blue\r\n"
           "Content-Type: application/sdp\r\n"
           "Content-Length: 5\r\n"
           "\r\n"
           "v=0\r\n";
}

inline std::string with(std::string message, std::string_view old_text, std::string_view new_text) {
    const std::size_t at = message.find(old_text);
    return at == std::string::npos ? std::string() : message.replace(at, old_text.size(), new_text);
}

} // namespace tandem::test
