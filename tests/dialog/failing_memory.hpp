// Memory that runs out: while one of these lives, operator new of this thread counts, and fails after so many blocks.
#pragma once
#include <cstddef>
#include <limits>
#include <new>

namespace tandem::test {

class FailingMemory {
public:
    explicit FailingMemory(std::size_t block_max = std::numeric_limits<std::size_t>::max());
    ~FailingMemory();
    FailingMemory(const FailingMemory &) = delete;
    FailingMemory &operator=(const FailingMemory &) = delete;

    std::size_t blocks() const; // allocated since the beginning, freed or not
    std::size_t bytes() const;
};

// Runs f with so many blocks. False if they were not enough.
template <class F>
bool runs_with(std::size_t block_max, F f) {
    const FailingMemory memory(block_max);
    try {
        f();
    } catch (const std::bad_alloc &) {
        return false;
    }
    return true;
}

} // namespace tandem::test
