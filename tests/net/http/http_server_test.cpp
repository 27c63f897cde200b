#include "net/certificates.hpp"
#include "net/http/http_peer.hpp"

using namespace tandem;
using namespace tandem::test;
using std::chrono::milliseconds;

namespace {

std::string body_of(const std::string &response) { return response.substr(response.find("\r\n\r\n") + 4); }

// What it answers before it closes.
std::string refusal(const std::string &sent, const HttpServerOptions &options = {}) {
    Loop loop;
    HttpPeer peer(loop, options);
    RawSocket client(peer.local());
    client.send(sent);
    run_until(loop, [&] { return client.is_closed(); });
    CHECK(peer.requests.empty());
    CHECK(count(client.text(), "Connection: close\r\n") == 1);
    return client.text().substr(0, client.text().find("\r\n"));
}

} // namespace

TEST_CASE("http: requests of one connection are answered in order, however their bytes come (RFC 9112 section 9.3)") {
    for (const char *ip : {"127.0.0.1", "::1"}) {
        CAPTURE(ip);
        Loop loop({.slack = milliseconds(1)});
        HttpPeer peer(loop, {}, ip);
        RawSocket client(peer.local());
        client.send(post("/echo?x=1", "one") + post("/echo", "") + get("/none")); // pipelined
        run_until(loop, [&] { return peer.requests.size() == 3; });
        const std::string slow = post("/echo", "four");
        for (const char byte : slow) {
            client.send(std::string_view(&byte, 1));
            run_until(loop, [] { return true; });
        }
        run_until(loop, [&] { return client.text().ends_with("four"); });
        CHECK(count(client.text(), "HTTP/1.1 200 OK\r\n") == 3);
        CHECK(count(client.text(), "HTTP/1.1 404 Not Found\r\n") == 1);
        CHECK(count(client.text(), "\r\nDate: ") == 4);
        CHECK(peer.requests[0].method == "POST");
        CHECK(peer.requests[0].target == "/echo?x=1");
        CHECK(peer.requests[0].path() == "/echo");
        CHECK(peer.requests[0].field("content-LENGTH") == "3");
        CHECK(peer.requests[0].peer.ip == peer.local().ip);
        CHECK(peer.requests[0].peer.port == client.port());
        CHECK(!client.is_closed());
        CHECK(peer.server->statistics().requests == 4);
    }
}

TEST_CASE("http: a body comes in chunks, behind 100 Continue, or in HTTP/1.0, which closes") {
    Loop loop({.slack = milliseconds(1)});
    HttpPeer peer(loop);
    RawSocket chunked(peer.local());
    chunked.send(
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n");
    run_until(loop, [&] { return chunked.text().ends_with("\r\n\r\nabcde"); });

    RawSocket dripping(peer.local());
    for (const char byte :
         std::string_view("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\na: b\r\n\r\n")) {
        dripping.send(std::string_view(&byte, 1));
        run_until(loop, [] { return true; });
    }
    run_until(loop, [&] { return dripping.text().ends_with("Content-Length: 0\r\n\r\n"); });

    RawSocket careful(peer.local());
    careful.send("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    run_until(loop, [&] { return careful.text() == "HTTP/1.1 100 Continue\r\n\r\n"; });
    careful.send("body");
    run_until(loop, [&] { return careful.text().ends_with("\r\n\r\nbody"); });

    // One that would go on is told that it does not, or it would wait for an end that does not come.
    for (const char *more : {"", "Connection: keep-alive\r\n"}) {
        RawSocket old(peer.local());
        old.send("GET /echo HTTP/1.0\r\n" + std::string(more) + "\r\n");
        run_until(loop, [&] { return old.is_closed(); });
        CHECK(old.text().starts_with("HTTP/1.1 200 OK\r\n"));
        CHECK(count(old.text(), "Connection: close\r\n") == 1);
    }
}

TEST_CASE(
    "http: HEAD gets no body, an absolute target is read as its path, empty lines before a request are passed over") {
    Loop loop;
    HttpPeer peer(loop);
    RawSocket client(peer.local());
    client.send("HEAD /none HTTP/1.1\r\nHost: a\r\n\r\n\r\n\r\nGET http://a.example/echo?y HTTP/1.1\r\nHost: "
                "a.example\r\n\r\n");
    run_until(loop, [&] { return peer.requests.size() == 2 && count(client.text(), "\r\n\r\n") == 2; });
    CHECK(body_of(client.text()).starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(peer.requests[1].target == "/echo?y");
}

TEST_CASE("http: an answer comes later, and of a connection that is gone or was told 504 it goes nowhere") {
    Loop loop;
    HttpPeer peer(loop, {.reply_timeout = milliseconds(150)});
    RawSocket quick(peer.local()), gone(peer.local()), slow(peer.local());
    for (RawSocket *client : {&quick, &gone, &slow}) client->send(get("/later"));
    run_until(loop, [&] { return peer.later.size() == 3; });
    gone.reset();
    const auto of = [&](const RawSocket &client) {
        for (std::size_t i = 0; i < 3; ++i) {
            if (peer.requests[i].peer.port == client.port()) return i;
        }
        return std::size_t{3};
    };
    peer.later[of(quick)].send(text_response(200, "late"));
    run_until(loop, [&] { return quick.text().ends_with("late\n"); });
    run_until(loop, [&] { return slow.text().find("504 Gateway Timeout") != std::string::npos; });
    for (HttpReply &reply : peer.later) reply.send(text_response(200, "too late"));
    slow.send(get("/none"));
    run_until(loop, [&] { return slow.text().ends_with("nothing here\n"); });
    CHECK(count(slow.text(), "too late") == 0);
    CHECK(peer.server->statistics().timed_out >= 1);
}

TEST_CASE("http: a reply that nobody sends is 500, and one that outlives its server goes nowhere") {
    Loop loop;
    HttpReply kept;
    {
        HttpPeer peer(loop);
        RawSocket client(peer.local());
        client.send(get("/forgotten"));
        run_until(loop, [&] { return client.text().starts_with("HTTP/1.1 500 "); });
        client.send(get("/later"));
        run_until(loop, [&] { return peer.later.size() == 1; });
        kept = std::move(peer.later[0]);
    }
    kept.send(text_response(200, "to nobody"));
}

TEST_CASE("http: what stands behind a body is no field of its request (RFC 9110 section 6.5.1)") {
    Loop loop({.slack = milliseconds(1)});
    HttpPeer peer(loop);
    RawSocket client(peer.local());
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: Authorization\r\n\r\n"
                "3\r\nabc\r\n0\r\nAuthorization: Bearer x\r\nUpgrade: websocket\r\nConnection: close\r\n\r\n");
    run_until(loop, [&] { return client.text().ends_with("\r\n\r\nabc"); });
    REQUIRE(peer.requests.size() == 1);
    CHECK(peer.requests[0].field("Authorization").empty());
    CHECK(peer.requests[0].field("Upgrade").empty());
    CHECK(peer.requests[0].field("Trailer") == "Authorization");
}

TEST_CASE("http: a field on several lines is one list (RFC 9110 section 5.3)") {
    Loop loop({.slack = milliseconds(1)});
    HttpPeer peer(loop);
    RawSocket client(peer.local());
    client.send(post("/echo", "x", "X-List: a\r\nOther: o\r\nx-list: b, c\r\n"));
    run_until(loop, [&] { return peer.requests.size() == 1; });
    CHECK(peer.requests[0].field("X-List") == "a, b, c");
    CHECK(peer.requests[0].field("Other") == "o");
}

TEST_CASE("http: what is malformed, ambiguous or too large is refused, and the connection ends") {
    CHECK(refusal("nonsense\r\n\r\n") == "HTTP/1.1 400 Bad Request");
    CHECK(refusal("GET / HTTP/2.7\r\nHost: a\r\n\r\n") == "HTTP/1.1 505 HTTP Version Not Supported");
    CHECK(refusal("GET / HTTP/1.1\r\n\r\n") == "HTTP/1.1 400 Bad Request"); // no Host
    CHECK(refusal("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n") == "HTTP/1.1 400 Bad Request");
    CHECK(refusal("GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n") == "HTTP/1.1 400 Bad Request");
    CHECK(refusal("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n") == "HTTP/1.1 400 Bad Request");
    CHECK(refusal("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n") ==
          "HTTP/1.1 400 Bad Request");
    CHECK(refusal("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n") ==
          "HTTP/1.1 400 Bad Request");
    const auto with_coding = [](const std::string &coding) {
        return refusal("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: " + coding + "\r\n\r\n0\r\n\r\n");
    };
    for (const std::string coding : {"identity", "xchunked", "chunked, identity", "chunked, chunked", "\"chunked\"", "",
                                     "chunked\r\nTransfer-Encoding: chunked"}) {
        CAPTURE(coding);
        CHECK(with_coding(coding) == "HTTP/1.1 400 Bad Request");
    }
    CHECK(with_coding("gzip, chunked") == "HTTP/1.1 501 Not Implemented");
    CHECK(with_coding("gzip\r\nTransfer-Encoding: chunked") == "HTTP/1.1 501 Not Implemented");
    CHECK(refusal("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n") ==
          "HTTP/1.1 400 Bad Request");
    CHECK(refusal("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(9000, 'x')) ==
          "HTTP/1.1 431 Request Header Fields Too Large");
    CHECK(refusal("GET /" + std::string(9000, 'x')) == "HTTP/1.1 431 Request Header Fields Too Large");
    CHECK(refusal("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n") ==
          "HTTP/1.1 413 Content Too Large");
    CHECK(refusal("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n" + std::string(32, 'x') +
                      "\r\n",
                  {.body_max = 16}) == "HTTP/1.1 413 Content Too Large");
    CHECK(refusal("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(9000, 'x')) ==
          "HTTP/1.1 431 Request Header Fields Too Large");
    CHECK(refusal("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n" + std::string(50, 'x'),
                  {.body_all_max = 20}) == "HTTP/1.1 503 Service Unavailable");
}

TEST_CASE("http: a page of another host may not change anything, and one of this host by its address may") {
    Loop loop;
    HttpPeer peer(loop, {.origins = {"https://ops.example"}});
    const auto status = [&](const std::string &request) {
        RawSocket client(peer.local());
        client.send(request);
        run_until(loop, [&] { return client.text().find("\r\n\r\n") != std::string::npos; });
        return client.text().substr(9, 3);
    };
    const auto from = [](std::string_view origin, std::string_view host) {
        return "POST /echo HTTP/1.1\r\nHost: " + std::string(host) + "\r\nOrigin: " + std::string(origin) +
               "\r\nContent-Length: 0\r\n\r\n";
    };
    CHECK(status(from("https://evil.example", "127.0.0.1:8080")) == "403");
    CHECK(status(from("null", "127.0.0.1:8080")) == "403");
    CHECK(status(from("http://evil.example:8080", "evil.example:8080")) == "403"); // a name that was made to lead here
    CHECK(status(from("http://127.0.0.1:8081", "127.0.0.1:8080")) == "403");
    CHECK(status(from("http://127.0.0.1:8080", "127.0.0.1:8080")) == "200");
    CHECK(status(from("http://[::1]:8080", "[::1]:8080")) == "200");
    CHECK(status(from("http://localhost:8080", "localhost:8080")) == "200");
    CHECK(status(from("https://ops.example", "127.0.0.1:8080")) == "200");
    CHECK(status(get("/none", "Origin: https://evil.example\r\n")) == "404"); // changes nothing
    CHECK(peer.server->statistics().origins_refused == 4);
}

TEST_CASE("http: what cannot stand in a header field is left out of the response") {
    std::string out;
    write_response(out, {200, "text/plain", "x", {{"X-Good", "1"}, {"X-Bad", "1\r\nX-Worse: 2"}, {"X Bad", "1"}}},
                   {.now_s = 784'111'777});
    CHECK(out == "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nX-Good: 1\r\nContent-Type: text/plain\r\n"
                 "Content-Length: 1\r\n\r\nx");
}

TEST_CASE("http: over TLS it is the same, and who does not speak TLS is gone") {
    const Certificates certificates;
    certificates.make("bob", "IP:127.0.0.1");
    Loop loop;
    HttpPeer peer(loop, {}, "127.0.0.1", load(certificates.files("bob")));
    RawSocket plain(peer.local());
    plain.send(get("/echo"));
    run_until(loop, [&] { return plain.is_closed(); });
    CHECK(peer.server->statistics().handshakes_failed == 1);

    RawSocket client(peer.local());
    const auto context = load(certificates.strict("bob"));
    const auto channel = context->connect(client.fd(), "127.0.0.1", peer.local().ip);
    ChannelStatus shaken = ChannelStatus::would_block;
    run_until(loop, [&] { return (shaken = channel->handshake().status) == ChannelStatus::done; });
    std::string sent = post("/echo", std::string(100'000, 'b'));
    std::string received;
    char buffer[65536];
    run_until(loop, [&] {
        const iovec part{sent.data(), sent.size()};
        if (!sent.empty()) sent.erase(0, channel->write({&part, 1}).size);
        received.append(buffer, channel->read(buffer).size);
        return received.size() > 100'000 && received.ends_with("bbb");
    });
    CHECK(received.starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST_CASE("http: a server that shuts down ends what waits, finishes what it has begun, and says when all are gone") {
    Loop loop;
    HttpPeer peer(loop);
    RawSocket idle(peer.local()), asking(peer.local());
    OpenSocket socket(loop, peer);
    asking.send(get("/later"));
    run_until(loop, [&] { return peer.later.size() == 1; });
    bool is_over = false;
    peer.server->shut_down([&] { is_over = true; });
    run_until(loop, [&] { return idle.is_closed(); });
    CHECK(socket.frames() == close_frame(WebSocketClose::going_away, "the server ends"));
    CHECK(!is_over);
    socket.socket.send(client_frame(0x88, "\x03\xe9"));
    peer.later[0].send(text_response(200, "done"));
    run_until(loop, [&] { return asking.is_closed() && socket.socket.is_closed(); });
    CHECK(asking.text().ends_with("done\n"));
    asking.close();
    run_until(loop, [&] { return is_over; });
    CHECK(socket.heard->closed == std::vector{WebSocketClose::going_away});
}

TEST_CASE("http: a port in use is one line") {
    Loop loop;
    HttpPeer peer(loop);
    auto second = HttpServer::open(loop, peer.local(), peer);
    REQUIRE(!second.ok());
    CHECK(second.error().detail == "tcp:" + peer.local().to_string() + ": address already in use");
}
