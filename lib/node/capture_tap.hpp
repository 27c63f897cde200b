// Copies of messages on their way from the worker that has them to the thread that brings them to a collector: a ring
// of bytes that one thread fills and another empties, without a lock. What finds no room is dropped and counted.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include "base/endpoint.hpp"

namespace tandem {

struct CapturedMessage {
    Endpoint from;
    Endpoint to;
    std::int64_t at_us = 0; // UTC
};

class CaptureTap {
public:
    static constexpr std::size_t byte_max = 4 << 20; // that wait; a power of two

    // `wake` is called on the producer's thread when the reader is to come.
    explicit CaptureTap(std::function<void()> wake);

    // Of the producer. What is no more than line ends keeps a way open, and is no message.
    void put(const CapturedMessage &message, std::string_view bytes);
    void flush(); // at the end of a round

    // Of the reader: the oldest message, whose bytes stay until release(). False: there is none.
    bool peek(CapturedMessage &message, std::string_view &bytes);
    void release();
    void begin_reading() { is_woken_.exchange(false); } // before the first peek(): what comes from now on wakes again

    std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); } // from any thread

private:
    struct Head {
        CapturedMessage message;
        std::size_t size = 0; // of the bytes behind it; skip: the ring goes on at its beginning
    };
    static constexpr std::size_t skip = SIZE_MAX;
    static constexpr std::size_t space_of(std::size_t size) {
        return (sizeof(Head) + size + alignof(Head) - 1) / alignof(Head) * alignof(Head);
    }

    const std::function<void()> wake_;
    std::unique_ptr<char[]> ring_; // a page is real once it was written to
    std::uint64_t flushed_ = 0;    // the producer's: end_ at the last flush
    std::size_t peeked_ = 0;       // the reader's: space of what was given last

    // Both count bytes, and lie on cache lines of their own.
    alignas(64) std::atomic<std::uint64_t> end_{0};
    std::atomic<std::uint64_t> dropped_{0};
    alignas(64) std::atomic<std::uint64_t> begin_{0};
    std::atomic<bool> is_woken_{false};
};

} // namespace tandem
