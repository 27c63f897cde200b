// The inside of Loop, for the transports.
#pragma once
#include "net/asio.hpp"
#include "net/loop.hpp"

namespace tandem {

struct Loop::Impl {
    explicit Impl(const LoopOptions &loop_options) : options(loop_options) {}

    void arm_timer(Instant at);
    void on_timer();
    void wait_for_signal();

    const LoopOptions options;
    asio::io_context io{1}; // one thread runs it; others may post
    asio::steady_timer timer{io};
    Instant armed = never;    // when the timer wakes us; never: it is not armed
    Instant deadline = never; // what the host asked for
    std::function<void()> deadline_handler;
    std::optional<asio::signal_set> signals;
    std::function<void(int)> signal_handler;
};

} // namespace tandem
