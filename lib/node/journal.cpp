#include "node/journal.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <utility>

namespace tandem {

Journal::Journal(StoreQueue &store, const WallClock &wall, Log &log, const JournalOptions &options,
                 std::function<void()> wake, const Registrar *registrar, const TrunkStates *trunks)
    : store_(store), wall_(wall), log_(log), options_(options), trunks_(trunks),
      gathering_(std::make_shared<StoreJob>()), written_(std::make_shared<StoreJob>()),
      missed_(registrar, options.ended_max) {
    gathering_->on_done = wake;
    written_->on_done = std::move(wake);
    written_->renewals = gathering_->renewals;
}

void Journal::changed(const DialogRecord &record) {
    // While the store is down nothing is kept of a living set: its state of then is what counts when it is back.
    if (state_ != State::down) gathering_->batch.save(record);
}

void Journal::ended(const DialogRecord &record) {
    EndedSet ended{record.id, std::nullopt};
    if (!record.leg_of) ended.cdr = make_cdr(record, wall_);
    if (record.has_changed_leg && !record.leg.empty() && record.ended) {
        const std::string_view call_id = record.callee_call_id.empty() ? record.call_id : record.callee_call_id;
        ended.refusal = {record.leg, std::string(call_id), wall_.utc_us(*record.ended)};
    }
    if (state_ == State::down) return keep(std::move(ended));
    gathering_->batch.end(std::move(ended));
}

void Journal::moved(const RecordId &id) {
    if (state_ == State::down) return keep({id, std::nullopt});
    gathering_->batch.end({id, std::nullopt});
}

void Journal::changed(BindingRecord record) {
    if (state_ != State::down) return gathering_->batch.save(std::move(record));
    missed_.keep(std::move(record));
    statistics_.bindings_lost = missed_.lost();
}

void Journal::purge_bindings(std::int64_t utc_us) {
    if (state_ != State::down) gathering_->batch.purge_bindings(utc_us);
}

// While the store is down those that it gets when it is back say it all.
void Journal::changed(TrunkStatus status) {
    if (state_ != State::down) gathering_->batch.save(std::move(status));
}

StoreTicket Journal::commit(Instant now) {
    if (gathering_->batch.empty()) return 0;
    const StoreTicket ticket = ticket_;
    if (!gathering_since_) gathering_since_ = now;
    if (!is_writing_) {
        submit_gathered();
        collect(now);
    } else if (gathering_->batch.bytes() > options_.gather_max) {
        give_up(fmt::format("more than {} bytes wait for it", options_.gather_max), now);
    }
    return state_ == State::current ? ticket : 0;
}

void Journal::verify(Instant now) {
    if (state_ != State::current || is_writing_) return; // it hears by what it has sent, or sends all anyway
    if (!gathering_since_) gathering_since_ = now;
    submit_gathered();
    collect(now);
}

void Journal::submit_gathered() {
    gathering_.swap(written_);
    is_writing_ = true;
    is_slice_ = false;
    ++ticket_;
    writing_since_ = *std::exchange(gathering_since_, std::nullopt);
    store_.submit(written_);
}

void Journal::collect(Instant now) {
    while (is_writing_ && written_->is_done.load(std::memory_order_acquire)) {
        is_writing_ = false;
        if (written_->result) {
            on_written(now);
        } else {
            on_refused(written_->result.error(), now);
        }
        written_->batch.clear();
        // After an outage slices and rounds take turns, so that neither waits for ever.
        const bool is_turn =
            state_ == State::current || (state_ == State::catching_up && (is_slice_ || !is_missing_any()));
        if (is_turn && !gathering_->batch.empty()) submit_gathered();
    }
}

void Journal::on_written(Instant now) {
    ++statistics_.commits;
    if (state_ == State::current) settled_ = ticket_ - 1;
    if (state_ == State::down) { // it had been given up
        retry_at_ = now + retry_after_;
        ended_written_ += written_->batch.ended().size();
        bindings_written_ += written_->batch.bindings().size();
    }
    if (!is_slice_ || state_ != State::catching_up) return;
    living_->resize(living_->size() - saved_in_slice_);
    ended_written_ += written_->batch.ended().size();
    living_written_ += saved_in_slice_;
    bindings_written_ += written_->batch.bindings().size();
    if (is_missing_any()) return;
    if (now <= writing_since_ + options_.wait_max) return finish(now);
    retry_at_ = now + options_.retry_max; // all is there, but too late for a message that had waited for it
}

void Journal::on_refused(const Failure &failure, Instant now) {
    keep_first(written_->batch.take_ended());
    missed_.keep(written_->batch.take_bindings());
    if (state_ != State::current && failure.error == Error::store_renewed) {
        log_.error(fmt::format("store: {}", failure.detail)); // news, whatever was told of the outage before
    }
    go_down(failure.detail, now);
}

void Journal::give_up(const std::string &why, Instant now) {
    if (state_ == State::down) return;
    ++statistics_.stalls;
    go_down(why, now);
}

void Journal::go_down(const std::string &why, Instant now) {
    if (state_ == State::current) {
        log_.error(fmt::format("store: {}; {}, and are written when it is back", why,
                               options_.rejects_calls ? "new calls get 503; those that are up go on" : "calls go on"));
        down_since_ = now;
        failures_before_ = statistics_.failures;
        lost_before_ = statistics_.lost;
        ended_written_ = 0;
        living_written_ = 0;
        bindings_written_ = 0;
    }
    // A store that fails again so soon was not really back: the waits go on growing.
    const bool is_new = state_ == State::current && now >= back_at_ + 2 * options_.retry_max;
    retry_after_ = is_new ? options_.retry_min : std::min(retry_after_ * 2, options_.retry_max);
    retry_at_ = now + retry_after_;
    state_ = State::down;
    living_.reset();
    ++statistics_.failures;
    statistics_.is_behind = true;

    for (EndedSet &ended : gathering_->batch.take_ended()) keep(std::move(ended));
    missed_.keep(gathering_->batch.take_bindings());
    missed_.begin();
    misses_trunks_ = trunks_ != nullptr;
    statistics_.bindings_lost = missed_.lost();
    gathering_->batch.clear();
    gathering_since_.reset();
    settled_ = ticket_++;
}

void Journal::keep(EndedSet ended) {
    waiting_.push_back(std::move(ended));
    bound_waiting();
}

// Older than what waits already.
void Journal::keep_first(std::vector<EndedSet> ended) {
    waiting_.insert(waiting_.begin(), std::make_move_iterator(ended.begin()), std::make_move_iterator(ended.end()));
    bound_waiting();
}

void Journal::bound_waiting() {
    for (; waiting_.size() > options_.ended_max; waiting_.pop_front()) {
        if (statistics_.lost++ == lost_before_) {
            log_.error(fmt::format("store: more than {} ended calls wait for it; the oldest are lost from now on",
                                   options_.ended_max));
        }
    }
    statistics_.pending = waiting_.size();
}

std::optional<Instant> Journal::next_deadline() const {
    if (is_writing_) {
        if (state_ != State::current) return std::nullopt; // nobody waits for it: it ends when it ends
        return writing_since_ + options_.wait_max;
    }
    if (state_ == State::current) return std::nullopt;
    return retry_at_;
}

void Journal::advance(const LivingDialogs &living, Instant now) {
    collect(now);
    const auto due = next_deadline();
    if (!due || now < *due) return;
    if (is_writing_) {
        return give_up(fmt::format("no answer within {} ms", to_ms(options_.wait_max)), now);
    }
    gather_slice(living);
    writing_since_ = now;
    is_writing_ = true;
    is_slice_ = true;
    store_.submit(written_);
    collect(now);
}

// What was missed, up to a slice of it: first what ended, in its order, then what lives, then bindings, and all trunks.
// From now on rounds gather again: what they change is newer. Where nothing is missing any more, a slice of what lives
// shows how long it takes.
void Journal::gather_slice(const LivingDialogs &living) {
    state_ = State::catching_up;
    const bool is_trial = !is_missing_any();
    if (!living_ || is_trial) living_ = living.dialogs();
    if (is_trial) living_->resize(std::min(living_->size(), options_.slice));
    StoreBatch &batch = written_->batch;
    std::size_t room = options_.slice;
    for (; room > 0 && !waiting_.empty(); --room) {
        batch.end(std::move(waiting_.front()));
        waiting_.pop_front();
    }
    statistics_.pending = waiting_.size();
    saved_in_slice_ = std::min(room, living_->size());
    for (std::size_t i = 0; i < saved_in_slice_; ++i) {
        const auto record = living.record((*living_)[living_->size() - 1 - i]);
        if (record) batch.save(*record); // else it ended meanwhile, and was written as such
    }
    missed_.fill(batch, room - saved_in_slice_);
    if (std::exchange(misses_trunks_, false)) batch.replace_trunks(trunks_->list());
}

// Of what an outage has left to write.
bool Journal::is_missing_any() const {
    return !living_ || !living_->empty() || !waiting_.empty() || !missed_.empty() || misses_trunks_;
}

// False: there is no answer.
bool Journal::wait_for_store(Instant now) {
    while (is_writing_) {
        if (!store_.wait(*written_, options_.patience)) return false;
        collect(now);
    }
    return true;
}

void Journal::flush(const LivingDialogs &living, Instant now) {
    bool has_answer = wait_for_store(now);
    const std::uint64_t failures = statistics_.failures;
    while (has_answer && state_ != State::current && statistics_.failures == failures) {
        retry_at_ = now;
        advance(living, now);
        has_answer = wait_for_store(now);
    }
    if (state_ == State::current && has_answer) return;
    std::size_t lost = waiting_.size() + gathering_->batch.ended().size();
    if (!has_answer) lost += written_->batch.ended().size();
    log_.error(fmt::format("store: still failing at the end; {} ended dialogs are lost", lost));
}

void Journal::finish(Instant now) {
    state_ = State::current;
    living_.reset();
    back_at_ = now;
    statistics_.is_behind = false;
    log_.warn(fmt::format(
        "store: back after {} ms and {} failures; wrote {} ended and {} living dialogs and {} bindings, lost {}",
        to_ms(now - down_since_), statistics_.failures - failures_before_, ended_written_, living_written_,
        bindings_written_, statistics_.lost - lost_before_));
}

} // namespace tandem
