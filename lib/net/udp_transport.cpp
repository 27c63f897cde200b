#include "net/udp_transport.hpp"
#include <cerrno>
#include <cstring>
#include <ctime>
#include <deque>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>
#include "net/descriptor.hpp"
#include "net/loop_impl.hpp"
#include "net/readable.hpp"
#include "net/socket_address.hpp"

namespace tandem {
namespace {

// One system call's worth of messages, each with its address and one part.
struct MessageBatch {
    explicit MessageBatch(std::size_t size) : headers(size), parts(size), addresses(size) {
        for (std::size_t i = 0; i < size; ++i) {
            headers[i].msg_hdr.msg_name = &addresses[i];
            headers[i].msg_hdr.msg_namelen = sizeof addresses[i];
            headers[i].msg_hdr.msg_iov = &parts[i];
            headers[i].msg_hdr.msg_iovlen = 1;
        }
    }

    std::vector<mmsghdr> headers;
    std::vector<iovec> parts;
    std::vector<SocketAddress> addresses;
};

// As large as asked for where the process may go beyond the system's limit, else up to the limit.
void set_buffer(int fd, int forced_option, int option, int bytes) {
    if (::setsockopt(fd, SOL_SOCKET, forced_option, &bytes, sizeof bytes) == 0) return;
    ::setsockopt(fd, SOL_SOCKET, option, &bytes, sizeof bytes);
}

constexpr auto retry_after = std::chrono::milliseconds(1); // a send buffer of megabytes is full: let it drain

} // namespace

struct UdpTransport::Impl final : Reader, std::enable_shared_from_this<Impl> {
    Impl(Loop &loop, OwnedDescriptor descriptor, const Endpoint &bound, const UdpOptions &udp_options);

    void close();
    void on_readable() override;
    bool receive_batch(); // false: there is no more
    Duration read_lag() const;
    void send(std::span<const OutDatagram> batch);
    std::size_t send_now(const OutDatagram *first,
                         std::size_t count); // how many are done with: fewer if it would block
    void enqueue(std::span<const OutDatagram> batch);
    void flush();
    void fail(const OutDatagram &datagram, int error);
    void report_failures();

    asio::io_context &io;
    const UdpOptions options;
    const Endpoint local;
    OwnedDescriptor fd;
    Readable readable; // after fd: it goes first
    asio::steady_timer retry;
    BatchHandler batch_handler;
    SendFailedHandler failed_handler;
    TransportStatistics statistics;
    Duration lag{};

    MessageBatch in;
    std::unique_ptr<char[]> in_bytes; // batch_max times datagram_max; a page is real once it was written to
    std::vector<Datagram> received;
    bool is_turn_posted = false; // more may be left to read, and the loop comes back for it

    MessageBatch out;
    std::deque<OutDatagram> queue;                             // wait for room, in order; at most queue_max
    std::vector<std::pair<OutDatagram, SendFailure>> failures; // to be reported by the loop
};

UdpTransport::Impl::Impl(Loop &loop, OwnedDescriptor descriptor, const Endpoint &bound, const UdpOptions &udp_options)
    : io(loop.impl().io), options(udp_options), local(bound), fd(std::move(descriptor)), readable(io), retry(io),
      in(options.batch_max), in_bytes(new char[options.batch_max * options.datagram_max]),
      received(options.batch_max, Datagram{local, {}}), out(options.batch_max) {
    for (std::size_t i = 0; i < options.batch_max; ++i)
        in.parts[i] = {in_bytes.get() + i * options.datagram_max, options.datagram_max};
}

void UdpTransport::Impl::close() {
    readable.close();
    retry.cancel();
    fd.close();
}

void UdpTransport::Impl::on_readable() {
    if (is_turn_posted) return; // it reads what has come meanwhile
    for (std::size_t i = 0; i < options.batches_per_wake; ++i) {
        if (!receive_batch() || !fd) return; // the handler may have closed us
    }
    is_turn_posted = true;
    asio::post(io, [self = shared_from_this()] {
        self->is_turn_posted = false;
        if (self->fd) self->on_readable();
    });
}

bool UdpTransport::Impl::receive_batch() {
    const int result =
        ::recvmmsg(fd.get(), in.headers.data(), static_cast<unsigned>(options.batch_max), MSG_DONTWAIT, nullptr);
    if (result < 0) return errno != EAGAIN && errno != EWOULDBLOCK; // an earlier datagram's error: there may be more

    const auto count = static_cast<std::size_t>(result);
    std::size_t used = 0;
    for (std::size_t i = 0; i < count; ++i) {
        msghdr &header = in.headers[i].msg_hdr;
        header.msg_namelen = sizeof in.addresses[i]; // the kernel has shortened it
        if (header.msg_flags & MSG_TRUNC) {
            ++statistics.truncated;
            continue;
        }
        Datagram &datagram = received[used++]; // its listener and transport stay
        read_address(in.addresses[i], datagram.peer);
        datagram.bytes = {static_cast<const char *>(in.parts[i].iov_base), in.headers[i].msg_len};
        statistics.received_bytes += in.headers[i].msg_len;
    }
    statistics.received += used;
    lag = count == options.batch_max ? read_lag() : Duration::zero();
    if (used > 0 && batch_handler) batch_handler({received.data(), used});
    return count == options.batch_max;
}

// The kernel stamps datagrams from the first time that it is asked, so one that is never behind pays nothing for it.
Duration UdpTransport::Impl::read_lag() const {
    timespec stamp{};
    timespec now{};
    if (::ioctl(fd.get(), SIOCGSTAMPNS_OLD, &stamp) != 0) return Duration::zero(); // it came before that
    ::clock_gettime(CLOCK_REALTIME, &now);
    const auto passed =
        std::chrono::seconds(now.tv_sec - stamp.tv_sec) + std::chrono::nanoseconds(now.tv_nsec - stamp.tv_nsec);
    // Somebody has set the clock between the two.
    constexpr auto lag_max = std::chrono::minutes(1);
    if (passed < Duration::zero() || passed > lag_max) return Duration::zero();
    return std::chrono::duration_cast<Duration>(passed);
}

void UdpTransport::Impl::send(std::span<const OutDatagram> batch) {
    std::size_t done = 0;
    while (queue.empty() && done < batch.size()) {
        const std::size_t count = std::min(batch.size() - done, options.batch_max);
        const std::size_t taken = send_now(batch.data() + done, count);
        done += taken;
        if (taken < count) break;
    }
    if (done < batch.size()) enqueue(batch.subspan(done));
}

std::size_t UdpTransport::Impl::send_now(const OutDatagram *first, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        const std::string_view bytes = first[i].bytes.view();
        out.headers[i].msg_hdr.msg_namelen = to_address(first[i].to, out.addresses[i]);
        out.parts[i] = {const_cast<char *>(bytes.data()), bytes.size()}; // sendmmsg only reads
    }
    std::size_t done = 0;
    while (done < count) {
        const int result =
            ::sendmmsg(fd.get(), out.headers.data() + done, static_cast<unsigned>(count - done), MSG_DONTWAIT);
        if (result > 0) {
            for (const std::size_t end = done + static_cast<std::size_t>(result); done < end; ++done)
                statistics.sent_bytes += out.parts[done].iov_len;
            statistics.sent += static_cast<std::size_t>(result);
            continue;
        }
        if (errno == EINTR) continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK) break;
        if (errno == ENOBUFS || errno == ENOMEM) {
            ++statistics.dropped; // as the network might have: retransmissions repair it
        } else {
            fail(first[done], errno); // the error is of the first one; the others have their turn
        }
        ++done;
    }
    return done;
}

void UdpTransport::Impl::enqueue(std::span<const OutDatagram> batch) {
    const bool is_waiting = !queue.empty();
    const std::size_t taken = std::min(batch.size(), options.queue_max - queue.size());
    queue.insert(queue.end(), batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(taken));
    statistics.dropped += batch.size() - taken;
    if (is_waiting || queue.empty()) return;
    // Not by waiting until the socket is writable: once asked for, epoll would tell so after every later datagram.
    retry.expires_after(retry_after);
    retry.async_wait([self = shared_from_this()](AsioError error) {
        if (!error && self->fd) self->flush();
    });
}

void UdpTransport::Impl::flush() {
    std::vector<OutDatagram> batch(std::make_move_iterator(queue.begin()), std::make_move_iterator(queue.end()));
    queue.clear();
    send(batch); // queues again what does not fit
}

void UdpTransport::Impl::fail(const OutDatagram &datagram, int error) {
    ++statistics.send_failed;
    if (!failed_handler) return;
    if (failures.empty()) {
        asio::post(io, [self = shared_from_this()] { self->report_failures(); });
    }
    failures.emplace_back(datagram, SendFailure{error});
}

void UdpTransport::Impl::report_failures() {
    const auto reported = std::exchange(failures, {});
    for (const auto &[datagram, failure] : reported) {
        if (!fd) return;
        failed_handler(datagram, failure);
    }
}

Result<std::unique_ptr<UdpTransport>, Failure> UdpTransport::open(Loop &loop, const Endpoint &at,
                                                                  const UdpOptions &options) {
    const auto failure = [&at](int error) { return open_failure(at, error); };
    const int family = at.ip.is_v6 ? AF_INET6 : AF_INET;
    OwnedDescriptor fd(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return failure(errno);
    const int on = 1;
    if (at.ip.is_v6 && ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) return failure(errno);
    if (options.share_port && ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
        return failure(errno);
    set_buffer(fd.get(), SO_RCVBUFFORCE, SO_RCVBUF, options.socket_buffer_bytes);
    set_buffer(fd.get(), SO_SNDBUFFORCE, SO_SNDBUF, options.socket_buffer_bytes);

    SocketAddress address{};
    const socklen_t size = to_address(at, address);
    if (::bind(fd.get(), &address.any, size) != 0) return failure(errno);
    socklen_t bound_size = sizeof address;
    if (::getsockname(fd.get(), &address.any, &bound_size) != 0) return failure(errno);
    Endpoint bound = at;
    bound.transport = Transport::udp;
    read_address(address, bound);

    auto impl = std::make_shared<Impl>(loop, std::move(fd), bound, options);
    if (const AsioError error = impl->readable.open(impl->fd.get(), impl)) return failure(error.value());
    return std::unique_ptr<UdpTransport>(new UdpTransport(std::move(impl)));
}

UdpTransport::UdpTransport(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

UdpTransport::~UdpTransport() { impl_->close(); }

const Endpoint &UdpTransport::local() const { return impl_->local; }

void UdpTransport::on_batch(BatchHandler handler) { impl_->batch_handler = std::move(handler); }

void UdpTransport::on_send_failed(SendFailedHandler handler) { impl_->failed_handler = std::move(handler); }

void UdpTransport::send(std::span<const OutDatagram> batch) { impl_->send(batch); }

const TransportStatistics &UdpTransport::statistics() const { return impl_->statistics; }

Duration UdpTransport::lag() const { return impl_->lag; }

} // namespace tandem
