// Datagrams to one address, from a thread that may wait for it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include "base/endpoint.hpp"
#include "base/result.hpp"
#include "net/descriptor.hpp"

namespace tandem {

class DatagramSender {
public:
    // The failure is one line.
    static Result<DatagramSender, Failure> open(const Endpoint &to);

    struct Sent {
        std::size_t taken = 0; // by the kernel; what a collector that is not there does with them shows with the next
        std::size_t lost = 0;
        int error = 0; // of the last one that was lost; an errno
    };

    // All of them, in as few system calls as can be. Waits for up to a second where the kernel takes no more.
    Sent send(std::span<const std::string> datagrams);

private:
    explicit DatagramSender(OwnedDescriptor fd) : fd_(std::move(fd)) {}

    OwnedDescriptor fd_;
};

} // namespace tandem
