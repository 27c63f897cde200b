// How much may come from each address: a token bucket for each, in a table that does not grow. From any thread.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>
#include "base/brief_mutex.hpp"
#include "base/endpoint.hpp"
#include "base/hash.hpp"
#include "base/instant.hpp"

namespace tandem {

struct SourceLimits {
    std::uint32_t rate = 0;  // a second and source; 0: no limit
    std::uint32_t burst = 0; // at once; 0: as many as the rate of a second
    std::uint32_t sources_max = 16384;
    std::function<bool(const IpAddress &ip)> is_exempt; // from any thread; none: nobody is
};

// What to do with something that came.
enum class Admission : std::uint8_t {
    accept,
    refuse, // say so
    drop,   // say nothing: who floods under a false name must not make us flood its owner
};

class SourceLimiter {
public:
    // A source is an IPv4 address, or an IPv6 network of 64 bits, which is what one host can have. `random` is used
    // here alone.
    SourceLimiter(const SourceLimits &limits, Random &random);

    // One of what is limited comes from `ip`. Beyond its rate a source is refused once a second, and else dropped.
    Admission admit(const IpAddress &ip, Instant now);

    // Whether no limit is for who comes from there.
    bool is_exempt(const IpAddress &ip);

    // From now on; the bursts of all are full again, unless only `is_exempt` is another one.
    void change(const SourceLimits &limits);

private:
    // Sources with the same hash share a few places. The one that was silent for longest makes room: it has most likely
    // a full bucket, which is what a new one begins with.
    static constexpr std::size_t ways = 4;

    struct Bucket {
        IpAddress source;
        bool is_used = false;
        Duration debt{};      // time until it is full
        Instant at{};         // when the debt was that
        Instant refused_at{}; // the last time; before any: never was
        bool was_refused = false;
    };
    Bucket &bucket_of(const IpAddress &source, Instant now);
    void set(const SourceLimits &limits);

    BriefMutex mutex_;
    std::function<bool(const IpAddress &)> is_exempt_; // guarded by mutex_, like all below
    KeyedHash hash_;
    std::uint32_t rate_ = 0; // the limits in force
    std::uint32_t burst_ = 0;
    std::uint32_t sources_max_ = 0;
    std::vector<Bucket> buckets_; // empty: no limit
    Duration cost_{};             // of one: the time after which the next one may come
    Duration debt_max_{};         // a bucket with this is empty
};

} // namespace tandem
