#include <cerrno>
#include <doctest/doctest.h>
#include <string>
#include <thread>
#include <vector>
#include "net/hep/packet_sender.hpp"
#include "net/hep/stream_sender.hpp"
#include "net/stream_peer.hpp"

using namespace tandem;
using namespace tandem::test;

namespace {

template <class Done>
void wait_until(Done done) {
    const Instant end = SystemClock::now() + std::chrono::seconds(10);
    while (!done() && SystemClock::now() < end) std::this_thread::yield();
    CHECK(done());
}

std::string joined(const std::vector<std::string> &packets) {
    std::string all;
    for (const std::string &packet : packets) all += packet;
    return all;
}

} // namespace

TEST_CASE("stream sender: all arrive in their order on one connection, also more than the kernel takes at once") {
    RawListener collector;
    const auto sender = std::move(*open_packet_sender(collector.local()));
    std::vector<std::string> small, large;
    for (int i = 0; i < 150; ++i) small.push_back("message " + std::to_string(i));
    for (int i = 0; i < 150; ++i) large.push_back(std::string(60'000, static_cast<char>('a' + i % 26)));
    CHECK(sender->send(small).taken == small.size());
    RawSocket socket;
    wait_until([&] { return collector.accept(socket); });
    wait_until([&] { return socket.text() == joined(small); });

    std::size_t taken = 0;
    std::thread thread([&] { taken = sender->send(large).taken; });
    const std::string all = joined(small) + joined(large);
    wait_until([&] { return socket.text().size() == all.size(); });
    thread.join();
    CHECK(taken == large.size());
    CHECK(socket.text() == all);
}

TEST_CASE("stream sender: where nobody listens all is lost, and told") {
    Endpoint gone;
    {
        const RawListener collector;
        gone = collector.local();
    }
    StreamSender sender(gone);
    const std::vector<std::string> packets(20, "x");
    for (int i = 0; i < 2; ++i) { // the second time it does not even try
        const auto sent = sender.send(packets);
        CHECK(sent.taken == 0);
        CHECK(sent.lost == packets.size());
        CHECK(sent.error == ECONNREFUSED);
    }
}

TEST_CASE("stream sender: a collector that ends its connection gets another one, which begins with a whole packet") {
    RawListener collector;
    StreamSender sender(collector.local());
    const std::vector<std::string> packets{"one", "two"};
    CHECK(sender.send(packets).taken == 2);
    RawSocket first, second;
    wait_until([&] { return collector.accept(first); });
    first.send("what no collector says");
    first.close();
    wait_until([&] {
        const auto sent = sender.send(packets);
        CHECK(sent.taken + sent.lost == 2);
        return collector.accept(second);
    });
    wait_until([&] { return second.text().starts_with("onetwo"); });
}

TEST_CASE("stream sender: a collector that takes nothing is left") {
    RawListener collector;
    StreamSender sender(collector.local());
    const std::vector<std::string> packets(100, std::string(60'000, 'x'));
    PacketSender::Sent sent;
    for (int i = 0; i < 10 && sent.lost == 0; ++i) sent = sender.send(packets);
    CHECK(sent.lost > 0);
    CHECK(sent.taken + sent.lost == packets.size());
    CHECK(sent.error == ETIMEDOUT);
    RawSocket socket;
    wait_until([&] { return collector.accept(socket); });
    wait_until([&] { return socket.receive(), socket.is_closed(); });
}
