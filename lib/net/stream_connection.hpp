// One connection: its descriptor, what it has sent half, what waits to be sent, and until when it may do what it does.
// The transport owns it, decides what happens to it, and is told when the descriptor is ready.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include "base/endpoint.hpp"
#include "base/instant.hpp"
#include "base/timer_wheel.hpp"
#include "net/descriptor.hpp"
#include "net/readable.hpp"
#include "net/stream_channel.hpp"
#include "net/stream_options.hpp"
#include "net/transport.hpp"
#include "sip/stream_framer.hpp"

namespace tandem {

constexpr std::string_view ping = "\r\n\r\n"; // RFC 5626 section 3.5.1
constexpr std::string_view pong = "\r\n";

class StreamConnection;

class StreamOwner {
public:
    // The descriptor is readable, writable, connected or broken: try what there is to do.
    virtual void on_ready(StreamConnection &connection) = 0;

protected:
    ~StreamOwner() = default;
};

enum class StreamState : std::uint8_t {
    connecting,
    handshaking,
    open,
    refusing, // the stream is broken: our answer goes out, and what still comes is thrown away
    closed,
};

class StreamConnection final : public Reader, public std::enable_shared_from_this<StreamConnection> {
public:
    StreamConnection(asio::io_context &io, StreamOwner &owner, OwnedDescriptor fd,
                     std::unique_ptr<StreamChannel> channel, const Endpoint &peer, bool is_ours, std::string_view host,
                     Instant now);

    AsioError watch(); // from now on the owner is told
    void close();      // no call comes after this

    int fd() const { return fd_.get(); }
    const Endpoint &peer() const { return peer_; }    // the far end's address; as in received messages
    const std::string &host() const { return host_; } // that we asked for; empty: none
    bool is_ours() const { return is_ours_; }         // we have made it
    StreamState state() const { return state_; }
    StreamChannel &channel() { return *channel_; }
    StreamFramer &framer() { return framer_; }
    std::vector<std::uint16_t> &alias_ports() { return alias_ports_; } // ports of the peer that lead here too

    void enter(StreamState state, Instant now);
    // Bytes came, and the framer has had them. `is_progress`: they ended a message.
    void on_read(bool is_progress, Instant now);
    void wait_writable() { readable_.wait_writable(); }

    // What waits to be sent. A part may be left of the first one.
    void enqueue(OutDatagram datagram, Instant now);
    bool owes_pong() const; // one is the last of what waits: it answers the next ping as well
    std::size_t queued_bytes() const { return queued_bytes_; }
    ChannelResult send_queued(Instant now); // as much as the channel takes at once; `size`: messages that are done
    std::vector<OutDatagram> take_queue();

    // When this connection has waited for too long, by its state.
    Instant deadline(const StreamOptions &options) const;
    Instant next_check(const StreamOptions &options) const; // deadline(), or when wants_ping() may be true
    bool wants_ping(const StreamOptions &options, Instant now) const;
    void note_ping(Instant now) { pinged_ = now; }

    TimerId timer; // the transport's; due at timer_at, which is not after next_check()
    Instant timer_at = never;
    bool is_turn_posted = false; // the transport's: more may be left to read, and the loop comes back for it

private:
    void on_readable() override { owner_.on_ready(*this); }
    void on_writable() override { owner_.on_ready(*this); }
    std::size_t forget_sent(std::size_t size);

    StreamOwner &owner_;
    OwnedDescriptor fd_;
    Readable readable_; // after fd_: it goes first
    std::unique_ptr<StreamChannel> channel_;
    const Endpoint peer_;
    const std::string host_;
    const bool is_ours_;
    bool has_spoken_ = false; // a message; a keep-alive is none
    StreamState state_ = StreamState::connecting;
    StreamFramer framer_;
    std::vector<std::uint16_t> alias_ports_;

    std::vector<OutDatagram> queue_; // from first_ on
    std::size_t first_ = 0;
    std::size_t first_sent_ = 0; // bytes of the first one
    std::size_t queued_bytes_ = 0;

    Instant entered_;         // the state
    Instant used_;            // a byte went or came
    Instant begun_ = never;   // the message that has begun; never: none has
    Instant blocked_ = never; // the peer takes nothing since then
    Instant pinged_ = never;  // never: no ping waits for its answer
};

} // namespace tandem
