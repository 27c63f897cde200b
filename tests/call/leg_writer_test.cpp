// Where a request inside a dialog goes, and what Via and Contact say of the transport.
#include <doctest/doctest.h>
#include <string>
#include "call/leg_writer.hpp"

using namespace tandem;

namespace {

Endpoint at(Transport transport, std::string_view ip, std::uint16_t port, std::uint8_t listener) {
    return {.ip = *IpAddress::parse(ip), .port = port, .transport = transport, .listener = listener};
}

const std::vector<Listener> listeners = {
    {at(Transport::udp, "192.0.2.9", 5060, 0), "192.0.2.9:5060"},
    {at(Transport::tcp, "192.0.2.9", 5070, 1), "192.0.2.9:5070"},
    {at(Transport::tls, "192.0.2.9", 5061, 2), "sip.example.com:5061"},
    {at(Transport::tcp, "2001:db8::9", 5060, 3), "[2001:db8::9]:5060"},
};
const Endpoint udp_peer = at(Transport::udp, "192.0.2.1", 40000, 0);
const Endpoint tcp_peer = at(Transport::tcp, "192.0.2.1", 40000, 1);
const Endpoint tls_peer = at(Transport::tls, "192.0.2.1", 40000, 2);

class NoRoute final : public Router {
public:
    Route route(const Message &, const Endpoint &) override { return {}; }
};

struct Request {
    Request(std::string_view remote_target, const Endpoint &peer, std::string_view route_set = {}) {
        DialogPath path;
        path.call_id = "c";
        path.local_uri = "sip:a@a";
        path.local_tag = "1";
        path.remote_uri = "sip:b@b";
        path.remote_tag = "2";
        path.remote_target = remote_target;
        path.route_set = route_set;
        NoRoute router;
        LegWriter writer(listeners, router);
        const WrittenRequest written = writer.request(
            path, peer, nullptr, {.method = "INFO", .cseq = 2, .branch = "z9hG4bK1", .has_contact = true});
        to = written.to;
        message = *Message::parse(written.bytes.view());
    }
    std::string_view via() const {
        const std::string_view line = message.value(Header::via);
        return line.substr(0, line.find(';'));
    }
    std::string_view contact() const { return message.value(Header::contact); }

    Endpoint to;
    Message message;
};

} // namespace

TEST_CASE("listener: the first of the transport and the family sends") {
    CHECK(find_listener(listeners, at(Transport::tcp, "192.0.2.1", 1, 0)) == 1);
    CHECK(find_listener(listeners, at(Transport::tcp, "2001:db8::1", 1, 0)) == 3);
    CHECK(find_listener(listeners, at(Transport::tls, "192.0.2.1", 1, 0)) == 2);
    CHECK(find_listener(listeners, at(Transport::tls, "2001:db8::1", 1, 0)) == std::nullopt);
    CHECK(find_listener(std::vector<Endpoint>{tcp_peer, udp_peer}, udp_peer) == 1);
}

TEST_CASE("leg: a Contact that names another transport is followed where we have a socket of it") {
    const Request tcp("sip:bob@192.0.2.2:5062;transport=tcp", udp_peer);
    CHECK(tcp.to == at(Transport::tcp, "192.0.2.2", 5062, 1));
    CHECK(tcp.via() == "SIP/2.0/TCP 192.0.2.9:5070");
    CHECK(tcp.contact() == "<sip:192.0.2.9:5070;transport=tcp>");

    const Request udp("sip:bob@192.0.2.2:5062;transport=udp", tcp_peer);
    CHECK(udp.to == at(Transport::udp, "192.0.2.2", 5062, 0));
    CHECK(udp.contact() == "<sip:192.0.2.9:5060>");

    const Request sips("sips:bob@192.0.2.2", udp_peer);
    CHECK(sips.to == at(Transport::tls, "192.0.2.2", 5061, 2));
    CHECK(sips.via() == "SIP/2.0/TLS sip.example.com:5061");
    CHECK(sips.contact() == "<sips:sip.example.com:5061>");

    CHECK(Request("sip:bob@[2001:db8::2];transport=tcp", udp_peer).to == at(Transport::tcp, "2001:db8::2", 5060, 3));
    CHECK(Request("sip:bob@[2001:db8::2];transport=tls", udp_peer).to == udp_peer); // no such socket
    CHECK(Request("sip:bob@192.0.2.2;transport=ws", tcp_peer).to == tcp_peer);
    CHECK(Request("sip:bob@name.example;transport=tcp", udp_peer).to == udp_peer); // takes a resolver
}

TEST_CASE("leg: who came over a connection and names no transport is reached over it") {
    CHECK(Request("sip:bob@192.0.2.1:5060", tcp_peer).to == tcp_peer);
    CHECK(Request("sip:bob@192.0.2.1:5060", tls_peer).to == tls_peer);
    CHECK(Request("sip:bob@192.0.2.1:5060;transport=tcp", tcp_peer).to == at(Transport::tcp, "192.0.2.1", 5060, 1));
    CHECK(Request("sip:bob@192.0.2.1:5060", udp_peer).to == at(Transport::udp, "192.0.2.1", 5060, 0));
    CHECK(Request("sip:bob@192.0.2.1:5060", tcp_peer).contact() == "<sip:192.0.2.9:5070;transport=tcp>");
    CHECK(Request("sip:bob@192.0.2.1:5060", tls_peer).contact() == "<sip:sip.example.com:5061;transport=tls>");
}

TEST_CASE("leg: the first route says where and by what, and SIPS stays SIPS (RFC 3261 section 26.2.2)") {
    const Request routed("sip:bob@192.0.2.2", udp_peer, "<sip:192.0.2.7:5080;transport=tcp;lr>");
    CHECK(routed.to == at(Transport::tcp, "192.0.2.7", 5080, 1));
    const Request secure("sip:bob@192.0.2.2", tls_peer, "<sips:192.0.2.7;lr>");
    CHECK(secure.to == at(Transport::tls, "192.0.2.7", 5061, 2));
    CHECK(secure.contact() == "<sips:sip.example.com:5061>");
}

TEST_CASE("leg: a 2xx gives a Contact of the request's transport, and a SIPS one to SIPS (RFC 3261 section 12.1.1)") {
    const auto contact = [](std::string_view uri, std::string_view more, const Endpoint &source) {
        const auto invite =
            Message::parse("INVITE " + std::string(uri) +
                           " SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@a>;tag=1"
                           "\r\nTo: <sip:b@b>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n" +
                           std::string(more) + "Content-Length: 0\r\n\r\n");
        REQUIRE(invite);
        NoRoute router;
        LegWriter writer(listeners, router);
        const SharedBytes bytes = writer.response(*invite, source, 200, {}, "t", nullptr);
        return std::string(Message::parse(bytes.view())->value(Header::contact));
    };
    const std::string_view plain = "Contact: <sip:a@192.0.2.1>\r\n";
    CHECK(contact("sip:b@b", plain, udp_peer) == "<sip:192.0.2.9:5060>");
    CHECK(contact("sip:b@b", plain, tcp_peer) == "<sip:192.0.2.9:5070;transport=tcp>");
    CHECK(contact("sip:b@b", plain, tls_peer) == "<sip:sip.example.com:5061;transport=tls>");
    CHECK(contact("sips:b@b", plain, tls_peer) == "<sips:sip.example.com:5061>");
    CHECK(contact("sip:b@b", "Contact: <sips:a@192.0.2.1>\r\n", tls_peer) == "<sips:sip.example.com:5061>");
    CHECK(contact("sip:b@b", "Contact: <sips:a@192.0.2.1>\r\nRecord-Route: <sip:p@192.0.2.7;lr>\r\n", tls_peer) ==
          "<sip:sip.example.com:5061;transport=tls>");
    CHECK(contact("sip:b@b", "Contact: <sip:a@192.0.2.1>\r\nRecord-Route: <sips:p@192.0.2.7;lr>\r\n", tls_peer) ==
          "<sips:sip.example.com:5061>");
}
