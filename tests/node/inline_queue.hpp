// A queue in front of a store that writes at once, or when the test lets it: without threads.
#pragma once
#include <deque>
#include <utility>
#include "node/failing_store.hpp"
#include "node/store_queue.hpp"

namespace tandem::test {

class InlineQueue final : public StoreQueue {
public:
    explicit InlineQueue(FailingStore &store) : store_(store) {}

    bool is_stuck = false;           // from now on nothing is written
    std::function<void()> on_submit; // before anything is written
    std::size_t submitted = 0;

    void submit(std::shared_ptr<StoreJob> job) override {
        ++submitted;
        if (on_submit) on_submit();
        job->is_done = false;
        jobs_.push_back(std::move(job));
        if (!is_stuck) work();
    }
    bool wait(const StoreJob &job, Duration) override { return job.is_done; }

    // The store answers again.
    void work() {
        is_stuck = false;
        while (!jobs_.empty()) answer();
    }

    // It answers once.
    void answer() {
        const std::shared_ptr<StoreJob> job = std::move(jobs_.front());
        jobs_.pop_front();
        auto written = job->batch.write({store_, store_, store_, store_});
        auto committed = store_.commit();
        job->result = written ? committed : written;
        job->is_done = true;
        if (job->on_done) job->on_done();
    }

private:
    FailingStore &store_;
    std::deque<std::shared_ptr<StoreJob>> jobs_;
};

} // namespace tandem::test
