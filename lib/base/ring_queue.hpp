// A queue in one block of memory, which doubles when it is full and is given back when the queue runs empty after a
// peak. Elements move as they are taken.
#pragma once
#include <cstddef>
#include <memory>
#include <utility>

namespace tandem {

template <class T>
class RingQueue {
public:
    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }

    // Throws bad_alloc, and nothing changes.
    void push(T value) {
        if (size_ == capacity_) grow();
        block_[(first_ + size_) & (capacity_ - 1)] = std::move(value);
        ++size_;
    }

    // So that as many can be pushed without memory. Throws bad_alloc, and nothing changes.
    void make_room(std::size_t more) {
        while (capacity_ - size_ < more) grow();
    }

    T &front() { return block_[first_]; } // not empty
    const T &front() const { return block_[first_]; }

    void pop() {
        block_[first_] = T();
        first_ = (first_ + 1) & (capacity_ - 1);
        if (--size_ > 0 || capacity_ <= kept) return;
        block_.reset();
        capacity_ = 0;
        first_ = 0;
    }

private:
    static constexpr std::size_t kept = 1024; // elements whose memory stays

    void grow() {
        const std::size_t capacity = capacity_ == 0 ? 16 : capacity_ * 2;
        auto block = std::make_unique<T[]>(capacity);
        for (std::size_t i = 0; i < size_; ++i) block[i] = std::move(block_[(first_ + i) & (capacity_ - 1)]);
        block_ = std::move(block);
        capacity_ = capacity;
        first_ = 0;
    }

    std::unique_ptr<T[]> block_;
    std::size_t capacity_ = 0; // zero or a power of two
    std::size_t first_ = 0;
    std::size_t size_ = 0;
};

} // namespace tandem
