// An HTTP/1.1 server whose connections may become WebSockets (RFC 9112, RFC 6455), over TCP or TLS. All runs on the
// loop's thread, nothing blocks, and everything that a stranger can hold has a limit.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>
#include "base/instant.hpp"
#include "base/result.hpp"
#include "net/http/http_message.hpp"
#include "net/http/http_reply.hpp"
#include "net/http/web_socket.hpp"
#include "net/loop.hpp"
#include "net/tls_context.hpp"

namespace tandem {

struct HttpServerOptions {
    std::size_t connection_max = 1024;
    std::size_t connections_per_source = 256;           // from one IPv4 address or one IPv6 /64
    std::size_t header_max = 8 << 10;                   // 431
    std::size_t body_max = 1 << 20;                     // 413
    std::size_t body_all_max = 64 << 20;                // of all requests that have not ended; 503
    std::size_t write_all_max = 64 << 20;               // of all that waits to be written; 503, or a WebSocket is full
    Duration header_timeout = std::chrono::seconds(10); // of the TLS handshake and the header, together
    Duration body_timeout = std::chrono::seconds(30);
    Duration idle_timeout = std::chrono::seconds(60);  // between two requests
    Duration reply_timeout = std::chrono::seconds(30); // that the handler has; then 504
    Duration write_timeout = std::chrono::seconds(30); // for a response; for a WebSocket that takes nothing

    WebSocketLimits web_socket;
    Duration message_timeout = std::chrono::seconds(10); // from the first frame of a message to its last
    Duration ping_interval = std::chrono::seconds(30);   // after two without a word a WebSocket is lost
    Duration close_timeout = std::chrono::seconds(5);    // for the peer to close as well
    std::size_t queue_max = 1 << 20;                     // bytes that wait for one WebSocket

    std::vector<std::string> origins; // of browsers, like "https://example.com"; others: 403 (is_origin_allowed())
};

struct HttpStatistics {
    std::size_t connections = 0; // that live
    std::size_t web_sockets = 0; // of them
    std::uint64_t accepted = 0;
    std::uint64_t refused = 0;   // beyond a limit, or for want of descriptors
    std::uint64_t displaced = 0; // that said nothing, closed for somebody new at a limit
    std::uint64_t timed_out = 0;
    std::uint64_t requests = 0;
    std::uint64_t bad_requests = 0; // refused here: malformed or beyond a limit
    std::uint64_t origins_refused = 0;
    std::uint64_t handshakes_failed = 0;     // of TLS
    std::uint64_t web_socket_violations = 0; // closed for what they sent
    std::uint64_t accept_pauses = 0;         // how often descriptors were missing
};

class HttpHandler {
public:
    virtual ~HttpHandler() = default;

    virtual void on_request(HttpRequest request, HttpReply reply) = 0;

    // A handshake for a WebSocket that is in order and from an allowed origin: its session, or why there is none.
    virtual Result<std::unique_ptr<WebSocketSession>, HttpResponse> on_upgrade(const HttpRequest &request);
};

class HttpServer {
public:
    // Binds `at` and listens; port 0 takes a free one. `loop` and `handler` outlive the result.
    static Result<std::unique_ptr<HttpServer>, Failure> open(Loop &loop, const Endpoint &at, HttpHandler &handler,
                                                             const HttpServerOptions &options = {},
                                                             std::shared_ptr<const TlsContext> tls = {});
    ~HttpServer(); // closes everything, and nobody hears of it
    HttpServer(const HttpServer &) = delete;
    HttpServer &operator=(const HttpServer &) = delete;

    // Takes no more connections; those without a request end, others with their response, WebSockets with 1001.
    // `then`, which may be empty, is called when the last one is gone.
    void shut_down(std::function<void()> then);

    void use(std::shared_ptr<const TlsContext> tls); // for handshakes to come
    void use_origins(std::vector<std::string> origins);

    const Endpoint &local() const;
    HttpStatistics statistics() const;

    struct Impl;

private:
    explicit HttpServer(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_; // shared with what the loop still holds
};

} // namespace tandem
