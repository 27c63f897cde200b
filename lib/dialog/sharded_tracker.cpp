#include "dialog/sharded_tracker.hpp"
#include <algorithm>
#include "base/assert.hpp"

namespace tandem {
namespace {

// A cursor: the shard above, the position in its table below. 0 begins with shard 0, position 0.
constexpr unsigned cursor_shard_shift = 32;

// Bounded by the dialogs: each has one value for each name, and one more while it changes.
ProfileTableOptions index_options(const ShardedTrackerOptions &options) {
    const std::uint64_t per_dialog = options.indexed_variables.size() + 1;
    const std::uint64_t all = per_dialog * options.tracker.dialog_max;
    ProfileTableOptions index = options.profiles;
    index.per_dialog_max = static_cast<std::uint32_t>(per_dialog);
    index.member_max = static_cast<std::uint32_t>(std::min<std::uint64_t>(all, UINT32_MAX - 1));
    index.value_max = index.member_max;
    return index;
}

} // namespace

ShardedTracker::ShardedTracker(const ShardedTrackerOptions &options, Random &random, Instant now)
    : is_silent_(options.is_silent), profiles_(random, options.profiles),
      indexed_variables_(random, index_options(options)),
      shared_(random, profiles_, options.indexed_variables.empty() ? nullptr : &indexed_variables_) {
    TANDEM_ASSERT(std::has_single_bit(options.shards) && options.shards <= 256, "the caller checks its options");
    for (const std::string &name : options.indexed_variables) {
        const auto declared = indexed_variables_.declare({name, true, 0, {}});
        TANDEM_ASSERT(declared.ok(), "the caller checks its options");
    }
    for (std::uint32_t i = 0; i < options.shards; ++i) {
        TrackerOptions own = options.tracker;
        own.shard = static_cast<std::uint8_t>(i);
        own.keeps_changes = false; // nobody drains them
        shards_.push_back(std::make_unique<Shard>(own, shared_, random, now));
    }
}

void ShardedTracker::publish(Shard &shard) {
    if (is_silent_) {
        for (DialogEvent event; shard.tracker.next_event(event);) shard.tracker.forget(event.dialog);
    }
    // Written only when they change, because other threads read them all the time.
    const auto events = static_cast<std::uint32_t>(shard.tracker.events());
    if (events != shard.events.load(std::memory_order_relaxed)) {
        // Both in the one order of all threads, against next_event(), which writes and looks the other way round: else
        // either could miss what the other wrote, and the event would wait without a sign.
        shard.events.store(events);
        if (events > 0 && !has_events_.load()) has_events_.store(true);
    }
    const bool has_ends = shard.tracker.shared_ends() > 0;
    if (has_ends != shard.has_shared_ends.load(std::memory_order_relaxed)) {
        shard.has_shared_ends.store(has_ends); // in this order for the same reason
        if (has_ends) has_shared_ends_.store(true);
    }
    const Instant::rep deadline = shard.tracker.next_deadline().value_or(never).time_since_epoch().count();
    if (deadline != shard.deadline.load(std::memory_order_relaxed)) {
        shard.deadline.store(deadline, std::memory_order_release);
    }
}

Result<Fed> ShardedTracker::feed(const MessageView &message, Instant now) {
    const std::uint64_t hash = shared_.hash(message.call_id);
    const std::size_t i = shard_of(hash);
    Shard &shard = *shards_[i];
    const std::lock_guard lock(shard.mutex);
    const Round round(*this, shard);
    auto fed = shard.tracker.feed(message, hash, now);
    if (fed) fed->dialog = global(fed->dialog, i);
    return fed;
}

Result<Fed> ShardedTracker::feed_invite(const MessageView &invite, const LegOptions &leg, Instant now) {
    const std::uint64_t hash = shared_.hash(invite.call_id);
    const std::size_t i = shard_of(hash);
    Shard &shard = *shards_[i];
    const std::lock_guard lock(shard.mutex);
    const Round round(*this, shard);
    auto fed = shard.tracker.feed_invite(invite, leg, hash, now);
    if (fed) fed->dialog = global(fed->dialog, i);
    return fed;
}

DialogId ShardedTracker::find(std::string_view call_id, std::string_view tag_a, std::string_view tag_b) const {
    const std::size_t i = shard_of(shared_.hash(call_id));
    const Shard &shard = *shards_[i];
    const std::lock_guard lock(shard.mutex);
    return global(shard.tracker.find(call_id, tag_a, tag_b), i);
}

void ShardedTracker::list(std::uint64_t &cursor, std::size_t max, std::vector<DialogId> &ids) const {
    std::size_t i = cursor >> cursor_shard_shift;
    std::uint64_t position = cursor & ((std::uint64_t{1} << cursor_shard_shift) - 1);
    cursor = 0;
    for (; i < shards_.size(); ++i) {
        const std::size_t before = ids.size();
        if (max == 0) {
            cursor = std::uint64_t{i} << cursor_shard_shift | position;
            return;
        }
        {
            const std::lock_guard lock(shards_[i]->mutex);
            shards_[i]->tracker.list(position, max, ids);
        }
        for (std::size_t k = before; k < ids.size(); ++k) ids[k] = global(ids[k], i);
        max -= ids.size() - before;
        if (position != 0) {
            cursor = std::uint64_t{i} << cursor_shard_shift | position;
            return;
        }
    }
}

void ShardedTracker::advance(Instant now) {
    for (const auto &shard : shards_) {
        if (shard->deadline.load(std::memory_order_acquire) > now.time_since_epoch().count()) continue;
        const std::lock_guard lock(shard->mutex);
        const Round round(*this, *shard);
        shard->tracker.advance(now);
    }
}

std::optional<Instant> ShardedTracker::next_deadline() const {
    Instant::rep earliest = never.time_since_epoch().count();
    for (const auto &shard : shards_) earliest = std::min(earliest, shard->deadline.load(std::memory_order_acquire));
    const Instant instant{Duration(earliest)};
    return instant == never ? std::nullopt : std::optional(instant);
}

bool ShardedTracker::next_event(DialogEvent &event) {
    if (!has_events()) return false;
    if (take_event(event)) return true;
    // An event that comes from now on sets it again; one that came before is found by the second look.
    has_events_.store(false);
    if (!take_event(event)) return false;
    has_events_.store(true);
    return true;
}

bool ShardedTracker::take_event(DialogEvent &event) {
    const std::size_t first = next_shard_.load(std::memory_order_relaxed);
    for (std::size_t k = 0; k < shards_.size(); ++k) {
        const std::size_t i = (first + k) & (shards_.size() - 1);
        Shard &shard = *shards_[i];
        if (shard.events.load() == 0) continue;
        const std::lock_guard lock(shard.mutex);
        const Round round(*this, shard);
        if (!shard.tracker.next_event(event)) continue;
        event.dialog = global(event.dialog, i);
        // Turns, so that one busy shard does not hold up the others.
        next_shard_.store(i + 1, std::memory_order_relaxed);
        return true;
    }
    return false;
}

void ShardedTracker::take_shared_ends(std::vector<RecordId> &ended) {
    if (!has_shared_ends_.exchange(false)) return;
    try {
        for (const auto &shard : shards_) {
            if (!shard->has_shared_ends.load()) continue;
            const std::lock_guard lock(shard->mutex);
            const Round round(*this, *shard);
            shard->tracker.take_shared_ends(ended);
        }
    } catch (...) { // no memory: they wait
        has_shared_ends_.store(true);
        throw;
    }
}

Result<ProfilePage<DialogId>> ShardedTracker::find_by_variable(std::string_view name, const VariableValue &value,
                                                               std::uint64_t cursor, std::size_t max) const {
    auto found = indexed_variables_.members(name, index_key_of(value), cursor, max);
    if (!found && found.error() == Error::no_profile) return Error::not_found;
    return found;
}

DialogStatistics ShardedTracker::statistics() const {
    DialogStatistics sum;
    for (const auto &shard : shards_) sum += shard->tracker.statistics();
    return sum;
}

std::vector<DialogId> ShardedTracker::watchdog(Instant now, Duration grace) const {
    std::vector<DialogId> overdue;
    for (std::size_t i = 0; i < shards_.size(); ++i) {
        const std::lock_guard lock(shards_[i]->mutex);
        for (DialogId id : shards_[i]->tracker.watchdog(now, grace)) overdue.push_back(global(id, i));
    }
    return overdue;
}

ProfileAudit ShardedTracker::audit() {
    std::vector<std::unique_lock<BriefMutex>> locks;
    std::vector<LiveMemberships> profiles;
    std::vector<LiveMemberships> indexed;
    for (const auto &shard : shards_) {
        locks.emplace_back(shard->mutex);
        shard->tracker.list_memberships(profiles, indexed);
    }
    ProfileAudit audit = profiles_.audit(profiles);
    const ProfileAudit of_index = indexed_variables_.audit(indexed);
    audit.checked += of_index.checked;
    audit.removed += of_index.removed;
    audit.added += of_index.added;
    audit.misplaced += of_index.misplaced;
    return audit;
}

} // namespace tandem
