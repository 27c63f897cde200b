// A thread for what has to wait for something, and that no loop waits for: tasks one after the other, a few at most.
#pragma once
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace tandem {

class TaskThread {
public:
    static constexpr std::size_t waiting_max = 64;

    TaskThread();
    ~TaskThread(); // after the task that runs; the others are forgotten

    // From any thread. False: too many wait. A task throws nothing.
    bool post(std::function<void()> task);

private:
    void run();

    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::function<void()>> tasks_; // guarded by mutex_, like the next
    bool is_ending_ = false;
    std::thread thread_; // last: it uses the others
};

} // namespace tandem
