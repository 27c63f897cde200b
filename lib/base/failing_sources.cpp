#include "base/failing_sources.hpp"
#include <algorithm>
#include <bit>
#include <mutex>
#include <string_view>
#include <utility>

namespace tandem {
namespace {

IpAddress network_of(IpAddress ip) {
    if (ip.is_v6) std::fill(ip.bytes.begin() + 8, ip.bytes.end(), std::uint8_t{0});
    return ip;
}

} // namespace

FailingSources::FailingSources(const FailureLimits &limits, Random &random) : limits_(limits), hash_(random) {}

std::size_t FailingSources::first_place(const IpAddress &source) const {
    const std::string_view bytes(reinterpret_cast<const char *>(source.bytes.data()), source.bytes.size());
    return hash_(bytes) % (entries_.size() / ways) * ways;
}

FailingSources::Entry *FailingSources::find(const IpAddress &source) {
    if (entries_.empty()) return nullptr;
    const std::size_t first = first_place(source);
    for (std::size_t i = first; i < first + ways; ++i) {
        if (entries_[i].is_used && entries_[i].source == source) return &entries_[i];
    }
    return nullptr;
}

// The one that was silent for longest makes room: it has most likely nothing to be forgiven.
FailingSources::Entry &FailingSources::entry_of(const IpAddress &source, Instant now) {
    if (entries_.empty()) entries_.resize(std::bit_ceil(std::max<std::size_t>(limits_.sources_max, ways)));
    if (Entry *known = find(source)) return *known;
    const std::size_t first = first_place(source);
    Entry *oldest = &entries_[first];
    for (std::size_t i = first; i < first + ways && oldest->is_used; ++i) {
        if (!entries_[i].is_used || entries_[i].at < oldest->at) oldest = &entries_[i];
    }
    *oldest = Entry();
    oldest->source = source;
    oldest->is_used = true;
    oldest->at = now;
    return *oldest;
}

void FailingSources::fail(const IpAddress &ip, SourceFailure what, Instant now) {
    const std::lock_guard lock(mutex_);
    Entry &entry = entry_of(network_of(ip), now);
    if (now > entry.at) { // threads may be apart by a little
        entry.debt = std::max(Duration::zero(), entry.debt - (now - entry.at));
        entry.at = now;
    }
    if (entry.debt + limits_.forgiven <= limits_.forgiven * limits_.burst) {
        entry.debt += limits_.forgiven;
    } else {
        entry.slow_until = now + limits_.slow;
    }
    ++(what == SourceFailure::stranger ? next_.strangers : next_.passwords);
    if (std::exchange(entry.period, period_) != period_) entry.failures = 0;
    if (++entry.failures < next_.of_worst) return;
    next_.of_worst = entry.failures;
    next_.worst = entry.source;
}

bool FailingSources::is_slow(const IpAddress &ip, Instant now) {
    const std::lock_guard lock(mutex_);
    const Entry *entry = find(network_of(ip));
    return entry && now < entry->slow_until;
}

void FailingSources::note_unheard() {
    const std::lock_guard lock(mutex_);
    ++next_.unheard;
}

std::optional<Instant> FailingSources::next_report() const {
    const std::lock_guard lock(mutex_);
    if (next_.strangers + next_.passwords + next_.unheard == 0) return std::nullopt;
    return reported_at_ ? *reported_at_ + limits_.report_interval : Instant();
}

std::optional<FailureReport> FailingSources::report(Instant now) {
    const std::lock_guard lock(mutex_);
    if (next_.strangers + next_.passwords + next_.unheard == 0) return std::nullopt;
    if (reported_at_ && now < *reported_at_ + limits_.report_interval) return std::nullopt;
    reported_at_ = now;
    ++period_;
    return std::exchange(next_, FailureReport());
}

} // namespace tandem
