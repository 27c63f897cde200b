// Packets to one address as datagrams.
#pragma once
#include <span>
#include <string>
#include "base/endpoint.hpp"
#include "base/result.hpp"
#include "net/descriptor.hpp"
#include "net/hep/packet_sender.hpp"

namespace tandem {

class DatagramSender final : public PacketSender {
public:
    // The failure is one line.
    static Result<DatagramSender, Failure> open(const Endpoint &to);

    Sent send(std::span<const std::string> datagrams) override;

private:
    explicit DatagramSender(OwnedDescriptor fd) : fd_(std::move(fd)) {}

    OwnedDescriptor fd_;
};

} // namespace tandem
