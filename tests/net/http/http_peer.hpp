// An HTTP server on the loopback interface with all that it was asked, and frames as a client writes them.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>
#include "net/http/http_server.hpp"
#include "net/http/web_socket_frame.hpp"
#include "net/stream_peer.hpp"

namespace tandem::test {

// Keeps what it hears; an owner may add what is done with it.
struct EchoSession final : WebSocketSession {
    struct Heard {
        std::shared_ptr<WebSocket> socket;
        std::vector<std::string> texts;
        std::vector<WebSocketClose> closed;
        int room = 0;
        bool echoes = true;
    };
    explicit EchoSession(std::shared_ptr<Heard> its_heard) : heard(std::move(its_heard)) {}

    std::string protocol() const override { return "echo"; }
    void on_open(std::shared_ptr<WebSocket> socket) override { heard->socket = std::move(socket); }
    void on_text(std::string_view text) override {
        heard->texts.emplace_back(text);
        if (heard->echoes) heard->socket->send(text);
    }
    void on_room() override { ++heard->room; }
    void on_closed(WebSocketClose code) override { heard->closed.push_back(code); }

    std::shared_ptr<Heard> heard;
};

// "/echo" answers with the body, "/later" not before the test does, anything else 404. "/ws" is a WebSocket.
struct HttpPeer final : HttpHandler {
    explicit HttpPeer(Loop &loop, const HttpServerOptions &options = {}, std::string_view ip = "127.0.0.1",
                      std::shared_ptr<const TlsContext> tls = {}) {
        auto opened = HttpServer::open(loop, tcp(ip), *this, options, std::move(tls));
        REQUIRE(opened.ok());
        server = std::move(*opened);
    }

    void on_request(HttpRequest request, HttpReply reply) override {
        requests.push_back(request);
        if (request.path() == "/later") return later.push_back(std::move(reply));
        if (request.path() == "/forgotten") return;
        if (request.path() != "/echo") return reply.send(text_response(404, "nothing here"));
        reply.send({200, "application/octet-stream", request.body, {}});
    }
    Result<std::unique_ptr<WebSocketSession>, HttpResponse> on_upgrade(const HttpRequest &request) override {
        if (request.path() != "/ws") return text_response(401, "not you");
        heard.push_back(std::make_shared<EchoSession::Heard>());
        return std::unique_ptr<WebSocketSession>(std::make_unique<EchoSession>(heard.back()));
    }

    const Endpoint &local() const { return server->local(); }

    std::vector<HttpRequest> requests;
    std::vector<HttpReply> later;
    std::vector<std::shared_ptr<EchoSession::Heard>> heard;
    std::unique_ptr<HttpServer> server;
};

inline std::string post(std::string_view target, std::string_view body, std::string_view more = {}) {
    return "POST " + std::string(target) + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + std::string(more) +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

inline std::string get(std::string_view target, std::string_view more = {}) {
    return "GET " + std::string(target) + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + std::string(more) + "\r\n";
}

inline std::string handshake(std::string_view target = "/ws", std::string_view more = {}) {
    return get(target, "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
                           std::string(more));
}

// Masked, as a client must. `first` is the first byte: FIN, extensions, opcode.
inline std::string client_frame(std::uint8_t first, std::string_view payload) {
    std::string frame(1, static_cast<char>(first));
    const std::uint64_t size = payload.size();
    const unsigned more = size < 126 ? 0 : size <= 0xffff ? 2 : 8;
    frame += static_cast<char>(0x80 | (more == 0 ? size : more == 2 ? 126 : 127));
    for (unsigned i = more; i > 0; --i) frame += static_cast<char>(size >> 8 * (i - 1) & 0xff);
    constexpr std::string_view mask = "\x37\xfa\x21\x3d";
    frame += mask;
    for (std::size_t i = 0; i < payload.size(); ++i) frame += static_cast<char>(payload[i] ^ mask[i % 4]);
    return frame;
}
inline std::string client_text(std::string_view payload) { return client_frame(0x81, payload); }

inline std::string server_frame(WebSocketOpcode opcode, std::string_view payload) {
    std::string frame;
    write_frame(frame, opcode, payload);
    return frame;
}
inline std::string server_text(std::string_view payload) { return server_frame(WebSocketOpcode::text, payload); }

inline std::string close_frame(WebSocketClose code, std::string_view reason = {}) {
    std::string frame;
    write_close_frame(frame, code, reason);
    return frame;
}

inline std::size_t count(std::string_view text, std::string_view what) {
    std::size_t count = 0;
    for (std::size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++count;
    return count;
}

// A client's WebSocket that is open.
struct OpenSocket {
    OpenSocket(Loop &loop, HttpPeer &peer, std::string_view more = {}) : socket(peer.local()) {
        const std::size_t before = peer.heard.size();
        socket.send(handshake("/ws", more));
        run_until(loop, [&] { return socket.text().ends_with("\r\n\r\n"); });
        REQUIRE(socket.text().starts_with("HTTP/1.1 101 "));
        heard = peer.heard.at(before);
        skipped = socket.text().size();
    }
    std::string frames() { return socket.text().substr(skipped); } // all that came

    RawSocket socket;
    std::shared_ptr<EchoSession::Heard> heard;
    std::size_t skipped = 0;
};

} // namespace tandem::test
