#include "net/hep/stream_sender.hpp"
#include <algorithm>
#include <array>
#include <cerrno>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <utility>
#include "net/socket_address.hpp"
#include "net/system_clock.hpp"

namespace tandem {
namespace {

constexpr std::size_t batch_max = 64; // packets of one system call
constexpr timeval patience{1, 0};     // for a connection, and for what is written
constexpr Duration pause = std::chrono::seconds(1);

} // namespace

PacketSender::Sent StreamSender::send(std::span<const std::string> packets) {
    if (fd_) look_for_end();
    if (!fd_ && SystemClock::now() >= retry_at_) error_ = connect();
    Sent sent;
    sent.taken = fd_ ? write(packets) : 0;
    sent.lost = packets.size() - sent.taken;
    if (sent.lost == 0) return sent;
    sent.error = error_;
    fd_.close();
    return sent;
}

// What is written to a connection that the other side has closed would be lost, and nobody would hear of it. A
// collector says nothing.
void StreamSender::look_for_end() {
    std::array<char, 4096> ignored;
    ssize_t size = 0;
    do {
        size = ::recv(fd_.get(), ignored.data(), ignored.size(), MSG_DONTWAIT);
    } while (size > 0 || (size < 0 && errno == EINTR));
    if (size == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) fd_.close();
}

int StreamSender::connect() {
    retry_at_ = SystemClock::now() + pause;
    OwnedDescriptor fd(::socket(to_.ip.is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) return errno;
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    SocketAddress address{};
    const socklen_t size = to_address(to_, address);
    if (::connect(fd.get(), &address.any, size) != 0) return errno == EINPROGRESS ? ETIMEDOUT : errno;
    fd_ = std::move(fd);
    return 0;
}

std::size_t StreamSender::write(std::span<const std::string> packets) {
    std::size_t done = 0;
    std::size_t written = 0; // of the next one
    while (done < packets.size()) {
        std::array<iovec, batch_max> parts;
        const std::size_t count = std::min(batch_max, packets.size() - done);
        for (std::size_t i = 0; i < count; ++i) {
            const std::string &packet = packets[done + i];
            const std::size_t skipped = i == 0 ? written : 0;
            parts[i] = {const_cast<char *>(packet.data()) + skipped, packet.size() - skipped}; // sendmsg only reads
        }
        msghdr message{};
        message.msg_iov = parts.data();
        message.msg_iovlen = count;
        const ssize_t taken = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
        if (taken < 0 && errno == EINTR) continue;
        if (taken < 0) {
            error_ = errno == EAGAIN || errno == EWOULDBLOCK ? ETIMEDOUT : errno;
            return done;
        }
        written += static_cast<std::size_t>(taken);
        while (done < packets.size() && written >= packets[done].size()) written -= packets[done++].size();
    }
    return done;
}

} // namespace tandem
