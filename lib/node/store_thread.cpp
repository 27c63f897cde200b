#include "node/store_thread.hpp"
#include <pthread.h>
#include <utility>

namespace tandem {
namespace {

std::uint64_t count_records(const std::vector<std::shared_ptr<StoreJob>> &written) {
    std::uint64_t records = 0;
    for (const std::shared_ptr<StoreJob> &job : written) {
        if (!job->result) continue;
        for (const EndedSet &ended : job->batch.ended()) records += ended.cdr ? 1 : 0;
    }
    return records;
}

Failure failure_of_thread() { return {Error::store_failed, "the thread of the store has failed"}; }

} // namespace

StoreThread::StoreThread(const Stores &stores, const StoreThreadOptions &options)
    : stores_(stores), options_(options), thread_([this] { run(); }) {
    ::pthread_setname_np(thread_.native_handle(), "store"); // for whoever looks at the process
}

StoreThread::~StoreThread() {
    {
        const std::lock_guard lock(mutex_);
        is_ending_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void StoreThread::submit(std::shared_ptr<StoreJob> job) {
    job->is_done.store(false, std::memory_order_relaxed);
    bool wakes = false;
    {
        const std::lock_guard lock(mutex_);
        if (has_failed_) {
            job->result = failure_of_thread();
            return job->is_done.store(true, std::memory_order_release);
        }
        queue_.push_back(std::move(job));
        wakes = std::exchange(is_asleep_, false);
    }
    if (wakes) wake_.notify_one();
}

void StoreThread::post(Task task) {
    {
        const std::lock_guard lock(mutex_);
        if (has_failed_ || is_ending_) return;
        tasks_.push_back(std::move(task));
        is_asleep_ = false;
    }
    wake_.notify_one();
}

bool StoreThread::wait(const StoreJob &job, Duration longest) {
    std::unique_lock lock(mutex_);
    return done_.wait_for(lock, longest, [&job] { return job.is_done.load(std::memory_order_acquire); });
}

void StoreThread::run() {
    Jobs jobs;
    Tasks tasks;
    try {
        while (take(jobs, tasks)) work(jobs, tasks);
    } catch (...) {
        if (options_.on_failure) options_.on_failure(std::current_exception()); // before anybody goes on without us
        Jobs waiting;
        {
            const std::lock_guard lock(mutex_);
            has_failed_ = true;
            waiting.swap(queue_);
        }
        refuse(jobs);
        refuse(waiting);
    }
}

void StoreThread::work(Jobs &jobs, Tasks &tasks) {
    const std::uint64_t renewals = renewals_;
    if (!jobs.empty()) write(jobs);
    for (const Task &task : std::exchange(tasks, {})) is_renewed(task());
    if (renewals_ != renewals && options_.on_renewed) options_.on_renewed();
}

bool StoreThread::take(Jobs &jobs, Tasks &tasks) {
    std::unique_lock lock(mutex_);
    if (options_.interval > Duration::zero()) wake_.wait_for(lock, options_.interval, [this] { return is_ending_; });
    if (queue_.empty() && tasks_.empty()) {
        is_asleep_ = true;
        wake_.wait(lock, [this] { return !queue_.empty() || !tasks_.empty() || is_ending_; });
        is_asleep_ = false;
    }
    jobs.swap(queue_);
    if (is_ending_) return !jobs.empty();
    tasks.swap(tasks_);
    return true;
}

// What several workers have brought is one transaction. If that fails each has its own, so that none suffers from what
// another one wrote.
void StoreThread::write(Jobs &jobs) {
    const Jobs aware = refuse_unaware(jobs);
    const auto together = write_together(aware);
    if (is_renewed(together)) {
        for (const std::shared_ptr<StoreJob> &job : aware) tell_renewed(*job);
    } else {
        for (const std::shared_ptr<StoreJob> &job : aware) {
            if (*job->renewals == renewals_) {
                job->result = together || aware.size() == 1 ? together : write_together({job});
            }
            if (*job->renewals != renewals_ || is_renewed(job->result)) tell_renewed(*job);
        }
    }
    const std::uint64_t records = options_.on_records ? count_records(jobs) : 0; // later the batches are not ours
    finish(jobs);
    if (records > 0) options_.on_records(records);
}

// What a sender has saved before may be gone, and he alone can save it again: so he hears of it first.
StoreThread::Jobs StoreThread::refuse_unaware(const Jobs &jobs) {
    Jobs aware;
    for (const std::shared_ptr<StoreJob> &job : jobs) {
        if (*job->renewals == renewals_) {
            aware.push_back(job);
        } else {
            tell_renewed(*job);
        }
    }
    return aware;
}

bool StoreThread::is_renewed(const Result<void, Failure> &written) {
    if (written || written.error().error != Error::store_renewed) return false;
    ++renewals_;
    renewal_ = written.error();
    return true;
}

void StoreThread::tell_renewed(StoreJob &job) const {
    *job.renewals = renewals_;
    job.result = renewal_;
}

// From now on each is its worker's again.
void StoreThread::finish(Jobs &jobs) {
    const Jobs done = std::exchange(jobs, {});
    {
        const std::lock_guard lock(mutex_);
        for (const std::shared_ptr<StoreJob> &job : done) job->is_done.store(true, std::memory_order_release);
    }
    done_.notify_all();
    for (const std::shared_ptr<StoreJob> &job : done) {
        if (job->on_done) job->on_done();
    }
}

void StoreThread::refuse(Jobs &jobs) {
    for (const std::shared_ptr<StoreJob> &job : jobs) job->result = failure_of_thread();
    finish(jobs);
}

Result<void, Failure> StoreThread::write_together(const Jobs &jobs) {
    Result<void, Failure> written;
    for (const std::shared_ptr<StoreJob> &job : jobs) {
        if (written) written = job->batch.write(stores_);
    }
    // Also after a refusal: a store fails everything up to the commit that ends the batch, and then begins anew.
    auto committed = stores_.dialogs.commit();
    return written ? committed : written;
}

} // namespace tandem
