// What strangers can hold of a TCP transport, and for how long.
#include <cerrno>
#include <sys/resource.h>
#include <sys/times.h>
#include "net/loop_impl.hpp"
#include "net/stream_acceptor.hpp"
#include "net/stream_peer.hpp"
#include "net/udp_transport.hpp"

using namespace tandem;
using namespace tandem::test;
using std::chrono::milliseconds;

namespace {

// UBSan looks at memory through pipes: without descriptors it takes every object for a bad one.
#ifdef __SANITIZE_ADDRESS__
constexpr bool needs_descriptors = true;
#else
constexpr bool needs_descriptors = false;
#endif

// The limit of descriptors while it lives.
class DescriptorLimit {
public:
    DescriptorLimit() { ::getrlimit(RLIMIT_NOFILE, &before_); }
    ~DescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    DescriptorLimit(const DescriptorLimit &) = delete;
    DescriptorLimit &operator=(const DescriptorLimit &) = delete;

    void set(rlim_t count) const {
        const rlimit limit{count, before_.rlim_max};
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
    }
    rlim_t max() const { return before_.rlim_max; }

private:
    rlimit before_{};
};

// The number that the next descriptor gets.
rlim_t next_descriptor() { return static_cast<rlim_t>(OwnedDescriptor(::dup(0)).get()); }

milliseconds used_processor() {
    tms times{};
    ::times(&times);
    return milliseconds((times.tms_utime + times.tms_stime) * 1000 / ::sysconf(_SC_CLK_TCK));
}

} // namespace

TEST_CASE("tcp limit: ten thousand connections that say nothing hold up nobody, and end in time") {
    const DescriptorLimit descriptors;
    descriptors.set(descriptors.max());
    const int count = static_cast<int>(std::min<rlim_t>(10'000, (descriptors.max() - 100) / 2)); // both ends are ours
    Loop loop;
    StreamPeer bob(loop, "127.0.0.1", {.connections_per_source = 20'000, .silent_timeout = milliseconds(1500)});
    std::vector<RawSocket> quiet;
    for (int i = 0; i < count; ++i) {
        quiet.emplace_back(bob.local());
        if (i % 500 != 0) continue;
        run_until(loop, [&] { return bob.transport->stream_statistics().accepted == quiet.size(); });
    }
    run_until(loop, [&] { return bob.transport->stream_statistics().accepted == quiet.size(); });
    RawSocket alice(bob.local());
    const Instant asked = SystemClock::now();
    alice.send(sip_request("OPTIONS", 1));
    run_until(loop, [&] { return bob.texts.size() == 1; });
    CHECK(SystemClock::now() - asked < milliseconds(1000)); // on a loaded machine; on a quiet one 10
    run_until(loop, [&] { return bob.transport->stream_statistics().connections == 1; });
    CHECK(!alice.is_closed());
    CHECK(bob.transport->stream_statistics().timed_out == quiet.size());
    MESSAGE(quiet.size() << " connections");
}

TEST_CASE("tcp limit: one source has its share, and an eighth of all is kept for what we make") {
    Loop loop;
    StreamPeer bob(loop, "127.0.0.1", {.connection_max = 16, .connections_per_source = 3});
    std::vector<RawSocket> sockets;
    for (int i = 0; i < 5; ++i) sockets.emplace_back(bob.local());
    run_until(loop, [&] { return bob.transport->stream_statistics().refused == 2; });
    CHECK(bob.transport->stream_statistics().connections == 3);
    CHECK(sockets[4].is_closed());
    CHECK(!sockets[2].is_closed());
    sockets[0].close();
    run_until(loop, [&] { return bob.transport->stream_statistics().connections == 2; });
    RawSocket again(bob.local());
    run_until(loop, [&] { return bob.transport->stream_statistics().accepted == 4; });

    StreamPeer carol(loop, "127.0.0.1", {.connection_max = 8});
    std::vector<RawSocket> more;
    for (int i = 0; i < 9; ++i) more.emplace_back(carol.local());
    run_until(loop, [&] { return carol.transport->stream_statistics().refused == 2; });
    CHECK(carol.transport->stream_statistics().connections == 7);
    const RawListener one, two;
    carol.send(one.local(), {sip_request("OPTIONS", 1)});
    carol.send(two.local(), {sip_request("OPTIONS", 2)});
    run_until(loop, [&] { return carol.errors == std::vector<int>{ENFILE}; });
    CHECK(carol.failed == std::vector<std::uint64_t>{2});
}

TEST_CASE("tcp limit: a message that drips in is given its time and no more (slow loris)") {
    Loop loop;
    StreamPeer bob(loop, "127.0.0.1", {.message_timeout = milliseconds(300)});
    RawSocket slow(bob.local()), busy(bob.local());
    const std::string message = sip_request("OPTIONS", 1);
    std::size_t dripped = 0;
    const Instant begun = SystemClock::now();
    run_until(loop, [&] {
        if (slow.is_closed()) return true;
        if (dripped < message.size() - 1) slow.send(message.substr(dripped++, 1));
        busy.send(message.substr(0, 20)); // never at the end of a message for long, but always going on
        busy.send(message.substr(20) + message.substr(0, 0));
        return false;
    });
    CHECK(SystemClock::now() - begun >= milliseconds(300));
    CHECK(!busy.is_closed());
    CHECK(bob.transport->stream_statistics().timed_out == 1);
    CHECK(bob.texts.size() > 5);
}

TEST_CASE("tcp limit: a quiet connection ends, one that is used lives") {
    Loop loop;
    StreamPeer bob(loop, "127.0.0.1", {.idle_timeout = milliseconds(400)});
    RawSocket quiet(bob.local()), used(bob.local());
    quiet.send(sip_request("OPTIONS", 1));
    used.send(sip_request("OPTIONS", 2));
    run_until(loop, [&] {
        if (quiet.is_closed()) return true;
        used.send("\r\n\r\n");
        return false;
    });
    CHECK(!used.is_closed());
}

TEST_CASE("tcp limit: keep-alives are no word: who sends nothing else ends with those that are silent") {
    Loop loop;
    StreamPeer bob(loop, "127.0.0.1", {.silent_timeout = milliseconds(300)});
    RawSocket stranger(bob.local()), known(bob.local());
    known.send(sip_request("OPTIONS", 1));
    const Instant begun = SystemClock::now();
    run_until(loop, [&] {
        if (stranger.is_closed()) return true;
        stranger.send("\r\n\r\n");
        known.send("\r\n\r\n");
        return false;
    });
    CHECK(SystemClock::now() - begun >= milliseconds(250));
    CHECK(bob.transport->stream_statistics().timed_out == 1);
    CHECK(!known.is_closed());
}

TEST_CASE("tcp limit: who pings and does not read is owed one pong, not one for each") {
    Loop loop;
    StreamPeer bob(loop, "127.0.0.1", {.queue_bytes_max = 32 << 20});
    RawSocket alice(bob.local());
    alice.send(sip_request("OPTIONS", 1));
    run_until(loop, [&] { return bob.texts.size() == 1; });
    // More than the buffers of both sockets take.
    const std::vector<std::string> large(300, sip_request("MESSAGE", 1, "192.0.2.1", std::string(60'000, 'b')));
    bob.send(bob.from[0], large);
    REQUIRE(bob.transport->statistics().sent < large.size());
    for (std::uint64_t pings = 1; pings <= 20; ++pings) {
        alice.send("\r\n\r\n");
        run_until(loop, [&] { return bob.transport->stream_statistics().pings == pings; });
    }
    const std::size_t size = large.size() * large[0].size();
    run_until(loop, [&] { return alice.text().size() >= size + 2; });
    alice.send("\r\n\r\n"); // nothing waits any more
    run_until(loop, [&] { return alice.text().size() >= size + 4; });
    CHECK(alice.text().substr(size) == "\r\n\r\n");
}

TEST_CASE("tcp limit: a line without an end does not wait for its time to be up") {
    Loop loop;
    StreamPeer bob(loop);
    RawSocket alice(bob.local());
    alice.send("OPTIONS sip:" + std::string(4100, 'x'));
    const Instant begun = SystemClock::now();
    run_until(loop, [&] { return alice.is_closed(); });
    CHECK(SystemClock::now() - begun < milliseconds(5000)); // message_timeout: 10 s
    CHECK(bob.transport->stream_statistics().broken == 1);
}

TEST_CASE("tcp limit: a connection that we made is pinged while it is quiet, and lost without an answer (RFC 5626)") {
    Loop loop;
    StreamPeer alice(loop, "127.0.0.1", {.ping_interval = milliseconds(100), .pong_timeout = milliseconds(300)});
    StreamPeer bob(loop);
    alice.send(bob.local(), {sip_request("OPTIONS", 1)});
    run_until(loop, [&] { return bob.transport->stream_statistics().pings >= 3; });
    CHECK(alice.lost.empty());

    RawListener silent;
    alice.send(silent.local(), {sip_request("OPTIONS", 2)});
    RawSocket far;
    run_until(loop, [&] { return silent.accept(far) && alice.lost.size() == 1; });
    CHECK(far.text() == sip_request("OPTIONS", 2) + "\r\n\r\n");
    CHECK(alice.lost[0].second == "quiet for too long");
}

TEST_CASE("tcp limit: an address that does not answer fails when the time is up") {
    Loop loop;
    StreamPeer alice(loop, "127.0.0.1", {.connect_timeout = milliseconds(200)});
    // A listener whose queue is full answers nobody.
    const RawListener busy("127.0.0.1", 0, 0);
    const RawSocket first(busy.local());
    alice.send(busy.local(), {sip_request("OPTIONS", 1)});
    run_until(loop, [&] { return !alice.lost.empty(); });
    CHECK(alice.errors == std::vector<int>{ETIMEDOUT});
    CHECK(alice.lost[0].second == "no connection in time");
}

TEST_CASE("tcp limit: without descriptors who comes is refused, nothing spins, UDP goes on, and it recovers (L2)" *
          doctest::skip(needs_descriptors)) {
    Loop loop;
    StreamPeer bob(loop);
    auto udp = UdpTransport::open(loop, {.ip = *IpAddress::parse("127.0.0.1")});
    REQUIRE(udp.ok());
    int datagrams = 0;
    (*udp)->on_batch([&](std::span<const Datagram> batch) { datagrams += static_cast<int>(batch.size()); });
    RawSocket before(bob.local());
    before.send(sip_request("OPTIONS", 1));
    run_until(loop, [&] { return bob.texts.size() == 1; });
    {
        // Connected by sockets that exist already: the limit stops new ones, ours too.
        std::vector<OwnedDescriptor> sockets;
        for (int i = 0; i < 20; ++i) sockets.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const DescriptorLimit descriptors;
        descriptors.set(static_cast<rlim_t>(sockets.back().get()) + 1);
        std::vector<RawSocket> refused;
        for (OwnedDescriptor &socket : sockets) refused.emplace_back(std::move(socket), bob.local());
        run_until(loop,
                  [&] { return bob.transport->stream_statistics().accept_pauses >= 2 || refused[19].is_closed(); });
        CHECK(bob.transport->stream_statistics().accept_pauses >= 1);
        run_until(loop, [&] { return refused[0].is_closed() && refused[19].is_closed(); });

        const milliseconds start = used_processor();
        const OutDatagram datagram{(*udp)->local(), SharedBytes("x"), 0, {}};
        run_until(loop, [&, end = SystemClock::now() + milliseconds(500)] {
            (*udp)->send({&datagram, 1});
            return SystemClock::now() >= end;
        });
        CHECK(used_processor() - start < milliseconds(250)); // half of it at most, with our own polling
        CHECK(datagrams > 5);
        before.send(sip_request("OPTIONS", 2)); // a connection that lives is served
        run_until(loop, [&] { return bob.texts.size() == 2; });
        CHECK(bob.transport->stream_statistics().refused >= 20);
    }
    RawSocket after(bob.local());
    after.send(sip_request("OPTIONS", 3));
    run_until(loop, [&] { return bob.texts.size() == 3; });
}

TEST_CASE("tcp limit: an acceptor that has lost its spare descriptor takes one when there are some again (L2)" *
          doctest::skip(needs_descriptors)) {
    Loop loop;
    std::vector<OwnedDescriptor> sockets;
    for (int i = 0; i < 2; ++i) sockets.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const DescriptorLimit descriptors;
    descriptors.set(next_descriptor() + 1); // its own, and no other
    std::vector<OwnedDescriptor> accepted;
    auto opened =
        StreamAcceptor::open(loop.impl().io, tcp("127.0.0.1"), {.pause_max = milliseconds(50)},
                             [&](OwnedDescriptor fd, const Endpoint &) { accepted.push_back(std::move(fd)); });
    REQUIRE(opened.ok());
    StreamAcceptor &acceptor = **opened;
    RawSocket first(std::move(sockets[0]), acceptor.local());
    run_until(loop, [&] { return acceptor.pauses() == 2; });
    CHECK(acceptor.refused() == 0);
    descriptors.set(descriptors.max());
    run_until(loop, [&] { return accepted.size() == 1; });
    descriptors.set(next_descriptor());
    RawSocket second(std::move(sockets[1]), acceptor.local());
    run_until(loop, [&] { return second.is_closed(); });
    CHECK(acceptor.refused() == 1);
    CHECK(!first.is_closed());
    acceptor.close();
}
