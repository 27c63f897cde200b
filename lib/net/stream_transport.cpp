#include "net/stream_transport.hpp"
#include <cerrno>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include "net/socket_address.hpp"
#include "net/stream_impl.hpp"
#include "net/system_clock.hpp"

namespace tandem {
namespace {

AcceptorOptions acceptor_options(const StreamOptions &options) {
    AcceptorOptions acceptor;
    acceptor.backlog = options.backlog;
    acceptor.share_port = options.share_port;
    return acceptor;
}

} // namespace

StreamTransport::Impl::Impl(Loop &loop, const StreamOptions &stream_options, std::shared_ptr<const TlsContext> context)
    : io(loop.impl().io), options(stream_options), tls(std::move(context)), table(options, random),
      in_bytes(new char[options.read_size]), timers(SystemClock::now()), timer(io) {}

void StreamTransport::Impl::close() {
    is_closed = true;
    if (acceptor) acceptor->close();
    timer.cancel();
    for (const auto &connection : table.all()) {
        table.remove(*connection);
        connection->close();
    }
}

void StreamTransport::Impl::on_accepted(OwnedDescriptor fd, const Endpoint &peer) {
    const Instant now = SystemClock::now();
    if (!table.has_room(peer.ip, false)) {
        ++stream_statistics.refused;
        reset_at_close(fd.get());
        return;
    }
    StreamConnection *connection = adopt(std::move(fd), peer, false, {}, now);
    if (!connection) return;
    ++stream_statistics.accepted;
    connection->enter(StreamState::handshaking, now);
    on_ready(*connection);
}

std::unique_ptr<StreamChannel> StreamTransport::Impl::make_channel(int fd, const Endpoint &peer, bool is_ours,
                                                                   std::string_view host) const {
    if (!tls) return make_plain_channel(fd);
    return is_ours ? tls->connect(fd, host, peer.ip) : tls->accept(fd);
}

StreamConnection *StreamTransport::Impl::adopt(OwnedDescriptor fd, const Endpoint &peer, bool is_ours,
                                               std::string_view host, Instant now) {
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); // what is sent together is written together
    auto channel = make_channel(fd.get(), peer, is_ours, host);
    auto connection =
        std::make_shared<StreamConnection>(io, *this, std::move(fd), std::move(channel), peer, is_ours, host, now);
    if (const AsioError error = connection->watch()) {
        errno = error.value();
        return nullptr;
    }
    StreamConnection *raw = connection.get();
    table.add(std::move(connection));
    return raw;
}

Result<std::unique_ptr<StreamTransport>, Failure> StreamTransport::open(Loop &loop, const Endpoint &at,
                                                                        const StreamOptions &options,
                                                                        std::shared_ptr<const TlsContext> tls) {
    auto impl = std::make_shared<Impl>(loop, options, std::move(tls));
    auto acceptor = StreamAcceptor::open(
        impl->io, at, acceptor_options(options),
        [raw = impl.get()](OwnedDescriptor fd, const Endpoint &peer) { raw->on_accepted(std::move(fd), peer); });
    if (!acceptor) return open_failure(at, acceptor.error());
    impl->acceptor = std::move(*acceptor);
    return std::unique_ptr<StreamTransport>(new StreamTransport(std::move(impl)));
}

StreamTransport::StreamTransport(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

StreamTransport::~StreamTransport() { impl_->close(); }

void StreamTransport::use(std::shared_ptr<const TlsContext> tls) { impl_->tls = std::move(tls); }

const Endpoint &StreamTransport::local() const { return impl_->acceptor->local(); }

void StreamTransport::on_batch(BatchHandler handler) { impl_->batch_handler = std::move(handler); }

void StreamTransport::on_send_failed(SendFailedHandler handler) { impl_->failed_handler = std::move(handler); }

void StreamTransport::on_connection_lost(ConnectionLostHandler handler) { impl_->lost_handler = std::move(handler); }

void StreamTransport::send(std::span<const OutDatagram> batch) { impl_->send(batch); }

const TransportStatistics &StreamTransport::statistics() const { return impl_->statistics; }

StreamStatistics StreamTransport::stream_statistics() const {
    StreamStatistics statistics = impl_->stream_statistics;
    statistics.connections = impl_->table.size();
    statistics.refused += impl_->acceptor->refused();
    statistics.accept_pauses = impl_->acceptor->pauses();
    return statistics;
}

} // namespace tandem
