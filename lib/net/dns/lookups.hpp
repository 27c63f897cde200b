// All lookups of one loop, as a pure machine: lookups go in, questions for DNS come out, answers go in, results come
// out. A question is asked once however many lookups wait for it, and not at all while its answer is in the cache.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>
#include "base/instant.hpp"
#include "base/random.hpp"
#include "base/timer_wheel.hpp"
#include "net/dns/dns_cache.hpp"
#include "net/dns/host_table.hpp"
#include "net/dns/sip_lookup.hpp"

namespace tandem {

struct LookupOptions {
    Duration timeout = std::chrono::seconds(4);      // of a lookup; one question of it has half of that
    Duration grace = std::chrono::milliseconds(300); // for the spare targets, once the first one has an address
    std::size_t lookup_max = 8192;                   // that wait at the same time; then LookupError::full
    std::size_t question_max = 512;                  // that are out at the same time; the same
    DnsCacheOptions cache;
};

struct LookupStatistics {
    std::uint64_t lookups = 0;
    std::uint64_t failed = 0;    // of them, for whatever reason
    std::uint64_t questions = 0; // put to DNS
    std::uint64_t cached = 0;    // questions that the cache had the answer to
    std::uint64_t shared = 0;    // questions that were out already
    std::uint64_t timeouts = 0;  // questions that had no answer in time
    std::uint64_t failures = 0;  // questions that the servers failed to answer
    std::uint64_t full = 0;      // lookups and questions turned away at a limit
};

struct LookupDone {
    std::uint64_t id = 0;
    LookupResult result;
};

class Lookups {
public:
    // `random` outlives the machine.
    Lookups(const Reach &reach, const LookupOptions &options, Random &random, Instant now);

    // From now on; what a hosts file says of a name is all there is about it, SRV and NAPTR records too.
    void set_hosts(HostTable hosts) { hosts_ = std::move(hosts); }

    // `id` is the caller's own, and not in use. The result may be there at once.
    void start(std::uint64_t id, const SipLookup &what, Instant now);

    // Of a question that was taken. Also when it comes too late for those who waited, it is there for the next.
    void answer(const DnsQuestion &question, DnsAnswer answer, Instant now);

    void advance(Instant now);
    std::optional<Instant> next_deadline() const { return timers_.next_deadline(); }

    // Both append. Every question has to be answered once, if only with a failure.
    void take_questions(std::vector<DnsQuestion> &out);
    void take_results(std::vector<LookupDone> &out);

    std::size_t size() const { return lookups_.size(); } // that wait
    const LookupStatistics &statistics() const { return statistics_; }

private:
    struct Lookup {
        SipLookupChain chain;
        TimerId timer;
        bool has_grace = false; // the timer runs for the spare targets only
        Instant until{};
    };
    struct Pending { // a question that is out
        std::uint64_t number = 0;
        std::vector<std::uint64_t> waiting; // lookups
        TimerId timer;
        bool is_late = false; // those who waited had a failure
    };
    struct Due {
        bool is_question = false;
        std::uint64_t id = 0; // or number
    };

    void proceed(std::uint64_t id, Lookup &lookup, Instant now);
    std::optional<DnsAnswer> known(const DnsQuestion &question, Instant now);
    void ask(const DnsQuestion &question, std::uint64_t id, Instant now);
    void wake(const DnsQuestion &question, Pending &pending, const DnsAnswer &answer, Instant now);
    void on_question_timeout(std::uint64_t number, Instant now);
    void finish(std::uint64_t id, LookupResult result);

    const Reach reach_;
    const LookupOptions options_;
    Random &random_;
    HostTable hosts_;
    DnsCache cache_;
    TimerWheel<Due> timers_;
    std::map<std::uint64_t, Lookup> lookups_;
    std::map<DnsQuestion, Pending> pending_;
    std::map<std::uint64_t, DnsQuestion> numbers_; // of pending_
    std::uint64_t last_number_ = 0;
    std::vector<DnsQuestion> questions_;
    std::vector<LookupDone> results_;
    LookupStatistics statistics_;
};

} // namespace tandem
