#include "node/capture_tap.hpp"
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

namespace tandem {

CaptureTap::CaptureTap(std::function<void()> wake)
    : wake_(std::move(wake)), ring_(std::make_unique_for_overwrite<char[]>(byte_max)) {
    static_assert(std::is_trivially_copyable_v<Head>);
    static_assert(byte_max % alignof(Head) == 0);
}

void CaptureTap::put(const CapturedMessage &message, std::string_view bytes) {
    if (bytes.find_first_not_of("\r\n") == std::string_view::npos) return;
    const std::uint64_t end = end_.load(std::memory_order_relaxed);
    const std::size_t at = end % byte_max;
    const std::size_t space = space_of(bytes.size());
    const std::size_t skipped = byte_max - at < space ? byte_max - at : 0; // a message is in one piece
    if (end + skipped + space - begin_.load(std::memory_order_acquire) > byte_max) {
        dropped_.store(dropped_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        return;
    }
    // Where not even a head fits the reader knows it, too.
    if (skipped >= sizeof(Head)) new (ring_.get() + at) Head{{}, skip};
    char *const place = ring_.get() + (at + skipped) % byte_max;
    new (place) Head{message, bytes.size()};
    std::memcpy(place + sizeof(Head), bytes.data(), bytes.size());
    end_.store(end + skipped + space, std::memory_order_release);
}

void CaptureTap::flush() {
    const std::uint64_t end = end_.load(std::memory_order_relaxed);
    if (end == std::exchange(flushed_, end)) return;
    if (!is_woken_.exchange(true)) wake_();
}

bool CaptureTap::peek(CapturedMessage &message, std::string_view &bytes) {
    std::uint64_t begin = begin_.load(std::memory_order_relaxed);
    if (begin == end_.load(std::memory_order_acquire)) return false;
    const std::size_t rest = byte_max - begin % byte_max;
    const auto head_at = [this](std::uint64_t place) {
        return std::launder(reinterpret_cast<const Head *>(ring_.get() + place % byte_max));
    };
    if (rest < sizeof(Head) || head_at(begin)->size == skip) {
        begin += rest;
        begin_.store(begin, std::memory_order_release);
    }
    const Head *head = head_at(begin);
    message = head->message;
    bytes = {reinterpret_cast<const char *>(head) + sizeof(Head), head->size};
    peeked_ = space_of(head->size);
    return true;
}

void CaptureTap::release() {
    begin_.store(begin_.load(std::memory_order_relaxed) + std::exchange(peeked_, 0), std::memory_order_release);
}

} // namespace tandem
