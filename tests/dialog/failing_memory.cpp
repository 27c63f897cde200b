#include "dialog/failing_memory.hpp"
#include <cstdlib>
#include <new>

namespace {

struct Memory {
    bool is_watched = false;
    std::size_t block_max = 0;
    std::size_t blocks = 0;
    std::size_t bytes = 0;
};
thread_local Memory memory;

void *allocate(std::size_t size) noexcept {
    if (memory.is_watched) {
        if (memory.blocks == memory.block_max) return nullptr;
        ++memory.blocks;
        memory.bytes += size;
    }
    return std::malloc(size == 0 ? 1 : size);
}

void *allocate_or_throw(std::size_t size) {
    void *block = allocate(size);
    if (!block) throw std::bad_alloc();
    return block;
}

} // namespace

// All of them, for a sanitizer has its own of those that are left out, and compares which one freed.
void *operator new(std::size_t size) { return allocate_or_throw(size); }
void *operator new[](std::size_t size) { return allocate_or_throw(size); }
void *operator new(std::size_t size, const std::nothrow_t &) noexcept { return allocate(size); }
void *operator new[](std::size_t size, const std::nothrow_t &) noexcept { return allocate(size); }
void operator delete(void *block) noexcept { std::free(block); }
void operator delete[](void *block) noexcept { std::free(block); }
void operator delete(void *block, std::size_t) noexcept { std::free(block); }
void operator delete[](void *block, std::size_t) noexcept { std::free(block); }
void operator delete(void *block, const std::nothrow_t &) noexcept { std::free(block); }
void operator delete[](void *block, const std::nothrow_t &) noexcept { std::free(block); }

namespace tandem::test {

FailingMemory::FailingMemory(std::size_t block_max) { memory = {true, block_max, 0, 0}; }

FailingMemory::~FailingMemory() { memory = {}; }

std::size_t FailingMemory::blocks() const { return memory.blocks; }

std::size_t FailingMemory::bytes() const { return memory.bytes; }

} // namespace tandem::test
