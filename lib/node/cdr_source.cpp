#include "node/cdr_source.hpp"
#include <utility>

namespace tandem {

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
    queue_.push_back(std::move(unsent));
    if (queue_.size() <= max_) return;
    queue_.pop_front();
    ++lost_;
}

void QueuedCdrs::exchange(std::shared_ptr<UnsentCdrs> unsent, std::function<void(bool)> then) {
    unsent->next.clear();
    {
        const std::lock_guard lock(mutex_);
        unsent->waiting = queue_.size();
        for (; unsent->next.size() < unsent->max && !queue_.empty(); queue_.pop_front()) {
            unsent->next.push_back(std::move(queue_.front()));
        }
    }
    then(true);
}

std::uint64_t QueuedCdrs::lost() const {
    const std::lock_guard lock(mutex_);
    return lost_;
}

} // namespace tandem
