#include "node/task_thread.hpp"
#include <doctest/doctest.h>
#include <future>
#include <memory>
#include <vector>

using namespace tandem;

TEST_CASE("task_thread: tasks are done in their order, by another thread") {
    std::vector<int> done;
    std::promise<void> last;
    TaskThread thread;
    for (int i = 0; i < 10; ++i) REQUIRE(thread.post([&done, i] { done.push_back(i); }));
    REQUIRE(thread.post([&last] { last.set_value(); }));
    last.get_future().wait();
    CHECK(done == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
}

TEST_CASE("task_thread: beyond its bound a task is refused, and those that wait at the end are forgotten") {
    std::promise<void> begun, go_on;
    auto waiting = std::make_shared<int>(0);
    {
        TaskThread thread;
        REQUIRE(thread.post([&] {
            begun.set_value();
            go_on.get_future().wait();
        }));
        begun.get_future().wait();
        for (std::size_t i = 0; i < TaskThread::waiting_max; ++i) REQUIRE(thread.post([waiting] { ++*waiting; }));
        CHECK_FALSE(thread.post([] {}));
        go_on.set_value();
    }
    CHECK(waiting.use_count() == 1);
}
