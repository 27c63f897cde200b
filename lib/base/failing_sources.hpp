// Who fails again and again: wrong passwords, calls that nobody lets him make. A source has so many failures at once,
// and gets them back with time; beyond them it is slow for a while. The table does not grow. From any thread.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>
#include "base/brief_mutex.hpp"
#include "base/endpoint.hpp"
#include "base/hash.hpp"
#include "base/instant.hpp"

namespace tandem {

struct FailureLimits {
    std::uint32_t burst = 20;                    // at once
    Duration forgiven = std::chrono::seconds(3); // the time after which one of them is forgotten
    Duration slow = std::chrono::seconds(10);    // that a source beyond them is not listened to
    Duration report_interval = std::chrono::minutes(1);
    std::uint32_t sources_max = 16384;
};

// What somebody has failed with.
enum class SourceFailure : std::uint8_t {
    stranger, // a call or a REGISTER, and he may make none
    password, // credentials that are wrong
};

// Of all sources, since the report before.
struct FailureReport {
    std::uint64_t strangers = 0;
    std::uint64_t passwords = 0;
    std::uint64_t unheard = 0; // requests of sources that were slow
    IpAddress worst;           // the source that failed most often of late
    std::uint64_t of_worst = 0;
};

class FailingSources {
public:
    // A source is an IPv4 address, or an IPv6 network of 64 bits. `random` is used here alone.
    FailingSources(const FailureLimits &limits, Random &random);

    void fail(const IpAddress &ip, SourceFailure what, Instant now);

    // True: it is not to be listened to. Who does so anyway, since he knows that it is another one's fault, may.
    bool is_slow(const IpAddress &ip, Instant now);
    void note_unheard(); // a request of such a source, for the report

    // At most one in an interval, and only if anything has failed or was not heard.
    std::optional<FailureReport> report(Instant now);
    std::optional<Instant> next_report() const; // none: there is nothing to say

private:
    static constexpr std::size_t ways = 4; // places that sources with the same hash share

    struct Entry {
        IpAddress source;
        bool is_used = false;
        Duration debt{};            // time until all failures are forgotten
        Instant at{};               // when the debt was that
        Instant slow_until{};       // while it lies ahead
        std::uint64_t failures = 0; // since the last report
        std::uint64_t period = 0;   // that of `failures`
    };
    Entry *find(const IpAddress &source);
    Entry &entry_of(const IpAddress &source, Instant now);
    std::size_t first_place(const IpAddress &source) const;

    const FailureLimits limits_;
    mutable BriefMutex mutex_;
    KeyedHash hash_;
    std::vector<Entry> entries_; // guarded by mutex_, like all below; empty until the first failure
    FailureReport next_;
    std::uint64_t period_ = 0;           // counts the reports
    std::optional<Instant> reported_at_; // none: never
};

} // namespace tandem
