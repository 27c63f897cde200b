#include "base/source_limiter.hpp"
#include <algorithm>
#include <bit>
#include <mutex>

namespace tandem {
namespace {

constexpr Duration second = std::chrono::seconds(1);

IpAddress network_of(IpAddress ip) {
    if (ip.is_v6) std::fill(ip.bytes.begin() + 8, ip.bytes.end(), std::uint8_t{0});
    return ip;
}

} // namespace

SourceLimiter::SourceLimiter(const SourceLimits &limits, Random &random) : hash_(random) { set(limits); }

void SourceLimiter::change(const SourceLimits &limits) {
    const std::lock_guard lock(mutex_);
    set(limits);
}

void SourceLimiter::set(const SourceLimits &limits) {
    is_exempt_ = limits.is_exempt;
    const bool is_as_before = limits.rate == rate_ && limits.burst == burst_ && limits.sources_max == sources_max_;
    if (is_as_before) return;
    rate_ = limits.rate;
    burst_ = limits.burst;
    sources_max_ = limits.sources_max;
    buckets_.clear();
    buckets_.shrink_to_fit();
    if (limits.rate == 0) return;
    buckets_.resize(std::bit_ceil(std::max<std::size_t>(limits.sources_max, ways)));
    cost_ = std::max(second / limits.rate, Duration(1));
    debt_max_ = cost_ * (limits.burst == 0 ? limits.rate : limits.burst);
}

SourceLimiter::Bucket &SourceLimiter::bucket_of(const IpAddress &source, Instant now) {
    const std::string_view bytes(reinterpret_cast<const char *>(source.bytes.data()), source.bytes.size());
    const std::size_t first = hash_(bytes) % (buckets_.size() / ways) * ways;
    Bucket *oldest = &buckets_[first];
    for (std::size_t i = first; i < first + ways; ++i) {
        Bucket &bucket = buckets_[i];
        if (bucket.is_used && bucket.source == source) return bucket;
        if (!oldest->is_used) continue;
        if (!bucket.is_used || bucket.at < oldest->at) oldest = &bucket;
    }
    *oldest = Bucket();
    oldest->source = source;
    oldest->is_used = true;
    oldest->at = now;
    return *oldest;
}

bool SourceLimiter::is_exempt(const IpAddress &ip) {
    const std::lock_guard lock(mutex_);
    return is_exempt_ && is_exempt_(ip);
}

Admission SourceLimiter::admit(const IpAddress &ip, Instant now) {
    const std::lock_guard lock(mutex_);
    if (buckets_.empty() || (is_exempt_ && is_exempt_(ip))) return Admission::accept;
    Bucket &bucket = bucket_of(network_of(ip), now);
    if (now > bucket.at) { // threads may be apart by a little
        bucket.debt = std::max(Duration::zero(), bucket.debt - (now - bucket.at));
        bucket.at = now;
    }
    if (bucket.debt + cost_ <= debt_max_) {
        bucket.debt += cost_;
        return Admission::accept;
    }
    if (bucket.was_refused && now < bucket.refused_at + second) return Admission::drop;
    bucket.was_refused = true;
    bucket.refused_at = now;
    return Admission::refuse;
}

} // namespace tandem
