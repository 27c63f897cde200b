// A deadline of its own for a part that lives in a loop, whose single one others use (Loop::set_deadline()).
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include "base/instant.hpp"
#include "net/loop.hpp"

namespace tandem {

class Timer {
public:
    // All in the loop's thread, or before it runs; the loop outlives the timer. `handler` is called at or after the
    // instant that was set last, never before, and not any more once the timer is gone. It may set the next one, and
    // may end the timer.
    Timer(Loop &loop, std::function<void()> handler);
    ~Timer();
    Timer(const Timer &) = delete;
    Timer &operator=(const Timer &) = delete;

    void set(std::optional<Instant> at); // instead of the one before; none: there is none

    struct Impl;

private:
    std::shared_ptr<Impl> impl_; // shared with the wait that the loop still holds
};

} // namespace tandem
