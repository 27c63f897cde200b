// Whether any worker of the process knows of changes that are not in the store: where the configuration says
// on_failure = "reject" none of them begins a call then, also one that has had nothing to write. Threads: from any.
#pragma once
#include <atomic>
#include <cstdint>

namespace tandem {

class StoreHealth {
public:
    void note(bool is_behind) { // of one worker, each time that it changes
        behind_.fetch_add(is_behind ? 1 : -1, std::memory_order_relaxed);
    }
    bool is_lost() const { return behind_.load(std::memory_order_relaxed) > 0; }

private:
    std::atomic<std::int32_t> behind_ = 0; // workers
};

} // namespace tandem
