#include <atomic>
#include <doctest/doctest.h>
#include <string>
#include <thread>
#include "node/event_source.hpp"

using namespace tandem;

namespace {

EventDraft numbered(std::uint64_t number) {
    EventDraft draft{"n"};
    draft.fields.add("n", std::to_string(number));
    return draft;
}

struct Taken {
    std::string number; // empty: there was none
    std::uint64_t lost = 0;
};

Taken take(EventSource &source) {
    EventDraft draft;
    Instant at;
    std::uint64_t lost = 0;
    const bool is_there = source.take(draft, at, lost);
    return {is_there ? std::string(draft.fields.find("n")) : std::string(), lost};
}

} // namespace

TEST_CASE("event source: beyond its bound events are lost, and where they are missing is known") {
    std::atomic<bool> is_wanted{true};
    EventSource source(is_wanted, [] {});
    for (std::uint64_t i = 0; i < EventSource::event_max + 3; ++i) source.tell(numbered(i), at_ms(0));
    CHECK(source.lost() == 3);
    const Taken first = take(source);
    CHECK(first.number == "0");
    CHECK(first.lost == 0);
    source.tell(numbered(9999), at_ms(0)); // behind those that are lost
    for (std::uint64_t i = 1; i < EventSource::event_max; ++i) REQUIRE(take(source).lost == 0);
    const Taken last = take(source);
    CHECK(last.number == "9999");
    CHECK(last.lost == 3);
    source.lose(2);
    const Taken none = take(source);
    CHECK(none.number.empty());
    CHECK(none.lost == 2);
    CHECK(take(source).lost == 0);
}

TEST_CASE("event source: its reader is woken once until it reads") {
    std::atomic<bool> is_wanted{true};
    int woken = 0;
    EventSource source(is_wanted, [&] { ++woken; });
    source.flush();
    CHECK(woken == 0);
    source.tell(numbered(1), at_ms(0));
    source.flush();
    source.tell(numbered(2), at_ms(0));
    source.flush();
    CHECK(woken == 1);
    source.begin_reading();
    source.flush();
    CHECK(woken == 1);
    source.lose(1);
    source.flush();
    CHECK(woken == 2);
}

TEST_CASE("event source: between two threads nothing is lost unseen, and the order stays") {
    std::atomic<bool> is_wanted{true};
    EventSource source(is_wanted, [] {});
    constexpr std::uint64_t count = 200'000;
    std::atomic<bool> is_over{false};
    std::thread producer([&] {
        for (std::uint64_t i = 0; i < count; ++i) source.tell(numbered(i), at_ms(0));
        is_over.store(true);
    });
    std::uint64_t next = 0;
    bool is_ordered = true;
    for (bool was_over = false; !was_over;) {
        was_over = is_over.load();
        for (;;) {
            const Taken taken = take(source);
            next += taken.lost;
            if (taken.number.empty()) break;
            is_ordered = is_ordered && taken.number == std::to_string(next);
            ++next;
        }
    }
    producer.join();
    CHECK(is_ordered);
    CHECK(next == count);
}
