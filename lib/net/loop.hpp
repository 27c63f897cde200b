// The loop of one worker: its thread waits here for datagrams, the deadline, signals and posted tasks. Everything that
// it calls runs on that thread, one at a time.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include "base/instant.hpp"

namespace tandem {

struct LoopOptions {
    // Deadlines are rounded up to a multiple of this, so that those close to each other share one wake-up.
    Duration slack = std::chrono::milliseconds(10);
};

class Loop {
public:
    explicit Loop(const LoopOptions &options = {});
    ~Loop(); // after everything that was opened on it
    Loop(const Loop &) = delete;
    Loop &operator=(const Loop &) = delete;

    void run();  // until stop(); may be run again
    void stop(); // from any thread: run() returns when the tasks posted before are done; also if it begins later

    // From any thread: `task` runs in the loop, after what is running now.
    void post(std::function<void()> task);

    // One deadline, for the earliest of all timers. The handler is called at or after it, never before, and then there
    // is none until it is set again. To set one costs a system call only if it is earlier than the next wake-up that
    // is planned. Both from the loop's thread, or before run().
    void on_deadline(std::function<void()> handler);
    void set_deadline(std::optional<Instant> at);

    // SIGTERM, SIGINT, SIGHUP and SIGUSR1 of the process come to this handler, in the loop. For one loop of the
    // process; while that lives, these signals no longer end the process.
    void on_signal(std::function<void(int signal)> handler);

    struct Impl;
    Impl &impl() { return *impl_; } // for the transports of this folder

private:
    std::unique_ptr<Impl> impl_;
};

} // namespace tandem
