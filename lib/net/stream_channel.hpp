// The bytes of one connection: as they are, or through TLS (tls_channel.hpp). Nothing here blocks.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <sys/uio.h>

namespace tandem {

enum class ChannelStatus : std::uint8_t {
    done,        // `size` bytes, more than none; or the handshake is over
    would_block, // nothing can be done until the descriptor is readable
    wants_write, // nothing can be done until it is writable
    closed,      // the peer has ended it in good order
    failed,      // `error`, or what failure() says
};

struct ChannelResult {
    ChannelStatus status = ChannelStatus::done;
    std::size_t size = 0;
    int error = 0; // an errno
};

class StreamChannel {
public:
    virtual ~StreamChannel() = default;

    // Until it is `done`, nothing else is called.
    virtual ChannelResult handshake() { return {}; }
    virtual ChannelResult read(std::span<char> buffer) = 0;
    // How much of the parts was taken, from the front. What was not comes again, at the front.
    virtual ChannelResult write(std::span<const iovec> parts) = 0;
    virtual void shut_down() = 0; // no more will be written

    // Whether the peer may be taken for this host, a name or an address.
    virtual bool is_host(std::string_view) const { return true; }
    // Whether the peer has proved who it is.
    virtual bool is_verified() const { return false; }
    // Why it ended or failed, where more is known than an errno says; else empty.
    virtual std::string failure() const { return {}; }
};

std::unique_ptr<StreamChannel> make_plain_channel(int fd);

} // namespace tandem
