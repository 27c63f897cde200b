#include <doctest/doctest.h>
#include <deque>
#include <memory>
#include "base/counter.hpp"
#include "base/random.hpp"
#include "base/ring_queue.hpp"

using namespace tandem;

TEST_CASE("ring queue: what goes in first comes out first, whatever goes in between") {
    SeededRandom random{20};
    RingQueue<std::unique_ptr<int>> queue;
    std::deque<int> model;
    for (int i = 0; i < 100'000; ++i) {
        const bool grows = i / 10'000 % 2 == 0; // up and down, far beyond what is kept
        if (random.next() % 100 < (grows ? 70U : 30U)) {
            queue.push(std::make_unique<int>(i));
            model.push_back(i);
        } else if (!model.empty()) {
            REQUIRE(*queue.front() == model.front());
            queue.pop();
            model.pop_front();
        }
        REQUIRE(queue.size() == model.size());
        REQUIRE(queue.empty() == model.empty());
    }
}

TEST_CASE("ring queue: room that was made takes no memory, and what is left keeps its order") {
    RingQueue<int> queue;
    for (int i = 0; i < 12; ++i) queue.push(i);
    for (int i = 0; i < 8; ++i) queue.pop(); // the rest stands across the end of the block
    for (int i = 12; i < 20; ++i) queue.push(i);
    queue.make_room(100);
    for (int i = 20; i < 112; ++i) queue.push(i);
    for (int i = 8; i < 112; ++i) {
        REQUIRE(queue.front() == i);
        queue.pop();
    }
    CHECK(queue.empty());
}

TEST_CASE("counter: goes up and down") {
    Counter counter;
    CHECK(counter.get() == 0);
    ++counter;
    ++counter;
    --counter;
    CHECK(counter.get() == 1);
}
