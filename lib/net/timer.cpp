#include "net/timer.hpp"
#include <chrono>
#include <utility>
#include "net/loop_impl.hpp"
#include "net/system_clock.hpp"

namespace tandem {

struct Timer::Impl {
    Impl(Loop &loop, std::function<void()> then) : timer(loop.impl().io), handler(std::move(then)) {}

    asio::steady_timer timer;
    std::function<void()> handler;
    Instant at = never;
    Instant armed = never; // when the wait ends
};

namespace {

// One that is moved to a later time wakes up for nothing once, which costs less than to begin a new wait each time.
void wait(const std::shared_ptr<Timer::Impl> &impl);

} // namespace

Timer::Timer(Loop &loop, std::function<void()> handler) : impl_(std::make_shared<Impl>(loop, std::move(handler))) {}

Timer::~Timer() {
    impl_->at = never;
    impl_->timer.cancel();
}

void Timer::set(std::optional<Instant> at) {
    impl_->at = at.value_or(never);
    if (impl_->at < impl_->armed) wait(impl_);
}

namespace {

void wait(const std::shared_ptr<Timer::Impl> &impl) {
    impl->armed = impl->at;
    impl->timer.expires_at(std::chrono::steady_clock::time_point(impl->at.time_since_epoch())); // ends the one before
    impl->timer.async_wait([impl](AsioError error) {
        if (error) return;
        impl->armed = never;
        if (impl->at == never) return;
        if (impl->at > SystemClock::now()) return wait(impl);
        impl->at = never;
        impl->handler();
    });
}

} // namespace
} // namespace tandem
