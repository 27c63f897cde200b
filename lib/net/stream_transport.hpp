// SIP over TCP and over TLS: connections that come, and those that are made when a message needs one. What waits for a
// connection is sent together; what was read together is handed over together.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include "base/result.hpp"
#include "net/loop.hpp"
#include "net/stream_options.hpp"
#include "net/tls_context.hpp"
#include "net/transport.hpp"

namespace tandem {

struct StreamStatistics {
    std::size_t connections = 0; // that live
    std::uint64_t accepted = 0;
    std::uint64_t connected = 0; // made by us
    std::uint64_t refused = 0;   // beyond a limit, or for want of descriptors
    std::uint64_t broken = 0;    // ended because nobody could tell where a message ends
    std::uint64_t timed_out = 0; // waited too long for what had to come
    std::uint64_t handshakes_failed = 0;
    std::uint64_t accept_pauses = 0; // how often descriptors were missing
    std::uint64_t pings = 0;         // answered
};

class StreamTransport final : public MessageTransport {
public:
    // Binds `at`, whose transport is tcp, or tls with a context; port 0 takes a free one. Received messages carry
    // at.listener and the address of the far end: what is sent there goes over that connection while it lives; a
    // response that finds it gone goes to the port of its Via, by a new one (RFC 3261 section 18.2.2). `loop` outlives
    // the result.
    static Result<std::unique_ptr<StreamTransport>, Failure>
    open(Loop &loop, const Endpoint &at, const StreamOptions &options = {}, std::shared_ptr<const TlsContext> tls = {});
    ~StreamTransport() override;

    // From now on handshakes begin with this one; connections that live go on.
    void use(std::shared_ptr<const TlsContext> tls);

    const Endpoint &local() const override;
    void on_batch(BatchHandler handler) override;
    void on_send_failed(SendFailedHandler handler) override;
    void on_connection_lost(ConnectionLostHandler handler) override;
    void send(std::span<const OutDatagram> batch) override;
    const TransportStatistics &statistics() const override;
    StreamStatistics stream_statistics() const;

private:
    struct Impl;
    explicit StreamTransport(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_; // shared with what the loop still holds
};

} // namespace tandem
