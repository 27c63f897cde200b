// The thread that waits for the disk, so that no loop has to. All workers may share one.
//
// To wake a thread and to be woken by it costs as much as a commit, and a commit costs more than what is in it. So the
// thread rests after each: what comes meanwhile wakes nobody and shares the next one. Of few messages none waits for
// that.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>
#include "node/store_queue.hpp"

namespace tandem {

struct StoreThreadOptions {
    Duration interval = std::chrono::milliseconds(5); // from one commit to the next, at least; zero: none

    // What a store has thrown: called once, on the thread, which ends with it. Everything that was submitted, and is
    // from now on, is refused.
    std::function<void(std::exception_ptr thrown)> on_failure{};

    // Called on the thread when records of calls are in the store.
    std::function<void(std::uint64_t records)> on_records{};

    // Called on the thread when a store was renewed: whoever has saved something there has to hear of it, see
    // Journal::verify().
    std::function<void()> on_renewed{};
};

class StoreThread final : public StoreQueue {
public:
    // No other thread uses the stores now. They outlive the thread.
    explicit StoreThread(const Stores &stores, const StoreThreadOptions &options = {});
    ~StoreThread() override; // writes what was submitted

    // From any thread.
    void submit(std::shared_ptr<StoreJob> job) override;
    bool wait(const StoreJob &job, Duration longest) override;

    // From any thread: `task` has the stores for itself, between two batches, and says what they said. Forgotten at the
    // end, or after a failure.
    using Task = std::function<Result<void, Failure>()>;
    void post(Task task);

private:
    using Jobs = std::vector<std::shared_ptr<StoreJob>>;
    using Tasks = std::vector<Task>;
    void run();
    bool take(Jobs &jobs, Tasks &tasks); // false: it is the end
    void work(Jobs &jobs, Tasks &tasks);
    void write(Jobs &jobs);
    void finish(Jobs &jobs);
    void refuse(Jobs &jobs);
    Result<void, Failure> write_together(const Jobs &jobs);
    Jobs refuse_unaware(const Jobs &jobs);
    bool is_renewed(const Result<void, Failure> &written);
    void tell_renewed(StoreJob &job) const;

    const Stores stores_;
    StoreThreadOptions options_;
    std::uint64_t renewals_ = 0; // of the store; of the thread alone, like the next
    Failure renewal_;            // the last of them

    std::mutex mutex_;
    std::condition_variable wake_;
    std::condition_variable done_; // a job is
    Jobs queue_;                   // guarded by mutex_, like those below
    Tasks tasks_;
    bool is_asleep_ = false; // until somebody wakes it
    bool is_ending_ = false;
    bool has_failed_ = false;

    std::thread thread_; // last: it uses the others
};

} // namespace tandem
