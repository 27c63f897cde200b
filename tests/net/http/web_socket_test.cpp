#include <fstream>
#include "net/http/http_peer.hpp"

using namespace tandem;
using namespace tandem::test;
using std::chrono::milliseconds;

namespace {

// What the server closes with when a client sends this.
std::string answer_to(const std::string &sent, const HttpServerOptions &options = {}) {
    Loop loop;
    HttpPeer peer(loop, options);
    OpenSocket client(loop, peer);
    client.socket.send(sent);
    run_until(loop, [&] { return client.socket.is_closed(); });
    client.socket.close();
    run_until(loop, [&] { return client.heard->closed.size() == 1; });
    CHECK(peer.server->statistics().web_sockets == 0);
    return client.frames();
}

std::size_t resident_bytes() {
    std::ifstream file("/proc/self/statm");
    std::size_t pages = 0;
    file >> pages >> pages;
    return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::string code_of(const std::string &frame) { return frame.size() < 4 ? frame : frame.substr(2, 2); }

std::string closes_with(WebSocketClose code) { return code_of(close_frame(code)); }

} // namespace

TEST_CASE("websocket: the handshake is answered with the digest of its key (RFC 6455 section 1.3)") {
    Loop loop;
    HttpPeer peer(loop);
    OpenSocket client(loop, peer);
    CHECK(count(client.socket.text(), "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") == 1);
    CHECK(count(client.socket.text(), "Sec-WebSocket-Protocol: echo\r\n") == 1);
    CHECK(peer.server->statistics().web_sockets == 1);
}

TEST_CASE("websocket: a handshake that is none, of another version, not allowed or from a foreign page is refused") {
    Loop loop;
    HttpPeer peer(loop, {.origins = {"https://ops.example"}});
    const auto answer = [&](const std::string &request) {
        RawSocket client(peer.local());
        client.send(request);
        run_until(loop, [&] { return client.text().find("\r\n\r\n") != std::string::npos; });
        return client.text();
    };
    CHECK(answer(get("/ws", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                            "Sec-WebSocket-Key: short\r\n"))
              .starts_with("HTTP/1.1 400 "));
    CHECK(answer(get("/ws", "Upgrade: websocket\r\n")).starts_with("HTTP/1.1 400 "));
    const std::string old =
        answer(get("/ws", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n"));
    CHECK(old.starts_with("HTTP/1.1 426 "));
    CHECK(count(old, "Sec-WebSocket-Version: 13\r\n") == 1);
    CHECK(count(old, "Upgrade: websocket\r\n") == 1);
    CHECK(answer(handshake("/other")).starts_with("HTTP/1.1 401 "));
    CHECK(answer(handshake("/ws", "Origin: https://evil.example\r\n")).starts_with("HTTP/1.1 403 "));
    CHECK(answer(handshake("/ws", "Origin: https://ops.example\r\n")).starts_with("HTTP/1.1 101 "));
    CHECK(answer(get("/none", "Upgrade: h2c\r\nConnection: Upgrade\r\n")).starts_with("HTTP/1.1 404 "));
}

TEST_CASE("websocket: the options of a handshake may stand on lines of their own (RFC 9110 section 5.3)") {
    Loop loop;
    HttpPeer peer(loop);
    RawSocket client(peer.local());
    client.send(get("/ws", "Connection: keep-alive\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"));
    run_until(loop, [&] { return client.text().starts_with("HTTP/1.1 101 "); });
}

TEST_CASE("websocket: a handler may end its server, whatever it is asked") {
    struct Handler final : HttpHandler {
        void on_request(HttpRequest, HttpReply reply) override {
            server.reset();
            reply.send(text_response(200, "to nobody"));
        }
        Result<std::unique_ptr<WebSocketSession>, HttpResponse> on_upgrade(const HttpRequest &request) override {
            server.reset();
            if (request.path() != "/ws") return text_response(401, "not you");
            return std::unique_ptr<WebSocketSession>(std::make_unique<EchoSession>(heard));
        }
        std::shared_ptr<EchoSession::Heard> heard = std::make_shared<EchoSession::Heard>();
        std::unique_ptr<HttpServer> server;
    };
    for (const std::string &request : {get("/"), handshake("/other"), handshake("/ws")}) {
        Loop loop;
        Handler handler;
        handler.server = std::move(*HttpServer::open(loop, tcp("127.0.0.1"), handler));
        RawSocket client(handler.server->local());
        client.send(request);
        run_until(loop, [&] { return client.is_closed(); });
        CHECK(client.text().empty());
        CHECK(handler.heard->socket == nullptr);
    }
}

TEST_CASE("websocket: texts pass both ways, whole, in fragments, byte by byte, of any size, with pings between") {
    Loop loop({.slack = milliseconds(1)});
    HttpPeer peer(loop);
    OpenSocket client(loop, peer);
    const std::string large(60'000, 'x');
    const std::string sent = client_text("one") + client_text("") + client_text(std::string(200, 'y')) +
                             client_frame(0x01, "tw") + client_frame(0x89, "beat") + client_frame(0x80, "o") +
                             client_text(large);
    for (std::size_t i = 0; i < sent.size(); i += i < 300 ? 1 : 7000) {
        client.socket.send(std::string_view(sent).substr(i, i < 300 ? 1 : 7000));
        run_until(loop, [] { return true; });
    }
    run_until(loop, [&] { return client.heard->texts.size() == 5; });
    CHECK(client.heard->texts == std::vector<std::string>{"one", "", std::string(200, 'y'), "two", large});
    run_until(loop, [&] { return client.frames().ends_with(large); });
    CHECK(count(client.frames(), server_text("one") + server_text("")) == 1);
    CHECK(count(client.frames(), server_frame(WebSocketOpcode::pong, "beat")) == 1);
    CHECK(count(client.frames(), server_text("two")) == 1);
}

TEST_CASE("websocket: a handshake and the first frames may come together") {
    Loop loop;
    HttpPeer peer(loop);
    RawSocket client(peer.local());
    client.send(handshake() + client_text("early"));
    run_until(loop, [&] { return client.text().ends_with(server_text("early")); });
}

TEST_CASE("websocket: the peer's close is answered with its code; the session hears it once, as the last thing") {
    Loop loop;
    HttpPeer peer(loop);
    OpenSocket client(loop, peer);
    client.socket.send(client_text("bye") +
                       client_frame(0x88, "\x03\xe8"
                                          "done") +
                       client_text("after"));
    run_until(loop, [&] { return client.socket.is_closed(); });
    CHECK(client.frames() == server_text("bye") + close_frame(WebSocketClose::normal));
    CHECK(client.heard->texts == std::vector<std::string>{"bye"});
    CHECK(client.heard->closed == std::vector{WebSocketClose::normal});
    CHECK(client.heard->socket->send("x") == WebSocketSend::closed);
}

TEST_CASE("websocket: nothing is said after the answer to a close (RFC 6455 section 5.5.2)") {
    CHECK(answer_to(client_frame(0x89, "beat") + client_frame(0x88, "\x03\xe8")) ==
          close_frame(WebSocketClose::normal));
    CHECK(code_of(answer_to(client_frame(0x89, "beat") + client_frame(0x83, "x"))) ==
          closes_with(WebSocketClose::protocol_error));
    CHECK(count(answer_to(client_frame(0x89, "beat") + client_frame(0x83, "x")),
                server_frame(WebSocketOpcode::pong, "beat")) == 0);
}

TEST_CASE("websocket: an owner's close goes out behind what it has sent, and does not wait for ever") {
    Loop loop;
    HttpPeer peer(loop, {.close_timeout = milliseconds(200)});
    OpenSocket client(loop, peer);
    client.heard->socket->send("last words");
    client.heard->socket->close(WebSocketClose::policy, "enough");
    CHECK(client.heard->closed.empty()); // not from inside of a call
    CHECK(client.heard->socket->send("more") == WebSocketSend::closed);
    run_until(loop, [&] { return client.socket.is_closed(); });
    CHECK(client.frames() == server_text("last words") + close_frame(WebSocketClose::policy, "enough"));
    CHECK(client.heard->closed == std::vector{WebSocketClose::policy});
}

TEST_CASE("websocket: what breaks the protocol or a limit is closed with its code (RFC 6455 section 7.4.1)") {
    const auto protocol_error = closes_with(WebSocketClose::protocol_error);
    CHECK(code_of(answer_to("\x81\x01x12345")) == protocol_error);                           // no mask
    CHECK(code_of(answer_to(client_frame(0xc1, "x"))) == protocol_error);                    // an extension
    CHECK(code_of(answer_to(client_frame(0x83, "x"))) == protocol_error);                    // an unknown opcode
    CHECK(code_of(answer_to(client_frame(0x80, "x"))) == protocol_error);                    // continues nothing
    CHECK(code_of(answer_to(client_frame(0x01, "x") + client_text("y"))) == protocol_error); // inside of another
    CHECK(code_of(answer_to(client_frame(0x09, "x"))) == protocol_error);                    // a ping in fragments
    CHECK(code_of(answer_to(client_frame(0x89, std::string(126, 'x')))) == protocol_error);
    CHECK(code_of(answer_to(client_frame(0x88, "x"))) == protocol_error);        // half a code
    CHECK(code_of(answer_to(client_frame(0x88, "\x03\xee"))) == protocol_error); // 1006
    CHECK(code_of(answer_to(client_frame(0x82, "x"))) == closes_with(WebSocketClose::unsupported_data));
    CHECK(code_of(answer_to(client_text("\xff"))) == closes_with(WebSocketClose::invalid_text));
    const HttpServerOptions small{.web_socket = {.message_max = 100, .fragments_max = 8}};
    CHECK(code_of(answer_to(client_text(std::string(101, 'x')), small)) == closes_with(WebSocketClose::too_big));
    std::string fragments = client_frame(0x01, "x");
    for (int i = 0; i < 8; ++i) fragments += client_frame(0x00, i == 0 ? std::string(90, 'x') : "");
    CHECK(code_of(answer_to(fragments, small)) == closes_with(WebSocketClose::policy));
    fragments = client_frame(0x01, std::string(60, 'x')) + client_frame(0x00, std::string(60, 'x'));
    CHECK(code_of(answer_to(fragments, small)) == closes_with(WebSocketClose::too_big));
    // A length of which nothing has come yet.
    CHECK(code_of(answer_to(std::string("\x81\xff\0\0\0\1\0\0\0\0abcd", 14))) == closes_with(WebSocketClose::too_big));
}

TEST_CASE("websocket: fragments of nothing for ever end, by their number or by the time of the message") {
    const HttpServerOptions options{.web_socket = {.fragments_max = 1'000'000}, .message_timeout = milliseconds(200)};
    CHECK(code_of(answer_to(client_frame(0x01, ""), options)) == closes_with(WebSocketClose::policy));
    std::string fragments = client_frame(0x01, "");
    for (int i = 0; i < 10'000; ++i) fragments += client_frame(0x00, "") + client_frame(0x8a, "");
    CHECK(code_of(answer_to(fragments)) == closes_with(WebSocketClose::policy));
}

TEST_CASE("websocket: a quiet peer is pinged, and is lost after two intervals without a word (W1)") {
    Loop loop;
    HttpPeer peer(loop, {.ping_interval = milliseconds(500)});
    OpenSocket silent(loop, peer), alive(loop, peer);
    const Instant begun = SystemClock::now();
    std::size_t pings = 0;
    run_until(loop, [&] {
        const std::size_t now = count(alive.frames(), server_frame(WebSocketOpcode::ping, ""));
        if (now > pings) alive.socket.send(client_frame(0x8a, ""));
        pings = now;
        return !silent.heard->closed.empty() && pings >= 3;
    });
    CHECK(SystemClock::now() - begun >= milliseconds(950));
    CHECK(silent.heard->closed == std::vector{WebSocketClose::abnormal});
    CHECK(silent.frames() == server_frame(WebSocketOpcode::ping, ""));
    CHECK(alive.heard->closed.empty());
    CHECK(peer.server->statistics().timed_out == 1);
}

TEST_CASE("websocket: who does not read fills his own queue, its owner is told, and others are not delayed (W2)") {
    Loop loop;
    HttpPeer peer(loop, {.queue_max = 100'000});
    OpenSocket deaf(loop, peer), other(loop, peer);
    const std::string text(10'000, 'x');
    // Full, and the kernel has taken what it takes.
    int room = -1;
    while (std::exchange(room, deaf.heard->room) != deaf.heard->room) {
        while (deaf.heard->socket->send(text) == WebSocketSend::queued) {
        }
        run_for(loop, milliseconds(50));
    }
    CHECK(deaf.heard->socket->queued_bytes() <= 100'000);
    other.socket.send(client_text("hello"));
    run_until(loop, [&] { return other.frames() == server_text("hello"); });
    CHECK(deaf.heard->room == room);
    run_until(loop, [&] { return deaf.socket.receive(), deaf.heard->room == room + 1; });
    CHECK(deaf.heard->socket->send("again") == WebSocketSend::queued);
    run_until(loop, [&] { return deaf.frames().ends_with(server_text("again")); });
}

TEST_CASE("websocket: what may come later fills half of the queue, and goes on when there is room") {
    Loop loop;
    HttpPeer peer(loop, {.queue_max = 100'000});
    OpenSocket client(loop, peer);
    const auto &socket = client.heard->socket;
    const std::string text(10'000, 'x');
    while (socket->offer(text) == WebSocketSend::queued) {
    }
    CHECK(socket->queued_bytes() <= 61'000);
    CHECK(socket->send(text) == WebSocketSend::queued);
    run_until(loop, [&] { return client.socket.receive(), client.heard->room == 1; });
    CHECK(socket->offer("again") == WebSocketSend::queued);
    run_until(loop, [&] { return client.frames().ends_with(server_text("again")); });
}

TEST_CASE("websocket: a queue that is never empty takes no more memory than what waits in it") {
    Loop loop;
    constexpr std::size_t queue_max = 16 << 20; // more than the kernel takes
    HttpPeer peer(loop, {.queue_max = queue_max});
    OpenSocket client(loop, peer);
    const std::string text(1 << 20, 'x');
    const auto fill = [&] {
        while (client.heard->socket->send(text) == WebSocketSend::queued) {
        }
    };
    std::vector<char> buffer(1 << 20);
    std::size_t received = 0;
    const auto pass = [&](std::size_t size) {
        run_until(loop, [&, end = received + size] {
            fill();
            const ssize_t got = ::recv(client.socket.fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
            received += got > 0 ? static_cast<std::size_t>(got) : 0;
            return received >= end;
        });
    };
    pass(64 << 20);
    const std::size_t before = resident_bytes();
    pass(128 << 20);
    CHECK(client.heard->socket->queued_bytes() > 0);
    CHECK(resident_bytes() < before + 2 * queue_max);
}

TEST_CASE("websocket: who takes nothing for the time of a write is lost; his pings owe him one pong") {
    Loop loop;
    HttpPeer peer(loop, {.write_timeout = milliseconds(2000)}); // in which a slow machine reads a thousand texts
    OpenSocket deaf(loop, peer);
    deaf.heard->echoes = false;
    run_until(loop, [&] { return deaf.heard->socket->send(std::string(50'000, 'x')) == WebSocketSend::full; });
    const std::size_t queued = deaf.heard->socket->queued_bytes();
    for (int i = 0; i < 1000; ++i) deaf.socket.send(client_frame(0x89, "beat") + client_text("busy"));
    run_until(loop, [&] { return deaf.heard->texts.size() == 1000; });
    CHECK(deaf.heard->socket->queued_bytes() <= queued);
    run_until(loop, [&] { return deaf.heard->closed == std::vector{WebSocketClose::abnormal}; });
}

TEST_CASE("websocket: a peer that is reset is told once, also in the middle of a message") {
    Loop loop;
    HttpPeer peer(loop);
    OpenSocket client(loop, peer);
    client.socket.send(client_frame(0x01, "half"));
    client.socket.reset();
    run_until(loop, [&] { return client.heard->closed.size() == 1; });
    CHECK(client.heard->closed == std::vector{WebSocketClose::abnormal});
    CHECK(peer.server->statistics().connections == 0);
}
