// What becomes of bindings as time passes: those that end, the rows that may be forgotten, and the lines in the log.
// One for all workers; one of them keeps it going.
#pragma once
#include <cstdint>
#include <mutex>
#include <optional>
#include "base/instant.hpp"
#include "base/wall_clock.hpp"
#include "node/journal.hpp"
#include "node/log.hpp"
#include "registrar/registrar.hpp"

namespace tandem {

class EventSource;

struct BindingKeeperOptions {
    Duration poll = std::chrono::seconds(1);            // how late it sees what another worker has registered
    Duration sweep = std::chrono::milliseconds(100);    // at least, from one end of bindings to the next
    Duration purge_interval = std::chrono::minutes(10); // how often rows are forgotten, and
    Duration purge_after = std::chrono::minutes(10);    // how long after their expiry
    std::uint32_t lines_per_second = 20;                // of bindings that come and go; the rest is counted
};

class BindingKeeper {
public:
    // All outlive the object.
    BindingKeeper(Registrar &registrar, const WallClock &wall, Log &log, const BindingKeeperOptions &options = {});

    // Logs what has happened to bindings, and tells it to `events`, which may be null and is the thread's own. From any
    // thread; what another one logs at the moment is left to it.
    void log_events(EventSource *events, Instant now);

    // The rest is of one worker. Ends what has expired, and brings to the journal, which may be null, what is over.
    void advance(Journal *journal, EventSource *events, Instant now);
    Instant next_deadline() const;

private:
    void log(const BindingEvent &event, Instant now);
    void tell_unsaid();

    Registrar &registrar_;
    const WallClock &wall_;
    Log &log_;
    const BindingKeeperOptions options_;
    Instant advanced_at_{};
    std::optional<Instant> purged_at_; // none: never

    std::mutex log_mutex_;
    Instant second_{};         // since then; guarded by log_mutex_, like the next
    std::uint32_t lines_ = 0;  // so many were written
    std::uint64_t unsaid_ = 0; // and so many not
    std::uint64_t lost_ = 0;   // events that the registrar had no room for, as far as they were told
};

} // namespace tandem
