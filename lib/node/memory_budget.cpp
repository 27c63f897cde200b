#include "node/memory_budget.hpp"
#include <algorithm>
#include <cstdio>
#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

namespace tandem {
namespace {

// The second number of /proc/self/statm, in pages. 3 us.
std::uint64_t read_resident() {
    const int fd = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    char text[128] = {};
    const ssize_t size = ::read(fd, text, sizeof text - 1);
    ::close(fd);
    unsigned long pages = 0;
    if (size <= 0 || std::sscanf(text, "%*u %lu", &pages) != 1) return 0;
    return std::uint64_t{pages} * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

} // namespace

MemoryUse read_memory_use(bool reads_free) {
    MemoryUse use{.resident = read_resident()};
    if (reads_free) use.free = ::mallinfo2().fordblks;
    return use;
}

bool MemoryBudget::is_exceeded(Instant now) {
    if (budget_ == 0) return false;
    const bool was_exceeded = is_exceeded_.load(std::memory_order_relaxed);
    const std::int64_t now_us = now.time_since_epoch().count();
    std::int64_t look_at_us = look_at_us_.load(std::memory_order_relaxed);
    const std::int64_t next_us = now_us + (was_exceeded ? 1'000'000 : 100'000);
    if (now_us < look_at_us || !look_at_us_.compare_exchange_strong(look_at_us, next_us)) return was_exceeded;

    // What was freed stays with the process, so what it has would never be less again.
    MemoryUse use = reader_(false);
    if (use.resident > budget_ || was_exceeded) use = reader_(true);
    const std::uint64_t used = use.resident - std::min(use.free, use.resident);
    const bool is_exceeded = used > (was_exceeded ? budget_ / 10 * 9 : budget_);
    is_exceeded_.store(is_exceeded, std::memory_order_relaxed);
    return is_exceeded;
}

} // namespace tandem
