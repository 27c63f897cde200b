#include <doctest/doctest.h>
#include <set>
#include <string>
#include "net/stream_peer.hpp"
#include "net/udp_transport.hpp"
#include "node/capture.hpp"
#include "node/running_node.hpp"

using namespace tandem;
using test::Lines;
using Node = test::RunningNode;

namespace {

// The value of a chunk of a packet; empty: it has none.
std::string chunk(std::string_view packet, std::uint16_t type) {
    const auto number = [&](std::size_t at) {
        return static_cast<std::size_t>(static_cast<unsigned char>(packet[at]) << 8 |
                                        static_cast<unsigned char>(packet[at + 1]));
    };
    for (std::size_t at = 6; at + 6 <= packet.size(); at += number(at + 4)) {
        if (number(at + 2) == type) return std::string(packet.substr(at + 6, number(at + 4) - 6));
    }
    return {};
}

} // namespace

TEST_CASE("capture: whatever the workers of a server receive and send comes to the collector, once") {
    Loop loop;
    auto collector = std::move(*UdpTransport::open(loop, test::endpoint("127.0.0.1", 0)));
    std::size_t packets = 0;
    std::multiset<std::string> seen; // "call-1 INVITE sip:"
    collector->on_batch([&](std::span<const Datagram> batch) {
        for (const Datagram &datagram : batch) {
            ++packets;
            const std::string message = chunk(datagram.bytes, 15);
            CHECK(chunk(datagram.bytes, 14) == "pw");
            CHECK(message.find("Call-ID: " + chunk(datagram.bytes, 17) + "\r\n") != std::string::npos);
            seen.insert(chunk(datagram.bytes, 17) + " " + message.substr(0, 11));
        }
    });
    constexpr std::size_t calls = 16;
    CaptureStatistics all;
    {
        Node node({}, {}, [&](Config &config) {
            config.capture.collector = collector->local();
            config.capture.password = "pw";
        });
        std::size_t over = 0;
        node.caller->on_final = [&](std::size_t call, std::uint16_t) { node.caller->hang_up(call); };
        node.caller->on_hung_up = [&](std::size_t) {
            if (++over == calls) node.end();
        };
        node.run([&] {
            for (std::size_t call = 0; call < calls; ++call) node.caller->invite(call);
        });
        all = node.server->capture()->statistics();
        loop.on_deadline([&] { loop.stop(); });
        loop.set_deadline(SystemClock::now() + std::chrono::milliseconds(100)); // all was sent before the server ended
        loop.run();
    }
    CHECK(all.dropped + all.failed + all.too_large == 0);
    CHECK(packets == all.sent);
    for (std::size_t call = 0; call < calls; ++call) {
        const std::string id = "call-" + std::to_string(call);
        INFO(id);
        CHECK(seen.count(id + " INVITE sip:") == 1);
        CHECK(seen.count(id + " SIP/2.0 100") == 1);
        CHECK(seen.count(id + " ACK sip:bob") == 1);
        CHECK(seen.count(id + " SIP/2.0 200") == 2); // of INVITE and BYE
    }
    // As many on the other leg, but that the callee says no 100.
    CHECK(packets >= calls * (6 + 5));
}

TEST_CASE("capture: a collector may be connected to") {
    test::RawListener listener;
    Node node({}, {}, [&](Config &config) { config.capture.collector = listener.local(); });
    node.caller->on_final = [&](std::size_t call, std::uint16_t) { node.caller->hang_up(call); };
    node.caller->on_hung_up = [&](std::size_t) { node.end(); };
    node.run([&] { node.caller->invite(0); });
    const CaptureStatistics all = node.server->capture()->statistics();
    CHECK(all.dropped + all.failed + all.too_large == 0);
    node.server.reset();

    test::RawSocket collector;
    REQUIRE(listener.accept(collector));
    CHECK(collector.is_closed());
    std::size_t packets = 0;
    for (std::string_view rest = collector.text(); !rest.empty(); ++packets) {
        REQUIRE(rest.starts_with("HEP3"));
        const std::size_t size =
            static_cast<std::size_t>(static_cast<unsigned char>(rest[4]) << 8 | static_cast<unsigned char>(rest[5]));
        REQUIRE(size <= rest.size());
        const std::string_view packet = rest.substr(0, size);
        CHECK(chunk(packet, 15).find("Call-ID: " + chunk(packet, 17) + "\r\n") != std::string::npos);
        rest.remove_prefix(size);
    }
    CHECK(packets == all.sent);
    CHECK(packets >= 11);
}

TEST_CASE("capture: a collector that is not there is told once, counted, and disturbs nobody") {
    Loop loop;
    const Endpoint gone = UdpTransport::open(loop, test::endpoint("127.0.0.1", 0)).value()->local();
    Node node({}, {}, [&](Config &config) { config.capture.collector = gone; });
    std::size_t over = 0;
    constexpr std::size_t calls = 16;
    node.caller->on_final = [&](std::size_t call, std::uint16_t status) {
        CHECK(status == 200);
        node.caller->hang_up(call);
    };
    node.caller->on_hung_up = [&](std::size_t) {
        if (++over == calls) node.end();
    };
    node.run([&] {
        for (std::size_t call = 0; call < calls; ++call) node.caller->invite(call);
    });
    const CaptureStatistics all = node.server->capture()->statistics();
    CHECK(all.failed > 0);
    CHECK(all.failed + all.sent >= calls * 11);
    CHECK(node.lines.count("capture: 127.0.0.1") == 1);
}
