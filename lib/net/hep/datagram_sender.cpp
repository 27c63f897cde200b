#include "net/hep/datagram_sender.hpp"
#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/socket.h>
#include <sys/time.h>
#include "net/socket_address.hpp"

namespace tandem {
namespace {

constexpr std::size_t batch_max = 64; // datagrams of one system call

} // namespace

Result<DatagramSender, Failure> DatagramSender::open(const Endpoint &to) {
    OwnedDescriptor fd(::socket(to.ip.is_v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!fd) return open_failure(to, errno);
    const timeval patience{1, 0};
    const int buffer = 4 << 20; // or what the system allows
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    SocketAddress address{};
    const socklen_t size = to_address(to, address);
    if (::connect(fd.get(), &address.any, size) != 0) return open_failure(to, errno);
    return DatagramSender(std::move(fd));
}

PacketSender::Sent DatagramSender::send(std::span<const std::string> datagrams) {
    std::array<mmsghdr, batch_max> headers{};
    std::array<iovec, batch_max> parts{};
    Sent sent;
    for (std::size_t done = 0; done < datagrams.size();) {
        const std::size_t count = std::min(batch_max, datagrams.size() - done);
        for (std::size_t i = 0; i < count; ++i) {
            const std::string &bytes = datagrams[done + i];
            parts[i] = {const_cast<char *>(bytes.data()), bytes.size()}; // sendmmsg only reads
            headers[i].msg_hdr.msg_iov = &parts[i];
            headers[i].msg_hdr.msg_iovlen = 1;
        }
        const int result = ::sendmmsg(fd_.get(), headers.data(), static_cast<unsigned>(count), 0);
        if (result < 0 && errno == EINTR) continue;
        if (result > 0) {
            const auto taken = static_cast<std::size_t>(result);
            done += taken;
            sent.taken += taken;
            if (taken == count) continue;
            // An error that it does not tell has broken it off: nobody is there to take one of those before.
            --sent.taken;
            ++sent.lost;
            if (sent.error == 0) sent.error = ECONNREFUSED;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) { // each of them would wait as long
            sent.error = ETIMEDOUT;
            sent.lost += datagrams.size() - done;
            break;
        } else { // the error is of the first one, or of one that was sent before: one is lost in any case
            sent.error = errno;
            ++sent.lost;
            ++done;
        }
    }
    return sent;
}

} // namespace tandem
