#include "net/hep/packet_sender.hpp"
#include <utility>
#include "net/hep/datagram_sender.hpp"
#include "net/hep/stream_sender.hpp"

namespace tandem {

Result<std::unique_ptr<PacketSender>, Failure> open_packet_sender(const Endpoint &to) {
    if (to.transport == Transport::tcp) return std::unique_ptr<PacketSender>(std::make_unique<StreamSender>(to));
    auto sender = DatagramSender::open(to);
    if (!sender) return sender.error();
    return std::unique_ptr<PacketSender>(std::make_unique<DatagramSender>(std::move(*sender)));
}

} // namespace tandem
