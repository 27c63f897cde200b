// HTTP requests of ours, for whoever must not wait: they are sent from the loop, and what comes of them is told there.
// HTTP/1.1 by libcurl's multi interface, its sockets watched by the loop. Connections are kept and used again.
//
// A server has no say in what else happens: redirections are not followed, proxies of the environment are not asked,
// nothing is unpacked, and what is larger or later than stated is an error. Names are looked up by a thread of libcurl.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>
#include "base/id.hpp"
#include "base/instant.hpp"
#include "base/result.hpp"
#include "net/loop.hpp"

namespace tandem {

struct HttpClientOptions {
    std::string ca_file;                          // PEM, whom to trust, and nobody else; empty: whom the system trusts
    std::size_t connection_max = 64;              // to all servers, idle ones too; further requests wait for one
    std::size_t header_max = 16 << 10;            // bytes of an answer's head
    std::size_t body_max = 64 << 10;              // of its body
    Duration idle_max = std::chrono::seconds(60); // an older connection is not used again
};

struct HttpPost {
    std::string url; // http or https
    std::string body;
    std::vector<std::string> headers; // "Name: value"
    Instant deadline{};               // of all of it, with the time that it waits for a connection
    Duration connect_timeout{};       // of the connection alone; zero: until the deadline
};

enum class HttpError : std::uint8_t {
    none,
    not_connected, // nothing was sent: no such name, nobody listens, or not with the right certificate
    not_sent,      // no connection was free in time
    timeout,       // it was sent, perhaps
    too_large,
    failed, // the connection broke, or brought what is no HTTP
};

struct HttpAnswer {
    HttpError error = HttpError::none;
    std::uint16_t status = 0; // of HTTP, where there is no error
    std::string body;
    std::string detail; // of an error: one line
};

// Whether a URL is one that a request can have: http or https, with a host. Reads nothing else of it.
bool is_http_url(const std::string &url);

// For a log: without user and password, and without a query, where a secret may be.
std::string to_log_url(const std::string &url);

using HttpRequestId = Id<struct HttpRequestTag>;

struct HttpClientStatistics {
    std::uint64_t requests = 0;
    std::uint64_t connections = 0; // opened
    std::uint64_t aborted = 0;
};

class HttpClient {
public:
    // Called once for each request that is not aborted, by the loop and never from within post().
    using Done = std::function<void(HttpAnswer answer)>;

    // `loop` outlives the client. Fails if there is nobody to trust in `ca_file`.
    static Result<std::unique_ptr<HttpClient>, Failure> open(Loop &loop, const HttpClientOptions &options = {});
    ~HttpClient(); // what is under way is aborted

    HttpRequestId post(HttpPost request, Done done);
    void abort(HttpRequestId request); // Done will not be called; no effect on one that is over

    std::size_t pending() const; // sent, or waiting for a connection
    const HttpClientStatistics &statistics() const;

private:
    struct Impl;
    explicit HttpClient(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_; // shared with the waits that the loop still holds
};

} // namespace tandem
