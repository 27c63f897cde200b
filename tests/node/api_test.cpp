// The API's thread within a whole node.
#include <doctest/doctest.h>
#include <thread>
#include "net/stream_peer.hpp"
#include "node/running_node.hpp"

using namespace tandem;
using namespace tandem::test;

namespace {

// Until all of it has come and the server has closed.
std::string ask(const Endpoint &at, std::string_view request) {
    RawSocket client(at);
    client.send(request);
    const Instant end = SystemClock::now() + std::chrono::seconds(10);
    while (!client.is_closed() && SystemClock::now() < end) std::this_thread::yield();
    return client.text();
}

Config config_with(const std::string &more) {
    auto config = parse_config("[store]\npath = \"\"\n" + more, "f");
    REQUIRE(config.ok());
    config->sip.listen[0].port = 0;
    return *config;
}

constexpr std::string_view get = "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

} // namespace

TEST_CASE("api: a section listens before the node is ready, and a port in use is a line that names it") {
    Lines lines;
    Config config = config_with("[call_api]\nlisten = \"127.0.0.1:1\"\n[admin]\nlisten = \"\"\n");
    config.call_api.listen->port = 0;
    const auto first = Server::open(config, "", lines.log);
    REQUIRE(first.ok());
    const HttpServer *http = (*first)->api().server("call_api");
    REQUIRE(http != nullptr);
    CHECK((*first)->api().server("admin") == nullptr);
    CHECK(lines.has("info [call_api] listens on " + http->local().to_string()));

    config.call_api.listen = http->local();
    const auto second = Server::open(config, "", lines.log);
    REQUIRE(!second.ok());
    CHECK(second.error().detail == "[call_api] tcp:" + http->local().to_string() + ": address already in use");

    // Where nobody has asked for that address, nobody is stopped by it.
    config.call_api.listen.reset();
    config.admin.listen = http->local();
    config.admin.is_default = true;
    CHECK(Server::open(config, "", lines.log).ok());
    CHECK(lines.has("warn [admin] tcp:" + http->local().to_string() + ": address already in use; it is off"));
}

TEST_CASE("api: whoever does not go is not waited for before stop()") {
    struct Session final : WebSocketSession {
        void on_open(std::shared_ptr<WebSocket>) override {}
        void on_text(std::string_view) override {}
        void on_closed(WebSocketClose) override {}
    };
    struct Handler final : HttpHandler {
        void on_request(HttpRequest, HttpReply) override {}
        Result<std::unique_ptr<WebSocketSession>, HttpResponse> on_upgrade(const HttpRequest &) override {
            return std::unique_ptr<WebSocketSession>(std::make_unique<Session>());
        }
    } handler;
    ApiThread api;
    ApiConfig config;
    config.listen = tcp("127.0.0.1");
    REQUIRE(api.open("admin", config, {}).ok());
    api.serve("admin", handler);
    RawSocket client(api.server("admin")->local());
    const auto wait_for = [&client](std::string_view text) {
        const Instant end = SystemClock::now() + std::chrono::seconds(10);
        while (client.text().find(text) == std::string::npos && SystemClock::now() < end) std::this_thread::yield();
        return client.text().find(text) != std::string::npos;
    };
    api.start([](const std::exception_ptr &) {});
    client.send("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    CHECK(wait_for("101 Switching"));
    api.shut_down();
    CHECK(wait_for("the server ends"));
    CHECK(!client.is_closed()); // it has not answered, and has a second for it
    api.stop();
    CHECK(client.is_closed());
    api.stop();
}

TEST_CASE("api: it answers on a thread of its own while the node runs, and ends with it") {
    Lines lines;
    Config config = config_with("[admin]\nlisten = \"127.0.0.1:1\"\n");
    config.admin.listen->port = 0;
    config.sip.workers = 2;
    const auto server = Server::open(config, "", lines.log);
    REQUIRE(server.ok());
    const Endpoint at = (*server)->api().server("admin")->local();
    std::string answer, after;
    std::thread client;
    RawSocket idle(at);
    (*server)->run([&] {
        client = std::thread([&] {
            answer = ask(at, get);
            (*server)->loop().post([&] {
                (*server)->terminate();
                (*server)->terminate();
            });
        });
    });
    client.join();
    CHECK(answer.starts_with("HTTP/1.1 "));
    CHECK(idle.is_closed());
}
