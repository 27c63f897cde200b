// Real sockets on the loopback interface, on ports that the kernel chooses.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>
#include "net/system_clock.hpp"
#include "net/udp_transport.hpp"

using namespace tandem;
using std::chrono::milliseconds;

namespace {

// How many datagrams find room in the send buffer; then it is full. On the loopback interface a real one never is:
// a datagram counts as the receiver's at once.
unsigned send_room = ~0u;

} // namespace

// In the place of the C library's.
extern "C" int sendmmsg(int fd, mmsghdr *messages, unsigned count, int flags) {
    if (send_room == 0) {
        errno = EAGAIN;
        return -1;
    }
    const long sent = ::syscall(SYS_sendmmsg, fd, messages, std::min(count, send_room), flags);
    if (sent > 0 && send_room != ~0u) send_room -= static_cast<unsigned>(sent);
    return static_cast<int>(sent);
}

namespace {

Endpoint endpoint(std::string_view ip, std::uint16_t port = 0, std::uint8_t listener = 0) {
    return {.ip = *IpAddress::parse(ip), .port = port, .listener = listener};
}

std::unique_ptr<UdpTransport> open(Loop &loop, std::string_view ip, const UdpOptions &options = {}) {
    auto opened = UdpTransport::open(loop, endpoint(ip, 0, 3), options);
    REQUIRE_MESSAGE(opened.ok(), opened.error().detail);
    return std::move(*opened);
}

// Runs the loop until `done`, which handlers change, or five seconds have passed.
template <class Done>
void run_until(Loop &loop, Done done) {
    const Instant end = SystemClock::now() + std::chrono::seconds(5);
    loop.on_deadline([&] {
        if (done() || SystemClock::now() > end) return loop.stop();
        loop.set_deadline(SystemClock::now() + milliseconds(1));
    });
    loop.set_deadline(SystemClock::now());
    loop.run();
    CHECK(done());
}

// A transport and all that it received, by text.
struct Peer {
    Peer(Loop &loop, std::string_view ip, const UdpOptions &options = {}) : udp(open(loop, ip, options)) {
        udp->on_batch([this](std::span<const Datagram> batch) {
            batches.push_back(batch.size());
            for (const Datagram &datagram : batch) {
                texts.emplace_back(datagram.bytes);
                from.push_back(datagram.peer);
            }
        });
        udp->on_send_failed([this](const OutDatagram &datagram, const SendFailure &failure) {
            failed.push_back(datagram);
            errors.push_back(failure.error);
        });
    }
    void send(const Endpoint &to, std::vector<std::string> messages) {
        std::vector<OutDatagram> batch;
        for (const std::string &message : messages) batch.push_back({to, SharedBytes(message), batch.size()});
        udp->send(batch);
    }

    std::unique_ptr<UdpTransport> udp;
    std::vector<std::size_t> batches;
    std::vector<std::string> texts;
    std::vector<Endpoint> from;
    std::vector<OutDatagram> failed;
    std::vector<int> errors;
};

std::vector<std::string> numbered(std::size_t count) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < count; ++i) texts.push_back("message " + std::to_string(i));
    return texts;
}

} // namespace

TEST_CASE("udp: a batch arrives whole and in order, with the sender's address and the receiving listener") {
    for (const char *ip : {"127.0.0.1", "::1"}) {
        CAPTURE(ip);
        Loop loop;
        Peer alice(loop, ip), bob(loop, ip);
        REQUIRE(alice.udp->local().port != 0);
        CHECK(alice.udp->local().ip == *IpAddress::parse(ip));

        const auto sent = numbered(150); // three system calls of 64
        alice.send(bob.udp->local(), sent);
        run_until(loop, [&] { return bob.texts.size() == sent.size(); });
        CHECK(bob.texts == sent);
        CHECK(bob.batches == std::vector<std::size_t>{64, 64, 22});
        for (const Endpoint &from : bob.from) REQUIRE(from == alice.udp->local()); // both are listener 3

        CHECK(alice.udp->statistics().sent == 150);
        CHECK(bob.udp->statistics().received == 150);
        CHECK(alice.udp->statistics().sent_bytes == bob.udp->statistics().received_bytes);
    }
}

TEST_CASE("udp: what more than one turn of batches brings is received without a new datagram") {
    Loop loop;
    Peer alice(loop, "127.0.0.1"), bob(loop, "127.0.0.1", {.batch_max = 4, .batches_per_wake = 2});
    alice.send(bob.udp->local(), numbered(41));
    int others = 0; // a task that is posted meanwhile has its turn
    bob.udp->on_batch([&](std::span<const Datagram> batch) {
        for (const Datagram &datagram : batch) bob.texts.emplace_back(datagram.bytes);
        if (bob.texts.size() == 4) loop.post([&] { others = static_cast<int>(bob.texts.size()); });
    });
    run_until(loop, [&] { return bob.texts.size() == 41; });
    CHECK(bob.texts == numbered(41));
    CHECK(others == 8);
}

TEST_CASE("udp: the lag is how long the last message of a full batch has waited, and zero where none wait") {
    Loop loop;
    Peer alice(loop, "127.0.0.1"), bob(loop, "127.0.0.1", {.batch_max = 4});
    std::vector<Duration> lags;
    bob.udp->on_batch([&](std::span<const Datagram>) { lags.push_back(bob.udp->lag()); });
    alice.send(bob.udp->local(), numbered(4)); // from the first full batch on the kernel stamps
    run_until(loop, [&] { return lags.size() == 1; });

    alice.send(bob.udp->local(), numbered(6));
    Loop other;
    const Instant sent = SystemClock::now();
    run_until(other, [&] { return SystemClock::now() >= sent + milliseconds(30); });
    run_until(loop, [&] { return lags.size() == 3; });
    CHECK(lags[1] >= milliseconds(30));
    CHECK(lags[1] <= SystemClock::now() - sent + milliseconds(10));
    CHECK(lags[2] == Duration::zero());
}

TEST_CASE("udp: a datagram beyond the limit is counted and dropped, its neighbours arrive") {
    Loop loop;
    Peer alice(loop, "127.0.0.1"), bob(loop, "127.0.0.1", {.datagram_max = 100});
    alice.send(bob.udp->local(),
               {"before", std::string(100, 'x'), std::string(101, 'y'), std::string(60'000, 'z'), "after"});
    run_until(loop, [&] { return bob.texts.size() == 3; });
    CHECK(bob.texts == std::vector<std::string>{"before", std::string(100, 'x'), "after"});
    CHECK(bob.udp->statistics().truncated == 2);
    CHECK(bob.udp->statistics().received == 3);
}

TEST_CASE("udp: the largest datagram of IPv4 passes, and an empty one") {
    Loop loop;
    Peer alice(loop, "127.0.0.1"), bob(loop, "127.0.0.1");
    alice.send(bob.udp->local(), {std::string(65'507, 'x'), ""});
    run_until(loop, [&] { return bob.texts.size() == 2; });
    CHECK(bob.texts == std::vector<std::string>{std::string(65'507, 'x'), ""});
}

TEST_CASE("udp: what the kernel refuses is reported from the loop, and its neighbours arrive") {
    Loop loop;
    Peer alice(loop, "127.0.0.1"), bob(loop, "127.0.0.1");
    const Endpoint to = bob.udp->local();
    std::vector<OutDatagram> batch = {{to, SharedBytes("one"), 1},
                                      {endpoint("127.0.0.1", 0), SharedBytes("no port"), 2},
                                      {to, SharedBytes(std::string(70'000, 'x')), 3},
                                      {endpoint("::1", to.port), SharedBytes("the other family"), 4},
                                      {to, SharedBytes("two"), 5},
                                      {endpoint("255.255.255.255", 5060), SharedBytes("broadcast"), 6}};
    alice.udp->send(batch);
    CHECK(alice.failed.empty()); // not from inside send()
    run_until(loop, [&] { return bob.texts.size() == 2 && alice.failed.size() == 4; });
    CHECK(bob.texts == std::vector<std::string>{"one", "two"});
    std::vector<std::uint64_t> owners;
    for (const OutDatagram &datagram : alice.failed) owners.push_back(datagram.owner);
    CHECK(owners == std::vector<std::uint64_t>{2, 3, 4, 6});
    CHECK(alice.errors == std::vector<int>{EINVAL, EMSGSIZE, EAFNOSUPPORT, EACCES});
    CHECK(alice.failed[1].bytes.view().size() == 70'000);
    CHECK(alice.udp->statistics().send_failed == 4);
    CHECK(alice.udp->statistics().sent == 2);
}

TEST_CASE("udp: a closed port of a peer does not disturb the others") {
    Loop loop;
    Peer alice(loop, "127.0.0.1"), bob(loop, "127.0.0.1");
    Endpoint closed;
    {
        Peer gone(loop, "127.0.0.1");
        closed = gone.udp->local();
    }
    for (int i = 0; i < 20; ++i) {
        alice.send(closed, {"to nobody"});
        alice.send(bob.udp->local(), {"to bob"});
        bob.send(alice.udp->local(), {"to alice"});
    }
    run_until(loop, [&] { return bob.texts.size() == 20 && alice.texts.size() == 20; });
    CHECK(alice.udp->statistics().dropped == 0);
    CHECK(alice.failed.empty());
}

TEST_CASE("udp: what finds the send buffer full waits, in order, and beyond the queue it is dropped and counted") {
    Loop loop;
    Peer alice(loop, "127.0.0.1", {.batch_max = 16, .queue_max = 50}), bob(loop, "127.0.0.1");
    const Endpoint to = bob.udp->local();
    const TransportStatistics &statistics = alice.udp->statistics();
    auto sent = numbered(100);
    send_room = 20;
    alice.send(to, sent);
    CHECK(statistics.sent == 20);
    CHECK(statistics.dropped == 30);
    alice.send(to, {"the queue is full"});
    CHECK(statistics.dropped == 31);

    loop.post([] { send_room = 7; }); // more room, then none again, then enough
    run_until(loop, [&] { return bob.texts.size() == 27; });
    CHECK(send_room == 0);
    alice.send(to, {"behind the others"});
    send_room = ~0u;
    run_until(loop, [&] { return bob.texts.size() == 71; });
    sent.resize(70);
    sent.push_back("behind the others");
    CHECK(bob.texts == sent);
    CHECK(statistics.dropped == 31);

    send_room = 0;
    alice.send(to, {"waits when its transport goes"});
    alice.udp.reset();
    send_room = ~0u;
    run_until(loop, [n = 0]() mutable { return ++n > 5; });
    CHECK(bob.texts.size() == 71);
}

TEST_CASE("udp: an address that is taken or not ours fails with one line") {
    Loop loop;
    Peer first(loop, "127.0.0.1");
    const auto taken = UdpTransport::open(loop, first.udp->local());
    REQUIRE(!taken.ok());
    CHECK(taken.error().error == Error::io);
    CHECK(taken.error().detail == "udp:" + first.udp->local().to_string() + ": address already in use");

    const auto foreign = UdpTransport::open(loop, endpoint("2001:db8::1", 5060));
    REQUIRE(!foreign.ok());
    CHECK(foreign.error().detail == "udp:[2001:db8::1]:5060: cannot assign requested address");
}

TEST_CASE("udp: two sockets share a port if both ask for it, and IPv6 leaves IPv4 alone") {
    Loop loop;
    Peer first(loop, "127.0.0.1", {.share_port = true});
    CHECK(UdpTransport::open(loop, first.udp->local(), {.share_port = true}).ok());

    Peer any(loop, "::");
    CHECK(UdpTransport::open(loop, endpoint("0.0.0.0", any.udp->local().port)).ok());
}

TEST_CASE("udp: a transport may go while its own handler runs, or with datagrams unread") {
    Loop loop;
    auto alice = std::make_unique<Peer>(loop, "127.0.0.1");
    Peer bob(loop, "127.0.0.1", {.batch_max = 2});
    int calls = 0;
    bob.udp->on_batch([&](std::span<const Datagram>) {
        ++calls;
        bob.udp.reset();
    });
    alice->send(bob.udp->local(), numbered(5));
    alice->send(endpoint("127.0.0.1", 0), {"fails, and there is nobody left to tell"});
    alice.reset();
    run_until(loop, [&] { return calls == 1; });
    run_until(loop, [n = 0]() mutable { return ++n > 20; });
    CHECK(calls == 1);

    Loop idle; // never runs: whatever waits is freed with it
    Peer carol(idle, "127.0.0.1");
    carol.send(carol.udp->local(), {"unread"});
}

TEST_CASE("udp: one message at a time is read with one wake-up each") {
    Loop loop;
    Peer alice(loop, "127.0.0.1"), bob(loop, "127.0.0.1");
    int left = 1000;
    bob.udp->on_batch([&](std::span<const Datagram> batch) {
        for (const Datagram &datagram : batch) bob.send(datagram.peer, {std::string(datagram.bytes)});
    });
    alice.udp->on_batch([&](std::span<const Datagram> batch) {
        REQUIRE(batch.size() == 1);
        if (--left > 0) alice.send(bob.udp->local(), {std::to_string(left)});
    });
    alice.send(bob.udp->local(), {"start"});
    run_until(loop, [&] { return left == 0; });
    CHECK(bob.udp->statistics().received == 1000);
}
