#include <chrono>
#include <doctest/doctest.h>
#include <set>
#include "net/system_clock.hpp"
#include "net/system_random.hpp"

using namespace tandem;

TEST_CASE("system random: numbers do not repeat, over many buffers and between two sources") {
    SystemRandom one, other;
    std::set<std::uint64_t> numbers;
    for (int i = 0; i < 1000; ++i) {
        numbers.insert(one.next());
        numbers.insert(other.next());
    }
    CHECK(numbers.size() == 2000);
    CHECK(!numbers.contains(0)); // a number that was never filled in
}

TEST_CASE("system clock: monotonic time never goes back, and UTC is that of the standard library") {
    Instant last = SystemClock::now();
    for (int i = 0; i < 1000; ++i) {
        const Instant now = SystemClock::now();
        REQUIRE(now >= last);
        last = now;
    }
    const auto utc = std::chrono::system_clock::now().time_since_epoch();
    const auto difference_us =
        SystemClock::utc_us() - std::chrono::duration_cast<std::chrono::microseconds>(utc).count();
    CHECK(difference_us >= 0);
    CHECK(difference_us < 1'000'000);
}
