// What one worker has counted, and how several are summed.
#pragma once
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include "call/engine.hpp"
#include "cluster/leases.hpp"
#include "control/control_client.hpp"
#include "net/transport.hpp"
#include "node/hand_over.hpp"
#include "node/journal.hpp"

namespace tandem {

struct WorkerStatistics {
    std::size_t calls = 0; // now
    std::size_t transactions = 0;
    std::size_t dialogs = 0;
    EngineStatistics engine; // since the start, like those below
    TransactionStatistics transaction;
    DialogStatistics dialog;
    TransportStatistics transport; // of all, and
    std::array<TransportStatistics, 5> by_transport; // by Transport
    HandOverStatistics hand_over;
    JournalStatistics journal;
    LeaseStatistics cluster;
    ControlStatistics control;
};

// Of the counters of one worker and those of another; for structs of 64-bit counters and nothing else.
template <class Counters>
void add_counters(Counters &sum, const Counters &more) {
    static_assert(sizeof(Counters) % sizeof(std::uint64_t) == 0);
    using Numbers = std::array<std::uint64_t, sizeof(Counters) / sizeof(std::uint64_t)>;
    auto numbers = std::bit_cast<Numbers>(sum);
    const auto added = std::bit_cast<Numbers>(more);
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] += added[i];
    sum = std::bit_cast<Counters>(numbers);
}

} // namespace tandem
