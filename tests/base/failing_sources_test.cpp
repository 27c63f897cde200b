#include <doctest/doctest.h>
#include <string_view>
#include "base/failing_sources.hpp"

using namespace tandem;

namespace {

IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

struct Fixture {
    explicit Fixture(const FailureLimits &limits = {}) : sources(limits, random) {}

    void fail(std::string_view from, int count, SourceFailure what = SourceFailure::stranger) {
        for (int i = 0; i < count; ++i) sources.fail(ip(from), what, now);
    }
    bool is_slow(std::string_view from) { return sources.is_slow(ip(from), now); }

    SeededRandom random{7};
    Instant now = at_ms(1'000'000);
    FailingSources sources;
};

} // namespace

TEST_CASE("failing sources: a burst of failures is nothing, one more slows the source for its time") {
    Fixture at;
    at.fail("192.0.2.1", 20);
    CHECK_FALSE(at.is_slow("192.0.2.1"));
    at.fail("192.0.2.1", 1);
    CHECK(at.is_slow("192.0.2.1"));
    CHECK_FALSE(at.is_slow("192.0.2.2"));
    at.now += std::chrono::microseconds(9'999'999);
    CHECK(at.is_slow("192.0.2.1"));
    at.now += std::chrono::microseconds(1);
    CHECK_FALSE(at.is_slow("192.0.2.1"));
    at.fail("192.0.2.1", 3); // those that were forgotten meanwhile
    CHECK_FALSE(at.is_slow("192.0.2.1"));
    at.fail("192.0.2.1", 1);
    CHECK(at.is_slow("192.0.2.1"));
}

TEST_CASE("failing sources: an IPv6 network of 64 bits is one source") {
    Fixture at({.burst = 1});
    at.fail("2001:db8::1", 2);
    CHECK(at.is_slow("2001:db8::ffff:2"));
    CHECK_FALSE(at.is_slow("2001:db8:0:1::1"));
}

TEST_CASE("failing sources: one report in a minute, of all that failed, with the worst source") {
    Fixture at;
    CHECK_FALSE(at.sources.next_report());
    CHECK_FALSE(at.sources.report(at.now));
    at.fail("192.0.2.1", 2);
    at.fail("192.0.2.2", 25, SourceFailure::password);
    CHECK(at.is_slow("192.0.2.2"));
    at.sources.note_unheard();
    const auto first = at.sources.report(at.now);
    REQUIRE(first);
    CHECK(first->strangers == 2);
    CHECK(first->passwords == 25);
    CHECK(first->unheard == 1);
    CHECK(first->worst == ip("192.0.2.2"));
    CHECK(first->of_worst == 25);
    CHECK_FALSE(at.sources.next_report());

    at.fail("192.0.2.2", 1);
    at.fail("192.0.2.3", 2);
    CHECK(at.sources.next_report() == at.now + std::chrono::minutes(1));
    CHECK_FALSE(at.sources.report(at.now + std::chrono::microseconds(59'999'999)));
    const auto second = at.sources.report(at.now + std::chrono::minutes(1));
    REQUIRE(second);
    CHECK(second->strangers == 3);
    CHECK(second->passwords == 0);
    CHECK(second->worst == ip("192.0.2.3")); // what was reported counts no more
    CHECK(second->of_worst == 2);
}

TEST_CASE("failing sources: a flood under many names leaves no more than the table holds") {
    Fixture at({.burst = 1, .sources_max = 64});
    for (unsigned i = 0; i < 10'000; ++i) {
        IpAddress source;
        source.bytes = {10, static_cast<std::uint8_t>(i >> 16), static_cast<std::uint8_t>(i >> 8),
                        static_cast<std::uint8_t>(i)};
        at.sources.fail(source, SourceFailure::stranger, at.now + std::chrono::microseconds(i));
        at.sources.fail(source, SourceFailure::stranger, at.now + std::chrono::microseconds(i));
    }
    int slow = 0;
    for (unsigned i = 0; i < 10'000; ++i) {
        IpAddress source;
        source.bytes = {10, static_cast<std::uint8_t>(i >> 16), static_cast<std::uint8_t>(i >> 8),
                        static_cast<std::uint8_t>(i)};
        slow += at.sources.is_slow(source, at.now + std::chrono::milliseconds(20)) ? 1 : 0;
    }
    CHECK(slow > 0);
    CHECK(slow <= 64);
}
