// What strangers can hold of an HTTP server, and for how long.
#include "net/http/http_peer.hpp"

using namespace tandem;
using namespace tandem::test;
using std::chrono::milliseconds;

namespace {

Duration time_of_answer(Loop &loop, HttpPeer &peer) {
    const Instant asked = SystemClock::now();
    RawSocket client(peer.local());
    client.send(get("/echo"));
    run_until(loop, [&] { return client.text().starts_with("HTTP/1.1 200"); });
    return SystemClock::now() - asked;
}

} // namespace

TEST_CASE("http limit: a thousand connections that drip do not stop a new one, of the same source, and end (W3)") {
    Loop loop;
    HttpPeer peer(loop, {.header_timeout = milliseconds(1500)});
    std::vector<RawSocket> slow;
    for (int i = 0; i < 1000; ++i) {
        slow.emplace_back(peer.local());
        slow.back().send("GET /echo HTTP/1.1\r\nHost: a\r\nX-");
        if (i % 100 == 99) run_until(loop, [&] { return peer.server->statistics().accepted == slow.size(); });
    }
    CHECK(peer.server->statistics().connections == 256);
    CHECK(peer.server->statistics().displaced == 744);
    CHECK(time_of_answer(loop, peer) < milliseconds(100));
    run_until(loop, [&] { return peer.server->statistics().connections == 0; });
    CHECK(peer.server->statistics().timed_out >= 200);
}

TEST_CASE("http limit: connections in use are never displaced: one more is refused") {
    Loop loop;
    HttpPeer peer(loop, {.connection_max = 4, .connections_per_source = 3});
    OpenSocket first(loop, peer), second(loop, peer);
    RawSocket asking(peer.local());
    asking.send(get("/later"));
    run_until(loop, [&] { return peer.later.size() == 1; });
    RawSocket refused(peer.local());
    run_until(loop, [&] { return refused.is_closed(); });
    CHECK(peer.server->statistics().refused == 1);
    peer.later[0].send(text_response(200, "ok"));
    run_until(loop, [&] { return asking.text().ends_with("ok\n"); });
    CHECK(time_of_answer(loop, peer) < milliseconds(100)); // in the place of `asking`, which waits
    CHECK(asking.is_closed());
    CHECK(!first.socket.is_closed());
    CHECK(!second.socket.is_closed());
}

TEST_CASE("http limit: header, body, the time between requests and the response have each their time") {
    Loop loop;
    HttpPeer peer(loop, {.header_timeout = milliseconds(200),
                         .body_timeout = milliseconds(300),
                         .idle_timeout = milliseconds(250),
                         .write_timeout = milliseconds(200)});
    const auto lives_for = [&](const std::string &sent, const std::string &dripped) {
        const Instant begun = SystemClock::now();
        RawSocket client(peer.local());
        client.send(sent);
        run_until(loop, [&] {
            if (client.is_closed()) return true;
            if (!dripped.empty()) ::send(client.fd(), dripped.data(), dripped.size(), MSG_NOSIGNAL);
            return false;
        });
        return SystemClock::now() - begun;
    };
    CHECK(lives_for("", "") >= milliseconds(200));
    CHECK(lives_for("GET / HTTP/1.1\r\n", "x") >= milliseconds(200));
    CHECK(lives_for("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n", "x") >= milliseconds(300));
    CHECK(peer.server->statistics().timed_out == 3);
    CHECK(lives_for(get("/none"), "") >= milliseconds(250));
    CHECK(peer.server->statistics().timed_out == 3);

    // More than the buffers of both sockets take, to somebody who reads nothing.
    RawSocket deaf(peer.local());
    const int small = 4096;
    ::setsockopt(deaf.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    deaf.send(get("/later"));
    run_until(loop, [&] { return peer.later.size() == 1; });
    peer.later[0].send({200, "text/plain", std::string(16 << 20, 'x'), {}});
    run_until(loop, [&] { return peer.server->statistics().connections == 0; });
    CHECK(peer.server->statistics().timed_out == 4);
}

TEST_CASE("http limit: what waits to be written has a bound for all together") {
    Loop loop;
    HttpPeer peer(loop, {.write_all_max = 10'000});
    RawSocket client(peer.local());
    client.send(post("/echo", std::string(20'000, 'x')));
    run_until(loop, [&] { return client.text().starts_with("HTTP/1.1 503 "); });
    client.send(post("/echo", "small"));
    run_until(loop, [&] { return client.text().ends_with("small"); });
}

TEST_CASE("http limit: five thousand connections cost the others nothing") {
    Loop loop;
    HttpPeer peer(loop);
    OpenSocket socket(loop, peer);
    for (int i = 0; i < 5000; ++i) {
        RawSocket client(peer.local());
        if (i % 2 == 0) client.reset();
        if (i % 50 == 0) run_until(loop, [] { return true; });
    }
    socket.socket.send(client_text("still here"));
    run_until(loop, [&] { return socket.frames() == server_text("still here"); });
    CHECK(time_of_answer(loop, peer) < milliseconds(1000));
    run_until(loop, [&] { return peer.server->statistics().connections <= 2; });
}
