#include "node/worker.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <memory>
#include <utility>
#include "net/system_clock.hpp"
#include "node/capture_tap.hpp"
#include "node/event_source.hpp"

namespace tandem {

Worker::Worker(const WorkerOptions &options, Loop &loop, std::vector<std::unique_ptr<MessageTransport>> transports,
               Router &router, ProfileTable &profiles, WallClock &wall, StoreQueue *store, Log &log)
    : options_(options), loop_(loop), wall_(wall), log_(log), transports_(std::move(transports)),
      random_(options.engine.dialogs.shard), engine_(options.engine, router, profiles, random_, SystemClock::now()),
      names_(loop, options.engine.listeners, options.dns, log,
             [this](LookupId lookup, std::span<const Endpoint> addresses) { on_resolved(lookup, addresses); }),
      peer_names_(
          loop, options.engine.listeners, options.dns, log,
          [this](LookupId lookup, std::span<const Endpoint> addresses) { on_peer_resolved(lookup, addresses); }),
      outbox_(transports_.size()), profiles_(profiles), overload_(options.overload),
      self_(std::make_shared<Worker *>(this)) {
    if (store) {
        auto stored = [self = std::weak_ptr(self_)] {
            if (const auto worker = self.lock()) (*worker)->on_stored();
        };
        auto wake = [stored, &loop] { loop.post(stored); };
        journal_.emplace(*store, wall, log, options.journal, wake, options.engine.registrar, options.trunks);
    }
    if (options.cluster) {
        auto wake = [this] { settle(SystemClock::now()); };
        cluster_.emplace(*options.cluster, options.engine.dialogs.dialog_max, loop, random_, wake);
    }
    if (options.on_copies) copies_.emplace();
    for (const auto &transport : transports_) {
        transport->on_batch(
            [this, from = transport.get()](std::span<const Datagram> batch) { on_batch(batch, from->lag()); });
        transport->on_send_failed(
            [this](const OutDatagram &datagram, const SendFailure &failure) { on_send_failed(datagram, failure); });
        transport->on_connection_lost([this](const LostConnection &lost) { on_connection_lost(lost); });
    }
    has_peer_names_ = options_.peers && !options_.peers->names().empty(); // looked up in the first turn of the loop
    loop_.on_deadline([this] { on_deadline(); });
    arm(SystemClock::now());
}

bool Worker::restore(const DialogRecord &record, Instant now) {
    if (!engine_.restore(record, now)) return false;
    if (cluster_) cluster_->adopt(record, profiles_, now);
    return true;
}

void Worker::go_on(Instant now) {
    engine_.go_on(now);
    calls_.store(engine_.calls(), std::memory_order_relaxed);
    loop_.post([self = std::weak_ptr(self_)] {
        if (const auto worker = self.lock()) (*worker)->on_deadline();
    });
}

void Worker::on_batch(std::span<const Datagram> batch, Duration lag) {
    const Instant now = SystemClock::now();
    watch_load(lag, now);
    if (shows_messages()) show_received(batch);
    if (hand_over_) batch = hand_over_->keep_own(batch, now);
    for (const Datagram &datagram : batch) receive(datagram.peer, datagram.bytes, 0, now, now);
    settle(now);
}

void Worker::on_deadline() {
    const Instant now = SystemClock::now();
    engine_.advance(now);
    if (cluster_) cluster_->advance(now);
    if (journal_) journal_->advance(engine_.living(), now);
    do_later_tasks(now);
    settle(now);
}

void Worker::on_stored() { settle(SystemClock::now()); }

void Worker::on_send_failed(const OutDatagram &datagram, const SendFailure &failure) {
    if (datagram.owner == 0) return;
    const Instant now = SystemClock::now();
    if (const auto lender = BorrowedTransport::lender_of(datagram.owner)) {
        hand_over_->tell_not_sent(*lender, BorrowedTransport::unmark(datagram.owner), failure.is_made);
    } else if (!failure.is_made) {
        engine_.on_not_connected(TransactionId(datagram.owner), now);
    } else {
        engine_.on_send_failed(TransactionId(datagram.owner), now);
    }
    settle(now);
}

void Worker::on_connection_lost(const LostConnection &lost) {
    const Instant now = SystemClock::now();
    const auto line = [&](std::string_view what) {
        return fmt::format("{} {}:{}: {}", what, uri_name(lost.loss.peer.transport), lost.loss.peer.to_string(),
                           lost.reason);
    };
    if (lost.loss.is_made) {
        log_.debug(line("lost the connection with"));
    } else if (!unreached_at_ || now >= *unreached_at_ + options_.unreached_interval) {
        unreached_at_ = now;
        log_.warn(line("cannot connect to"));
    }
    if (options_.engine.registrar) options_.engine.registrar->on_flow_lost(lost.loss.peer, lost.loss.at);
    engine_.on_connection_lost(lost.loss, now);
    if (hand_over_) hand_over_->tell_connection_lost(lost.loss);
    settle(now);
}

void Worker::on_resolved(LookupId lookup, std::span<const Endpoint> addresses) {
    const Instant now = SystemClock::now();
    engine_.on_resolved(lookup, addresses, now);
    settle(now);
}

// A step of the clock is seen within a second of the first message after it.
void Worker::watch_wall_clock(Instant now) {
    if (now < wall_read_at_ + std::chrono::seconds(1)) return;
    wall_read_at_ = now;
    // `now` is as old as the round: both clocks are read here, and not at all if the thread has rested in between.
    const Instant before = SystemClock::now();
    const std::int64_t utc_us = SystemClock::utc_us();
    if (SystemClock::now() - before < std::chrono::milliseconds(10)) wall_.observe(before, utc_us);
}

void Worker::settle(Instant now) {
    watch_wall_clock(now);
    if (cluster_) cluster_->settle(engine_, now);
    take_outgoing(now);
    tell_call_events();
    watch_trunks(now);
    store_changes(now);
    if (hand_over_ && has_free_places()) {
        send_requests();
        hand_over_->flush(now);
    }
    release_places(now);
    send_ready();
    tell_written();
    if (hand_over_) hand_over_->flush(now);
    look_up_names();
    if (control_) control_->take_questions(engine_); // answered in a later turn
    look_up_peers(now);
    begin_waits();
    if (options_.events) options_.events->flush();
    if (options_.capture) options_.capture->flush();
    watch_copies();
    watch_store();
    calls_.store(engine_.calls(), std::memory_order_relaxed);
    vacant_bytes_.store(engine_.vacant_bytes(), std::memory_order_relaxed);
    watch_garbage(now);
    watch_failing(now);
    watch_drain(now);
    arm(now);
}

// After each input: what one message causes waits for the store, what another one does may not have to.
void Worker::take_outgoing(Instant now) {
    engine_.take_outgoing(outgoing_);
    const std::uint64_t changes = engine_.tracker().changes();
    const std::size_t bindings = changed_bindings_.size();
    engine_.take_bindings(changed_bindings_);
    const bool is_change = changes != changes_seen_ || changed_bindings_.size() != bindings;
    outbox_.add(outgoing_, journal_ && is_change, now);
    changes_seen_ = changes;
}

// What REGISTERs have changed, and, on one worker, what ends by itself.
void Worker::keep_bindings(Instant now) {
    const bool has_changed = !changed_bindings_.empty();
    for (BindingRecord &binding : changed_bindings_) {
        if (journal_) journal_->changed(std::move(binding));
    }
    changed_bindings_.clear();
    if (!options_.bindings) return;
    if (options_.keeps_bindings && now >= options_.bindings->next_deadline()) {
        options_.bindings->advance(journal_ ? &*journal_ : nullptr, options_.events, now);
    } else if (has_changed) {
        options_.bindings->log_events(options_.events, now);
    }
}

void Worker::store_changes(Instant now) {
    keep_bindings(now);
    const auto changed = [this](const DialogRecord &record) { note_changed(record); };
    const bool is_asked = journal_ || copies_;
    engine_.drain_changes(is_asked ? std::function<void(const DialogRecord &)>(changed) : nullptr,
                          [this](const DialogRecord &record) { note_ended(record); });
    moved_.clear();
    const StoreTicket ticket = journal_ ? journal_->commit(now) : 0;
    if (copies_) copies_->end_round(ticket);
    if (!journal_) return hold_places(0);
    last_ticket_ = std::max(last_ticket_, ticket);
    outbox_.end_round(ticket, now);
    hold_places(ticket);
    if (outbox_.waiting_bytes() > options_.waiting_max) {
        journal_->give_up(fmt::format("more than {} bytes of messages wait for it", options_.waiting_max), now);
    }
    journal_->collect(now);
    outbox_.release(journal_->settled());
}

void Worker::verify_store() {
    const Instant now = SystemClock::now();
    if (journal_) journal_->verify(now);
    settle(now);
}

void Worker::send_ready() {
    for (std::size_t i = 0; i < transports_.size(); ++i) {
        std::vector<OutDatagram> &ready = outbox_.ready()[i];
        if (ready.empty()) continue;
        if (shows_messages()) show_sent(i, ready);
        transports_[i]->send(ready);
        ready.clear();
    }
}

// The requests alone, in their order.
void Worker::send_requests() {
    const auto is_request = [](const OutDatagram &datagram) { return !datagram.bytes.view().starts_with("SIP/2.0 "); };
    for (std::size_t i = 0; i < transports_.size(); ++i) {
        std::vector<OutDatagram> &ready = outbox_.ready()[i];
        const auto responses = std::stable_partition(ready.begin(), ready.end(), is_request);
        if (responses == ready.begin()) continue;
        if (shows_messages()) show_sent(i, {ready.begin(), responses});
        transports_[i]->send({ready.begin(), responses});
        ready.erase(ready.begin(), responses);
    }
}

Result<void, Failure> Worker::open_control(const ControlConfig &config) {
    auto opened =
        CallControl::open(config, loop_, random_, log_, [this](QuestionId question, const Decision *decision) {
            return on_decided(question, decision);
        });
    if (!opened) return opened.error();
    control_ = std::move(*opened);
    return {};
}

DecisionOutcome Worker::on_decided(QuestionId question, const Decision *decision) {
    const Instant now = SystemClock::now();
    const DecisionOutcome outcome = engine_.on_decided(question, decision, now);
    settle(now);
    return outcome;
}

void Worker::look_up_names() {
    engine_.take_lookups(lookups_);
    for (const Lookup &lookup : lookups_) names_.look_up(lookup); // answers in a later turn
    lookups_.clear();
}

// All of them now and then, and soon again those that nobody has found yet.
void Worker::look_up_peers(Instant now) {
    if (!options_.peers || now < peers_at_) return;
    const std::vector<std::string> names = options_.peers->names();
    has_peer_names_ = !names.empty();
    const bool is_for_all = now >= all_peers_at_;
    if (is_for_all) all_peers_at_ = now + options_.peer_interval;
    for (const std::string &uri : is_for_all ? names : options_.peers->unknown_names()) look_up_peer(uri);
    peers_at_ = options_.peers->is_incomplete() ? std::min(now + options_.peer_retry, all_peers_at_) : all_peers_at_;
}

// Once at a time: a name server that is slow is not asked more often.
void Worker::look_up_peer(const std::string &uri) {
    const bool is_under_way =
        std::any_of(peer_lookups_.begin(), peer_lookups_.end(), [&](const auto &one) { return one.second == uri; });
    if (is_under_way) return;
    const LookupId lookup(++last_peer_lookup_);
    peer_lookups_.emplace(lookup, uri);
    peer_names_.look_up({lookup, uri});
}

void Worker::on_peer_resolved(LookupId lookup, std::span<const Endpoint> addresses) {
    const auto found = peer_lookups_.find(lookup);
    if (found == peer_lookups_.end()) return;
    options_.peers->learn(found->second, addresses);
    peer_lookups_.erase(found);
}

void Worker::hold_places(StoreTicket ticket) {
    std::vector<MemberId> places;
    engine_.take_places(places);
    if (!places.empty() || !ended_.empty()) {
        places_.push_back({ticket, std::move(places), std::exchange(ended_, {})});
    }
}

void Worker::note_changed(const DialogRecord &record) {
    if (journal_) journal_->changed(record);
    if (copies_) copies_->changed(record);
}

// A call that another node has ends there, with its record and its places.
void Worker::note_ended(const DialogRecord &record) {
    if (std::binary_search(moved_.begin(), moved_.end(), record.id)) {
        if (journal_) journal_->moved(record.id);
        if (cluster_) cluster_->forget(record.id);
        return;
    }
    if (journal_) journal_->ended(record);
    if (options_.events && options_.events->is_wanted() && !record.leg_of) tell_record(record);
    if (!journal_ && options_.on_record && !record.leg_of) options_.on_record(make_cdr(record, wall_));
    if (copies_) copies_->ended(record);
    if (cluster_) ended_.push_back(record.id);
}

bool Worker::has_free_places() const {
    return !places_.empty() && places_.front().ticket <= (journal_ ? journal_->settled() : 0);
}

// Of calls that have ended in the store, after the requests that end them (BYE, CANCEL): nobody sees one call too many
// at a time, whichever workers have them. And before the answers: who hears one may call again at once.
void Worker::release_places(Instant now) {
    for (; has_free_places(); places_.pop_front()) {
        profiles_.release(places_.front().places);
        for (const RecordId &ended : places_.front().leased) cluster_->release(ended, now);
    }
}

// Before a batch or mail: what has waited for too long is refused with the rest.
void Worker::watch_load(Duration lag, Instant now) {
    watch_store(); // others may have lost it
    overload_.observe(lag, now);
    const bool is_short = options_.memory && options_.memory->is_exceeded(now);
    const bool is_overloaded = overload_.is_on() || is_short;
    if (is_overloaded == std::exchange(is_overloaded_, is_overloaded)) return;
    engine_.set_overloaded(is_overloaded);
    if (!is_overloaded || (overload_told_at_ && now < *overload_told_at_ + options_.garbage_interval)) return;
    overload_told_at_ = now;
    const std::string why = is_short ? "memory is short" : fmt::format("messages wait for {} ms", to_ms(lag));
    log_.warn(fmt::format("overload: {}; new calls get 503; since the start {} were refused so", why,
                          engine_.statistics().refused_overload));
}

// Until everything is in the store again: a call that nobody could write down is not begun.
void Worker::watch_store() {
    if (!journal_ || !options_.journal.rejects_calls) return;
    const bool is_behind = journal_->statistics().is_behind;
    const bool has_changed = is_behind != std::exchange(is_store_behind_, is_behind);
    if (has_changed && options_.store) options_.store->note(is_behind);
    const bool is_lost = is_behind || (options_.store && options_.store->is_lost());
    if (is_lost == std::exchange(is_store_lost_, is_lost)) return;
    engine_.set_store_lost(is_lost);
    const std::uint64_t refused = engine_.statistics().refused_store;
    if (is_lost) {
        refused_before_store_ = refused;
    } else if (has_changed || refused > refused_before_store_) {
        log_.warn(fmt::format("store: new calls are taken again; {} were refused", refused - refused_before_store_));
    }
}

std::uint64_t Worker::garbage() const {
    const EngineStatistics &engine = engine_.statistics();
    return engine.not_sip + engine.too_large + engine_.transaction_statistics().malformed;
}

void Worker::watch_garbage(Instant now) {
    const std::uint64_t found = garbage() - garbage_told_;
    if (found == 0 || (garbage_at_ && now < *garbage_at_ + options_.garbage_interval)) return;
    const EngineStatistics &engine = engine_.statistics();
    log_.info(fmt::format("dropped or refused {} messages that are no good SIP; since the start {} are no SIP, {} too "
                          "large, {} malformed",
                          found, engine.not_sip, engine.too_large, engine_.transaction_statistics().malformed));
    garbage_told_ += found;
    garbage_at_ = now;
}

// In one line for all sources: who tries again and again can not fill the log either.
void Worker::watch_failing(Instant now) {
    FailingSources *failing = options_.engine.failing;
    const auto report = failing ? failing->report(now) : std::nullopt;
    if (!report) return;
    const std::string worst =
        report->of_worst == 0 ? "" : fmt::format("; {} of them from {}", report->of_worst, report->worst.to_string());
    log_.warn(fmt::format("trust: refused {} requests of strangers and {} wrong credentials{}; did not listen to {} "
                          "requests of sources that failed too often",
                          report->strangers, report->passwords, worst, report->unheard));
}

void Worker::ask_cluster_size(std::string_view profile, std::string_view value, ClusterCounts::Size then) {
    if (!cluster_) return then(std::nullopt);
    const Instant now = SystemClock::now();
    cluster_->ask_size(profile, value, std::move(then), now);
    settle(now);
}

void Worker::register_with(std::vector<TrunkRegistration> trunks) {
    const Instant now = SystemClock::now();
    engine_.replace_registrations(std::move(trunks), now);
    peers_at_ = now; // new trunks may have names that nobody has asked for
    settle(now);
}

void Worker::watch_trunks(Instant now) {
    if (!options_.trunks) return;
    std::vector<TrunkStatus> changes;
    engine_.take_trunk_changes(changes);
    for (TrunkStatus &change : changes) {
        options_.trunks->note(change, now);
        if (options_.events && options_.events->is_wanted()) tell_trunk(change, now);
        if (journal_) journal_->changed(std::move(change));
    }
}

void Worker::drain(Duration longest, std::function<void()> drained) {
    const Instant now = SystemClock::now();
    engine_.refuse_new_calls();
    engine_.unregister(now);
    drained_ = std::move(drained);
    drain_until_ = now + longest;
    settle(now);
}

void Worker::watch_drain(Instant now) {
    if (!drained_) return;
    if (engine_.calls() > 0) {
        calm_since_.reset();
    } else if (!calm_since_) {
        calm_since_ = now;
    }
    const bool is_calm = calm_since_ && outbox_.waiting() == 0 && engine_.is_unregistered() &&
                         (engine_.transactions() == 0 || now >= *calm_since_ + options_.linger);
    if (is_calm || now >= drain_until_) std::exchange(drained_, nullptr)();
}

void Worker::finish() {
    if (!journal_) return;
    journal_->flush(engine_.living(), SystemClock::now());
    outbox_.release(journal_->settled());
    send_ready();
}

void Worker::arm(Instant now) {
    std::optional<Instant> next = engine_.next_deadline();
    const auto earlier = [&next](std::optional<Instant> at) {
        if (at && (!next || *at < *next)) next = at;
    };
    if (journal_) earlier(journal_->next_deadline());
    if (cluster_) earlier(cluster_->next_deadline());
    if (garbage_at_ && garbage() != garbage_told_) earlier(*garbage_at_ + options_.garbage_interval);
    if (options_.peers && has_peer_names_) earlier(peers_at_);
    if (options_.bindings && options_.keeps_bindings) earlier(options_.bindings->next_deadline());
    if (options_.engine.failing) earlier(options_.engine.failing->next_report());
    for (const LaterTask &task : later_) earlier(task.at);
    if (drained_) earlier(drain_until_);
    if (drained_ && calm_since_) earlier(*calm_since_ + options_.linger);
    if (next) next = std::max(*next, now); // what is due already waits for others of the loop
    loop_.set_deadline(next);
}

} // namespace tandem
