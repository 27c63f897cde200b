// Messages on their way out. What must not leave before the store has what caused it waits here, and behind it whatever
// else goes to the same peer, so that a peer gets everything in its order; the rest leaves at once.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>
#include "base/instant.hpp"
#include "base/ring_queue.hpp"
#include "net/transport.hpp"
#include "node/journal.hpp"
#include "transaction/outgoing.hpp"

namespace tandem {

class Outbox {
public:
    explicit Outbox(std::size_t listeners) : ready_(listeners) {}

    // Takes the messages that one input caused; `is_change`: it changed what the store keeps. A retransmission that
    // would have to wait behind what waits for long is left out: the first one may be among that, and another comes.
    void add(std::vector<Outgoing> &messages, bool is_change, Instant now);

    // Ends a round: those that wait since the last time wait for `ticket`.
    void end_round(StoreTicket ticket, Instant now);

    // What waits for no later ticket is ready.
    void release(StoreTicket settled);

    // What may leave now, by listener; whoever sends it clears it.
    std::vector<std::vector<OutDatagram>> &ready() { return ready_; }

    std::size_t waiting() const { return round_.size() + waiting_.size(); }
    std::size_t waiting_bytes() const { return waiting_bytes_; }

private:
    struct Waiting {
        OutDatagram datagram;
        StoreTicket ticket = 0;
        Instant since{};
    };
    static constexpr Duration long_wait = std::chrono::milliseconds(250); // half of T1

    // How many messages wait for the peers of one hash: two peers that share it share its order too.
    std::uint32_t &waiting_for(const Endpoint &peer);

    std::vector<std::vector<OutDatagram>> ready_;
    RingQueue<OutDatagram> round_; // will wait when the round ends
    RingQueue<Waiting> waiting_;   // oldest ticket first
    std::array<std::uint32_t, 1024> peers_{};
    StoreTicket newest_ = 0; // of those that wait
    std::size_t waiting_bytes_ = 0;
};

} // namespace tandem
