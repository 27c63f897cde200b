// Which calls of a worker others have to be told of, so that a node which takes over has them as they were last.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_map>
#include <unordered_set>
#include "base/wall_clock.hpp"
#include "call/engine.hpp"
#include "node/journal.hpp"
#include "node/takeover.hpp"

namespace tandem {

class CallCopies {
public:
    // Beyond `max` calls that wait to be told, as in a long outage, all that live are told again.
    explicit CallCopies(std::size_t max = 200'000) : max_(max) {}

    // One leg of a call, from Engine::drain_changes(). It is told when our own store has it, or was given up: a
    // process that comes after us has at least what others have.
    void changed(const DialogRecord &leg);
    void ended(const DialogRecord &leg);
    void end_round(StoreTicket ticket); // 0: nothing of it waits for the store
    void settled(StoreTicket ticket);   // all up to that

    void tell_all() { is_all_ = true; }                           // Redis may have none of them
    void tell_over(const RecordId &key) { over_.push_back(key); } // of a call that could not be taken in
    bool empty() const { return changed_.empty() && over_.empty() && !is_all_; }

    // The newest state of the calls that have changed, those that wait longest first. Each is told only while it is up.
    CopyBatch take(std::size_t most, Engine &engine, const WallClock &wall);

    // Another node has the call with this key: nothing is told of its end.
    void forget(const RecordId &key);

private:
    // What is to be told once the ticket is settled: that a call is over, or has changed.
    struct Waiting {
        StoreTicket ticket = 0;
        std::uint64_t owner = 0;
        RecordId over; // none: changed
    };

    void note(const Waiting &waiting);
    void note_all(const Engine &engine);
    void tell(std::uint64_t owner, Engine &engine, const WallClock &wall, CopyBatch &batch);

    const std::size_t max_;
    bool is_all_ = false;
    std::deque<Waiting> waiting_;                      // oldest first; those of this round, which has none yet, have 0
    std::size_t in_round_ = 0;                         // of them
    std::deque<std::uint64_t> changed_;                // owners, see DialogRecord; each once
    std::unordered_set<std::uint64_t> is_noted_;       // the same
    std::deque<RecordId> over_;                        // keys; of ends that nobody heard of Redis is asked afterwards
    std::unordered_map<std::uint64_t, RecordId> told_; // by owner: under which key
};

} // namespace tandem
