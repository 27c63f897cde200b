#include <doctest/doctest.h>
#include "node/overload.hpp"

using namespace tandem;

namespace {

constexpr auto ms(std::int64_t count) { return std::chrono::milliseconds(count); }

struct Fixture {
    Overload overload{{.begin = ms(100), .end = ms(20), .calm = ms(100)}};
    Instant now = at_ms(1'000'000);

    bool after(std::int64_t passed_ms, std::int64_t lag_ms) {
        now += ms(passed_ms);
        overload.observe(ms(lag_ms), now);
        return overload.is_on();
    }
};

} // namespace

TEST_CASE("overload: it begins at its lag and not a millisecond before") {
    Fixture at;
    CHECK(!at.after(1, 99));
    CHECK(at.after(1, 100));
    CHECK(at.overload.worst() == ms(100));
}

TEST_CASE("overload: it ends when the lag was small for a while, and is not disturbed by less than that") {
    Fixture at;
    CHECK(at.after(1, 150));
    CHECK(at.after(1, 0));
    CHECK(at.after(98, 0));
    CHECK(at.after(0, 20)); // not small
    CHECK(at.after(99, 19));
    CHECK(!at.after(1, 19));
    CHECK(!at.after(1, 99)); // and begins as before
    CHECK(at.overload.worst() == ms(150));
}

TEST_CASE("overload: the first batch after a silence finds it over") {
    Fixture at;
    CHECK(at.after(1, 500));
    CHECK(!at.after(60'000, 0));
}

TEST_CASE("overload: a limit of zero is none") {
    Overload overload({.begin = Duration::zero()});
    overload.observe(std::chrono::seconds(10), at_ms(1));
    CHECK(!overload.is_on());
}
