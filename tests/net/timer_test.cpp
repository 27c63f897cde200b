#include <doctest/doctest.h>
#include <memory>
#include <vector>
#include "net/system_clock.hpp"
#include "net/timer.hpp"

using namespace tandem;

namespace {

constexpr Duration step = std::chrono::milliseconds(5);

} // namespace

TEST_CASE("timer: it fires once, not before its time, and beside the deadline of its loop") {
    Loop loop;
    int fired = 0;
    const Instant at = SystemClock::now() + step;
    Timer timer(loop, [&] {
        ++fired;
        CHECK(SystemClock::now() >= at);
    });
    timer.set(at);
    loop.on_deadline([&] { loop.stop(); });
    loop.set_deadline(at + 10 * step);
    loop.run();
    CHECK(fired == 1);
}

TEST_CASE("timer: the instant that was set last counts, earlier or later, and none is none") {
    Loop loop;
    std::vector<int> fired;
    const Instant begin = SystemClock::now();
    Timer earlier(loop, [&] { fired.push_back(1); });
    Timer later(loop, [&] {
        fired.push_back(2);
        CHECK(SystemClock::now() >= begin + 4 * step);
        loop.stop();
    });
    Timer none(loop, [&] { fired.push_back(3); });
    auto gone = std::make_unique<Timer>(loop, [&] { fired.push_back(4); });
    earlier.set(begin + std::chrono::hours(1));
    earlier.set(begin + step);
    later.set(begin + step);
    later.set(begin + 4 * step);
    none.set(begin + step);
    none.set(std::nullopt);
    gone->set(begin + step);
    gone.reset();
    loop.run();
    CHECK(fired == std::vector{1, 2});
}
