// Which connection a message takes, and its way into the kernel.
#include <cerrno>
#include <netinet/in.h>
#include <sys/socket.h>
#include "base/text.hpp"
#include "net/socket_address.hpp"
#include "net/stream_impl.hpp"
#include "net/system_clock.hpp"
#include "sip/message.hpp"

namespace tandem {
namespace {

bool is_response(std::string_view message) { return message.substr(0, 8) == "SIP/2.0 "; }

// The port where its sender listens: that of sent-by, or the default one (RFC 3261 section 18.2.2). 0: none is named.
std::uint16_t listening_port(std::string_view response, Transport transport) {
    const auto message = Message::parse(response);
    if (!message) return 0;
    const std::string_view text = message->top_via().port;
    if (text.empty()) return default_port(transport);
    const auto port = parse_number(text);
    return port && *port <= 65535 ? static_cast<std::uint16_t>(*port) : std::uint16_t{0};
}

// Connections come from the address that we are known by; the kernel picks the port, when it knows the far end.
bool bind_source(int fd, const Endpoint &local) {
    if (local.ip.bytes == IpAddress().bytes) return true;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    Endpoint source = local;
    source.port = 0;
    SocketAddress address{};
    const socklen_t size = to_address(source, address);
    return ::bind(fd, &address.any, size) == 0;
}

} // namespace

void StreamTransport::Impl::send(std::span<const OutDatagram> batch) {
    const Instant now = SystemClock::now();
    for (const OutDatagram &datagram : batch) {
        if (datagram.bytes.empty()) continue;
        int error = 0;
        StreamConnection *connection = connection_for(datagram, now, error);
        if (!connection) {
            fail(datagram, {error, false});
        } else if (!enqueue(*connection, datagram, now)) {
            fail(datagram, {ENOBUFS});
        } else if (written.empty() || written.back().get() != connection) {
            written.push_back(connection->shared_from_this());
        }
    }
    std::vector<std::shared_ptr<StreamConnection>> connections;
    connections.swap(written);
    for (const auto &connection : connections) flush(*connection, now);
    connections.clear();
    if (written.empty()) written.swap(connections); // keeps its memory
}

StreamConnection *StreamTransport::Impl::connection_for(const OutDatagram &datagram, Instant now, int &error) {
    Endpoint to = datagram.to;
    const std::string_view host = tls ? datagram.host.view() : std::string_view();
    if (StreamConnection *connection = find(to, host)) return connection;
    if (is_response(datagram.bytes.view())) {
        to.port = listening_port(datagram.bytes.view(), to.transport);
        if (StreamConnection *connection = find(to, host)) return connection;
    }
    StreamConnection *connection = connect(to, host, now, error);
    if (!connection) tell_lost(to, false, error_text(error));
    return connection;
}

// The same address may be several hosts: a connection serves another one only if its certificate says so.
StreamConnection *StreamTransport::Impl::find(const Endpoint &to, std::string_view host) const {
    return table.find(to, [host](StreamConnection &connection) {
        if (connection.state() > StreamState::open) return false;
        if (host.empty() || equals_ignoring_case(connection.host(), host)) return true;
        return connection.state() == StreamState::open && connection.channel().is_host(host);
    });
}

StreamConnection *StreamTransport::Impl::connect(const Endpoint &to, std::string_view host, Instant now, int &error) {
    error = EADDRNOTAVAIL;
    const Endpoint &local = acceptor->local();
    if (to.port == 0 || to.ip.is_v6 != local.ip.is_v6) return nullptr;
    if (!table.has_room(to.ip, true)) {
        ++stream_statistics.refused;
        error = ENFILE;
        return nullptr;
    }
    OwnedDescriptor fd(::socket(to.ip.is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    SocketAddress address{};
    const socklen_t size = to_address(to, address);
    const bool has_begun =
        fd && bind_source(fd.get(), local) && (::connect(fd.get(), &address.any, size) == 0 || errno == EINPROGRESS);
    StreamConnection *connection = has_begun ? adopt(std::move(fd), to, true, host, now) : nullptr;
    if (!connection) {
        error = errno;
        return nullptr;
    }
    connection->wait_writable(); // it is made, or it has failed
    arm(*connection);
    return connection;
}

// False: its queue is full.
bool StreamTransport::Impl::enqueue(StreamConnection &connection, const OutDatagram &datagram, Instant now) {
    const std::size_t size = datagram.bytes.view().size();
    if (connection.queued_bytes() + size > options.queue_bytes_max) return false;
    if (queued_bytes + size > options.queue_bytes_all_max) return false;
    queued_bytes += size;
    connection.enqueue(datagram, now);
    return true;
}

void StreamTransport::Impl::flush(StreamConnection &connection, Instant now) {
    const bool is_refusing = connection.state() == StreamState::refusing;
    if (connection.queued_bytes() == 0 || (connection.state() != StreamState::open && !is_refusing)) return;
    const std::size_t before = connection.queued_bytes();
    const ChannelResult result = connection.send_queued(now);
    statistics.sent += result.size;
    statistics.sent_bytes += before - connection.queued_bytes();
    queued_bytes -= before - connection.queued_bytes();
    switch (result.status) {
    case ChannelStatus::done:
        if (is_refusing) connection.channel().shut_down();
        return;
    case ChannelStatus::would_block: break;
    case ChannelStatus::wants_write: connection.wait_writable(); break;
    case ChannelStatus::closed:
    case ChannelStatus::failed: return lose(connection, result);
    }
    arm(connection);
}

} // namespace tandem
