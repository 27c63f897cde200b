// TCP on the loopback interface, on ports that the kernel chooses: what passes, and by which connection.
#include <algorithm>
#include <cerrno>
#include "net/stream_peer.hpp"

using namespace tandem;
using namespace tandem::test;
using std::chrono::milliseconds;

namespace {

std::vector<std::string> numbered(int count) {
    std::vector<std::string> messages;
    for (int i = 0; i < count; ++i) messages.push_back(sip_request("OPTIONS", i));
    return messages;
}

std::string join(const std::vector<std::string> &parts) {
    std::string all;
    for (const std::string &part : parts) all += part;
    return all;
}

} // namespace

TEST_CASE("tcp: messages arrive whole and in order by one connection, and answers go back on it") {
    for (const char *ip : {"127.0.0.1", "::1"}) {
        CAPTURE(ip);
        Loop loop;
        StreamPeer alice(loop, ip), bob(loop, ip);
        REQUIRE(alice.local().port != 0);
        CHECK(alice.local().transport == Transport::tcp);
        const auto sent = numbered(300);
        alice.send(bob.local(), sent);
        run_until(loop, [&] { return bob.texts.size() == sent.size(); });
        CHECK(bob.texts == sent);
        CHECK(bob.batches.size() < 20); // read together, handed over together
        CHECK(bob.from[0].ip == alice.local().ip);
        CHECK(bob.from[0].port != alice.local().port); // the port that the kernel chose
        CHECK(bob.from[0].listener == 3);

        bob.send(bob.from[0], {sip_response(0, "192.0.2.1:9")});
        run_until(loop, [&] { return alice.texts.size() == 1; });
        CHECK(alice.from[0] == bob.local());
        CHECK(alice.transport->stream_statistics().connected == 1);
        CHECK(alice.transport->stream_statistics().accepted == 0);
        CHECK(bob.transport->stream_statistics().accepted == 1);
        CHECK(bob.transport->stream_statistics().connected == 0);
        CHECK(alice.transport->statistics().sent == 300);
        CHECK(bob.transport->statistics().received == 300);
        CHECK(alice.transport->statistics().sent_bytes == bob.transport->statistics().received_bytes);
    }
}

TEST_CASE("tcp: a stream cut at every byte brings the same messages") {
    Loop loop({.slack = milliseconds(1)});
    StreamPeer bob(loop);
    const std::vector<std::string> messages = {sip_request("MESSAGE", 1, "192.0.2.1", "a body"),
                                               sip_request("OPTIONS", 2)};
    const std::string stream = join(messages);
    RawSocket alice(bob.local());
    for (std::size_t at = 1; at < stream.size(); ++at) {
        bob.texts.clear();
        const std::uint64_t before = bob.transport->statistics().received_bytes;
        alice.send(stream.substr(0, at));
        // Until the first part was read: then the second can not have come with it.
        run_until(loop, [&] { return bob.transport->statistics().received_bytes >= before + at; });
        alice.send(stream.substr(at));
        run_until(loop, [&] { return bob.texts.size() == 2; });
        REQUIRE(bob.texts == messages);
    }
}

TEST_CASE("tcp: the largest message passes, and what is larger is answered 413 and ends the connection") {
    Loop loop;
    StreamPeer alice(loop), bob(loop);
    const std::string empty = sip_request("MESSAGE", 1, "192.0.2.1", std::string(10'000, 'b'));
    const std::string largest =
        sip_request("MESSAGE", 1, "192.0.2.1", std::string(65'536 - empty.size() + 10'000, 'b'));
    REQUIRE(largest.size() == 65'536);
    alice.send(bob.local(), {largest, largest});
    run_until(loop, [&] { return bob.texts.size() == 2; });
    CHECK(bob.texts == std::vector{largest, largest});

    RawSocket carol(bob.local());
    carol.send(sip_request("MESSAGE", 1, "192.0.2.1", std::string(65'537, 'b')));
    run_until(loop, [&] { return carol.is_closed(); });
    CHECK(carol.text().starts_with("SIP/2.0 413 Message Too Long\r\n"));
    CHECK(bob.texts.size() == 2);
    CHECK(bob.transport->stream_statistics().broken == 1);
}

TEST_CASE(
    "tcp: a request whose length can not be known is answered 400, and the connection ends (RFC 3261 section 18.3)") {
    Loop loop;
    StreamPeer bob(loop);
    const std::string good = sip_request("OPTIONS", 1, "192.0.2.77:5099");
    const auto with = [&](const std::string &length) {
        std::string message = good;
        return message.replace(message.find("Content-Length: 0\r\n"), 19, length);
    };
    for (const std::string &bad :
         {with(""), with("Content-Length: -1\r\n"), with("l: x\r\n"), with("l: 1\r\nl: 2\r\n")}) {
        CAPTURE(bad);
        bob.texts.clear();
        RawSocket carol(bob.local());
        carol.send(good + bad + good + std::string(200'000, 'x'));
        run_until(loop, [&] { return carol.is_closed(); });
        CHECK(carol.text().starts_with("SIP/2.0 400 "));
        CHECK(carol.text().find("192.0.2.77:5099;branch=z9hG4bK1;received=127.0.0.1\r\n") != std::string::npos);
        CHECK(carol.text().find("To: <sip:b@b>;tag=") != std::string::npos);
        CHECK(bob.texts == std::vector{good});
    }
    // An ACK or a response has no answer, and garbage is no request.
    for (const std::string &bad :
         {"ACK" + with("").substr(7), std::string("SIP/2.0 200 OK\r\n\r\n"),
          std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), std::string("\x16\x03\x01\x02\x00", 5)}) {
        CAPTURE(bad);
        RawSocket carol(bob.local());
        carol.send(bad);
        run_until(loop, [&] { return carol.is_closed(); });
        CHECK(carol.text().empty());
    }
    run_until(loop, [&] { return bob.transport->stream_statistics().connections == 0; });
}

TEST_CASE("tcp: pings are answered, a megabyte of CRLF costs nothing (RFC 5626 section 3.5.1)") {
    Loop loop;
    StreamPeer bob(loop);
    RawSocket alice(bob.local());
    alice.send("\r\n\r\n");
    run_until(loop, [&] { return alice.text() == "\r\n"; });
    alice.send("\r\n");
    std::string line_ends;
    for (int i = 0; i < 512 * 1024; ++i) line_ends += "\r\n";
    std::size_t sent = 0;
    run_until(loop, [&] {
        const ssize_t size = ::send(alice.fd(), line_ends.data() + sent, line_ends.size() - sent, MSG_DONTWAIT);
        if (size > 0) sent += static_cast<std::size_t>(size);
        return sent == line_ends.size();
    });
    alice.send(sip_request("OPTIONS", 1));
    run_until(loop, [&] { return bob.texts.size() == 1; });
    CHECK(bob.transport->statistics().received == 1);
    CHECK(alice.text().size() < 2000); // far from one answer for each
    CHECK(alice.text().find_first_not_of("\r\n") == std::string::npos);
}

TEST_CASE("tcp: a response that finds its connection gone goes to the port of its Via (RFC 3261 section 18.2.2)") {
    Loop loop;
    StreamPeer bob(loop);
    RawListener alice;
    const std::string via = "127.0.0.1:" + std::to_string(alice.local().port);
    RawSocket first(bob.local());
    first.send(sip_request("OPTIONS", 1, via));
    run_until(loop, [&] { return bob.texts.size() == 1; });
    first.reset();
    run_until(loop, [&] { return bob.lost.size() == 1; });
    CHECK(bob.lost[0].first == bob.from[0]);

    bob.send(bob.from[0], {sip_response(1, via)});
    RawSocket second;
    run_until(loop, [&] { return alice.accept(second); });
    run_until(loop, [&] { return second.text() == sip_response(1, via); });
    bob.send(bob.from[0], {sip_response(1, via)}); // by the same one
    run_until(loop, [&] { return second.text().size() == 2 * sip_response(1, via).size(); });
    CHECK(bob.transport->stream_statistics().connected == 1);
}

TEST_CASE("tcp: what cannot be sent fails at once, with its owner, and its peer is told as lost") {
    Loop loop;
    StreamPeer alice(loop);
    Endpoint closed;
    {
        const RawListener gone;
        closed = gone.local();
    }
    alice.send(closed, numbered(3));
    CHECK(alice.failed.empty()); // not from inside send()
    run_until(loop, [&] { return !alice.lost.empty(); });
    CHECK(alice.failed == std::vector<std::uint64_t>{1, 2, 3});
    CHECK(alice.errors == std::vector<int>{ECONNREFUSED, ECONNREFUSED, ECONNREFUSED});
    CHECK(alice.lost.size() == 1);
    CHECK(alice.lost[0].first.port == closed.port);
    CHECK(alice.lost[0].second == "connection refused");
    CHECK(alice.never_made == 1);
    CHECK(alice.not_connected == 3);

    alice.send(tcp("::1", 5060), numbered(1)); // the other family
    alice.send(tcp("127.0.0.1", 0), numbered(1));
    run_until(loop, [&] { return alice.failed.size() == 5; });
    CHECK(alice.transport->statistics().send_failed == 5);
}

TEST_CASE("tcp: a connection that can not even be begun is told as lost, once for all that wanted it") {
    Loop loop;
    StreamPeer alice(loop, "127.0.0.1", {.connection_max = 1}), bob(loop);
    alice.send(tcp("::1", 5060), numbered(3)); // the other family
    alice.send(tcp("127.0.0.1", 0), numbered(1));
    alice.send(tcp("255.255.255.255", 5060), numbered(1)); // the kernel refuses at once
    CHECK(alice.lost.empty());                             // not from inside send()
    run_until(loop, [&] { return alice.lost.size() == 3; });
    REQUIRE(alice.lost.size() == 3);
    CHECK(alice.failed.size() == 5); // before that
    CHECK(alice.never_made == 3);
    CHECK(alice.not_connected == 5);
    CHECK(alice.lost[0].first.ip == *IpAddress::parse("::1"));
    CHECK(alice.lost[0].second == "cannot assign requested address");
    CHECK(alice.lost[2].second == "network is unreachable");

    alice.send(bob.local(), numbered(1));
    run_until(loop, [&] { return bob.texts.size() == 1; });
    alice.send(tcp("127.0.0.2", 5060), numbered(1)); // beyond connection_max
    run_until(loop, [&] { return alice.lost.size() == 4; });
    REQUIRE(alice.lost.size() == 4);
    CHECK(alice.lost[3].first.ip == *IpAddress::parse("127.0.0.2"));
    CHECK(alice.never_made == 4);
    CHECK(alice.errors.back() == ENFILE);
}

TEST_CASE("tcp: a reset is told at once, and the next message makes a new connection (N10)") {
    Loop loop;
    StreamPeer alice(loop);
    RawListener bob;
    alice.send(bob.local(), numbered(1));
    RawSocket first;
    run_until(loop, [&] { return bob.accept(first) && !first.text().empty(); });
    run_until(loop, [&] { return first.text() == numbered(1)[0]; });
    first.reset();
    run_until(loop, [&] { return alice.lost.size() == 1; });
    CHECK(alice.lost[0].first.port == bob.local().port);
    CHECK(alice.lost[0].second == "connection reset by peer");
    CHECK(alice.never_made == 0);
    CHECK(alice.failed.empty()); // it had left

    alice.send(bob.local(), numbered(2));
    RawSocket second;
    run_until(loop, [&] { return bob.accept(second); });
    run_until(loop, [&] { return second.text() == join(numbered(2)); });
    CHECK(alice.transport->stream_statistics().connected == 2);
}

TEST_CASE("tcp: the alias of a Via leads back, from its own address only (RFC 5923)") {
    Loop loop;
    StreamPeer bob(loop);
    RawListener nobody; // where the aliases point to
    const Endpoint to = nobody.local();
    const std::string port = std::to_string(to.port);
    RawSocket foreign(bob.local());
    foreign.send(sip_request("OPTIONS", 1, "192.0.2.1:" + port + ";alias"));
    RawSocket silent(bob.local());
    silent.send(sip_request("OPTIONS", 2, "127.0.0.1:" + port));
    RawSocket alice(bob.local());
    alice.send(sip_request("OPTIONS", 3, "127.0.0.1:" + port + ";alias"));
    run_until(loop, [&] { return bob.texts.size() == 3; });
    bob.send(to, {sip_request("BYE", 9)});
    run_until(loop, [&] { return !alice.text().empty(); });
    CHECK(alice.text() == sip_request("BYE", 9));

    alice.close();
    run_until(loop, [&] { return bob.lost.size() == 2; }); // by both of its addresses
    CHECK(bob.lost[1].first.port == to.port);
    bob.send(to, {sip_request("BYE", 10)});
    RawSocket made;
    run_until(loop, [&] { return nobody.accept(made); });
    CHECK(foreign.text().empty());
    CHECK(silent.text().empty());
}

TEST_CASE("tcp: a peer that does not read is sent what the kernel takes, then what the queue holds, then fails") {
    Loop loop;
    StreamPeer alice(loop, "127.0.0.1", {.queue_bytes_max = 300'000, .send_timeout = milliseconds(300)});
    RawListener bob;
    const std::string big = sip_request("MESSAGE", 1, "192.0.2.1", std::string(60'000, 'b'));
    RawSocket far;
    alice.send(bob.local(), {big});
    run_until(loop, [&] { return bob.accept(far); });
    std::size_t sent = 1;
    run_until(loop, [&] {
        alice.send(bob.local(), {big});
        ++sent;
        return !alice.failed.empty();
    });
    CHECK(alice.errors[0] == ENOBUFS);
    CHECK(alice.lost.empty());
    std::string got;
    run_until(loop, [&] {
        got += far.receive();
        return got.size() == (sent - alice.failed.size()) * big.size();
    });
    CHECK(alice.transport->statistics().sent == sent - alice.failed.size());

    alice.failed.clear();
    run_until(loop, [&] { // nobody reads any more
        alice.send(bob.local(), {big});
        return !alice.failed.empty();
    });
    run_until(loop, [&] { return alice.lost.size() == 1; });
    CHECK(alice.lost[0].second == "quiet for too long");
    CHECK(alice.transport->stream_statistics().timed_out == 1);
    CHECK(alice.never_made == 0);
    CHECK(alice.not_connected == 0); // of those that waited, too
}

TEST_CASE("tcp: an address that is taken or not ours fails with one line; two may share a port if both ask for it") {
    Loop loop;
    StreamPeer first(loop);
    const auto taken = StreamTransport::open(loop, first.local());
    REQUIRE(!taken.ok());
    CHECK(taken.error().detail == "tcp:" + first.local().to_string() + ": address already in use");
    const auto foreign = StreamTransport::open(loop, tcp("2001:db8::1", 5060));
    REQUIRE(!foreign.ok());
    CHECK(foreign.error().detail == "tcp:[2001:db8::1]:5060: cannot assign requested address");
    StreamPeer shared(loop, "127.0.0.1", {.share_port = true});
    CHECK(StreamTransport::open(loop, shared.local(), {.share_port = true}).ok());
}

TEST_CASE("tcp: a transport may go while its own handler runs, or with messages unsent") {
    Loop loop;
    auto alice = std::make_unique<StreamPeer>(loop);
    StreamPeer bob(loop);
    bob.on_batch = [&] { bob.transport.reset(); };
    alice->send(bob.local(), numbered(5));
    alice->send(tcp("127.0.0.1", 0), {sip_request("OPTIONS", 9)}); // fails, and there is nobody left to tell
    run_until(loop, [&] { return !bob.transport; });
    CHECK(bob.texts.size() == 5);
    alice->send(tcp("127.0.0.1", 9), numbered(1));
    alice.reset();
    run_for(loop, milliseconds(20));

    Loop idle; // never runs: whatever waits is freed with it
    StreamPeer carol(idle);
    carol.send(carol.local(), numbered(1));
}
