#include "node/cdr_source.hpp"
#include <utility>

namespace tandem {
namespace {

std::size_t bytes_of(const UnsentCdr &cdr) { return cdr.id.size() + cdr.json.size(); }

} // namespace

StoredCdrs::StoredCdrs(StoreQueue &store) : store_(store) {
    job_->on_done = [this] {
        const bool is_written = job_->result.ok();
        job_->batch.clear();
        std::exchange(then_, nullptr)(is_written);
    };
}

void StoredCdrs::exchange(std::shared_ptr<UnsentCdrs> unsent, std::function<void(bool)> then) {
    then_ = std::move(then);
    job_->batch.exchange(std::move(unsent));
    store_.submit(job_);
}

void QueuedCdrs::keep(const Cdr &cdr) {
    UnsentCdr unsent{0, cdr.id.to_string(), to_json(cdr)};
    const std::lock_guard lock(mutex_);
    bytes_ += bytes_of(unsent);
    queue_.push_back(std::move(unsent));
    for (; queue_.size() > max_ || bytes_ > bytes_max_; ++lost_) take_oldest();
}

UnsentCdr QueuedCdrs::take_oldest() {
    UnsentCdr oldest = std::move(queue_.front());
    queue_.pop_front();
    bytes_ -= bytes_of(oldest);
    return oldest;
}

void QueuedCdrs::exchange(std::shared_ptr<UnsentCdrs> unsent, std::function<void(bool)> then) {
    unsent->next.clear();
    {
        const std::lock_guard lock(mutex_);
        unsent->waiting = queue_.size();
        while (unsent->next.size() < unsent->max && !queue_.empty()) unsent->next.push_back(take_oldest());
    }
    then(true);
}

std::uint64_t QueuedCdrs::lost() const {
    const std::lock_guard lock(mutex_);
    return lost_;
}

} // namespace tandem
