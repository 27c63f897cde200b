// Carries what the tracker changes into the stores, one commit for a batch: a transition is in the store before the
// message it causes leaves (the write-ahead rule). When the store fails, calls go on: the journal keeps what is not
// written, says so once, and tries again until everything living and everything that ended is there.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>
#include "base/instant.hpp"
#include "base/wall_clock.hpp"
#include "cdr/cdr.hpp"
#include "cdr/cdr_store.hpp"
#include "dialog/dialog_store.hpp"
#include "dialog/tracker.hpp"
#include "node/log.hpp"

namespace tandem {

struct JournalOptions {
    std::size_t ended_max = 100'000; // ended sets that wait for the store; beyond it the oldest is lost
    std::size_t slice = 256;         // records written in one commit when the store is back
    Duration retry_min = std::chrono::milliseconds(100);
    Duration retry_max = std::chrono::seconds(5);
};

struct JournalStatistics {
    std::uint64_t commits = 0;
    std::uint64_t failures = 0; // batches and retries that the store refused
    std::uint64_t pending = 0;  // ended sets not written yet
    std::uint64_t lost = 0;     // ended sets that will never be written
    bool is_behind = false;     // something is not in the store
};

class Journal {
public:
    // The two stores share one transaction, which DialogStore::commit() ends. All outlive the journal.
    Journal(DialogStore &dialogs, CdrStore &cdrs, const WallClock &wall, Log &log, const JournalOptions &options = {});

    // One set of a batch, from Tracker::drain_changes().
    void changed(const DialogRecord &record);
    void ended(const DialogRecord &record);

    // Ends the batch: what was changed and ended since the last time is in the store, or will be tried again.
    void commit(Instant now);

    // When advance() has something to do; none while everything is written.
    std::optional<Instant> next_deadline() const;

    // Tries again, and after an outage writes what is living, a slice at a time.
    void advance(const Tracker &living, Instant now);

    // The last try, for the end of the process: everything at once, until the store refuses.
    void flush(const Tracker &living, Instant now);

    const JournalStatistics &statistics() const { return statistics_; }

private:
    struct Ended {
        RecordId id;
        std::optional<Cdr> cdr; // none: another leg of a call, which has no record of its own
    };

    enum class State : std::uint8_t {
        current,     // everything is written
        down,        // the store failed: nothing is tried before retry_at_
        catching_up, // it is back: batches are written, and by slices what was missed
    };

    Result<void, Failure> write(const Ended &ended);
    Result<void, Failure> write_slice(const Tracker &living, std::size_t &ended, std::size_t &saved);
    Result<void, Failure> offer_slice(const Tracker &living, std::size_t &ended, std::size_t &saved);
    void fail(const Failure &failure, Instant now);
    void keep(Ended ended);
    void finish(Instant now);

    DialogStore &dialogs_;
    CdrStore &cdrs_;
    const WallClock &wall_;
    Log &log_;
    JournalOptions options_;
    JournalStatistics statistics_;

    State state_ = State::current;
    std::vector<Ended> batch_;       // of the batch that is not committed yet
    bool batch_is_empty_ = true;     // nothing to commit
    std::optional<Failure> refused_; // the store refused part of the batch

    std::deque<Ended> waiting_;                   // oldest first; at most ended_max
    std::optional<std::vector<DialogId>> living_; // while catching up: what is still to be saved
    Instant retry_at_{};
    Duration retry_after_ = options_.retry_min / 2; // the first wait is twice that
    Instant down_since_{};
    Instant back_at_{};
    std::uint64_t failures_before_ = 0; // statistics at the beginning of the outage
    std::uint64_t lost_before_ = 0;
    std::uint64_t ended_written_ = 0; // since then
    std::uint64_t living_written_ = 0;
};

} // namespace tandem
