#include <doctest/doctest.h>
#include <optional>
#include <string>
#include <utility>
#include "callapi/admin_handler.hpp"
#include "callapi/fake_admin_host.hpp"
#include "net/system_random.hpp"

using namespace tandem;

namespace {

struct Served {
    explicit Served(std::string token = {}) : handler(host, std::move(token), random) {}

    HttpResponse ask(std::string method, std::string target, std::string body = {}, std::string authorization = {}) {
        HttpRequest request;
        request.method = std::move(method);
        request.target = std::move(target);
        request.body = std::move(body);
        request.peer.ip = *IpAddress::parse("192.0.2.1");
        if (!authorization.empty()) request.fields.push_back({"Authorization", std::move(authorization)});
        std::optional<HttpResponse> got;
        handler.on_request(std::move(request), HttpReply([&got](HttpResponse response) { got = std::move(response); }));
        REQUIRE(got);
        return *got;
    }

    test::FakeAdminHost host;
    SystemRandom random;
    AdminHandler handler;
};

constexpr const char *size = R"({"jsonrpc":"2.0","id":1,"method":"dlg.profile_get_size","params":{"profile":"total"}})";

} // namespace

TEST_CASE("admin_handler: a process whose loops turn is healthy, and ready while it takes calls") {
    Served served;
    CHECK(served.ask("GET", "/healthz").status == 200);
    CHECK(served.ask("HEAD", "/readyz?verbose").status == 200);
    served.host.failure = Failure{Error::wrong_state, "draining"};
    CHECK(served.ask("GET", "/healthz").status == 503);
    const HttpResponse response = served.ask("GET", "/readyz");
    CHECK(response.status == 503);
    CHECK(response.body == "draining\n");
}

TEST_CASE("admin_handler: metrics are text of Prometheus, not to be kept") {
    const HttpResponse response = Served().ask("GET", "/metrics");
    CHECK(response.status == 200);
    CHECK(response.content_type == "text/plain; version=0.0.4; charset=utf-8");
    CHECK(response.body == "a 1\n");
    REQUIRE(response.fields.size() == 1);
    CHECK(response.fields[0].name == "Cache-Control");
}

TEST_CASE("admin_handler: methods are called by POST, and what is only told is answered 204") {
    Served served;
    const HttpResponse response = served.ask("POST", "/rpc", size);
    CHECK(response.status == 200);
    CHECK(response.content_type == "application/json");
    CHECK(response.body == R"({"id":1,"jsonrpc":"2.0","result":17})");
    CHECK(served.ask("POST", "/rpc", R"({"jsonrpc":"2.0","method":"dlg.stats_active"})").status == 204);
    CHECK(served.ask("POST", "/rpc", "no JSON").body.find("-32700") != std::string::npos);
}

TEST_CASE("admin_handler: another path is 404, another method 405 with what would do") {
    Served served;
    CHECK(served.ask("GET", "/rpc/").status == 404);
    CHECK(served.ask("GET", "/rpc/").status == 404);
    const HttpResponse response = served.ask("GET", "/rpc");
    CHECK(response.status == 405);
    REQUIRE(response.fields.size() == 1);
    CHECK(response.fields[0].value == "POST");
    CHECK(served.ask("POST", "/healthz").status == 405);
}

TEST_CASE("admin_handler: with a token only health and readiness are open") {
    Served served("secret");
    CHECK(served.ask("GET", "/healthz").status == 200);
    CHECK(served.ask("GET", "/readyz").status == 200);
    CHECK(served.ask("GET", "/metrics").status == 401);
    CHECK(served.ask("GET", "/nothing").status == 401);
    CHECK(served.ask("POST", "/rpc", size, "Bearer wrong").status == 401);
    CHECK(served.ask("POST", "/rpc", size, "Bearer secret").status == 200);
    CHECK(served.ask("GET", "/metrics", {}, "Bearer secret").status == 200);
}

TEST_CASE("admin_handler: who guesses is not listened to, and health is open to him still") {
    Served served("secret");
    unsigned last = 0;
    for (int i = 0; i < 1000; ++i) last = served.ask("POST", "/rpc", size, "Bearer " + std::to_string(i)).status;
    CHECK(last == 429);
    CHECK(served.ask("GET", "/healthz").status == 200);
}

TEST_CASE("admin_handler: a WebSocket is at /rpc alone, and wants the token too") {
    Served served("secret");
    const auto status_of = [&served](std::string target, const std::string &token) {
        HttpRequest request;
        request.method = "GET";
        request.target = std::move(target);
        request.fields.push_back({"Authorization", "Bearer " + token});
        const auto session = served.handler.on_upgrade(request);
        return session ? 101U : session.error().status;
    };
    CHECK(status_of("/rpc", "secret") == 101);
    CHECK(status_of("/rpc", "wrong") == 401);
    CHECK(status_of("/metrics", "secret") == 404);
}

TEST_CASE("admin_handler: the page is there without the token, takes nothing from elsewhere, and is only read") {
    Served served("secret");
    for (const auto &[path, type] : {std::pair{"/", "text/html; charset=utf-8"},
                                     std::pair{"/page.css", "text/css; charset=utf-8"},
                                     std::pair{"/page.js", "text/javascript; charset=utf-8"}}) {
        CAPTURE(path);
        const HttpResponse response = served.ask("GET", path);
        CHECK(response.status == 200);
        CHECK(response.content_type == type);
        CHECK(response.body.size() > 500);
        REQUIRE_FALSE(response.fields.empty());
        CHECK(response.fields[0].name == "Content-Security-Policy");
        CHECK(response.fields[0].value.starts_with("default-src 'none'; "));
        CHECK(served.ask("POST", path).status == 405);
    }
    CHECK(served.ask("GET", "/page").status == 401); // as everything that there may be
    CHECK(served.ask("GET", "/page", {}, "Bearer secret").status == 404);
}
