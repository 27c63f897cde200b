#include <atomic>
#include <doctest/doctest.h>
#include <string>
#include <thread>
#include "base/random.hpp"
#include "node/capture_tap.hpp"
#include "node/invite.hpp"

using namespace tandem;

namespace {

// The next message, which is forgotten then; empty: there is none.
std::string take(CaptureTap &tap, std::int64_t *at_us = nullptr) {
    CapturedMessage message;
    std::string_view bytes;
    if (!tap.peek(message, bytes)) return {};
    std::string taken(bytes);
    if (at_us) *at_us = message.at_us;
    CHECK(message.to == test::endpoint("192.0.2.2"));
    tap.release();
    return taken;
}

CapturedMessage at(std::int64_t us) { return {test::endpoint("192.0.2.1"), test::endpoint("192.0.2.2"), us}; }

} // namespace

TEST_CASE("capture tap: messages come out as they were put in; line ends alone are none") {
    CaptureTap tap([] {});
    tap.put(at(7), "INVITE");
    tap.put(at(8), "\r\n\r\n");
    tap.put(at(9), std::string(65535, 'x'));
    std::int64_t at_us = 0;
    CHECK(take(tap, &at_us) == "INVITE");
    CHECK(at_us == 7);
    CHECK(take(tap, &at_us) == std::string(65535, 'x'));
    CHECK(at_us == 9);
    CHECK(take(tap).empty());
}

TEST_CASE("capture tap: what finds no room is dropped and counted, and what comes later is taken") {
    CaptureTap tap([] {});
    std::size_t put = 0;
    for (; tap.dropped() == 0; ++put) tap.put(at(0), std::string(1000, static_cast<char>('a' + put % 26)));
    CHECK(put > 3900); // of 4 MB
    tap.put(at(0), "late");
    CHECK(tap.dropped() == 2);
    CHECK(take(tap) == std::string(1000, 'a'));
    tap.put(at(0), "later");
    for (std::size_t i = 1; i + 1 < put; ++i) REQUIRE(take(tap) == std::string(1000, static_cast<char>('a' + i % 26)));
    CHECK(take(tap) == "later");
    CHECK(take(tap).empty());
    CHECK(tap.dropped() == 2);
}

TEST_CASE("capture tap: its reader is woken once until it reads") {
    int woken = 0;
    CaptureTap tap([&] { ++woken; });
    tap.flush();
    CHECK(woken == 0);
    tap.put(at(0), "a");
    tap.flush();
    tap.put(at(0), "b");
    tap.flush();
    CHECK(woken == 1);
    tap.begin_reading();
    tap.put(at(0), "c");
    tap.flush();
    CHECK(woken == 2);
}

TEST_CASE("capture tap: between two threads every message of any size is whole, over many turns of the ring") {
    CaptureTap tap([] {});
    const std::uint64_t seed = 20261129;
    INFO("seed ", seed);
    constexpr int count = 20'000;
    const auto text_of = [](SeededRandom &random, int i) {
        return std::string(1 + random.next() % 3000, static_cast<char>('a' + i % 26));
    };
    std::atomic<int> dropped{0};
    std::thread producer([&] {
        SeededRandom random(seed);
        for (int i = 0; i < count; ++i) {
            const std::string text = text_of(random, i);
            for (std::uint64_t before = tap.dropped(); tap.put(at(i), text), tap.dropped() != before;
                 before = tap.dropped()) {
                std::this_thread::yield(); // the reader is behind: once more
            }
        }
    });
    SeededRandom random(seed);
    bool is_right = true;
    for (int i = 0; i < count;) {
        std::int64_t at_us = 0;
        const std::string taken = take(tap, &at_us);
        if (taken.empty()) continue;
        is_right = is_right && taken == text_of(random, i) && at_us == i;
        ++i;
    }
    producer.join();
    CHECK(is_right);
}
