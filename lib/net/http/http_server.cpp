#include "net/http/http_server.hpp"
#include <algorithm>
#include <netinet/tcp.h>
#include <utility>
#include <vector>
#include "net/http/http_server_impl.hpp"
#include "net/socket_address.hpp"
#include "net/system_clock.hpp"

namespace tandem {
namespace {

// Who has one IPv6 address usually has all of its /64.
IpAddress source_of(IpAddress ip) {
    if (ip.is_v6) std::fill(ip.bytes.begin() + 8, ip.bytes.end(), std::uint8_t{0});
    return ip;
}

} // namespace

Result<std::unique_ptr<WebSocketSession>, HttpResponse> HttpHandler::on_upgrade(const HttpRequest &) {
    return text_response(404, "no WebSocket here");
}

HttpServer::Impl::Impl(Loop &loop, HttpHandler &its_handler, const HttpServerOptions &its_options,
                       std::shared_ptr<const TlsContext> context)
    : io(loop.impl().io), handler(its_handler), options(its_options), tls(std::move(context)) {}

void HttpServer::Impl::on_accepted(OwnedDescriptor fd, const Endpoint &peer) {
    if (!make_room(peer.ip)) {
        ++statistics.refused;
        reset_at_close(fd.get());
        return;
    }
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto channel = tls ? tls->accept(fd.get()) : make_plain_channel(fd.get());
    const auto connection =
        std::make_shared<HttpConnection>(*this, std::move(fd), std::move(channel), peer, SystemClock::now());
    if (connection->watch()) return;
    ++statistics.accepted;
    ++by_source[source_of(peer.ip)];
    connections.insert(connection);
    connection->begin();
}

// A stranger who has said nothing yet, or nothing for a while, gives way to the next one: however many come and never
// ask for anything, whoever asks at once is served (slow loris).
bool HttpServer::Impl::make_room(const IpAddress &source) {
    const IpAddress network = source_of(source);
    const auto count = by_source.find(network);
    const bool is_source_full = count != by_source.end() && count->second >= options.connections_per_source;
    if (!is_source_full && connections.size() < options.connection_max) return true;
    const auto displaced = std::find_if(waiting.begin(), waiting.end(), [&](const HttpConnection *connection) {
        return !is_source_full || source_of(connection->peer().ip) == network;
    });
    if (displaced == waiting.end()) return false;
    ++statistics.displaced;
    (*displaced)->end();
    return true;
}

void HttpServer::Impl::remove(HttpConnection &connection) {
    const auto count = by_source.find(source_of(connection.peer().ip));
    if (--count->second == 0) by_source.erase(count);
    connections.erase(connection.shared_from_this());
    if (!connections.empty() || !on_empty) return;
    asio::post(io, std::exchange(on_empty, nullptr));
}

void HttpServer::Impl::shut_down(std::function<void()> then) {
    acceptor->close();
    const std::vector<std::shared_ptr<HttpConnection>> all(connections.begin(), connections.end());
    on_empty = std::move(then);
    if (all.empty() && on_empty) asio::post(io, std::exchange(on_empty, nullptr));
    for (const auto &connection : all) connection->shut_down();
}

void HttpServer::Impl::close() {
    is_closed = true;
    on_empty = nullptr;
    if (acceptor) acceptor->close();
    const std::vector<std::shared_ptr<HttpConnection>> all(connections.begin(), connections.end());
    for (const auto &connection : all) connection->abandon();
}

Result<std::unique_ptr<HttpServer>, Failure> HttpServer::open(Loop &loop, const Endpoint &at, HttpHandler &handler,
                                                              const HttpServerOptions &options,
                                                              std::shared_ptr<const TlsContext> tls) {
    auto impl = std::make_shared<Impl>(loop, handler, options, std::move(tls));
    auto acceptor =
        StreamAcceptor::open(impl->io, at, {}, [raw = impl.get()](OwnedDescriptor fd, const Endpoint &peer) {
            raw->on_accepted(std::move(fd), peer);
        });
    if (!acceptor) return open_failure(at, acceptor.error());
    impl->acceptor = std::move(*acceptor);
    return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::HttpServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() { impl_->close(); }

void HttpServer::shut_down(std::function<void()> then) { impl_->shut_down(std::move(then)); }

void HttpServer::use(std::shared_ptr<const TlsContext> tls) { impl_->tls = std::move(tls); }

void HttpServer::use_origins(std::vector<std::string> origins) { impl_->options.origins = std::move(origins); }

const Endpoint &HttpServer::local() const { return impl_->acceptor->local(); }

HttpStatistics HttpServer::statistics() const {
    HttpStatistics statistics = impl_->statistics;
    statistics.connections = impl_->connections.size();
    statistics.refused += impl_->acceptor->refused();
    statistics.accept_pauses = impl_->acceptor->pauses();
    return statistics;
}

} // namespace tandem
