// The tracker's tables, its deadlines and its records. What messages do stands in tracker_feed.cpp.
#include "dialog/tracker.hpp"
#include <algorithm>
#include "base/assert.hpp"

namespace tandem {
namespace {

constexpr std::uint64_t serial_random_bits = 24;

bool is_early(DialogState state) { return state < DialogState::confirmed; }

ForkRecord record_of(const Fork &fork) {
    ForkRecord record;
    record.to_tag = fork.text.get(Fork::to_tag);
    record.state = fork.state;
    record.callee_target = fork.text.get(Fork::callee_target);
    record.callee_route_set = fork.text.get(Fork::callee_route_set);
    for (Side side : {Side::caller, Side::callee}) {
        record.last_cseq[index(side)] = fork.last_cseq[index(side)].value_or(0);
    }
    record.is_acked = fork.is_acked;
    return record;
}

DialogRecord record_of(const DialogSet &set) {
    DialogRecord record;
    record.id = set.record;
    record.leg_of = set.leg_of;
    record.local_side = set.local_side;
    record.state = set.state;
    record.call_id = set.view(DialogSet::call_id);
    record.from_tag = set.view(DialogSet::from_tag);
    record.from_uri = set.view(DialogSet::from_uri);
    record.to_uri = set.view(DialogSet::to_uri);
    record.request_uri = set.view(DialogSet::request_uri);
    record.caller_target = set.view(DialogSet::caller_target);
    record.caller_route_set = set.view(DialogSet::caller_route_set);
    record.source = set.view(DialogSet::source);
    record.trunk = set.view(DialogSet::trunk);
    record.callee_call_id = set.view(DialogSet::callee_call_id);
    record.invite_cseq = set.invite_cseq;
    record.sip_code = set.sip_code;
    record.end_reason = set.end_reason;
    record.q850 = set.q850;
    record.created = set.created;
    record.ringing = set.ringing;
    record.answered = set.answered;
    record.ended = set.ended;
    record.deadline = set.deadline;
    for (const Fork *fork = set.forks.get(); fork; fork = fork->next.get()) record.forks.push_back(record_of(*fork));
    return record;
}

} // namespace

Tracker::Tracker(const TrackerOptions &options, Random &random, Instant now)
    : options_(options), hash_(random), sets_(options.dialog_max), timers_(now),
      serial_random_(random.next() & ((1U << serial_random_bits) - 1)) {}

const DialogSet *Tracker::find(DialogId id) const { return sets_.find(id); }

std::uint32_t Tracker::next_cseq(DialogId id, Side local, std::string_view to_tag) const {
    const DialogSet *set = sets_.find(id);
    if (!set) return 0;
    const std::uint32_t first = local == Side::caller ? set->invite_cseq : 0;
    const Fork *fork = to_tag.empty() ? set->forks.get() : set->find_fork(to_tag);
    return (fork ? fork->last_cseq[index(local)].value_or(first) : first) + 1;
}

void Tracker::set_end_reason(DialogId id, EndReason reason) {
    if (DialogSet *set = sets_.find(id)) {
        give_reason(*set, reason);
        mark_changed(id, *set);
    }
}

void Tracker::set_callee_call_id(DialogId id, std::string_view call_id) {
    if (DialogSet *set = sets_.find(id)) {
        set->text.set(DialogSet::callee_call_id, call_id);
        mark_changed(id, *set);
    }
}

void Tracker::set_trunk(DialogId id, std::string_view trunk) {
    if (DialogSet *set = sets_.find(id)) {
        set->text.set(DialogSet::trunk, trunk);
        mark_changed(id, *set);
    }
}

void Tracker::end(DialogId id, EndReason reason, Instant now) {
    if (DialogSet *set = sets_.find(id)) terminate(id, *set, reason, now);
}

void Tracker::advance(Instant now) {
    timers_.advance(now, [&](DialogId id) { on_deadline(id, now); });
}

std::optional<Instant> Tracker::next_deadline() const { return timers_.next_deadline(); }

bool Tracker::next_event(DialogEvent &event) {
    if (events_.empty()) return false;
    event = events_.front();
    events_.pop_front();
    return true;
}

void Tracker::drain_changes(const std::function<void(const DialogRecord &)> &changed,
                            const std::function<void(const DialogRecord &)> &ended) {
    for (DialogId id : changes_) {
        DialogSet *set = sets_.find(id);
        set->is_changed = false;
        if (set->is_over()) {
            if (ended) ended(record_of(*set));
            sets_.erase(id);
        } else if (changed) {
            changed(record_of(*set));
        }
    }
    changes_.clear();
}

std::optional<DialogRecord> Tracker::record(DialogId id) const {
    const DialogSet *set = sets_.find(id);
    if (!set || set->is_over()) return std::nullopt;
    return record_of(*set);
}

std::size_t Tracker::size() const { return index_.size(); }

std::vector<DialogId> Tracker::dialogs() const {
    std::vector<DialogId> ids;
    sets_.for_each([&](DialogId id, const DialogSet &set) {
        if (!set.is_over()) ids.push_back(id);
    });
    return ids;
}

void Tracker::enter(DialogSet &set, DialogState state) {
    const DialogState before = set.state;
    set.state = state;
    if (set.leg_of) return;
    if (is_early(before) && !is_early(state)) --statistics_.early;
    if (before != DialogState::confirmed && state == DialogState::confirmed) ++statistics_.active;
    if (before == DialogState::confirmed && state == DialogState::terminated) --statistics_.active;
    if (is_early(before) && state == DialogState::terminated) ++statistics_.failed;
}

void Tracker::terminate(DialogId id, DialogSet &set, EndReason reason, Instant now) {
    if (set.is_over()) return;
    give_reason(set, reason);
    set.ended = now;
    enter(set, DialogState::terminated);
    timers_.cancel(set.timer);
    set.deadline = never;
    index_.erase(set.hash, id);
    mark_changed(id, set);
    raise({.kind = DialogEventKind::ended, .dialog = id, .reason = set.end_reason});
}

void Tracker::give_reason(DialogSet &set, EndReason reason) {
    if (set.end_reason == EndReason::none) set.end_reason = reason;
}

void Tracker::arm(DialogId id, DialogSet &set, Instant now, Duration span) {
    timers_.cancel(set.timer);
    set.timer = TimerId();
    set.deadline = span.count() > 0 ? now + span : never;
    if (span.count() > 0) set.timer = timers_.schedule(set.deadline, id);
}

void Tracker::on_deadline(DialogId id, Instant now) {
    DialogSet *set = sets_.find(id);
    TANDEM_ASSERT(set && !set->is_over(), "the timer of a set is cancelled when it ends");
    if (!set->is_ending && !set->leg_of) ++statistics_.expired;

    if (is_early(set->state)) {
        set->sip_code = 408; // what an INVITE is answered whose Timer C fires (RFC 3261 section 16.8)
        give_reason(*set, EndReason::no_answer);
        raise({.kind = DialogEventKind::expired, .dialog = id, .reason = set->end_reason});
        terminate(id, *set, EndReason::no_answer, now);
        return;
    }
    if (set->is_ending) { // the BYE had its time
        terminate(id, *set, EndReason::expired, now);
        return;
    }
    set->is_ending = true;
    const bool is_acked = set->forks && set->forks->is_acked;
    give_reason(*set, is_acked ? EndReason::expired : EndReason::no_ack);
    raise({.kind = DialogEventKind::expired, .dialog = id, .reason = set->end_reason});
    mark_changed(id, *set);
    arm(id, *set, now, options_.bye);
}

void Tracker::mark_changed(DialogId id, DialogSet &set) {
    if (set.is_changed) return;
    set.is_changed = true;
    changes_.push_back(id);
}

void Tracker::raise(const DialogEvent &event) {
    const bool must_come = event.kind == DialogEventKind::expired || event.kind == DialogEventKind::ended;
    if (events_.size() >= options_.event_max && !must_come) {
        ++statistics_.events_lost;
        return;
    }
    events_.push_back(event);
}

std::uint64_t Tracker::hash_of(std::string_view call_id, std::string_view caller_tag) const {
    return hash_(call_id, caller_tag);
}

DialogId Tracker::find_set(std::string_view call_id, std::string_view caller_tag) const {
    return index_.find(hash_of(call_id, caller_tag), [&](DialogId id) {
        const DialogSet *set = sets_.find(id);
        return set->view(DialogSet::call_id) == call_id && set->view(DialogSet::from_tag) == caller_tag;
    });
}

} // namespace tandem
