#include <csignal>
#include <doctest/doctest.h>
#include <future>
#include <thread>
#include <vector>
#include "net/loop.hpp"
#include "net/system_clock.hpp"

using namespace tandem;
using std::chrono::milliseconds;

TEST_CASE("loop: posted tasks run in order, after what is running") {
    Loop loop;
    std::vector<int> order;
    loop.post([&] {
        loop.post([&] {
            order.push_back(3);
            loop.stop();
        });
        order.push_back(1);
    });
    loop.post([&] { order.push_back(2); });
    loop.run();
    CHECK(order == std::vector{1, 2, 3});
}

TEST_CASE("loop: stop ends it from another thread, also before it runs, and it runs again") {
    Loop loop;
    loop.stop();
    loop.run();
    for (int round = 0; round < 3; ++round) {
        std::promise<void> running;
        loop.post([&] { running.set_value(); });
        std::thread other([&] {
            running.get_future().wait();
            loop.stop();
        });
        loop.run();
        other.join();
    }
}

TEST_CASE("loop: a task that another thread posts wakes it") {
    Loop loop;
    const auto here = std::this_thread::get_id();
    std::thread::id ran_on;
    std::promise<void> running;
    loop.post([&] { running.set_value(); });
    std::thread other([&] {
        running.get_future().wait();
        loop.post([&] {
            ran_on = std::this_thread::get_id();
            loop.stop();
        });
    });
    loop.run();
    other.join();
    CHECK(ran_on == here);
}

TEST_CASE("loop: the deadline is called once, not before its time, and soon after it") {
    Loop loop({.slack = milliseconds(10)});
    int calls = 0;
    Instant called{};
    loop.on_deadline([&] {
        ++calls;
        called = SystemClock::now();
        std::thread([&] { // long enough for a second call to show itself
            std::this_thread::sleep_for(milliseconds(50));
            loop.stop();
        })
            .detach();
    });
    const Instant at = SystemClock::now() + milliseconds(23);
    loop.set_deadline(at);
    loop.run();
    CHECK(calls == 1);
    CHECK(called >= at);
    CHECK(called < at + milliseconds(500)); // on a loaded machine; on a quiet one 10
}

TEST_CASE("loop: a deadline that is moved earlier or later is called at its last time") {
    Loop loop;
    const Instant start = SystemClock::now();
    Instant expected{};
    std::vector<std::pair<Instant, Instant>> calls; // expected, was
    loop.on_deadline([&] {
        calls.emplace_back(expected, SystemClock::now());
        if (calls.size() == 2) return loop.stop();
        expected = start + milliseconds(120);
        loop.set_deadline(expected - milliseconds(40)); // then later than what is armed
        loop.set_deadline(expected);
    });
    loop.set_deadline(start + std::chrono::hours(1));
    expected = start + milliseconds(40);
    loop.set_deadline(expected); // earlier than what is armed
    loop.run();
    REQUIRE(calls.size() == 2);
    for (const auto &[planned, was] : calls) {
        CHECK(was >= planned);
        CHECK(was < planned + milliseconds(500));
    }
}

TEST_CASE("loop: a deadline that is taken away is not called, one in the past is called at once") {
    Loop loop;
    int calls = 0;
    loop.on_deadline([&] {
        ++calls;
        loop.stop();
    });
    loop.set_deadline(SystemClock::now() + milliseconds(5));
    loop.set_deadline(std::nullopt);
    std::thread other([&] {
        std::this_thread::sleep_for(milliseconds(40));
        loop.stop();
    });
    loop.run();
    other.join();
    CHECK(calls == 0);

    loop.set_deadline(SystemClock::now() - milliseconds(100));
    loop.run();
    CHECK(calls == 1);
}

TEST_CASE("loop: SIGTERM, SIGINT and SIGHUP come to the handler, each time") {
    Loop loop;
    std::vector<int> seen;
    loop.on_signal([&](int signal) {
        seen.push_back(signal);
        if (seen.size() == 1) std::raise(SIGHUP);
        if (seen.size() == 2) std::raise(SIGHUP);
        if (seen.size() == 3) std::raise(SIGINT);
        if (seen.size() == 4) loop.stop();
    });
    loop.post([] { std::raise(SIGTERM); });
    loop.run();
    CHECK(seen == std::vector{SIGTERM, SIGHUP, SIGHUP, SIGINT});
}
