// A set that a former process has left, taken back as its record says.
#include <algorithm>
#include <array>
#include <utility>
#include "dialog/tracker.hpp"

namespace tandem {
namespace {

constexpr std::uint64_t serial_end = std::uint64_t{1} << 62; // half of what a row holds: the next ones rise from there

bool is_possible(const DialogRecord &record, std::uint32_t fork_max) {
    if (!record.id || record.id.serial >= serial_end || record.call_id.empty()) return false;
    if (record.state == DialogState::terminated || record.ended || record.forks.size() > fork_max) return false;
    const bool is_confirmed = record.state == DialogState::confirmed;
    if (!is_confirmed) {
        return std::none_of(record.forks.begin(), record.forks.end(),
                            [](const ForkRecord &fork) { return fork.state == DialogState::confirmed; });
    }
    return record.answered && !record.forks.empty() && record.forks.front().state == DialogState::confirmed;
}

std::unique_ptr<Fork> restore_fork(const ForkRecord &record) {
    auto fork = std::make_unique<Fork>();
    fork->text.assign({record.to_tag, record.callee_target, record.callee_route_set});
    for (std::size_t side = 0; side < 2; ++side) {
        if (record.last_cseq[side] != 0) fork->last_cseq[side] = record.last_cseq[side];
        fork->may_repeat[side] = record.last_cseq[side] != 0;
    }
    fork->bye_cseq = record.bye_cseq;
    fork->answered = record.answered;
    fork->state = record.state;
    fork->is_acked = record.is_acked;
    fork->is_doubtful = record.is_doubtful;
    fork->leaver = record.leaver;
    return fork;
}

// In the order of the record.
std::unique_ptr<Fork> restore_forks(const std::vector<ForkRecord> &records) {
    std::unique_ptr<Fork> first;
    for (auto record = records.rbegin(); record != records.rend(); ++record) {
        auto fork = restore_fork(*record);
        fork->next = std::move(first);
        first = std::move(fork);
    }
    return first;
}

// Null: no record of ours says that.
std::unique_ptr<CseqMaps> restore_cseq_maps(const std::vector<CseqMapRecord> &records) {
    auto maps = std::make_unique<CseqMaps>();
    for (const CseqMapRecord &record : records) {
        auto parsed = CseqMap::parse(record.map);
        CseqMap *map = maps->make(record.is_branch ? CseqMaps::Kind::branch : CseqMaps::Kind::fork, record.name);
        if (!parsed || !map) return nullptr;
        *map = std::move(*parsed);
    }
    return maps;
}

// A timeout that set_timeout() would refuse is none.
std::optional<Duration> restore_timeout(DialogTimer timer, std::optional<Duration> timeout) {
    const bool may_be_zero = timer == DialogTimer::lifetime;
    const bool is_possible = timeout && (timeout->count() > 0 || (timeout->count() == 0 && may_be_zero));
    return is_possible ? timeout : std::nullopt;
}

void restore_state(DialogSet &set, const DialogRecord &record) {
    set.text.assign({record.call_id, record.from_tag, record.from_uri, record.to_uri, record.request_uri,
                     record.caller_target, record.caller_route_set, record.source, record.trunk,
                     record.callee_call_id});
    set.forks = restore_forks(record.forks);
    set.record = record.id;
    set.leg_of = record.leg_of;
    set.created = record.created;
    set.ringing = record.ringing;
    set.answered = record.answered;
    set.timer_start = record.timer_start;
    set.deadline = record.deadline;
    set.invite_cseq = record.invite_cseq;
    set.sip_code = record.sip_code;
    set.q850 = record.q850;
    set.state = record.state;
    set.end_reason = record.end_reason;
    set.local_side = record.local_side;
    set.is_cancelled = record.is_cancelled;
    set.is_ending = record.is_ending;
    set.is_due = record.is_due;
    const bool is_of_bye = record.end_reason == EndReason::caller_bye || record.end_reason == EndReason::callee_bye;
    set.is_reason_from_bye = record.is_ending && is_of_bye;
}

} // namespace

Result<DialogId> Tracker::restore(const DialogRecord &record, std::uint64_t owner, Instant now) {
    MessageView invite;
    invite.call_id = record.call_id;
    invite.from_tag = record.from_tag;
    invite.cseq = record.invite_cseq;
    const std::uint64_t hash = hash_of(record.call_id);
    if (!is_possible(record, options_.fork_max) || find_invite(invite, hash)) return Error::invalid;
    make_room();
    DialogSet restored;
    restore_state(restored, record);
    if (auto done = restore_extras(restored, record); !done) return done.error();
    restored.hash = hash;
    restored.owner = owner;
    if (shared_.dialogs.fetch_add(1, std::memory_order_relaxed) >= options_.dialog_max) {
        shared_.dialogs.fetch_sub(1, std::memory_order_relaxed);
        return Error::full;
    }
    const auto made = emplace_restored(std::move(restored));
    if (!made) return made;
    DialogSet &set = *sets_.find(*made);
    try {
        const auto joined = join_again(*made, set, record);
        if (!joined) {
            drop_restored(*made, set);
            return joined.error();
        }
    } catch (...) {
        drop_restored(*made, set);
        throw;
    }
    // From here on nothing fails.
    const bool is_moved = bound_deadline(set, now);
    schedule(*made, set, set.deadline);
    if (!set.leg_of) ++counters_.live[static_cast<std::size_t>(set.state)];
    const bool has_lost = set.extras && (set.extras->has_changed_variables || set.extras->has_changed_profiles);
    if (is_moved || has_lost) mark_changed(*made, set);
    count_serial(record.id.serial);
    return made;
}

// What other tables have no part in. Variables that would be refused today are left out.
Result<void> Tracker::restore_extras(DialogSet &set, const DialogRecord &record) {
    if (!record.cseq_maps.empty()) {
        auto maps = restore_cseq_maps(record.cseq_maps);
        if (!maps) return Error::invalid;
        extras_of(set).cseq_maps = std::move(maps);
    }
    for (std::size_t i = 0; i < dialog_timer_count; ++i) {
        const auto timeout = restore_timeout(static_cast<DialogTimer>(i), record.timeouts[i]);
        if (timeout) extras_of(set).timeouts[i] = timeout;
    }
    for (const VariableView &variable : record.variables) {
        DialogExtras &extras = extras_of(set);
        const auto kept = extras.variables.set(variable.name, variable.value, options_.variables);
        extras.has_changed_variables = extras.has_changed_variables || !kept;
    }
    return {};
}

Result<DialogId> Tracker::emplace_restored(DialogSet set) {
    const std::uint64_t hash = set.hash;
    DialogId id;
    try {
        const auto made = sets_.emplace(std::move(set));
        if (!made) {
            shared_.dialogs.fetch_sub(1, std::memory_order_relaxed);
            return made.error();
        }
        id = *made;
        index_.insert(hash, id);
    } catch (...) { // no memory: as if nobody had asked
        sets_.erase(id);
        shared_.dialogs.fetch_sub(1, std::memory_order_relaxed);
        throw;
    }
    return id;
}

void Tracker::drop_restored(DialogId id, DialogSet &set) {
    index_.erase(set.hash, id);
    erase(id, set);
}

// It was let in once: no limit refuses it again. A profile that is no longer declared, or another one now, is left out.
Result<void> Tracker::join_again(DialogId id, DialogSet &set, const DialogRecord &record) {
    const DialogId member = id.with_shard(options_.shard);
    for (const ProfileView &in : record.profiles) {
        DialogExtras &extras = extras_of(set);
        const ProfileRequest request{in.profile, in.value, 0};
        const auto joined = shared_.profiles.reserve(member, extras.profiles, {&request, 1});
        if (!joined && joined.error() == Error::full) return joined;
        extras.has_changed_profiles = extras.has_changed_profiles || !joined;
    }
    ProfileTable *index = shared_.indexed_variables;
    if (!index || !set.extras) return {};
    for (std::size_t i = 0; i < set.extras->variables.size(); ++i) {
        const VariableView variable = set.extras->variables.at(i);
        if (!index->size(variable.name)) continue;
        const std::string key = index_key_of(variable.value);
        const ProfileRequest request{variable.name, key, {}};
        if (auto joined = index->reserve(member, set.extras->indexed, {&request, 1}); !joined) return joined;
    }
    return {};
}

// A set waits no longer from now on than one that begins to wait now: the wall clock, which has carried the deadline
// over, may have been set, and timeouts may be shorter than they were. True: that has moved it.
bool Tracker::bound_deadline(DialogSet &set, Instant now) const {
    const Duration span = span_of(set, set.timer_kind());
    if (span.count() == 0 || set.deadline <= now + span) return false;
    set.timer_start = now;
    set.deadline = now + span;
    return true;
}

// New ids are none that a row has.
void Tracker::count_serial(std::uint64_t serial) {
    const std::uint64_t count = serial >> serial_low_bits;
    std::uint64_t last = shared_.serial.load(std::memory_order_relaxed);
    while (last < count && !shared_.serial.compare_exchange_weak(last, count, std::memory_order_relaxed)) {
    }
}

} // namespace tandem
