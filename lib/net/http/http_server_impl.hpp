// The inside of HttpServer: its connections, and what they hold together.
#pragma once
#include <array>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <unordered_set>
#include "net/http/http_connection.hpp"
#include "net/http/http_server.hpp"
#include "net/loop_impl.hpp"
#include "net/stream_acceptor.hpp"

namespace tandem {

struct HttpServer::Impl final : std::enable_shared_from_this<Impl> {
    Impl(Loop &loop, HttpHandler &its_handler, const HttpServerOptions &its_options,
         std::shared_ptr<const TlsContext> context);

    void on_accepted(OwnedDescriptor fd, const Endpoint &peer);
    bool make_room(const IpAddress &source); // displaces somebody who waits, at a limit; false: there is none
    void remove(HttpConnection &connection);
    void shut_down(std::function<void()> then);
    void close();

    asio::io_context &io;
    HttpHandler &handler;
    HttpServerOptions options;
    std::shared_ptr<const TlsContext> tls; // none: plain
    std::shared_ptr<StreamAcceptor> acceptor;
    std::unordered_set<std::shared_ptr<HttpConnection>> connections;
    std::list<HttpConnection *> waiting; // for a request, the longest first
    std::map<IpAddress, std::size_t> by_source;
    HttpStatistics statistics;   // but for what is counted elsewhere
    std::size_t body_bytes = 0;  // of requests that have not ended
    std::size_t write_bytes = 0; // that wait to be written
    std::function<void()> on_empty;
    bool is_closed = false;
    std::array<char, 16384> in{}; // of one read
};

} // namespace tandem
