// Who sends faster than we read takes one turn of the loop at a time, and everybody else has theirs.
#include <algorithm>
#include "net/loop_impl.hpp"
#include "net/socket_address.hpp"
#include "net/stream_acceptor.hpp"
#include "net/stream_peer.hpp"
#include "net/udp_transport.hpp"

using namespace tandem;
using namespace tandem::test;

namespace {

constexpr int turn_count = 200;

// How many times on_work() is called between two runs of a task that posts itself: at most, and in all.
struct Turns {
    explicit Turns(Loop &its_loop) : loop(its_loop) {}

    void on_work() {
        ++all;
        most = std::max(most, ++now);
    }
    void run() {
        loop.post([this] { next(); });
        loop.run();
    }
    void next() {
        now = 0;
        if (++turns == turn_count || most > 2) return loop.stop();
        loop.post([this] { next(); });
    }

    Loop &loop;
    int turns = 0;
    int now = 0;
    int most = 0;
    int all = 0;
};

} // namespace

TEST_CASE("turns: a stream that brings more than one turn reads has one turn in each of the loop") {
    Loop loop;
    const std::string message = sip_request("OPTIONS", 1);
    StreamPeer bob(loop, "127.0.0.1", {.read_size = message.size(), .reads_per_wake = 1});
    RawSocket alice(bob.local());
    Turns turns(loop);
    bob.on_batch = [&] {
        turns.on_work();
        alice.send(message); // another event
    };
    for (int i = 0; i < 50; ++i) alice.send(message);
    turns.run();
    CHECK(turns.most <= 2);
    CHECK(turns.all > turn_count / 2);
}

TEST_CASE("turns: a UDP socket that brings more than one turn reads has one turn in each of the loop") {
    Loop loop;
    const auto open = [&loop] {
        auto opened =
            UdpTransport::open(loop, {.ip = *IpAddress::parse("127.0.0.1")}, {.batch_max = 1, .batches_per_wake = 1});
        REQUIRE(opened.ok());
        return std::move(*opened);
    };
    const auto alice = open(), bob = open();
    const OutDatagram datagram{bob->local(), SharedBytes("x"), 0, {}};
    Turns turns(loop);
    bob->on_batch([&](std::span<const Datagram>) {
        turns.on_work();
        alice->send({&datagram, 1});
    });
    for (int i = 0; i < 50; ++i) alice->send({&datagram, 1});
    turns.run();
    CHECK(turns.most <= 2);
    CHECK(turns.all > turn_count / 2);
}

TEST_CASE("turns: a crowd that connects has one turn in each of the loop") {
    Loop loop;
    Turns turns(loop);
    std::vector<RawSocket> crowd;
    Endpoint at;
    auto acceptor = StreamAcceptor::open(loop.impl().io, tcp("127.0.0.1"), {.accepts_per_wake = 1},
                                         [&](OwnedDescriptor, const Endpoint &) {
                                             turns.on_work();
                                             crowd.emplace_back(at); // another event
                                         });
    REQUIRE(acceptor.ok());
    at = (*acceptor)->local();
    for (int i = 0; i < 50; ++i) crowd.emplace_back(at);
    turns.run();
    CHECK(turns.most <= 2);
    CHECK(turns.all > turn_count / 2);
    (*acceptor)->close();
}
