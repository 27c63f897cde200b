#include <doctest/doctest.h>
#include "base/recent_keys.hpp"

using namespace tandem;

TEST_CASE("recent keys: those of the last while are known for 32 to 64 seconds, and no more than a bound of them") {
    RecentKeys recent;
    recent.add(1, at_ms(0));
    recent.add(2, at_ms(31'999));
    CHECK(recent.contains(1));
    recent.add(3, at_ms(32'000));
    CHECK(recent.contains(1));
    CHECK(recent.contains(2));
    recent.add(4, at_ms(64'000));
    CHECK_FALSE(recent.contains(1));
    CHECK_FALSE(recent.contains(2));
    CHECK(recent.contains(3));
    recent.add(5, at_ms(200'000)); // after a quiet time nothing is known but the present
    CHECK_FALSE(recent.contains(3));
    CHECK_FALSE(recent.contains(4));
    CHECK(recent.contains(5));
    for (std::uint64_t key = 10; key < 10 + 3 * RecentKeys::max; ++key) recent.add(key, at_ms(200'001));
    CHECK_FALSE(recent.contains(5));
    CHECK_FALSE(recent.contains(10));
    CHECK(recent.contains(9 + 3 * RecentKeys::max));
    CHECK(recent.contains(10 + 2 * RecentKeys::max));
}
