#include "net/loop.hpp"
#include <chrono>
#include <csignal>
#include "net/loop_impl.hpp"
#include "net/system_clock.hpp"

namespace tandem {
namespace {

// The steady clock of the standard library is CLOCK_MONOTONIC here, the clock of Instant.
std::chrono::steady_clock::time_point to_steady(Instant at) {
    return std::chrono::steady_clock::time_point(at.time_since_epoch());
}

} // namespace

void Loop::Impl::arm_timer(Instant at) {
    armed = at;
    timer.expires_at(to_steady(at)); // an earlier wait ends with operation_aborted
    timer.async_wait([this](AsioError error) {
        if (!error) on_timer();
    });
}

void Loop::Impl::on_timer() {
    armed = never;
    if (deadline == never) return;
    if (deadline > SystemClock::now()) return arm_timer(round_up(deadline, options.slack)); // was moved meanwhile
    deadline = never;
    if (deadline_handler) deadline_handler();
}

void Loop::Impl::wait_for_signal() {
    signals->async_wait([this](AsioError error, int signal) {
        if (error) return;
        wait_for_signal();
        signal_handler(signal);
    });
}

Loop::Loop(const LoopOptions &options) : impl_(std::make_unique<Impl>(options)) {}

Loop::~Loop() = default;

void Loop::run() {
    const auto work = asio::make_work_guard(impl_->io);
    impl_->io.restart();
    impl_->io.run();
}

void Loop::stop() {
    asio::post(impl_->io, [this] { impl_->io.stop(); });
}

void Loop::post(std::function<void()> task) { asio::post(impl_->io, std::move(task)); }

void Loop::on_deadline(std::function<void()> handler) { impl_->deadline_handler = std::move(handler); }

void Loop::set_deadline(std::optional<Instant> at) {
    impl_->deadline = at.value_or(never);
    if (impl_->deadline == never) return; // a wake-up that is planned finds nothing to do
    const Instant wake = round_up(impl_->deadline, impl_->options.slack);
    if (wake < impl_->armed) impl_->arm_timer(wake);
}

void Loop::on_signal(std::function<void(int)> handler) {
    impl_->signal_handler = std::move(handler);
    impl_->signals.emplace(impl_->io, SIGTERM, SIGINT, SIGHUP);
    impl_->signals->add(SIGUSR1);
    impl_->wait_for_signal();
}

} // namespace tandem
