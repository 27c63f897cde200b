#include "net/stream_channel.hpp"
#include <cerrno>
#include <sys/socket.h>

namespace tandem {
namespace {

ChannelResult failure_of(int error, ChannelStatus blocked) {
    if (error == EAGAIN || error == EWOULDBLOCK) return {blocked, 0, 0};
    return {ChannelStatus::failed, 0, error};
}

class PlainChannel final : public StreamChannel {
public:
    explicit PlainChannel(int fd) : fd_(fd) {}

    ChannelResult read(std::span<char> buffer) override {
        for (;;) {
            const ssize_t size = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
            if (size > 0) return {ChannelStatus::done, static_cast<std::size_t>(size), 0};
            if (size == 0) return {ChannelStatus::closed, 0, 0};
            if (errno != EINTR) return failure_of(errno, ChannelStatus::would_block);
        }
    }

    ChannelResult write(std::span<const iovec> parts) override {
        msghdr message{};
        message.msg_iov = const_cast<iovec *>(parts.data()); // sendmsg only reads
        message.msg_iovlen = parts.size();
        for (;;) {
            const ssize_t size = ::sendmsg(fd_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (size >= 0) return {ChannelStatus::done, static_cast<std::size_t>(size), 0};
            if (errno != EINTR) return failure_of(errno, ChannelStatus::wants_write);
        }
    }

    void shut_down() override { ::shutdown(fd_, SHUT_WR); }

private:
    int fd_;
};

} // namespace

std::unique_ptr<StreamChannel> make_plain_channel(int fd) { return std::make_unique<PlainChannel>(fd); }

} // namespace tandem
