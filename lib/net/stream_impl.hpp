// The inside of StreamTransport. Its sources: stream_transport (open, close, accept), stream_send, stream_receive,
// stream_end (timers, and how a connection ends).
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>
#include "base/timer_wheel.hpp"
#include "net/connection_table.hpp"
#include "net/loop_impl.hpp"
#include "net/stream_acceptor.hpp"
#include "net/stream_connection.hpp"
#include "net/stream_transport.hpp"
#include "net/system_random.hpp"

namespace tandem {

struct StreamTransport::Impl final : StreamOwner, std::enable_shared_from_this<Impl> {
    Impl(Loop &loop, const StreamOptions &stream_options, std::shared_ptr<const TlsContext> context);

    // stream_transport.cpp
    void close();
    void on_accepted(OwnedDescriptor fd, const Endpoint &peer);
    std::unique_ptr<StreamChannel> make_channel(int fd, const Endpoint &peer, bool is_ours,
                                                std::string_view host) const;
    StreamConnection *adopt(OwnedDescriptor fd, const Endpoint &peer, bool is_ours, std::string_view host,
                            Instant now); // nullptr: errno

    // stream_send.cpp
    void send(std::span<const OutDatagram> batch);
    StreamConnection *connection_for(const OutDatagram &datagram, Instant now, int &error);
    StreamConnection *find(const Endpoint &to, std::string_view host) const;
    StreamConnection *connect(const Endpoint &to, std::string_view host, Instant now, int &error);
    bool enqueue(StreamConnection &connection, const OutDatagram &datagram, Instant now);
    void flush(StreamConnection &connection, Instant now);

    // stream_receive.cpp
    void on_ready(StreamConnection &connection) override;
    bool finish_connect(StreamConnection &connection, Instant now); // true: go on
    bool shake_hands(StreamConnection &connection, Instant now);    // true: go on
    void receive(StreamConnection &connection, Instant now);
    bool read_once(StreamConnection &connection, Instant now); // false: nothing more for now, or it is closed
    void take_frames(StreamConnection &connection, std::string_view bytes, Instant now);
    void learn_alias(StreamConnection &connection, std::string_view message);
    void refuse(StreamConnection &connection, const Frame &frame, Instant now);

    // stream_end.cpp
    void lose(StreamConnection &connection, int error, const std::string &reason);
    void lose(StreamConnection &connection, const ChannelResult &end);             // closed or failed
    void tell_lost(const Endpoint &peer, bool is_made, const std::string &reason); // if no other one leads there
    void fail(const OutDatagram &datagram, const SendFailure &failure);
    void report_later();
    void report();
    void arm(StreamConnection &connection);
    void arm_timer();
    void on_timer();
    void check(StreamConnection &connection, Instant now);

    asio::io_context &io;
    const StreamOptions options;
    std::shared_ptr<const TlsContext> tls; // none: plain TCP
    SystemRandom random;
    std::shared_ptr<StreamAcceptor> acceptor;
    ConnectionTable table;
    BatchHandler batch_handler;
    SendFailedHandler failed_handler;
    ConnectionLostHandler lost_handler;
    TransportStatistics statistics;
    StreamStatistics stream_statistics; // but for those that are counted elsewhere

    std::unique_ptr<char[]> in_bytes;
    std::vector<Datagram> received;                         // of one read; empty between
    std::vector<std::shared_ptr<StreamConnection>> written; // of one send(); empty between
    std::size_t queued_bytes = 0;                           // of all connections

    TimerWheel<StreamConnection *> timers;
    asio::steady_timer timer;
    Instant timer_at = never; // when it wakes us; never: it is not armed

    std::vector<std::pair<OutDatagram, SendFailure>> failures; // to be reported by the loop
    std::vector<LostConnection> lost;
    bool is_reporting = false;
    bool is_closed = false;
};

} // namespace tandem
