// SIP over UDP: one recvmmsg for a wake-up, one sendmmsg for a batch, no copy and no allocation for a message.
#pragma once
#include <cstddef>
#include <memory>
#include "base/result.hpp"
#include "net/loop.hpp"
#include "net/transport.hpp"

namespace tandem {

struct UdpOptions {
    std::size_t datagram_max = 65535;  // bytes; a larger one is counted and not delivered
    std::size_t batch_max = 64;        // datagrams in one system call
    std::size_t batches_per_wake = 4;  // then others of the loop get their turn
    std::size_t queue_max = 8192;      // datagrams that wait for room in the socket's send buffer
    int socket_buffer_bytes = 8 << 20; // of each direction, or what the system allows
    bool share_port = false;           // SO_REUSEPORT: one socket for each worker
};

class UdpTransport final : public MessageTransport {
public:
    // Binds `at`; port 0 takes a free one. at.listener is what received messages carry. `loop` outlives the result.
    // The failure is one line: "udp:127.0.0.1:5060: address already in use".
    static Result<std::unique_ptr<UdpTransport>, Failure> open(Loop &loop, const Endpoint &at,
                                                               const UdpOptions &options = {});
    ~UdpTransport() override;

    const Endpoint &local() const override;
    void on_batch(BatchHandler handler) override;
    void on_send_failed(SendFailedHandler handler) override;
    void send(std::span<const OutDatagram> batch) override;
    const TransportStatistics &statistics() const override;
    Duration lag() const override;

private:
    struct Impl;
    explicit UdpTransport(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_; // shared with the waits that the loop still holds
};

} // namespace tandem
