#include <cerrno>
#include <doctest/doctest.h>
#include <string>
#include <vector>
#include "net/hep/datagram_sender.hpp"
#include "net/loop.hpp"
#include "net/udp_transport.hpp"

using namespace tandem;

namespace {

Endpoint loopback() {
    Endpoint at;
    at.ip = *IpAddress::parse("127.0.0.1");
    return at;
}

} // namespace

TEST_CASE("datagram sender: all arrive in their order, also more than one system call takes") {
    Loop loop;
    auto collector = std::move(*UdpTransport::open(loop, loopback()));
    std::vector<std::string> sent;
    for (int i = 0; i < 150; ++i) sent.push_back("message " + std::to_string(i));
    std::vector<std::string> got;
    collector->on_batch([&](std::span<const Datagram> batch) {
        for (const Datagram &datagram : batch) got.emplace_back(datagram.bytes);
        if (got.size() == sent.size()) loop.stop();
    });
    auto sender = DatagramSender::open(collector->local());
    REQUIRE(sender.ok());
    const auto result = sender->send(sent);
    CHECK(result.taken == sent.size());
    CHECK(result.lost == 0);
    loop.run();
    CHECK(got == sent);
}

TEST_CASE("datagram sender: where nobody listens it is told, and goes on") {
    Loop loop;
    const Endpoint gone = UdpTransport::open(loop, loopback()).value()->local();
    auto sender = DatagramSender::open(gone);
    REQUIRE(sender.ok());
    const std::vector<std::string> sent(20, "x");
    const auto result = sender->send(sent);
    CHECK(result.taken + result.lost == sent.size());
    CHECK(result.lost > 0); // on the loopback interface the refusal is there at once
    CHECK(result.error == ECONNREFUSED);
}
