// Whether the process uses more memory than it may: then it takes no new calls. One for all workers.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>
#include "base/instant.hpp"

namespace tandem {

struct MemoryUse {
    std::uint64_t resident = 0; // bytes that the process has
    std::uint64_t free = 0;     // of these, that will be used again: by the allocator, or by tables that were fuller
};

MemoryUse read_memory_use(bool reads_free); // of this process; to know what is free takes the longer the more there is

class MemoryBudget {
public:
    using Reader = std::function<MemoryUse(bool reads_free)>;

    // In bytes; 0: none. New calls are refused above it, until a tenth of it is free.
    explicit MemoryBudget(std::uint64_t budget, Reader reader = &read_memory_use)
        : budget_(budget), reader_(std::move(reader)) {}

    // From any thread. Looks ten times a second, and once a second while it is exceeded: that takes longer.
    bool is_exceeded(Instant now);

private:
    const std::uint64_t budget_;
    const Reader reader_;
    std::atomic<std::int64_t> look_at_us_ = 0; // whoever moves it looks
    std::atomic<bool> is_exceeded_ = false;
};

} // namespace tandem
