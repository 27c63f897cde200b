// Where a stream takes its records from: the marks in the store, or, where nothing is stored, a queue in memory.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include "node/store_queue.hpp"

namespace tandem {

class CdrSource {
public:
    virtual ~CdrSource() = default;

    // CdrStore::exchange_unsent(), one at a time. `then` is called on any thread, perhaps before this returns; false:
    // it failed, and is to be done again. Not called any more where the store has thrown: that is the end.
    virtual void exchange(std::shared_ptr<UnsentCdrs> unsent, std::function<void(bool)> then) = 0;

    // Records that were given up.
    virtual std::uint64_t lost() const { return 0; }
};

// In the transactions of the store's batches.
class StoredCdrs final : public CdrSource {
public:
    // The queue writes nothing any more when this goes.
    explicit StoredCdrs(StoreQueue &store);
    void exchange(std::shared_ptr<UnsentCdrs> unsent, std::function<void(bool)> then) override;

private:
    StoreQueue &store_;
    std::shared_ptr<StoreJob> job_ = std::make_shared<StoreJob>();
    std::function<void(bool)> then_;
};

// Of a process that stores nothing: what is here when it ends is lost. Threads: from any.
class QueuedCdrs final : public CdrSource {
public:
    explicit QueuedCdrs(std::size_t max = 100'000, std::size_t bytes_max = 64 << 20)
        : max_(max), bytes_max_(bytes_max) {}

    void keep(const Cdr &cdr); // beyond `max`, or so many bytes of text, the oldest go

    void exchange(std::shared_ptr<UnsentCdrs> unsent, std::function<void(bool)> then) override; // forgets what it gives
    std::uint64_t lost() const override;

private:
    UnsentCdr take_oldest();

    const std::size_t max_;
    const std::size_t bytes_max_;
    mutable std::mutex mutex_;
    std::deque<UnsentCdr> queue_; // oldest first; guarded by mutex_, like the next two
    std::size_t bytes_ = 0;
    std::uint64_t lost_ = 0;
};

} // namespace tandem
