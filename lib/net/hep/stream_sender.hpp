// Packets to one address over TCP.
#pragma once
#include <span>
#include <string>
#include "base/endpoint.hpp"
#include "base/instant.hpp"
#include "net/descriptor.hpp"
#include "net/hep/packet_sender.hpp"

namespace tandem {

// It connects when it has something to send, once a second at most. A connection ends when nothing was taken for a
// second: what comes behind half a packet would be no packet.
class StreamSender final : public PacketSender {
public:
    explicit StreamSender(const Endpoint &to) : to_(to) {}

    Sent send(std::span<const std::string> packets) override;

private:
    void look_for_end();
    int connect();                                           // an errno
    std::size_t write(std::span<const std::string> packets); // how many, whole; fewer: error_

    const Endpoint to_;
    OwnedDescriptor fd_; // none: not connected
    Instant retry_at_{}; // no other connection before
    int error_ = 0;      // why it is not connected
};

} // namespace tandem
