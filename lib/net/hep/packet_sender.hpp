// Packets to a collector, from a thread that may wait for it: as datagrams or over a connection.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include "base/endpoint.hpp"
#include "base/result.hpp"

namespace tandem {

class PacketSender {
public:
    virtual ~PacketSender() = default;

    struct Sent {
        std::size_t taken = 0; // by the kernel; what a collector that is not there does with them shows with the next
        std::size_t lost = 0;
        int error = 0; // of the last one that was lost; an errno
    };

    // All of them, in as few system calls as can be. Waits for up to a second where the kernel takes no more.
    virtual Sent send(std::span<const std::string> packets) = 0;
};

// By the transport of `to`: UDP, or TCP, where packets say themselves how long they are. The failure is one line.
Result<std::unique_ptr<PacketSender>, Failure> open_packet_sender(const Endpoint &to);

} // namespace tandem
