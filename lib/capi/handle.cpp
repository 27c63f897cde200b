#include "capi/handle.hpp"
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <system_error>
#include <unistd.h>

namespace tandem::capi {

std::uint64_t HostRandom::next() {
    std::uint64_t number = 0;
    while (getrandom(&number, sizeof(number), 0) != static_cast<ssize_t>(sizeof(number))) {
        if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "getrandom");
    }
    return number;
}

std::int32_t timeout_ms_of(const std::optional<Instant> &deadline, Instant now) {
    if (!deadline) return -1;
    if (*deadline <= now) return 0;
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(*deadline - now);
    return static_cast<std::int32_t>(std::min<std::int64_t>(wait.count(), INT32_MAX));
}

} // namespace tandem::capi

tandem_tracker::tandem_tracker(const tandem::ShardedTrackerOptions &options, std::uint32_t events, tandem::Instant now,
                               std::int64_t utc_us)
    : tracker(options, random, now), dialog_max(options.tracker.dialog_max),
      wants_cdr(tandem::capi::wants(events, TANDEM_EVENT_CDR)),
      wants_reserved(tandem::capi::wants(events, TANDEM_EVENT_RESERVED)), clock(now, utc_us) {}

tandem_tracker::~tandem_tracker() {
    delete cluster.load(); // its thread uses all the rest
    if (event_fd >= 0) close(event_fd);
}

void tandem_tracker::announce() {
    if (event_fd.load() < 0 || !tracker.has_events() || is_readable.load()) return;
    const std::lock_guard lock(event_fd_mutex);
    if (is_readable.load()) return;
    static_cast<void>(eventfd_write(event_fd.load(), 1)); // a counter at 0 takes it
    is_readable.store(true);
}

void tandem_tracker::settle() {
    announce();
    tandem::capi::ClusterPort *port = cluster.load(std::memory_order_acquire);
    if (port && tracker.has_shared_ends()) port->on_ends();
}

std::int64_t tandem_tracker::utc_us(const std::optional<tandem::Instant> &at) const {
    if (!at) return 0;
    const std::lock_guard lock(clock_mutex);
    return clock.utc_us(*at);
}
