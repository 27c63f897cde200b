#include <algorithm>
#include <doctest/doctest.h>
#include <map>
#include <optional>
#include <utility>
#include <vector>
#include "base/random.hpp"
#include "base/timer_wheel.hpp"

using namespace tandem;
using namespace std::chrono_literals;

namespace {

using Wheel = TimerWheel<std::uint64_t>;
using Fired = std::vector<std::uint64_t>;

Fired advance(Wheel &wheel, Instant now) {
    Fired fired;
    const std::size_t count = wheel.advance(now, [&](std::uint64_t payload) { fired.push_back(payload); });
    CHECK(count == fired.size());
    return fired;
}

// Sleeps as an owner does until something fires. Returns when, and how often the wheel was woken for it.
std::pair<Instant, int> sleep_until_fired(Wheel &wheel) {
    for (int wakes = 1;; ++wakes) {
        const auto next = wheel.next_deadline();
        REQUIRE(next);
        REQUIRE(wakes < 100);
        if (!advance(wheel, *next).empty()) return {*next, wakes};
    }
}

} // namespace

TEST_CASE("timer wheel: a timer fires at its deadline and not a millisecond before") {
    // Around every border of a level up to 2^24 ms, and the timers of RFC 3261 section 17.
    std::vector<std::int64_t> delays{500, 4000, 5000, 32000, 181000};
    for (int bit = 0; bit <= 24; ++bit)
        for (int off = -1; off <= 1; ++off) delays.push_back(std::max(1, (1 << bit) + off));
    for (const std::int64_t start : {0, 1, 63, 64, 4095, 1000000007}) {
        for (const std::int64_t delay : delays) {
            CAPTURE(start);
            CAPTURE(delay);
            Wheel wheel(at_ms(start));
            wheel.schedule(at_ms(start + delay), 7);
            CHECK(wheel.next_deadline() == at_ms(start + delay));
            CHECK(advance(wheel, at_ms(start + delay - 1)).empty());
            CHECK(wheel.size() == 1);
            CHECK(wheel.next_deadline() == at_ms(start + delay));
            CHECK(advance(wheel, at_ms(start + delay)) == Fired{7});
            CHECK(wheel.size() == 0);
            CHECK_FALSE(wheel.next_deadline());
        }
    }
}

TEST_CASE("timer wheel: a deadline between two ticks counts as the later one") {
    Wheel wheel(at_ms(0));
    wheel.schedule(at_ms(10) + 1us, 1);
    CHECK(wheel.next_deadline() == at_ms(11));
    CHECK(advance(wheel, at_ms(10) + 999us).empty());
    CHECK(advance(wheel, at_ms(11)) == Fired{1});
}

TEST_CASE("timer wheel: a present between two ticks counts as the earlier one") {
    Wheel wheel(at_ms(0) + 900us);
    wheel.schedule(at_ms(1), 1);
    wheel.schedule(at_ms(0) + 950us, 2);
    CHECK(advance(wheel, at_ms(0) + 999us).empty());
    CHECK(advance(wheel, at_ms(1) + 500us) == Fired{1, 2});
}

TEST_CASE("timer wheel: timers fire in order of deadline, and of schedule within a tick") {
    Wheel wheel(at_ms(0));
    wheel.schedule(at_ms(5000), 3);
    wheel.schedule(at_ms(70), 1);
    wheel.schedule(at_ms(5000), 4);
    CHECK(advance(wheel, at_ms(4990)) == Fired{1});
    // From here the tick is reached by another path than the two before it took.
    wheel.schedule(at_ms(5000), 5);
    wheel.schedule(at_ms(4999), 2);
    wheel.schedule(at_ms(4999) + 300us, 6); // rounds up into the same tick
    CHECK(advance(wheel, at_ms(9000)) == Fired{2, 3, 4, 5, 6});
}

TEST_CASE("timer wheel: a cancelled timer does not fire, and its id is unknown from then on") {
    Wheel wheel(at_ms(0));
    const TimerId kept = wheel.schedule(at_ms(10), 1);
    const TimerId gone = wheel.schedule(at_ms(10), 2);
    CHECK(wheel.cancel(gone));
    CHECK_FALSE(wheel.cancel(gone));
    CHECK_FALSE(wheel.rearm(gone, at_ms(20)));
    CHECK(advance(wheel, at_ms(10)) == Fired{1});
    CHECK_FALSE(wheel.cancel(kept));
    CHECK_FALSE(wheel.rearm(kept, at_ms(20)));
    CHECK_FALSE(wheel.cancel(TimerId{}));
    CHECK(wheel.size() == 0);
}

TEST_CASE("timer wheel: a rearmed timer keeps its id and fires at the new deadline only") {
    Wheel wheel(at_ms(0));
    const TimerId id = wheel.schedule(at_ms(10), 1);
    wheel.schedule(at_ms(500), 2);
    CHECK(wheel.rearm(id, at_ms(500)));
    CHECK(advance(wheel, at_ms(499)).empty());
    CHECK(wheel.rearm(id, at_ms(500)));
    CHECK(advance(wheel, at_ms(500)) == Fired{2, 1}); // as if it were scheduled after the other
    const TimerId later = wheel.schedule(at_ms(100000), 3);
    CHECK(wheel.rearm(later, at_ms(501)));
    CHECK(advance(wheel, at_ms(501)) == Fired{3});
}

TEST_CASE("timer wheel: a deadline that is past fires at the next advance, even at the same time") {
    Wheel wheel(at_ms(1000));
    wheel.schedule(at_ms(999), 1);
    wheel.schedule(at_ms(1000), 2);
    wheel.schedule(at_ms(-5), 3);
    CHECK(wheel.next_deadline() == at_ms(1000));
    CHECK(advance(wheel, at_ms(1000)) == Fired{1, 2, 3});
    wheel.schedule(at_ms(10), 4);
    const TimerId cancelled = wheel.schedule(at_ms(10), 5);
    const TimerId rearmed = wheel.schedule(at_ms(10), 6);
    CHECK(wheel.cancel(cancelled));
    CHECK(wheel.rearm(rearmed, at_ms(2000)));
    CHECK(advance(wheel, at_ms(1999)) == Fired{4});
    CHECK(advance(wheel, at_ms(2000)) == Fired{6});
}

TEST_CASE("timer wheel: the present does not go back") {
    Wheel wheel(at_ms(1000));
    advance(wheel, at_ms(2000));
    CHECK(advance(wheel, at_ms(500)).empty());
    wheel.schedule(at_ms(1500), 1);
    CHECK(wheel.next_deadline() == at_ms(2000));
    CHECK(advance(wheel, at_ms(500)) == Fired{1});
}

TEST_CASE("timer wheel: any start will do, a negative one too") {
    Wheel wheel(at_ms(-5000) - 300us);
    wheel.schedule(at_ms(-4000) - 300us, 1);
    wheel.schedule(at_ms(1), 2);
    CHECK(advance(wheel, at_ms(-4001)).empty());
    CHECK(wheel.next_deadline() == at_ms(-4000));
    CHECK(advance(wheel, at_ms(-4000)) == Fired{1});
    CHECK(advance(wheel, at_ms(0) + 999us).empty());
    CHECK(advance(wheel, at_ms(1)) == Fired{2});
}

TEST_CASE("timer wheel: idle years pass at once") {
    constexpr std::int64_t year_ms = 365LL * 24 * 3600 * 1000;
    Wheel wheel(at_ms(0));
    wheel.schedule(at_ms(200000 * year_ms), 2);
    wheel.schedule(at_ms(100 * year_ms), 1);
    CHECK(wheel.next_deadline() == at_ms(100 * year_ms));
    CHECK(advance(wheel, at_ms(100 * year_ms - 1)).empty());
    CHECK(advance(wheel, at_ms(100 * year_ms)) == Fired{1});
    wheel.schedule(at_ms(100 * year_ms + 1), 3);
    CHECK(advance(wheel, at_ms(200000 * year_ms)) == Fired{3, 2});
    CHECK_FALSE(wheel.next_deadline());
}

TEST_CASE("timer wheel: a deadline of never is kept, does not fire and can be rearmed") {
    Wheel wheel(at_ms(77));
    const TimerId id = wheel.schedule(never, 1);
    CHECK(wheel.size() == 1);
    CHECK(wheel.next_deadline() == never);
    CHECK(advance(wheel, never - 1ms).empty());
    CHECK(advance(wheel, never).empty());
    CHECK(wheel.rearm(id, at_ms(100)));
    CHECK(advance(wheel, never) == Fired{1});

    Wheel early(at_ms(-1000000000000));
    early.schedule(Instant::min(), 2);
    early.schedule(never, 3);
    CHECK(advance(early, at_ms(0)) == Fired{2});
    CHECK(early.next_deadline() == never);
}

TEST_CASE("timer wheel: a timer scheduled while firing fires in the same advance if it is due, after the others") {
    Wheel wheel(at_ms(0));
    for (std::uint64_t i = 1; i <= 3; ++i) wheel.schedule(at_ms(static_cast<std::int64_t>(10 * i)), i);
    Fired fired;
    wheel.advance(at_ms(100), [&](std::uint64_t payload) {
        fired.push_back(payload);
        if (payload == 1) {
            wheel.schedule(at_ms(100), 11);
            wheel.schedule(at_ms(5), 12); // past, and behind 11 all the same
            wheel.schedule(at_ms(101), 13);
        }
        if (payload == 12) wheel.schedule(at_ms(100), 14);
    });
    CHECK(fired == Fired{1, 2, 3, 11, 12, 14});
    CHECK(advance(wheel, at_ms(101)) == Fired{13});
}

TEST_CASE("timer wheel: what is cancelled or rearmed while firing does not fire as it was") {
    Wheel wheel(at_ms(0));
    const TimerId self = wheel.schedule(at_ms(10), 1);
    const TimerId cancelled = wheel.schedule(at_ms(10), 2);
    const TimerId postponed = wheel.schedule(at_ms(11), 3);
    const TimerId last = wheel.schedule(at_ms(12), 4);
    wheel.schedule(at_ms(13), 5);
    const TimerId hurried = wheel.schedule(at_ms(90000), 6);
    Fired fired;
    wheel.advance(at_ms(50), [&](std::uint64_t payload) {
        fired.push_back(payload);
        if (payload != 1) return;
        CHECK_FALSE(wheel.cancel(self));
        CHECK_FALSE(wheel.rearm(self, at_ms(60)));
        CHECK(wheel.cancel(cancelled));
        CHECK(wheel.rearm(postponed, at_ms(51)));
        CHECK(wheel.rearm(last, at_ms(12)));
        CHECK(wheel.rearm(hurried, at_ms(0)));
    });
    CHECK(fired == Fired{1, 5, 4, 6});
    CHECK(advance(wheel, at_ms(51)) == Fired{3});
    CHECK(wheel.size() == 0);
}

TEST_CASE("timer wheel: a fire function that throws loses its own timer only") {
    Wheel wheel(at_ms(0));
    for (std::uint64_t i = 1; i <= 3; ++i) wheel.schedule(at_ms(10), i);
    CHECK_THROWS(wheel.advance(at_ms(10), [](std::uint64_t payload) {
        if (payload == 2) throw payload;
    }));
    CHECK(wheel.size() == 1);
    CHECK(advance(wheel, at_ms(10)) == Fired{3});
}

TEST_CASE("timer wheel: the next deadline is exact while nothing is cancelled") {
    SeededRandom random(3);
    Wheel wheel(at_ms(0));
    std::vector<std::int64_t> deadlines;
    for (std::uint64_t i = 0; i < 2000; ++i) {
        deadlines.push_back(1 + static_cast<std::int64_t>(random.next() % 100000000));
        wheel.schedule(at_ms(deadlines.back()), i);
    }
    std::sort(deadlines.begin(), deadlines.end());
    deadlines.erase(std::unique(deadlines.begin(), deadlines.end()), deadlines.end());
    for (const std::int64_t deadline : deadlines) {
        REQUIRE(wheel.next_deadline() == at_ms(deadline));
        REQUIRE_FALSE(advance(wheel, at_ms(deadline)).empty());
    }
    CHECK_FALSE(wheel.next_deadline());
}

TEST_CASE("timer wheel: after cancels the next deadline may come early, and soon closes in") {
    SeededRandom random(4);
    for (int round = 0; round < 200; ++round) {
        Wheel wheel(at_ms(static_cast<std::int64_t>(random.next() % 1000000)));
        const std::int64_t deadline = 2000000 + static_cast<std::int64_t>(random.next() % 100000000);
        wheel.schedule(at_ms(deadline), 1);
        for (int i = 0; i < 50; ++i) {
            const auto earlier = static_cast<std::int64_t>(random.next() % 1000000);
            wheel.cancel(wheel.schedule(at_ms(deadline - earlier), 2));
        }
        const auto [fired_at, wakes] = sleep_until_fired(wheel);
        REQUIRE(fired_at == at_ms(deadline));
        REQUIRE(wakes <= 10);
    }
}

namespace {

// The same wheel, slow and obvious: by the tick that counts, then by order of schedule.
struct Model {
    using Key = std::pair<std::int64_t, std::uint64_t>;

    explicit Model(Instant start)
        : now(std::chrono::floor<std::chrono::milliseconds>(start).time_since_epoch().count()) {}

    void schedule(Instant deadline, std::uint64_t payload, TimerId id) {
        const auto tick = std::chrono::ceil<std::chrono::milliseconds>(deadline).time_since_epoch().count();
        keys[id] = {std::max<std::int64_t>(tick, now), ++scheduled};
        pending[keys[id]] = {payload, id};
    }
    bool cancel(TimerId id) {
        const auto key = keys.find(id);
        if (key == keys.end()) return false;
        pending.erase(key->second);
        keys.erase(key);
        return true;
    }
    bool rearm(TimerId id, Instant deadline) {
        const auto key = keys.find(id);
        if (key == keys.end()) return false;
        const std::uint64_t payload = pending.at(key->second).first;
        cancel(id);
        schedule(deadline, payload, id);
        return true;
    }

    std::int64_t now;
    std::uint64_t scheduled = 0;
    std::map<Key, std::pair<std::uint64_t, TimerId>> pending;
    std::map<TimerId, Key> keys;
};

class Pair {
public:
    explicit Pair(std::uint64_t seed)
        : random_(seed), now_(at_ms(static_cast<std::int64_t>(random_.next() % 10000000)) + 123us), wheel_(now_),
          model_(now_) {}

    void step() {
        const std::uint64_t dice = random_.next() % 100;
        if (dice < 70) {
            change();
        } else if (const auto next = wheel_.next_deadline(); dice < 85 && next) {
            advance(std::max(now_, *next));
        } else {
            advance(now_ + random_span() / 64); // slower than deadlines come in, so that timers gather
        }
        check_next_deadline();
    }

private:
    // Anything from a fraction of a millisecond to months, each magnitude as likely as another.
    Duration random_span() { return Duration(static_cast<std::int64_t>(random_.next() >> 20 >> random_.next() % 44)); }
    Instant random_deadline() { return random_.next() % 10 == 0 ? now_ - random_span() : now_ + random_span(); }
    TimerId random_id() { return ids_[random_.next() % ids_.size()]; }

    void change() {
        const std::uint64_t dice = random_.next() % 10;
        const Instant deadline = random_deadline();
        if (dice < 5 || ids_.empty()) {
            ids_.push_back(wheel_.schedule(deadline, ++payload_));
            model_.schedule(deadline, payload_, ids_.back());
        } else if (dice < 8) {
            const TimerId id = random_id();
            REQUIRE(wheel_.cancel(id) == model_.cancel(id));
        } else {
            const TimerId id = random_id();
            REQUIRE(wheel_.rearm(id, deadline) == model_.rearm(id, deadline));
        }
        REQUIRE(wheel_.size() == model_.pending.size());
    }

    void advance(Instant now) {
        now_ = now;
        model_.now = std::chrono::floor<std::chrono::milliseconds>(now).time_since_epoch().count();
        wheel_.advance(now, [&](std::uint64_t payload) {
            REQUIRE_FALSE(model_.pending.empty());
            const auto [key, timer] = *model_.pending.begin();
            REQUIRE(key.first <= model_.now);
            REQUIRE(payload == timer.first);
            REQUIRE(model_.cancel(timer.second));
            REQUIRE_FALSE(wheel_.cancel(timer.second));
            if (random_.next() % 3 == 0) change();
        });
        REQUIRE((model_.pending.empty() || model_.pending.begin()->first.first > model_.now));
    }

    void check_next_deadline() {
        const auto next = wheel_.next_deadline();
        REQUIRE(next.has_value() == !model_.pending.empty());
        if (!next) return;
        const std::int64_t exact = model_.pending.begin()->first.first;
        REQUIRE(*next <= at_ms(exact));
        REQUIRE(*next >= at_ms(std::min(exact, model_.now + 1))); // never the present, unless something is due
    }

    SeededRandom random_;
    Instant now_;
    Wheel wheel_;
    Model model_;
    std::vector<TimerId> ids_;
    std::uint64_t payload_ = 0;
};

} // namespace

TEST_CASE("timer wheel: random use agrees with an ordered map") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        Pair pair(seed);
        for (int step = 0; step < 5000; ++step) {
            CAPTURE(step);
            pair.step();
        }
    }
}

TEST_CASE("timer wheel: a million timers, half cancelled and a quarter rearmed, fire in order and on time") {
    SeededRandom random(5);
    Wheel wheel(at_ms(0));
    const auto hour = [&] { return 1 + static_cast<std::int64_t>(random.next() % 3600000); };
    std::vector<TimerId> ids;
    std::vector<std::int64_t> deadlines;
    for (std::uint64_t i = 0; i < 1000000; ++i) {
        deadlines.push_back(hour());
        ids.push_back(wheel.schedule(at_ms(deadlines.back()), i));
    }
    CHECK(wheel.size() == 1000000);
    bool known = true;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if (i % 2 == 0) known = wheel.cancel(ids[i]) && known;
        if (i % 4 != 1) continue;
        deadlines[i] = hour();
        known = wheel.rearm(ids[i], at_ms(deadlines[i])) && known;
    }
    CHECK(known);
    CHECK(wheel.size() == 500000);

    std::size_t fired = 0;
    bool right = true;
    std::int64_t last = 0;
    for (std::int64_t now = 20; now <= 3600000 + 20; now += 20) {
        fired += wheel.advance(at_ms(now), [&](std::uint64_t i) {
            right = right && i % 2 == 1 && deadlines[i] >= last && deadlines[i] > now - 20 && deadlines[i] <= now;
            last = deadlines[i];
        });
    }
    CHECK(right);
    CHECK(fired == 500000);
    CHECK(wheel.size() == 0);
}
