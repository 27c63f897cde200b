// Carries what the tracker, the registrar and trunks change into the store, a batch at a time: a transition is in the
// store before the message it causes leaves (the write-ahead rule), so messages wait for the batch that has their
// round. What comes while one batch is being written gathers in the next.
//
// Calls never wait for long. When the store fails, or has no answer within wait_max, they go on: the journal keeps what
// is not written, says so once, and tries again until everything living and everything that ended is there. Until then
// it lets the store take its time; it is back when it has caught up and no slice takes longer than wait_max.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>
#include "base/instant.hpp"
#include "base/wall_clock.hpp"
#include "cdr/cdr.hpp"
#include "dialog/living_dialogs.hpp"
#include "node/binding_backlog.hpp"
#include "node/log.hpp"
#include "node/store_queue.hpp"
#include "node/trunk_states.hpp"
#include "registrar/registrar.hpp"

namespace tandem {

struct JournalOptions {
    std::size_t ended_max = 100'000; // ended sets that wait for the store; beyond it the oldest is lost
    std::size_t slice = 256;         // records written in one commit when the store is back
    Duration retry_min = std::chrono::milliseconds(100);
    Duration retry_max = std::chrono::seconds(5);
    Duration wait_max = std::chrono::milliseconds(1000); // that a message waits for the store
    std::size_t gather_max = 32 << 20;                   // bytes of changes that wait for it
    Duration patience = std::chrono::seconds(10);        // flush(): for a store that does not answer
    bool rejects_calls = false; // new ones while the store is down: by others, but it stands in the log
};

struct JournalStatistics {
    std::uint64_t commits = 0;
    std::uint64_t failures = 0;      // times that the store refused a batch or did not answer
    std::uint64_t stalls = 0;        // of these, times that it did not answer, or not soon enough for all there is
    std::uint64_t pending = 0;       // ended sets not written yet
    std::uint64_t lost = 0;          // ended sets that will never be written
    std::uint64_t bindings_lost = 0; // the same of bindings that are over: they expire in the store
    bool is_behind = false;          // something is not in the store
};

// Batches count from 1. A message whose ticket is the number of a batch waits until that is settled; 0: for none.
using StoreTicket = std::uint64_t;

class Journal {
public:
    // `wake` is called on any thread when collect() has something to do; `registrar` and
    // `trunks`, which know what an outage has to be made good from, may be null. All outlive the journal.
    Journal(StoreQueue &store, const WallClock &wall, Log &log, const JournalOptions &options = {},
            std::function<void()> wake = {}, const Registrar *registrar = nullptr, const TrunkStates *trunks = nullptr);

    // One set of a round, from Tracker::drain_changes(). One that has ended may have what the caller was told last, as
    // its `leg`.
    void changed(const DialogRecord &record);
    void ended(const DialogRecord &record);
    void moved(const RecordId &id); // another node has it: its row goes, without a record

    // The same of a binding that was changed or is over; and that what is over for long is forgotten.
    void changed(BindingRecord record);
    void purge_bindings(std::int64_t utc_us);

    // The same of how a trunk stands. Nothing waits for that.
    void changed(TrunkStatus status);

    // Ends the round. What was changed and ended in it is in the store, or was given up for now, when the ticket is
    // settled.
    StoreTicket commit(Instant now);
    StoreTicket settled() const { return settled_; }

    // Takes what the store has done, and hands it what has gathered.
    void collect(Instant now);

    // Asks the store whether it is still the one that has what was written; where it was renewed, that is told like any
    // other failure, and what lives is saved again.
    void verify(Instant now);

    // From now on nobody waits: too much does. The store is back when it has caught up.
    void give_up(const std::string &why, Instant now);

    // When advance() has something to do; none while everything is written.
    std::optional<Instant> next_deadline() const;

    // Gives up a store that messages wait for too long, tries again, and after an outage writes what is living, a slice
    // at a time.
    void advance(const LivingDialogs &living, Instant now);

    // The last try, for the end of the process: everything, until the store refuses or has no answer.
    void flush(const LivingDialogs &living, Instant now);

    const JournalStatistics &statistics() const { return statistics_; }

private:
    enum class State : std::uint8_t {
        current,     // everything is written, or on its way
        down,        // the store failed: nothing is tried before retry_at_
        catching_up, // it answers: batches are written, and by slices what was missed. No message waits
    };

    void submit_gathered();
    bool is_missing_any() const;
    void gather_slice(const LivingDialogs &living);
    void on_written(Instant now);
    void on_refused(const Failure &failure, Instant now);
    void go_down(const std::string &why, Instant now);
    void keep(EndedSet ended);
    void keep_first(std::vector<EndedSet> ended);
    void bound_waiting();
    void finish(Instant now);
    bool wait_for_store(Instant now);

    StoreQueue &store_;
    const WallClock &wall_;
    Log &log_;
    JournalOptions options_;
    const TrunkStates *trunks_;
    JournalStatistics statistics_;

    State state_ = State::current;
    std::shared_ptr<StoreJob> gathering_; // rounds that are not on their way yet
    std::optional<Instant> gathering_since_;
    std::shared_ptr<StoreJob> written_; // with the store while is_writing_, else spare
    Instant writing_since_{};           // the first round in it
    bool is_writing_ = false;
    bool is_slice_ = false;  // what is with the store, or was the last time
    StoreTicket ticket_ = 1; // of what gathers
    StoreTicket settled_ = 0;

    std::deque<EndedSet> waiting_;                // oldest first; at most ended_max
    BindingBacklog missed_;                       // while it is down or catching up
    bool misses_trunks_ = false;                  // the same
    std::optional<std::vector<DialogId>> living_; // while catching up: what is still to be saved
    std::size_t saved_in_slice_ = 0;              // how many of them
    Instant retry_at_{};
    Duration retry_after_ = options_.retry_min / 2; // the first wait is twice that
    Instant down_since_{};
    Instant back_at_{};
    std::uint64_t failures_before_ = 0; // statistics at the beginning of the outage
    std::uint64_t lost_before_ = 0;
    std::uint64_t ended_written_ = 0; // since then
    std::uint64_t living_written_ = 0;
    std::uint64_t bindings_written_ = 0;
};

} // namespace tandem
