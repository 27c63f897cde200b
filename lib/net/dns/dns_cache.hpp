// What DNS has answered, for as long as it may be believed.
#pragma once
#include <cstddef>
#include <list>
#include <map>
#include "base/instant.hpp"
#include "net/dns/dns_record.hpp"

namespace tandem {

struct DnsCacheOptions {
    std::size_t entry_max = 1024;                    // then the one that was asked for longest ago goes
    Duration ttl_min = std::chrono::seconds(1);      // also where a server says 0 or nothing: the calls of a moment
    Duration ttl_max = std::chrono::hours(1);        // of records
    Duration negative_max = std::chrono::minutes(5); // of what does not exist
    Duration failure_ttl = std::chrono::seconds(5);  // a dead server is asked so often, and not by every call
    Duration stale_max = std::chrono::hours(1);      // that records outlive their TTL if servers fail; zero: never
};

class DnsCache {
public:
    explicit DnsCache(const DnsCacheOptions &options = {});

    // What holds at `now`; nullptr: to be asked. Valid until the next put().
    const DnsAnswer *find(const DnsQuestion &question, Instant now);

    // Keeps an answer and returns what to go by. For DnsStatus::failed and timeout those are the records of before, if
    // they are no older than stale_max allows: RFC 8767. DnsStatus::full is never kept.
    const DnsAnswer &put(const DnsQuestion &question, DnsAnswer answer, Instant now);

    std::size_t size() const { return entries_.size(); }

private:
    struct Entry;
    using Entries = std::map<DnsQuestion, Entry>; // ordered: no name that a stranger chooses makes it slow
    struct Entry {
        DnsAnswer answer;
        Instant until{};       // is believed
        Instant stale_until{}; // may stand in for a failure; not after `until` but for records
        std::list<Entries::iterator>::iterator use;
    };

    Duration lifetime(const DnsAnswer &answer) const;
    Entry &touch(const DnsQuestion &question);

    const DnsCacheOptions options_;
    Entries entries_;
    std::list<Entries::iterator> uses_; // the latest first
};

} // namespace tandem
