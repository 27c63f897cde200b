#include "capi_cluster/lease_thread.hpp"
#include <algorithm>
#include <csignal>
#include <new>
#include <utility>
#include "net/system_clock.hpp"

namespace tandem::capi {
namespace {

constexpr Duration slack = std::chrono::milliseconds(1);        // beside a timeout that calls wait for
constexpr Duration memory_wait = std::chrono::milliseconds(10); // until the next try when memory has ended
constexpr Duration look_span = std::chrono::seconds(1);         // should a wake-up have failed for want of memory

// Signals are the host's. A thread begins with the mask of who makes it.
class WithoutSignals {
public:
    WithoutSignals() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~WithoutSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    WithoutSignals(const WithoutSignals &) = delete;
    WithoutSignals &operator=(const WithoutSignals &) = delete;

private:
    sigset_t before_{};
};

} // namespace

LeaseThread::LeaseThread(const LeaseThreadOptions &options, ShardedTracker &tracker, Listener &listener)
    : tracker_(tracker), listener_(listener), task_max_(options.task_max), loop_({.slack = slack}),
      store_(loop_, options.url, options.prefix, events()),
      leases_(options.leases, store_, random_, SystemClock::now()) {
    loop_.on_deadline([this] { turn(); });
    wake_locked();
    const WithoutSignals mask;
    thread_ = std::thread([this] { run(); });
}

LeaseThread::~LeaseThread() {
    loop_.stop();
    thread_.join();
}

RedisLeaseEvents LeaseThread::events() {
    RedisLeaseEvents events;
    events.on_connected = [this] {
        leases_.on_connected(SystemClock::now());
        wake();
    };
    events.on_lost = [this](const std::string &why) {
        leases_.on_lost(why, SystemClock::now());
        wake();
    };
    events.on_answer = [this](const LeaseAnswer &answer) {
        leases_.on_answer(answer, SystemClock::now());
        wake();
    };
    return events;
}

Result<LeaseThread::Room> LeaseThread::make_room() {
    Room room(*this);
    if (inbox_.size() >= task_max_) return Error::full;
    if (inbox_.size() == inbox_.capacity()) inbox_.reserve(inbox_.size() * 2 + 16);
    wake_locked();
    return room;
}

void LeaseThread::wake() noexcept {
    try {
        const std::lock_guard lock(mutex_);
        wake_locked();
    } catch (const std::bad_alloc &) { // it looks by itself within look_span
    }
}

// Once for all that comes before the thread's turn.
void LeaseThread::wake_locked() {
    if (is_woken_) return;
    loop_.post([this] { turn(); });
    is_woken_ = true;
}

LeaseThreadState LeaseThread::state() const {
    const std::lock_guard lock(mutex_);
    return state_;
}

// What memory has ended for in the adapter shows as an answer that does not come: an outage like another.
void LeaseThread::run() {
    for (;;) {
        try {
            loop_.run();
            return;
        } catch (const std::bad_alloc &) { // stop(), too, waits for the next round
        }
    }
}

void LeaseThread::turn() {
    const Instant now = SystemClock::now();
    try {
        work(now);
        loop_.set_deadline(std::min(leases_.next_deadline().value_or(never), now + look_span));
    } catch (const std::bad_alloc &) {
        loop_.set_deadline(now + memory_wait);
    }
}

void LeaseThread::work(Instant now) {
    { // first: whoever comes from now on wakes us again
        const std::lock_guard lock(mutex_);
        is_woken_ = false;
    }
    // Whatever a set had asked for before it ended is in the inbox then.
    tracker_.take_shared_ends(ends_);
    take_inbox();
    for (; next_task_ < tasks_.size(); ++next_task_) take_task(tasks_[next_task_], now);
    tasks_.clear();
    next_task_ = 0;
    while (!ends_.empty()) {
        leases_.release(ends_.back(), now);
        ends_.pop_back();
    }
    leases_.advance(now);
    publish(); // before the verdicts, which who hears of them finds counted
    if (tell_verdicts(now)) publish();
}

void LeaseThread::take_inbox() {
    const std::lock_guard lock(mutex_);
    if (tasks_.empty()) {
        tasks_.swap(inbox_);
        return;
    }
    tasks_.reserve(tasks_.size() + inbox_.size());
    std::move(inbox_.begin(), inbox_.end(), std::back_inserter(tasks_));
    inbox_.clear();
}

// May be done again where memory has ended in the middle.
void LeaseThread::take_task(LeaseTask &task, Instant now) {
    if (const auto *left = std::get_if<Departure>(&task)) {
        return leases_.leave(left->dialog, left->profile, left->value, now);
    }
    PlaceTask &place = std::get<PlaceTask>(task);
    if (place.asked) {
        auto &asked = asked_[place.reservation.id.value()];
        asked = std::move(place.asked);
    }
    leases_.reserve(place.reservation, now);
}

// False: there was none.
bool LeaseThread::tell_verdicts(Instant now) {
    for (bool is_told = false;; is_told = true) {
        if (!verdict_) {
            Reserved reserved;
            if (!leases_.next_verdict(reserved)) return is_told;
            verdict_ = reserved;
        }
        const auto asked = asked_.find(verdict_->id.value());
        if (asked != asked_.end()) {
            listener_.on_verdict(*asked->second, *verdict_, now);
            asked_.erase(asked);
        }
        verdict_.reset();
    }
}

void LeaseThread::publish() {
    const std::lock_guard lock(mutex_);
    state_.statistics = leases_.statistics();
    state_.is_ready = leases_.is_ready();
    state_.is_out = leases_.is_out();
    for (LeaseNotice notice; leases_.next_notice(notice);) {
        if (notice.is_out) state_.why = std::move(notice.why);
    }
}

} // namespace tandem::capi
