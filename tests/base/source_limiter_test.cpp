#include <doctest/doctest.h>
#include <string>
#include "base/source_limiter.hpp"

using namespace tandem;

namespace {

IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

struct Fixture {
    explicit Fixture(const SourceLimits &limits) : limiter(limits, random) {}

    Admission admit(std::string_view from) { return limiter.admit(ip(from), now); }
    // How many of so many at once are accepted.
    int accepted(std::string_view from, int count) {
        int found = 0;
        for (int i = 0; i < count; ++i) found += admit(from) == Admission::accept ? 1 : 0;
        return found;
    }

    SeededRandom random{7};
    Instant now = at_ms(1'000'000);
    SourceLimiter limiter;
};

} // namespace

TEST_CASE("source limiter: without a rate everything is accepted") {
    Fixture at({.rate = 0});
    CHECK(at.accepted("192.0.2.1", 100'000) == 100'000);
}

TEST_CASE("source limiter: a burst, and then one whenever its time has come and not before") {
    Fixture at({.rate = 10, .burst = 5});
    CHECK(at.accepted("192.0.2.1", 20) == 5);
    at.now += std::chrono::microseconds(99'999);
    CHECK(at.accepted("192.0.2.1", 20) == 0);
    at.now += std::chrono::microseconds(1);
    CHECK(at.accepted("192.0.2.1", 20) == 1);
    at.now += std::chrono::hours(1);
    CHECK(at.accepted("192.0.2.1", 20) == 5);
}

TEST_CASE("source limiter: the burst is the rate where none is given") {
    Fixture at({.rate = 30});
    CHECK(at.accepted("192.0.2.1", 100) == 30);
}

TEST_CASE("source limiter: the sources do not know of each other") {
    Fixture at({.rate = 10, .burst = 2});
    CHECK(at.accepted("192.0.2.1", 10) == 2);
    CHECK(at.accepted("192.0.2.2", 10) == 2);
}

TEST_CASE("source limiter: an IPv6 network of 64 bits is one source") {
    Fixture at({.rate = 10, .burst = 2});
    CHECK(at.accepted("2001:db8::1", 1) == 1);
    CHECK(at.accepted("2001:db8:0:0:ffff::2", 10) == 1);
    CHECK(at.accepted("2001:db8:0:1::1", 10) == 2);
}

TEST_CASE("source limiter: a flood hears one refusal a second and no more") {
    Fixture at({.rate = 10, .burst = 1});
    int refused = 0;
    int dropped = 0;
    for (int ms = 0; ms < 10'000; ++ms) {
        at.now += std::chrono::milliseconds(1);
        const Admission admission = at.admit("192.0.2.1");
        refused += admission == Admission::refuse ? 1 : 0;
        dropped += admission == Admission::drop ? 1 : 0;
    }
    CHECK(refused == 10);
    CHECK(dropped == 10'000 - 100 - 10);
}

TEST_CASE("source limiter: who floods stays known while others come and go") {
    Fixture at({.rate = 10, .burst = 1, .sources_max = 64});
    CHECK(at.accepted("192.0.2.1", 2) == 1);
    int accepted = 0;
    for (int host = 0; host < 10'000; ++host) {
        at.now += std::chrono::microseconds(5);
        accepted += at.accepted("10.0." + std::to_string(host / 256) + "." + std::to_string(host % 256), 1);
        CHECK(at.accepted("192.0.2.1", 1) == 0);
    }
    CHECK(accepted == 10'000); // strangers who were forgotten are not refused
}

TEST_CASE("source limiter: whom it does not concern is accepted") {
    Fixture at({.rate = 1, .is_exempt = [](const IpAddress &from) { return from == ip("192.0.2.1"); }});
    CHECK(at.accepted("192.0.2.1", 100) == 100);
    CHECK(at.accepted("192.0.2.2", 100) == 1);
}

TEST_CASE("source limiter: a time that goes back changes nothing") {
    Fixture at({.rate = 10, .burst = 1});
    CHECK(at.accepted("192.0.2.1", 1) == 1);
    at.now -= std::chrono::milliseconds(500);
    CHECK(at.accepted("192.0.2.1", 1) == 0);
    at.now += std::chrono::milliseconds(599);
    CHECK(at.accepted("192.0.2.1", 1) == 0);
    at.now += std::chrono::milliseconds(1);
    CHECK(at.accepted("192.0.2.1", 1) == 1);
}

TEST_CASE("source limiter: new limits are in force at once") {
    Fixture at({.rate = 10, .burst = 1});
    CHECK(at.accepted("192.0.2.1", 5) == 1);
    at.limiter.change({.rate = 100, .burst = 3});
    CHECK(at.accepted("192.0.2.1", 5) == 3);
    at.limiter.change({});
    CHECK(at.accepted("192.0.2.1", 5) == 5);
}

TEST_CASE("source limiter: the same limits once more fill no bucket, and new exemptions are in force") {
    const SourceLimits limits{.rate = 1, .burst = 3};
    Fixture at(limits);
    CHECK(at.accepted("192.0.2.1", 5) == 3);
    at.limiter.change(limits);
    CHECK(at.accepted("192.0.2.1", 5) == 0);
    SourceLimits exempt = limits;
    exempt.is_exempt = [](const IpAddress &ip) { return ip == IpAddress::parse("192.0.2.1").value(); };
    at.limiter.change(exempt);
    CHECK(at.accepted("192.0.2.1", 5) == 5);
    at.limiter.change(limits);
    CHECK(at.accepted("192.0.2.1", 5) == 0);
}
