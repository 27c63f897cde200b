#include <doctest/doctest.h>
#include "net/dns/dns_cache.hpp"

using namespace tandem;
using std::chrono::seconds;

namespace {

const DnsQuestion question{"example.com", DnsType::a};
constexpr Instant start = at_ms(5000);
constexpr Duration moment = std::chrono::microseconds(1);

DnsAnswer answer(DnsStatus status, Duration ttl = {}) {
    DnsAnswer out;
    out.status = status;
    out.ttl = ttl;
    if (status == DnsStatus::ok) out.addresses.push_back(*IpAddress::parse("192.0.2.1"));
    return out;
}

// How long an answer is believed by an empty cache.
Duration lifetime(DnsStatus status, Duration ttl) {
    DnsCache cache;
    cache.put(question, answer(status, ttl), start);
    Duration end = seconds(0);
    for (Duration step = std::chrono::hours(4); step >= moment; step /= 2) {
        while (cache.find(question, start + end + step)) end += step;
    }
    return end + moment;
}

} // namespace

TEST_CASE("dns cache: an answer is believed for its TTL and not a microsecond more") {
    DnsCache cache;
    cache.put(question, answer(DnsStatus::ok, seconds(60)), start);
    REQUIRE(cache.find(question, start + seconds(60) - moment));
    CHECK(cache.find(question, start + seconds(60) - moment)->addresses.size() == 1);
    CHECK_FALSE(cache.find(question, start + seconds(60)));
    CHECK_FALSE(cache.find({"example.com", DnsType::aaaa}, start));
    CHECK_FALSE(cache.find({"example.org", DnsType::a}, start));
}

TEST_CASE("dns cache: TTLs have a floor and a ceiling, by what was answered") {
    CHECK(lifetime(DnsStatus::ok, seconds(0)) == seconds(1));
    CHECK(lifetime(DnsStatus::ok, seconds(7200)) == seconds(3600));
    CHECK(lifetime(DnsStatus::no_name, seconds(0)) == seconds(1));
    CHECK(lifetime(DnsStatus::no_name, seconds(30)) == seconds(30));
    CHECK(lifetime(DnsStatus::no_data, seconds(7200)) == seconds(300));
    CHECK(lifetime(DnsStatus::timeout, seconds(0)) == seconds(5));
    CHECK(lifetime(DnsStatus::failed, seconds(600)) == seconds(5));
}

TEST_CASE("dns cache: records stand in for a failure, until they are too old (RFC 8767)") {
    DnsCache cache;
    cache.put(question, answer(DnsStatus::ok, seconds(60)), start);
    const Instant later = start + seconds(61);
    CHECK(cache.put(question, answer(DnsStatus::timeout), later).status == DnsStatus::ok);
    CHECK(cache.find(question, later + seconds(5) - moment)->status == DnsStatus::ok);
    CHECK_FALSE(cache.find(question, later + seconds(5))); // the server is asked again
    const Instant last = start + seconds(60) + std::chrono::hours(1);
    CHECK(cache.put(question, answer(DnsStatus::failed), last - moment).status == DnsStatus::ok);
    CHECK(cache.put(question, answer(DnsStatus::failed), last).status == DnsStatus::failed);

    // That a name is gone is an answer.
    cache.put(question, answer(DnsStatus::ok, seconds(60)), last);
    CHECK(cache.put(question, answer(DnsStatus::no_name), last + seconds(61)).status == DnsStatus::no_name);
    CHECK(cache.put(question, answer(DnsStatus::timeout), last + seconds(70)).status == DnsStatus::timeout);
}

TEST_CASE("dns cache: at its limit the entry that was asked for longest ago goes") {
    DnsCache cache({.entry_max = 3});
    for (const char *name : {"a", "b", "c"}) cache.put({name, DnsType::a}, answer(DnsStatus::ok, seconds(60)), start);
    CHECK(cache.find({"a", DnsType::a}, start));
    cache.put({"d", DnsType::a}, answer(DnsStatus::ok, seconds(60)), start);
    CHECK(cache.size() == 3);
    CHECK_FALSE(cache.find({"b", DnsType::a}, start));
    for (const char *name : {"a", "c", "d"}) CHECK(cache.find({name, DnsType::a}, start));
}
