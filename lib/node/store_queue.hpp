// Where a journal hands its batches to be written. Each is one transaction.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include "base/instant.hpp"
#include "base/result.hpp"
#include "node/store_batch.hpp"

namespace tandem {

// A batch and what became of it. Between submit() and is_done it belongs to the queue.
struct StoreJob {
    StoreBatch batch;
    Result<void, Failure> result;     // once it is done
    std::function<void()> on_done;    // called then, on whatever thread: wakes who waits. Set once
    std::atomic<bool> is_done = true; // published after everything else

    // How often the store was renewed, as far as the sender has heard: one number for all its jobs. It is the queue's.
    std::shared_ptr<std::uint64_t> renewals = std::make_shared<std::uint64_t>(0);
};

class StoreQueue {
public:
    virtual ~StoreQueue() = default;

    // Writes the batch and commits it, after those before it; perhaps before this returns. Where the store was renewed,
    // also by a batch of somebody else, the next one of each sender fails with store_renewed.
    virtual void submit(std::shared_ptr<StoreJob> job) = 0;

    // Returns when the job is done, or with false after `longest`.
    virtual bool wait(const StoreJob &job, Duration longest) = 0;
};

} // namespace tandem
