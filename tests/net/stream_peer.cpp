#include "net/stream_peer.hpp"
#include <cerrno>
#include "net/socket_address.hpp"
#include "net/stream_acceptor.hpp"

namespace tandem::test {
namespace {

Endpoint name_of(int fd) {
    SocketAddress address{};
    socklen_t size = sizeof address;
    REQUIRE(::getsockname(fd, &address.any, &size) == 0);
    Endpoint name = tcp("127.0.0.1");
    read_address(address, name);
    return name;
}

} // namespace

RawSocket::RawSocket(const Endpoint &to, std::uint16_t from_port)
    : fd_(::socket(to.ip.is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    SocketAddress address{};
    if (from_port != 0) {
        const int on = 1;
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        Endpoint from = to;
        from.port = from_port;
        const socklen_t size = to_address(from, address);
        REQUIRE(::bind(fd_.get(), &address.any, size) == 0);
    }
    const socklen_t size = to_address(to, address);
    REQUIRE(::connect(fd_.get(), &address.any, size) == 0); // the kernel accepts by itself
}

void RawSocket::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t size = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        REQUIRE(size > 0);
        bytes.remove_prefix(static_cast<std::size_t>(size));
    }
}

std::string RawSocket::receive() {
    std::string came;
    char buffer[65536];
    while (fd_ && !is_closed_) {
        const ssize_t size = ::recv(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
        if (size > 0) {
            came.append(buffer, static_cast<std::size_t>(size));
        } else {
            if (size == 0 || errno != EAGAIN) is_closed_ = true;
            break;
        }
    }
    text_ += came;
    return came;
}

bool RawSocket::is_closed() {
    receive();
    return is_closed_;
}

void RawSocket::reset() {
    reset_at_close(fd_.get());
    fd_.close();
}

std::uint16_t RawSocket::port() const { return name_of(fd_.get()).port; }

RawSocket::RawSocket(OwnedDescriptor fd, const Endpoint &to) : fd_(std::move(fd)) {
    SocketAddress address{};
    const socklen_t size = to_address(to, address);
    REQUIRE(::connect(fd_.get(), &address.any, size) == 0);
}

RawListener::RawListener(std::string_view ip, std::uint16_t port, int backlog)
    : fd_(::socket(tcp(ip).ip.is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    const int on = 1;
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    SocketAddress address{};
    const socklen_t size = to_address(tcp(ip, port), address);
    REQUIRE(::bind(fd_.get(), &address.any, size) == 0);
    REQUIRE(::listen(fd_.get(), backlog) == 0);
    local_ = name_of(fd_.get());
}

bool RawListener::accept(RawSocket &socket) {
    if (socket.fd() >= 0) return true;
    const int fd = ::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return false;
    socket = RawSocket(fd);
    return true;
}

StreamPeer::StreamPeer(Result<std::unique_ptr<StreamTransport>, Failure> opened) {
    REQUIRE_MESSAGE(opened.ok(), opened.error().detail);
    transport = std::move(*opened);
    transport->on_batch([this](std::span<const Datagram> batch) {
        batches.push_back(batch.size());
        for (const Datagram &datagram : batch) {
            texts.emplace_back(datagram.bytes);
            from.push_back(datagram.peer);
        }
        if (on_batch) on_batch();
    });
    transport->on_send_failed([this](const OutDatagram &datagram, const SendFailure &failure) {
        failed.push_back(datagram.owner);
        errors.push_back(failure.error);
        not_connected += failure.is_made ? 0 : 1;
    });
    transport->on_connection_lost([this](const LostConnection &connection) {
        lost.emplace_back(connection.loss.peer, connection.reason);
        never_made += connection.loss.is_made ? 0 : 1;
    });
}

void StreamPeer::send(const Endpoint &to, const std::vector<std::string> &messages) {
    std::vector<OutDatagram> batch;
    for (const std::string &message : messages) batch.push_back({to, SharedBytes(message), ++last_owner, {}});
    transport->send(batch);
}

std::string sip_request(std::string_view method, int number, std::string_view via, std::string_view body) {
    const std::string n = std::to_string(number);
    return std::string(method) + " sip:bob@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/TCP " + std::string(via) +
           ";branch=z9hG4bK" + n + "\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: " + n + "\r\nCSeq: 1 " +
           std::string(method) + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

std::string sip_response(int number, std::string_view via) {
    const std::string n = std::to_string(number);
    return "SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP " + std::string(via) + ";branch=z9hG4bK" + n +
           "\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b@b>;tag=2\r\nCall-ID: " + n +
           "\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
}

} // namespace tandem::test
