#include "node/journal.hpp"
#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace tandem {

Journal::Journal(DialogStore &dialogs, CdrStore &cdrs, const WallClock &wall, Log &log, const JournalOptions &options)
    : dialogs_(dialogs), cdrs_(cdrs), wall_(wall), log_(log), options_(options) {}

void Journal::changed(const DialogRecord &record) {
    // While the store is down nothing is kept of a living set: its state of then is what counts when it is back.
    if (state_ == State::down || refused_) return;
    batch_is_empty_ = false;
    if (auto saved = dialogs_.save(record); !saved) refused_ = saved.error();
}

void Journal::ended(const DialogRecord &record) {
    Ended ended{record.id, std::nullopt};
    if (!record.leg_of) ended.cdr = make_cdr(record, wall_);
    if (state_ == State::down) return keep(std::move(ended));

    // Kept until the commit: the tracker forgets the set, and the commit may fail.
    batch_is_empty_ = false;
    batch_.push_back(std::move(ended));
    if (refused_) return;
    if (auto written = write(batch_.back()); !written) refused_ = written.error();
}

void Journal::commit(Instant now) {
    if (batch_is_empty_) return;
    // Also after a refusal: a store fails everything up to the commit that ends the batch, and then begins anew.
    if (auto committed = dialogs_.commit(); !committed && !refused_) refused_ = committed.error();
    if (refused_) {
        fail(*refused_, now);
        for (Ended &ended : batch_) keep(std::move(ended));
    } else {
        ++statistics_.commits;
    }
    batch_.clear();
    batch_is_empty_ = true;
    refused_.reset();
}

Result<void, Failure> Journal::write(const Ended &ended) {
    if (ended.cdr) {
        if (auto inserted = cdrs_.insert(*ended.cdr); !inserted) return inserted;
    }
    return dialogs_.erase(ended.id);
}

void Journal::keep(Ended ended) {
    waiting_.push_back(std::move(ended));
    if (waiting_.size() > options_.ended_max) {
        waiting_.pop_front();
        if (statistics_.lost++ == lost_before_) {
            log_.error(fmt::format("store: more than {} ended calls wait for it; the oldest are lost from now on",
                                   options_.ended_max));
        }
    }
    statistics_.pending = waiting_.size();
}

void Journal::fail(const Failure &failure, Instant now) {
    if (state_ == State::current) {
        log_.error(fmt::format("store: {}; calls go on, and are written when it is back", failure.detail));
        down_since_ = now;
        failures_before_ = statistics_.failures;
        lost_before_ = statistics_.lost;
        ended_written_ = 0;
        living_written_ = 0;
    }
    // A store that fails again so soon was not really back: the waits go on growing.
    const bool is_new = state_ == State::current && now >= back_at_ + 2 * options_.retry_max;
    retry_after_ = is_new ? options_.retry_min : std::min(retry_after_ * 2, options_.retry_max);
    retry_at_ = now + retry_after_;
    state_ = State::down;
    living_.reset();
    ++statistics_.failures;
    statistics_.is_behind = true;
}

std::optional<Instant> Journal::next_deadline() const {
    if (state_ == State::current) return std::nullopt;
    return retry_at_;
}

// What was missed, up to a slice of it: first what ended, in its order, then what lives.
Result<void, Failure> Journal::write_slice(const Tracker &living, std::size_t &ended, std::size_t &saved) {
    auto written = offer_slice(living, ended, saved);
    auto committed = dialogs_.commit();
    return written ? committed : written;
}

Result<void, Failure> Journal::offer_slice(const Tracker &living, std::size_t &ended, std::size_t &saved) {
    for (; ended < waiting_.size() && ended < options_.slice; ++ended) {
        if (auto written = write(waiting_[ended]); !written) return written;
    }
    for (; ended + saved < options_.slice && saved < living_->size(); ++saved) {
        const auto record = living.record((*living_)[living_->size() - 1 - saved]);
        if (!record) continue; // ended meanwhile, and written as such
        if (auto written = dialogs_.save(*record); !written) return written;
    }
    return {};
}

void Journal::advance(const Tracker &living, Instant now) {
    if (state_ == State::current || now < retry_at_) return;
    if (!living_) living_ = living.dialogs();

    std::size_t ended = 0;
    std::size_t saved = 0;
    if (auto written = write_slice(living, ended, saved); !written) return fail(written.error(), now);
    ++statistics_.commits;
    state_ = State::catching_up;
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(ended));
    living_->resize(living_->size() - saved);
    ended_written_ += ended;
    living_written_ += saved;
    statistics_.pending = waiting_.size();
    if (waiting_.empty() && living_->empty()) finish(now);
}

void Journal::flush(const Tracker &living, Instant now) {
    const std::uint64_t failures = statistics_.failures;
    while (state_ != State::current && statistics_.failures == failures) {
        retry_at_ = now;
        advance(living, now);
    }
    if (state_ == State::current) return;
    log_.error(fmt::format("store: still failing at the end; {} ended dialogs are lost", waiting_.size()));
}

void Journal::finish(Instant now) {
    state_ = State::current;
    living_.reset();
    back_at_ = now;
    statistics_.is_behind = false;
    log_.warn(fmt::format("store: back after {} ms and {} failures; wrote {} ended and {} living dialogs, lost {}",
                          to_ms(now - down_since_), statistics_.failures - failures_before_, ended_written_,
                          living_written_, statistics_.lost - lost_before_));
}

} // namespace tandem
