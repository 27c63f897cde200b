#include "net/stream_acceptor.hpp"
#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>
#include "net/socket_address.hpp"

namespace tandem {
namespace {

OwnedDescriptor open_spare() { return OwnedDescriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

// Of one connection that was gone before it was taken; accept(2) names them.
bool is_of_the_peer(int error) {
    switch (error) {
    case ECONNABORTED:
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case EPERM:
    case EINTR: return true;
    default: return false;
    }
}

} // namespace

void reset_at_close(int fd) {
    const linger now{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

Result<std::shared_ptr<StreamAcceptor>, int> StreamAcceptor::open(asio::io_context &io, const Endpoint &at,
                                                                  const AcceptorOptions &options, Handler handler) {
    OwnedDescriptor fd(::socket(at.ip.is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return errno;
    const int on = 1;
    if (at.ip.is_v6 && ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) return errno;
    // Connections of a former process that still linger do not keep the port.
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) return errno;
    if (options.share_port && ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) return errno;

    SocketAddress address{};
    const socklen_t size = to_address(at, address);
    if (::bind(fd.get(), &address.any, size) != 0 || ::listen(fd.get(), options.backlog) != 0) return errno;
    socklen_t bound_size = sizeof address;
    if (::getsockname(fd.get(), &address.any, &bound_size) != 0) return errno;
    Endpoint bound = at;
    read_address(address, bound);

    auto acceptor = std::make_shared<StreamAcceptor>(io, std::move(fd), bound, options, std::move(handler));
    if (const AsioError error = acceptor->readable_.open(acceptor->fd_.get(), acceptor)) return error.value();
    return acceptor;
}

StreamAcceptor::StreamAcceptor(asio::io_context &io, OwnedDescriptor fd, const Endpoint &local,
                               const AcceptorOptions &options, Handler handler)
    : io_(io), options_(options), local_(local), fd_(std::move(fd)), spare_(open_spare()), readable_(io), timer_(io),
      handler_(std::move(handler)), pause_(options.pause_min) {}

void StreamAcceptor::close() {
    readable_.close();
    timer_.cancel();
    fd_.close();
}

void StreamAcceptor::on_readable() {
    if (is_paused_ || is_turn_posted_) return;
    for (std::size_t i = 0; i < options_.accepts_per_wake; ++i) {
        if (!fd_ || !accept_one()) return;
    }
    is_turn_posted_ = true;
    asio::post(io_, [self = shared_from_this()] {
        self->is_turn_posted_ = false;
        if (self->fd_) self->on_readable();
    });
}

bool StreamAcceptor::accept_one() {
    SocketAddress address{};
    socklen_t size = sizeof address;
    OwnedDescriptor fd(::accept4(fd_.get(), &address.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
        if (errno == EAGAIN || errno == EWOULDBLOCK) return false;
        if (is_of_the_peer(errno)) return true;
        pause(errno);
        return false;
    }
    pause_ = options_.pause_min;
    Endpoint peer = local_;
    read_address(address, peer);
    handler_(std::move(fd), peer);
    return true;
}

// EMFILE, ENFILE, ENOBUFS, ENOMEM. What waits raises no second event, so there is nothing to spin on; but nobody
// would say either when a descriptor is free again.
void StreamAcceptor::pause(int error) {
    ++pauses_;
    if (error == EMFILE || error == ENFILE) refuse_waiting();
    is_paused_ = true;
    timer_.expires_after(pause_);
    pause_ = std::min(2 * pause_, options_.pause_max);
    timer_.async_wait([self = shared_from_this()](AsioError cancelled) {
        self->is_paused_ = false;
        if (!self->spare_) self->spare_ = open_spare(); // somebody else was faster than refuse_waiting()
        if (!cancelled && self->fd_) self->on_readable();
    });
}

// Those who wait learn at once that they must go elsewhere: as many as one turn takes.
void StreamAcceptor::refuse_waiting() {
    if (!spare_) return;
    spare_.close();
    for (std::size_t i = 0; i < options_.accepts_per_wake; ++i) {
        const OwnedDescriptor fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!fd) break;
        reset_at_close(fd.get());
        ++refused_;
    }
    spare_ = open_spare();
}

} // namespace tandem
