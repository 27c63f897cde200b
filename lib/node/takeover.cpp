#include "node/takeover.hpp"
#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <pthread.h>
#include <thread>
#include <utility>
#include "net/loop.hpp"
#include "net/system_clock.hpp"
#include "node/takeover_work.hpp"

namespace tandem {
namespace {

TakeoverOptions within_bounds(TakeoverOptions options) {
    options.batch = std::clamp<std::size_t>(options.batch, 1, 256);
    return options;
}

// The answer for whoever waits in start(), until he waits no more.
struct Waiting {
    std::mutex mutex;
    std::condition_variable changed;
    bool is_over = false;               // by mutex, as the next
    std::optional<TakenAtStart> answer; //
};

} // namespace

struct Takeover::Impl {
    Impl(const TakeoverOptions &its_options, TakeoverHost &host, Log &log)
        : options(within_bounds(its_options)), work(loop, options, host, log) {}

    void run();
    void run_thread();

    const TakeoverOptions options;
    Loop loop;
    TakeoverWork work; // of the loop
    std::atomic<bool> is_woken = false;
    std::thread thread;
};

void Takeover::Impl::run_thread() {
    if (thread.joinable()) return;
    thread = std::thread([this] { run(); });
    ::pthread_setname_np(thread.native_handle(), "takeover"); // for whoever looks at the process
}

void Takeover::Impl::run() {
    try {
        loop.run();
    } catch (...) {
        if (options.on_failure) options.on_failure(std::current_exception());
    }
}

Takeover::Takeover(const TakeoverOptions &options, TakeoverHost &host, Log &log)
    : impl_(std::make_unique<Impl>(options, host, log)) {}

Takeover::~Takeover() {
    impl_->loop.stop();
    if (impl_->thread.joinable()) impl_->thread.join();
}

void Takeover::end(std::vector<CallCopy> last, Duration patience) {
    if (!impl_->thread.joinable()) return;
    impl_->loop.post(
        [this, last = std::move(last), patience]() mutable { impl_->work.end(std::move(last), patience); });
    impl_->thread.join();
}

std::optional<TakenAtStart> Takeover::start(Duration longest) {
    const auto waiting = std::make_shared<Waiting>();
    impl_->loop.post([this, waiting] {
        impl_->work.read([waiting](TakenAtStart found) {
            const std::lock_guard lock(waiting->mutex);
            if (waiting->is_over) return false;
            waiting->answer = std::move(found);
            waiting->changed.notify_all();
            return true;
        });
    });
    impl_->run_thread();
    std::unique_lock lock(waiting->mutex);
    waiting->changed.wait_for(lock, longest, [&] { return waiting->answer.has_value(); });
    waiting->is_over = true;
    if (!waiting->answer) impl_->loop.post([this] { impl_->work.give_up_reading(); });
    return std::move(waiting->answer);
}

void Takeover::go_on() {
    impl_->loop.post([this] { impl_->work.go_on(); });
    impl_->run_thread();
}

void Takeover::wake() {
    if (impl_->is_woken.exchange(true)) return;
    impl_->loop.post([this] {
        impl_->is_woken = false; // before it is asked: what comes from now on is not forgotten
        impl_->work.wake();
    });
}

void Takeover::dropped(std::vector<std::string> keys) {
    impl_->loop.post([this, keys = std::move(keys)]() mutable { impl_->work.dropped(std::move(keys)); });
}

void Takeover::take_no_more() {
    impl_->loop.post([this] { impl_->work.take_no_more(); });
}

TakeoverStatistics Takeover::statistics() const { return impl_->work.statistics(); }

} // namespace tandem
