// The tracker of a host with threads: dialog sets spread over shards by their Call-ID, each shard behind its mutex.
// Threads: any function from any thread. Ids carry their shard. Locks are taken in one order: shard, then profiles.
#pragma once
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>
#include "base/brief_mutex.hpp"
#include "base/instant.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "dialog/profile_table.hpp"
#include "dialog/tracker.hpp"

namespace tandem {

struct ShardedTrackerOptions {
    TrackerOptions tracker;     // dialog_max is of all shards together, event_max of each
    std::uint32_t shards = 16;  // a power of two, up to 256
    ProfileTableOptions profiles;
    std::vector<std::string> indexed_variables; // names by whose value dialogs can be found
    bool is_silent = false;     // no events: ended sets are forgotten at once
};

class ShardedTracker {
public:
    ShardedTracker(const ShardedTrackerOptions &options, Random &random, Instant now);

    Result<Fed> feed(const MessageView &message, Instant now);
    Result<Fed> feed_invite(const MessageView &invite, const LegOptions &leg, Instant now);

    // Calls f(Tracker &, DialogId), the id as that tracker knows it, alone with its shard, and answers what it does.
    // `f` calls nothing of this object.
    template <class F>
    auto with(DialogId id, F f) {
        // An id of no shard of ours finds nothing in any.
        Shard &shard = *shards_[id.shard() & (shards_.size() - 1)];
        const DialogId local = id.shard() < shards_.size() ? id.with_shard(0) : DialogId();
        const std::lock_guard lock(shard.mutex);
        const Round round(*this, shard);
        return f(shard.tracker, local);
    }

    // Where the sets of a Call-ID are, from 0 on: threads that have shards of their own share no memory.
    std::uint32_t shard_of(std::string_view call_id) const {
        return static_cast<std::uint32_t>(shard_of(shared_.hash(call_id)));
    }

    DialogId find(std::string_view call_id, std::string_view tag_a, std::string_view tag_b) const;

    // See Tracker::list(); the cursor goes through all shards.
    void list(std::uint64_t &cursor, std::size_t max, std::vector<DialogId> &ids) const;

    void advance(Instant now);
    std::optional<Instant> next_deadline() const; // may be early, never late

    // Events of one dialog come in order; those of different shards as they are found. A set stays
    // after its `ended` until Tracker::forget().
    bool next_event(DialogEvent &event);
    bool has_events() const { return has_events_.load(); }

    // Ends of sets that are shared: see Tracker::share(). Each is taken once.
    bool has_shared_ends() const { return has_shared_ends_.load(); }
    void take_shared_ends(std::vector<RecordId> &ended);

    DialogStatistics statistics() const; // takes no lock
    std::vector<DialogId> watchdog(Instant now, Duration grace) const;
    ProfileAudit audit(); // of the profiles and of the indexed variables

    // Live sets whose variable has this value; see ProfileTable for pages. not_found: the name is not indexed.
    Result<ProfilePage<DialogId>> find_by_variable(std::string_view name, const VariableValue &value,
                                                   std::uint64_t cursor, std::size_t max) const;

    ProfileTable &profiles() { return profiles_; }
    const ProfileTable &profiles() const { return profiles_; }

private:
    struct alignas(64) Shard {
        Shard(const TrackerOptions &options, TrackerShared &shared, Random &random, Instant now)
            : tracker(options, shared, random, now) {}

        mutable BriefMutex mutex;
        Tracker tracker;                                   // guarded by mutex, but for statistics()
        std::atomic<std::uint32_t> events{0};              // that wait
        std::atomic<bool> has_shared_ends{false};
        std::atomic<Instant::rep> deadline{never.time_since_epoch().count()};
    };

    // What is known of a shard from outside, brought up to date when its lock is about to be released.
    class Round {
    public:
        Round(ShardedTracker &owner, Shard &shard) : owner_(owner), shard_(shard) {}
        ~Round() { owner_.publish(shard_); }
        Round(const Round &) = delete;
        Round &operator=(const Round &) = delete;

    private:
        ShardedTracker &owner_;
        Shard &shard_;
    };

    void publish(Shard &shard);
    std::size_t shard_of(std::uint64_t hash) const { return hash >> 56 & (shards_.size() - 1); }
    DialogId global(DialogId id, std::size_t shard) const {
        return id ? id.with_shard(static_cast<std::uint8_t>(shard)) : id;
    }
    bool take_event(DialogEvent &event);

    const bool is_silent_;
    ProfileTable profiles_;
    ProfileTable indexed_variables_;
    TrackerShared shared_;
    std::vector<std::unique_ptr<Shard>> shards_;
    std::atomic<std::size_t> next_shard_{0}; // where next_event() looks first
    std::atomic<bool> has_events_{false};
    std::atomic<bool> has_shared_ends_{false};
};

} // namespace tandem
