#include <algorithm>
#include <doctest/doctest.h>
#include <vector>
#include "trunk/registration_timing.hpp"

using namespace tandem;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// The bounds of what a random source can make of a wait: its least number, its greatest, and many between.
template <class F>
void check_bounds(F wait, Duration least, Duration most) {
    SeededRandom random(7);
    Duration shortest = Duration::max();
    Duration longest = Duration::zero();
    for (int i = 0; i < 1000; ++i) {
        const Duration one = wait(random);
        shortest = std::min(shortest, one);
        longest = std::max(longest, one);
    }
    CHECK(shortest >= least);
    CHECK(longest <= most);
    // It is spread over the whole span, not over some of it.
    CHECK(shortest - least <= (most - least) / 20);
    CHECK(most - longest <= (most - least) / 20);
}

} // namespace

TEST_CASE("registration timing: a refresh is early enough to be repeated, and never more than one a second") {
    struct Row {
        Duration granted, least, most;
    };
    const std::vector<Row> rows = {
        {seconds(1), seconds(1), seconds(1)},          {seconds(2), seconds(1), seconds(1)},
        {seconds(60), seconds(30), seconds(30)},       {seconds(120), seconds(60), seconds(60)},
        {seconds(300), seconds(206), seconds(236)},    {seconds(600), seconds(476), seconds(536)},
        {seconds(3600), seconds(2880), seconds(3240)}, {seconds(86400), seconds(69120), seconds(77760)},
        {milliseconds(0), seconds(1), seconds(1)},
    };
    for (const Row &row : rows) {
        CAPTURE(row.granted.count());
        check_bounds([&](Random &random) { return refresh_wait(row.granted, random); }, row.least, row.most);
    }
}

TEST_CASE("registration timing: the wait doubles with each failure up to half an hour (RFC 5626 section 4.5)") {
    struct Row {
        Duration base;
        std::uint32_t failures;
        Duration least, most;
    };
    const std::vector<Row> rows = {
        {seconds(30), 1, seconds(30), seconds(60)},      {seconds(30), 2, seconds(60), seconds(120)},
        {seconds(30), 3, seconds(120), seconds(240)},    {seconds(30), 5, seconds(480), seconds(960)},
        {seconds(30), 6, seconds(900), seconds(1800)},   {seconds(1), 1, seconds(1), seconds(2)},
        {seconds(3600), 1, seconds(900), seconds(1800)}, {seconds(30), 4'000'000'000, seconds(900), seconds(1800)},
    };
    for (const Row &row : rows) {
        CAPTURE(row.failures);
        check_bounds([&](Random &random) { return retry_wait(row.base, row.failures, random); }, row.least, row.most);
    }
}

TEST_CASE("registration timing: Retry-After is kept within a second and an hour, credentials wait a quarter of one") {
    const auto after = [](Duration asked) { return [=](Random &random) { return retry_after_wait(asked, random); }; };
    check_bounds(after(seconds(0)), seconds(1), milliseconds(1100));
    check_bounds(after(seconds(100)), seconds(100), seconds(110));
    check_bounds(after(seconds(1'000'000'000)), seconds(3600), seconds(3960));
    check_bounds([](Random &random) { return refusal_wait(random); }, seconds(900), seconds(1800));
}
