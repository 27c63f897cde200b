// The tracker's tables, its deadlines and its records. What messages do stands in tracker_feed.cpp and beside it, what
// the host attaches to a set in tracker_extras.cpp.
#include "dialog/tracker.hpp"
#include <algorithm>
#include "base/assert.hpp"

namespace tandem {
namespace {

constexpr unsigned serial_random_bits = 16; // of a durable id; the shard is above them

constexpr std::size_t event_room = 4; // events that one message or one deadline makes, at most

// Longer than any process runs, and far from where an Instant overflows.
constexpr Duration span_max = std::chrono::hours(24 * 366 * 100);

bool is_early(DialogState state) { return state < DialogState::confirmed; }

ForkRecord fork_record_of(const Fork &fork) {
    ForkRecord record;
    record.to_tag = fork.text.get(Fork::to_tag);
    record.state = fork.state;
    record.callee_target = fork.text.get(Fork::callee_target);
    record.callee_route_set = fork.text.get(Fork::callee_route_set);
    for (Side side : {Side::caller, Side::callee}) {
        record.last_cseq[index(side)] = fork.last_cseq[index(side)].value_or(0);
    }
    record.bye_cseq = fork.bye_cseq;
    record.answered = fork.answered;
    record.leaver = fork.leaver;
    record.is_acked = fork.is_acked;
    record.is_doubtful = fork.is_doubtful;
    return record;
}

} // namespace

DialogStatistics &DialogStatistics::operator+=(const DialogStatistics &more) {
    early += more.early;
    trying += more.trying;
    proceeding += more.proceeding;
    active += more.active;
    processed += more.processed;
    failed += more.failed;
    expired += more.expired;
    refused += more.refused;
    limited += more.limited;
    events_lost += more.events_lost;
    return *this;
}

Tracker::Tracker(const TrackerOptions &options, TrackerShared &shared, Random &random, Instant now)
    : options_(options), shared_(shared), sets_(options.dialog_max), timers_(now),
      serial_low_(std::uint64_t{options.shard} << serial_random_bits |
                  (random.next() & ((1U << serial_random_bits) - 1))) {
    TANDEM_ASSERT(options.fork_max > 0, "the fork that answers is always tracked");
}

// The table of profiles may live longer.
Tracker::~Tracker() {
    sets_.for_each([&](DialogId id, DialogSet &set) { erase(id, set); });
    shared_.profiles.release(held_places_);
}

const DialogSet *Tracker::find(DialogId id) const { return sets_.find(id); }

DialogSet *Tracker::find_live(DialogId id) {
    DialogSet *set = sets_.find(id);
    return set && !set->is_over() ? set : nullptr;
}

DialogId Tracker::find(std::string_view call_id, std::string_view tag_a, std::string_view tag_b) const {
    const std::uint64_t hash = hash_of(call_id);
    return index_.find(hash, [&](DialogId id) {
        const DialogSet *set = sets_.find(id);
        if (set->view(DialogSet::call_id) != call_id) return false;
        const std::string_view caller = set->view(DialogSet::from_tag);
        if (tag_b.empty()) return caller == tag_a;
        const auto has = [set](std::string_view tag) {
            const Fork *fork = set->find_fork(tag);
            return fork && (fork->state == DialogState::early || fork->state == DialogState::confirmed);
        };
        return (caller == tag_a && has(tag_b)) || (caller == tag_b && has(tag_a));
    });
}

void Tracker::find_all(std::string_view call_id, std::vector<DialogId> &ids) const {
    static_cast<void>(index_.find(hash_of(call_id), [&](DialogId id) {
        if (sets_.find(id)->view(DialogSet::call_id) == call_id) ids.push_back(id);
        return false; // go on with the next one
    }));
}

std::uint32_t Tracker::next_cseq(DialogId id, Side local, std::string_view to_tag) const {
    const DialogSet *set = sets_.find(id);
    if (!set) return 0;
    const std::uint32_t first = local == Side::caller ? set->invite_cseq : 0;
    const Fork *fork = to_tag.empty() ? set->forks.get() : set->find_fork(to_tag);
    const CseqMaps *maps = fork && set->extras ? set->extras->cseq_maps.get() : nullptr;
    const CseqMap *map = maps ? maps->find(CseqMaps::Kind::fork, fork->text.get(Fork::to_tag)) : nullptr;
    if (map) return map->of(local).next(fork->last_cseq[index(local)]);
    return (fork ? fork->last_cseq[index(local)].value_or(first) : first) + 1;
}

void Tracker::set_end_reason(DialogId id, EndReason reason) {
    if (DialogSet *set = sets_.find(id)) {
        give_reason(*set, reason);
        mark_changed(id, *set);
    }
}

void Tracker::set_sip_code(DialogId id, std::uint16_t status) {
    if (DialogSet *set = sets_.find(id)) {
        set->sip_code = status;
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

void Tracker::touch(DialogId id) {
    make_room();
    if (DialogSet *set = find_live(id)) mark_changed(id, *set);
}

void Tracker::set_owner(DialogId id, std::uint64_t owner) {
    if (DialogSet *set = sets_.find(id)) set->owner = owner;
}

void Tracker::set_invite_cseq(DialogId id, std::uint32_t cseq) {
    DialogSet *set = find_live(id);
    if (!set) return;
    set->invite_cseq = cseq;
    for (Fork *fork = set->forks.get(); fork; fork = fork->next.get()) {
        std::optional<std::uint32_t> &last = fork->last_cseq[index(Side::caller)];
        last = std::max(last.value_or(0), cseq);
    }
    mark_changed(id, *set);
}

Result<void> Tracker::set_timeout(DialogId id, DialogTimer timer, std::optional<Duration> timeout) {
    DialogSet *set = find_live(id);
    if (!set) return Error::not_found;
    const bool may_be_zero = timer == DialogTimer::lifetime;
    if (timeout && (timeout->count() < 0 || (timeout->count() == 0 && !may_be_zero))) return Error::invalid;

    make_room();
    extras_of(*set).timeouts[static_cast<std::size_t>(timer)] = timeout;
    if (set->timer_kind() == timer) {
        arm(id, *set, set->timer_start);
        mark_changed(id, *set);
    }
    return {};
}

void Tracker::end(DialogId id, EndReason reason, Instant now) {
    make_room();
    DialogSet *set = sets_.find(id);
    if (set) terminate(id, *set, reason, now, set->is_ending ? set->timer_start : now);
}

bool Tracker::request_end(DialogId id, EndReason reason, Instant now) {
    DialogSet *set = find_live(id);
    if (!set || set->is_ending || (set->is_cancelled && is_early(set->state))) return false;
    make_room();
    begin_end(id, *set, reason, now);
    return true;
}

// Threads of a host may be apart by a little. A timer that is due for one of them fires for the others, too: put off by
// one whose time is before it, it would be due again at once, and for ever.
void Tracker::advance(Instant now) {
    latest_ = std::max(latest_, now);
    timers_.advance(latest_, [&](DialogId id) { on_timer(id, latest_); });
}

std::optional<Instant> Tracker::next_deadline() const { return timers_.next_deadline(); }

bool Tracker::next_event(DialogEvent &event) {
    if (events_.empty()) return false;
    event = std::move(events_.front());
    events_.pop();
    const DialogSet *set = sets_.find(event.dialog);
    event.owner = set ? set->owner : 0;
    if (event.kind == DialogEventKind::reserved) stop_waiting(event.dialog);
    return true;
}

void Tracker::drain_changes(const std::function<void(DialogRecord &)> &changed,
                            const std::function<void(DialogRecord &)> &ended) {
    for (DialogId id : changes_) {
        DialogSet *set = sets_.find(id);
        set->is_changed = false;
        const bool is_over = set->is_over();
        const auto &sink = is_over ? ended : changed;
        if (sink) {
            DialogRecord record = record_of(*set);
            sink(record);
        }
        if (is_over) {
            erase(id, *set);
        } else if (set->extras) {
            set->extras->has_changed_variables = false;
            set->extras->has_changed_profiles = false;
        }
    }
    changes_.clear();
}

void Tracker::take_places(std::vector<MemberId> &places) {
    places.insert(places.end(), held_places_.begin(), held_places_.end());
    held_places_.clear();
}

void Tracker::forget(DialogId id) {
    DialogSet *set = sets_.find(id);
    if (set && set->is_over()) erase(id, *set);
}

void Tracker::erase(DialogId id, DialogSet &set) {
    if (set.extras) shared_.profiles.release(set.extras->profiles);
    if (set.extras && shared_.indexed_variables) shared_.indexed_variables->release(set.extras->indexed);
    sets_.erase(id);
    shared_.dialogs.fetch_sub(1, std::memory_order_relaxed);
}

std::optional<DialogRecord> Tracker::record(DialogId id) const {
    const DialogSet *set = sets_.find(id);
    if (!set) return std::nullopt;
    DialogRecord record = record_of(*set);
    record.has_changed_variables = true;
    record.has_changed_profiles = true;
    return record;
}

DialogRecord Tracker::record_of(const DialogSet &set) const {
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
    record.owner = set.owner;
    record.timer_start = set.timer_start;
    record.is_cancelled = set.is_cancelled;
    record.is_ending = set.is_ending;
    record.is_due = set.is_due;
    record.is_renamed = set.is_renamed;
    for (const Fork *fork = set.forks.get(); fork; fork = fork->next.get()) {
        record.forks.push_back(fork_record_of(*fork));
    }
    if (!set.extras) return record;
    const DialogExtras &extras = *set.extras;
    if (extras.cseq_maps) {
        for (const CseqMaps::Entry &entry : extras.cseq_maps->entries()) {
            record.cseq_maps.push_back({entry.kind == CseqMaps::Kind::branch, entry.name, entry.map.to_string()});
        }
    }
    record.timeouts = extras.timeouts;
    for (std::size_t i = 0; i < extras.variables.size(); ++i) record.variables.push_back(extras.variables.at(i));
    for (const Membership &membership : extras.profiles) {
        record.profiles.push_back({shared_.profiles.name_of(membership.profile), membership.value.get(0),
                                   shared_.profiles.has_values(membership.profile)});
    }
    record.has_changed_variables = extras.has_changed_variables;
    record.has_changed_profiles = extras.has_changed_profiles;
    return record;
}

DialogStatistics Tracker::statistics() const {
    DialogStatistics statistics;
    const auto in = [this](DialogState state) { return counters_.live[static_cast<std::size_t>(state)].get(); };
    statistics.trying = in(DialogState::trying);
    statistics.proceeding = in(DialogState::proceeding);
    statistics.early = statistics.trying + statistics.proceeding + in(DialogState::early);
    statistics.active = in(DialogState::confirmed);
    statistics.processed = counters_.processed.get();
    statistics.failed = counters_.failed.get();
    statistics.expired = counters_.expired.get();
    statistics.refused = counters_.refused.get();
    statistics.limited = counters_.limited.get();
    statistics.events_lost = counters_.events_lost.get();
    return statistics;
}

std::vector<DialogId> Tracker::dialogs() const {
    std::vector<DialogId> ids;
    sets_.for_each([&](DialogId id, const DialogSet &set) {
        if (!set.is_over()) ids.push_back(id);
    });
    return ids;
}

void Tracker::list(std::uint64_t &cursor, std::size_t max, std::vector<DialogId> &ids,
                   std::uint64_t places_max) const {
    std::uint64_t position = cursor;
    for (; position < sets_.slots() && places_max > 0; ++position, --places_max) {
        const DialogId id = sets_.id_in(static_cast<std::uint32_t>(position));
        if (!id || sets_.find(id)->is_over()) continue;
        if (max == 0) break;
        ids.push_back(id);
        --max;
    }
    cursor = position < sets_.slots() ? position : 0;
}

void Tracker::enter(DialogSet &set, DialogState state) {
    const DialogState before = set.state;
    set.state = state;
    if (set.leg_of) return;
    if (before != DialogState::terminated) --counters_.live[static_cast<std::size_t>(before)];
    if (state != DialogState::terminated) ++counters_.live[static_cast<std::size_t>(state)];
    if (is_early(before) && state == DialogState::terminated) ++counters_.failed;
}

void Tracker::terminate(DialogId id, DialogSet &set, EndReason reason, Instant now, Instant ended) {
    if (set.is_over()) return;
    give_reason(set, reason);
    set.ended = ended;
    enter(set, DialogState::terminated);
    timers_.cancel(set.timer);
    set.timer = TimerId();
    set.deadline = never;
    index_.erase(set.hash, id);
    if (set.extras) {
        if (options_.holds_places) {
            shared_.profiles.hold(set.extras->profiles, held_places_);
        } else {
            shared_.profiles.release(set.extras->profiles);
        }
        if (shared_.indexed_variables) shared_.indexed_variables->release(set.extras->indexed);
        if (set.extras->is_shared) {
            shared_ends_.push_back(set.record);
            --shared_sets_;
        }
    }
    mark_changed(id, set);
    raise(DialogEventKind::ended, id, now, Side::caller, Method::unknown, set.end_reason);
}

void Tracker::give_reason(DialogSet &set, EndReason reason) {
    if (set.end_reason == EndReason::none) set.end_reason = reason;
}

Duration Tracker::span_of(const DialogSet &set, DialogTimer timer) const {
    const auto own = set.extras ? set.extras->timeouts[static_cast<std::size_t>(timer)] : std::nullopt;
    const std::array<Duration, dialog_timer_count> spans = {options_.early, options_.no_ack, options_.lifetime,
                                                            options_.bye};
    return std::min(own.value_or(spans[static_cast<std::size_t>(timer)]), span_max);
}

void Tracker::arm(DialogId id, DialogSet &set, Instant base) {
    const Duration span = span_of(set, set.timer_kind());
    set.timer_start = base;
    set.deadline = span.count() > 0 ? base + span : never;
    // A timer that comes too early is left alone: it looks at the deadline when it fires, which costs less than to
    // move it with every message.
    if (set.timer && set.armed <= set.deadline && set.deadline != never) return;
    // For the same reason the first one is set to the shortest deadline that a short call will have.
    const bool is_first = !set.timer && set.state == DialogState::trying;
    timers_.cancel(set.timer);
    schedule(id, set, is_first ? std::min(set.deadline, base + std::min(options_.no_ack, options_.bye)) : set.deadline);
}

void Tracker::arm_anew(DialogId id, DialogSet &set, Instant now) {
    if (set.state != DialogState::confirmed) return arm(id, set, now);
    arm(id, set, set.forks->is_acked ? *set.answered : set.forks->answered);
}

void Tracker::schedule(DialogId id, DialogSet &set, Instant at) {
    set.armed = at;
    set.timer = at == never ? TimerId() : timers_.schedule(at, id);
}

void Tracker::on_timer(DialogId id, Instant now) {
    DialogSet *set = sets_.find(id);
    TANDEM_ASSERT(set && !set->is_over(), "the timer of a set is cancelled when it ends");
    set->timer = TimerId();
    if (set->deadline > now) {
        schedule(id, *set, set->deadline);
        return;
    }
    try {
        make_room();
    } catch (...) { // it fires again
        schedule(id, *set, set->deadline);
        throw;
    }
    if (set->is_ending) { // the BYE had its time: the call ended when it came
        terminate(id, *set, EndReason::expired, now, set->timer_start);
        return;
    }
    if (is_early(set->state) && set->is_cancelled) { // so had the CANCEL
        const bool is_new = set->end_reason == EndReason::none;
        if (is_new && !set->leg_of) ++counters_.expired;
        if (set->end_reason == EndReason::no_answer) set->sip_code = 408;
        if (is_new) set->sip_code = 487; // what a cancelled INVITE is answered (RFC 3261 section 9.2)
        terminate(id, *set, EndReason::cancelled, now);
        return;
    }
    if (!set->leg_of) ++counters_.expired;
    if (is_early(set->state)) {
        begin_end(id, *set, EndReason::no_answer, now);
        return;
    }
    const bool is_acked = set->forks && set->forks->is_acked;
    begin_end(id, *set, is_acked ? EndReason::expired : EndReason::no_ack, now);
}

// Room for the events of one input, one set in the list of changes and one timer. Whatever changes a set has it first:
// no end, no deadline and no event is lost for want of memory, which is refused before anything changes.
void Tracker::make_room(std::size_t more_events) {
    events_.make_room(event_room + more_events);
    timers_.make_room();
    if (options_.keeps_changes && changes_.size() == changes_.capacity()) changes_.reserve(changes_.size() * 2 + 16);
}

// Whoever hears of it sends CANCEL, or BYE to both sides, and feeds what comes of that.
void Tracker::begin_end(DialogId id, DialogSet &set, EndReason reason, Instant now) {
    give_reason(set, reason);
    raise(DialogEventKind::end_due, id, now, Side::caller, Method::unknown, set.end_reason);
    if (!is_early(set.state)) {
        set.is_ending = true;
        set.is_due = true;
    } else if (options_.wants_end_due) {
        set.is_cancelled = true; // an answer may cross it (RFC 3261 section 16.8)
    } else {
        if (reason == EndReason::no_answer) set.sip_code = 408;
        terminate(id, set, reason, now);
        return;
    }
    mark_changed(id, set);
    arm(id, set, now);
}

void Tracker::mark_changed(DialogId id, DialogSet &set) {
    if (!options_.keeps_changes) return;
    ++change_count_;
    if (set.is_changed) return;
    changes_.push_back(id);
    set.is_changed = true;
}

bool Tracker::has_room_for(DialogEventKind kind) {
    if (kind == DialogEventKind::end_due && !options_.wants_end_due) return false;
    const bool must_come = kind == DialogEventKind::end_due || kind == DialogEventKind::ended ||
                           kind == DialogEventKind::reserved; // at most two, one and one of a set
    if (!must_come && !is_wanted(kind)) return false;
    ++sequence_;
    if (must_come || events_.size() < options_.event_max) return true;
    ++counters_.events_lost;
    return false;
}

void Tracker::raise(DialogEventKind kind, DialogId id, Instant now, Side side, Method method, EndReason reason) {
    if (!has_room_for(kind)) return;
    DialogEvent event;
    event.kind = kind;
    event.side = side;
    event.method = method;
    event.reason = reason;
    event.dialog = id;
    event.sequence = sequence_;
    event.at = now;
    events_.push(std::move(event));
}

} // namespace tandem
