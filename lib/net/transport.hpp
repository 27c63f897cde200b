// What every transport looks like from above: whole SIP messages, in batches, with the address of the other end.
// All calls and all handlers are on the loop's thread. No handler is called from inside one of these functions.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include "base/connection_loss.hpp"
#include "base/endpoint.hpp"
#include "base/instant.hpp"
#include "base/shared_bytes.hpp"

namespace tandem {

struct Datagram {           // one message that came in
    Endpoint peer;          // with the listener that received it
    std::string_view bytes; // valid while the handler runs
};

struct OutDatagram { // one message on its way out
    Endpoint to;
    SharedBytes bytes;
    std::uint64_t owner = 0; // the sender's own word; comes back if the message could not leave
    SharedBytes host;        // TLS: the name that the peer must prove; empty: its address will do
};

struct SendFailure {     // why one could not leave
    int error = 0;       // an errno
    bool is_made = true; // false: it needed a connection, and none could be made
};

struct LostConnection { // it has ended or could not be made, and no other one led there
    ConnectionLoss loss;
    std::string reason; // half a line
};

struct TransportStatistics {
    std::uint64_t received = 0; // messages
    std::uint64_t received_bytes = 0;
    std::uint64_t truncated = 0; // larger than datagram_max: not delivered
    std::uint64_t sent = 0;
    std::uint64_t sent_bytes = 0;
    std::uint64_t send_failed = 0; // refused by the kernel: reported
    std::uint64_t dropped = 0;     // found the queue full: not reported, as a loss in the network is not
};

class MessageTransport {
public:
    using BatchHandler = std::function<void(std::span<const Datagram> batch)>;
    using SendFailedHandler = std::function<void(const OutDatagram &datagram, const SendFailure &failure)>;
    using ConnectionLostHandler = std::function<void(const LostConnection &lost)>;

    virtual ~MessageTransport() = default;

    virtual const Endpoint &local() const = 0; // as bound: never port 0

    // Set both before the loop runs.
    virtual void on_batch(BatchHandler handler) = 0;
    virtual void on_send_failed(SendFailedHandler handler) = 0;
    virtual void on_connection_lost(ConnectionLostHandler) {} // of those that have connections

    // Sends now what the kernel takes and queues the rest; the bytes are not copied.
    virtual void send(std::span<const OutDatagram> batch) = 0;

    virtual const TransportStatistics &statistics() const = 0;

    // How long the last message of the last batch had waited to be read. Zero where that is not known, and where no
    // more are waiting.
    virtual Duration lag() const { return Duration::zero(); }
};

} // namespace tandem
