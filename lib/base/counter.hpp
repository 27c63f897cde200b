// A number that one thread at a time changes and any thread reads, without a lock. Several of them are summed when
// they are read: each is exact, their sum is that of nearly one moment.
#pragma once
#include <atomic>
#include <cstdint>

namespace tandem {

class Counter {
public:
    Counter &operator++() { return add(1); }
    Counter &operator--() { return add(~std::uint64_t{0}); }
    std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

private:
    // Writers take turns already, so this needs no atomic addition.
    Counter &add(std::uint64_t amount) {
        value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
        return *this;
    }

    std::atomic<std::uint64_t> value_{0};
};

} // namespace tandem
