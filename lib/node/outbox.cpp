#include "node/outbox.hpp"
#include <algorithm>
#include <cstring>
#include <utility>

namespace tandem {

std::uint32_t &Outbox::waiting_for(const Endpoint &peer) {
    std::uint64_t halves[2];
    static_assert(sizeof halves == sizeof peer.ip.bytes);
    std::memcpy(halves, peer.ip.bytes.data(), sizeof halves);
    const std::uint64_t mixed = (halves[0] ^ halves[1] ^ peer.port) * 0x9e3779b97f4a7c15; // Fibonacci hashing
    return peers_[mixed >> 54];
}

void Outbox::add(std::vector<Outgoing> &messages, bool is_change, Instant now) {
    const bool is_stuck = !waiting_.empty() && now - waiting_.front().since >= long_wait;
    for (Outgoing &message : messages) {
        OutDatagram datagram{message.to, std::move(message.bytes), message.transaction.value(),
                             std::move(message.host)};
        std::uint32_t &waiting = waiting_for(message.to);
        if (!is_change && waiting == 0) {
            ready_.at(message.to.listener).push_back(std::move(datagram));
            continue;
        }
        if (message.is_again && is_stuck) continue;
        ++waiting;
        waiting_bytes_ += datagram.bytes.view().size();
        round_.push(std::move(datagram));
    }
    messages.clear();
}

void Outbox::end_round(StoreTicket ticket, Instant now) {
    newest_ = std::max(newest_, ticket); // who waits for another's sake waits as long as that one
    for (; !round_.empty(); round_.pop()) waiting_.push({std::move(round_.front()), newest_, now});
}

void Outbox::release(StoreTicket settled) {
    for (; !waiting_.empty() && waiting_.front().ticket <= settled; waiting_.pop()) {
        OutDatagram &datagram = waiting_.front().datagram;
        --waiting_for(datagram.to);
        waiting_bytes_ -= datagram.bytes.view().size();
        ready_.at(datagram.to.listener).push_back(std::move(datagram));
    }
}

} // namespace tandem
