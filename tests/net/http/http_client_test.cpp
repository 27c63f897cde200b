#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <memory>
#include <netdb.h>
#include <optional>
#include <thread>
#include "net/certificates.hpp"
#include "net/http/http_client.hpp"
#include "net/stream_peer.hpp"

using namespace tandem;
using namespace tandem::test;
using std::chrono::milliseconds;
using std::chrono::seconds;

// In place of the C library's, which libcurl calls: a name that takes its time.
extern "C" [[gnu::visibility("default")]] int getaddrinfo(const char *name, const char *service, const addrinfo *hints,
                                                          addrinfo **found) {
    if (name && std::strcmp(name, "slow.invalid") == 0) {
        std::this_thread::sleep_for(seconds(2));
        return EAI_AGAIN;
    }
    static const auto real = reinterpret_cast<decltype(&getaddrinfo)>(::dlsym(RTLD_NEXT, "getaddrinfo"));
    return real(name, service, hints, found);
}

namespace {

std::string ok(std::string_view body, std::string_view headers = {}) {
    return fmt::format("HTTP/1.1 200 OK\r\n{}Content-Length: {}\r\n\r\n{}", headers, body.size(), body);
}

// Answers each request, on whatever connection it comes, with the next of its answers; the last one stands for all
// that follow. An empty one closes the connection.
class HttpPeer {
public:
    explicit HttpPeer(std::vector<std::string> texts) : answers_(std::move(texts)) {}

    std::string url(std::string_view path = "/control") const {
        return fmt::format("http://127.0.0.1:{}{}", listener_.local().port, path);
    }

    void work() {
        if (!spare_) spare_ = std::make_unique<Connection>();
        if (listener_.accept(spare_->socket)) connections.push_back(std::move(spare_));
        for (const auto &connection : connections) serve(*connection);
    }

    struct Connection {
        RawSocket socket;
        std::size_t read = 0;
        bool is_closed = false;
    };
    std::vector<std::unique_ptr<Connection>> connections;
    std::vector<std::string> requests;
    bool answers = true;

private:
    void serve(Connection &connection) {
        if (connection.is_closed || !answers) return;
        const std::string &text = connection.socket.text();
        const std::size_t head = text.find("\r\n\r\n", connection.read);
        if (head == std::string::npos) return;
        const std::size_t at = text.find("Content-Length: ", connection.read);
        const std::size_t size = static_cast<std::size_t>(std::atoi(text.c_str() + at + 16));
        if (text.size() < head + 4 + size) return;
        requests.push_back(text.substr(connection.read, head + 4 + size - connection.read));
        connection.read = head + 4 + size;
        const std::string answer = answers_[std::min(requests.size(), answers_.size()) - 1];
        if (!answer.empty()) return connection.socket.send(answer);
        connection.socket.close();
        connection.is_closed = true;
    }

    RawListener listener_;
    std::unique_ptr<Connection> spare_;
    std::vector<std::string> answers_;
};

struct Client {
    explicit Client(const HttpClientOptions &options = {}) : client(std::move(*HttpClient::open(loop, options))) {}

    HttpRequestId post(const std::string &url, Duration timeout = seconds(5)) {
        HttpPost request{.url = url, .body = "{}", .headers = {"Content-Type: application/json"}};
        request.deadline = SystemClock::now() + timeout;
        return client->post(std::move(request), [this](HttpAnswer answer) { answers.push_back(std::move(answer)); });
    }
    const HttpAnswer &wait(HttpPeer *peer = nullptr, std::size_t count = 1) {
        run_until(loop, [&] {
            if (peer) peer->work();
            return answers.size() >= count;
        });
        REQUIRE(answers.size() >= count);
        return answers[count - 1];
    }

    Loop loop;
    std::unique_ptr<HttpClient> client;
    std::vector<HttpAnswer> answers;
};

} // namespace

TEST_CASE("http client: a request is posted and its answer told") {
    HttpPeer peer({ok("{\"code\":200}")});
    Client client;
    client.post(peer.url());
    const HttpAnswer &answer = client.wait(&peer);
    CHECK(answer.error == HttpError::none);
    CHECK(answer.status == 200);
    CHECK(answer.body == "{\"code\":200}");
    const std::string &request = peer.requests.at(0);
    CHECK(request.starts_with("POST /control HTTP/1.1\r\n"));
    CHECK(request.ends_with("\r\n\r\n{}"));
    CHECK(request.find("Content-Type: application/json\r\n") != std::string::npos);
    CHECK(request.find("Expect:") == std::string::npos);
    CHECK(request.find("Accept-Encoding:") == std::string::npos);
    CHECK(client.client->pending() == 0);
}

TEST_CASE("http client: a connection is used again") {
    HttpPeer peer({ok("1"), ok("2"), ok("3")});
    Client client;
    for (std::size_t i = 1; i <= 3; ++i) {
        client.post(peer.url());
        CHECK(client.wait(&peer, i).body == std::to_string(i));
    }
    CHECK(peer.connections.size() == 1);
    CHECK(client.client->statistics().connections == 1);
}

TEST_CASE("http client: beyond its connections requests wait, in order") {
    HttpPeer peer({ok("a"), ok("b"), ok("c"), ok("d")});
    Client client({.connection_max = 2});
    for (int i = 0; i < 4; ++i) client.post(peer.url(fmt::format("/{}", i)));
    CHECK(client.client->pending() == 4);
    client.wait(&peer, 4);
    CHECK(peer.connections.size() <= 2);
    CHECK(peer.requests[3].starts_with("POST /3 "));
}

TEST_CASE("http client: what has no answer at its deadline is over, one that waits for a connection too") {
    HttpPeer peer({ok("late")});
    peer.answers = false;
    Client client({.connection_max = 1});
    const Instant before = SystemClock::now();
    client.post(peer.url(), milliseconds(80));
    client.post(peer.url(), milliseconds(50));
    client.wait(&peer, 2);
    CHECK(client.answers[0].error == HttpError::not_sent);
    CHECK(client.answers[1].error == HttpError::timeout);
    CHECK(SystemClock::now() - before >= milliseconds(80));
    CHECK(SystemClock::now() - before < seconds(2));
    CHECK(client.client->pending() == 0);
}

TEST_CASE("http client: an answer that comes by bytes is over at the deadline") {
    HttpPeer peer({"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"});
    Client client;
    client.post(peer.url(), milliseconds(100));
    CHECK(client.wait(&peer).error == HttpError::timeout);
    CHECK(client.answers[0].body.empty());
}

TEST_CASE("http client: an aborted request is not answered") {
    HttpPeer peer({ok("1")});
    peer.answers = false;
    Client client({.connection_max = 1});
    const HttpRequestId sent = client.post(peer.url());
    const HttpRequestId waits = client.post(peer.url());
    client.post(peer.url("/last"));
    run_until(client.loop, [&] { return peer.work(), !peer.connections.empty(); });
    client.client->abort(waits);
    client.client->abort(sent);
    client.client->abort(sent);
    peer.answers = true;
    client.wait(&peer);
    run_for(client.loop, milliseconds(30));
    CHECK(client.answers.size() == 1);
    CHECK(client.client->statistics().aborted == 2);
    CHECK(client.client->pending() == 0);
}

TEST_CASE("http client: nobody listens, no such name and no certificate are told as not connected") {
    std::uint16_t free = 0;
    {
        const RawListener gone;
        free = gone.local().port;
    }
    HttpPeer plain({ok("1")});
    Client client;
    client.post(fmt::format("http://127.0.0.1:{}/", free));
    CHECK(client.wait().error == HttpError::not_connected);
    client.post("http://no-such-host.invalid/");
    CHECK(client.wait(nullptr, 2).error == HttpError::not_connected);
    CHECK_FALSE(client.answers[1].detail.empty());
    client.post("ftp://127.0.0.1/");
    CHECK(client.wait(nullptr, 3).error == HttpError::not_connected);
}

TEST_CASE("http client: a name that is slow to find holds up nobody, nor does giving it up") {
    HttpPeer peer({ok("1")});
    Client client;
    const Instant before = SystemClock::now();
    client.post("http://slow.invalid/", milliseconds(100));
    const HttpRequestId given_up = client.post("http://slow.invalid/");
    client.post(peer.url());
    client.wait(&peer, 2); // in any order
    client.client->abort(given_up);
    const bool is_first = client.answers[0].body == "1";
    CHECK(client.answers[is_first ? 0 : 1].body == "1");
    CHECK(client.answers[is_first ? 1 : 0].error == HttpError::timeout);
    client.client.reset();
    CHECK(SystemClock::now() - before < milliseconds(1500));
}

TEST_CASE("http client: a connection that ends before the answer is a failure") {
    HttpPeer peer({""});
    Client client;
    client.post(peer.url());
    CHECK(client.wait(&peer).error == HttpError::failed);
}

TEST_CASE("http client: a server that has gone since the last answer is not connected") {
    auto peer = std::make_optional<HttpPeer>(std::vector{ok("1")});
    Client client;
    const std::string url = peer->url();
    client.post(url);
    CHECK(client.wait(&*peer).body == "1");
    peer.reset(); // with the connection that was kept
    client.post(url);
    CHECK(client.wait(nullptr, 2).error == HttpError::not_connected);
}

TEST_CASE("http client: a connection that was kept and ends with the next request is not the end of it") {
    HttpPeer peer({ok("1"), "", ok("2")});
    Client client;
    client.post(peer.url());
    client.wait(&peer);
    client.post(peer.url());
    CHECK(client.wait(&peer, 2).body == "2");
    CHECK(peer.requests.size() == 3);
}

TEST_CASE("http client: what a server says unasked answers nobody") {
    const std::string bye = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    for (const std::string &unasked : {ok("unasked"), bye}) {
        CAPTURE(unasked);
        HttpPeer peer({ok("1"), ok("2") + unasked, ok("3")});
        Client client;
        client.post(peer.url());
        CHECK(client.wait(&peer).body == "1");
        RawSocket &kept = peer.connections[0]->socket;
        kept.send(unasked);
        run_until(client.loop, [&] { return kept.is_closed(); });
        client.post(peer.url());
        CHECK(client.wait(&peer, 2).body == "2"); // what came with it is thrown away
        client.post(peer.url());
        CHECK(client.wait(&peer, 3).body == "3");
        CHECK(peer.requests.size() == 3);
    }
}

TEST_CASE("http client: a redirection is an answer like another, and goes nowhere") {
    HttpPeer other({ok("secret")});
    HttpPeer peer({"HTTP/1.1 302 Found\r\nLocation: " + other.url() + "\r\nContent-Length: 0\r\n\r\n"});
    Client client;
    client.post(peer.url());
    CHECK(client.wait(&peer).status == 302);
    run_for(client.loop, milliseconds(20));
    other.work();
    CHECK(other.connections.empty());
}

TEST_CASE("http client: what is larger than it may be is refused") {
    const std::string large(100'000, 'x');
    std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (int i = 0; i < 10; ++i) chunked += "2710\r\n" + std::string(10'000, 'y') + "\r\n";
    for (const std::string &answer : {ok(large), chunked, ok("", "X: " + large + "\r\n"),
                                      "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + large}) {
        HttpPeer peer({answer});
        Client client;
        client.post(peer.url());
        CHECK(client.wait(&peer).error == HttpError::too_large);
    }
}

TEST_CASE("http client: a body is not unpacked") {
    HttpPeer peer({ok("\x1f\x8b packed", "Content-Encoding: gzip\r\n")});
    Client client;
    client.post(peer.url());
    CHECK(client.wait(&peer).body == "\x1f\x8b packed");
}

TEST_CASE("http client: a proxy of the environment is not asked") {
    HttpPeer proxy({ok("by proxy")});
    HttpPeer peer({ok("direct")});
    ::setenv("http_proxy", proxy.url("").c_str(), 1);
    Client client;
    client.post(peer.url());
    CHECK(client.wait(&peer).body == "direct");
    ::unsetenv("http_proxy");
}

TEST_CASE("http client: it may go while requests are under way, also when one of them is told") {
    HttpPeer peer({ok("1")});
    std::optional<Client> client(std::in_place);
    client->post(peer.url());
    run_until(client->loop, [&] { return peer.work(), !peer.connections.empty(); });
    client.reset();

    Loop loop;
    std::unique_ptr<HttpClient> own = std::move(*HttpClient::open(loop, {}));
    bool is_told = false;
    for (int i = 0; i < 2; ++i) {
        HttpPost request{.url = peer.url(), .deadline = SystemClock::now() + seconds(5)};
        own->post(std::move(request), [&](const HttpAnswer &) {
            CHECK_FALSE(is_told);
            is_told = true;
            own.reset();
        });
    }
    run_until(loop, [&] { return peer.work(), is_told; });
    run_for(loop, milliseconds(20));
}

TEST_CASE("http client: a file without a certificate is refused at once") {
    Loop loop;
    CHECK_FALSE(HttpClient::open(loop, {.ca_file = "/no/such/file.pem"}).ok());
    CHECK_FALSE(HttpClient::open(loop, {.ca_file = "/etc/passwd"}).ok());
    const Certificates certificates;
    CHECK(HttpClient::open(loop, {.ca_file = certificates.path("ca.pem")}).ok());
}

TEST_CASE("http client: a log shows no secret of a URL") {
    CHECK(to_log_url("http://user:secret@example.com:8082/a?token=secret#b") == "http://example.com:8082/a");
    CHECK(to_log_url("no url") == "what is no URL");
    CHECK(is_http_url("http://example.com/a"));
    CHECK(is_http_url("https://[::1]:8443/"));
    for (const char *bad : {"", "example.com", "ftp://example.com/", "http://", "http:///a", "file:///etc/passwd"})
        CHECK_FALSE(is_http_url(bad));
}
