// The threads of a server's workers, and its end.
#include <csignal>
#include <fmt/format.h>
#include <utility>
#include "node/capture.hpp"
#include "node/server.hpp"

namespace tandem {

void Server::run(const std::function<void()> &ready) {
    ready();
    attempt([this] { run_threads(); });
    end_threads();    // also if one of them could not be started
    api_.shut_down(); // with the workers: what it wants of them nobody does any more
    finish();         // meanwhile: what is known of calls does not wait for a client that is slow to go
    api_.stop();
    if (admin_) admin_->end();
    if (const std::exception_ptr thrown = failure()) std::rethrow_exception(thrown);
}

void Server::run_threads() {
    api_.start([this](std::exception_ptr thrown) {
        keep(std::move(thrown));
        stop();
    });
    for (std::size_t i = 1; i < stations_.size(); ++i) {
        stations_[i]->thread = std::thread([this, i] { run_loop(*stations_[i]); });
    }
    run_loop(*stations_[0]);
}

void Server::run_loop(Station &station) {
    attempt([&station] { station.loop.run(); });
    stop(); // one that is gone leaves calls that nobody answers for
}

// Also after a failure: what is known of the calls is not lost with a worker.
void Server::finish() {
    for (const auto &station : stations_) {
        attempt([&station] { station->worker->finish(); });
        // At once: a box need not have room for what several have left.
        for (const auto &holder : stations_) {
            attempt([&holder] { holder->worker->send_for_others(); });
        }
    }
    attempt([this] {
        if (capture_) capture_->end();
    });
    attempt([this] { end_takeover(); });
    attempt([this] { end_cdr_stream(); }); // with the records of now, while the thread of the store is there
    if (!store_ || !is_draining_ || calls() > 0) return;
    // The next process would only repeat what everybody has heard.
    attempt([this] {
        store_thread_.reset();
        if (auto forgotten = store_->forget_refusals(); !forgotten) {
            log_.warn(fmt::format("store: {}", forgotten.error().detail));
        }
    });
}

void Server::attempt(const std::function<void()> &task) {
    try {
        task();
    } catch (...) {
        keep(std::current_exception());
    }
}

void Server::keep(std::exception_ptr failure) {
    const std::lock_guard lock(failure_mutex_);
    if (!failure_) failure_ = std::move(failure);
}

std::exception_ptr Server::failure() {
    const std::lock_guard lock(failure_mutex_);
    return failure_;
}

void Server::stop() {
    for (const auto &station : stations_) station->loop.stop();
}

void Server::end_threads() {
    stop();
    for (const auto &station : stations_) {
        if (station->thread.joinable()) station->thread.join();
    }
}

void Server::everywhere(const std::function<void(Station &)> &task, std::function<void()> then) {
    auto done = [left = std::make_shared<std::size_t>(stations_.size()), then = std::move(then)] {
        if (--*left == 0 && then) then();
    };
    for (std::size_t i = 1; i < stations_.size(); ++i) {
        Station &station = *stations_[i];
        station.loop.post([this, &station, task, done] {
            task(station);
            loop().post(done);
        });
    }
    task(*stations_[0]);
    done();
}

std::size_t Server::calls() const {
    std::size_t sum = 0;
    for (const auto &station : stations_) sum += station->worker->calls();
    return sum;
}

// Called by workers. Their tables keep what they took when they were fuller, and it is not used up: who has refused a
// flood takes calls again when those of the flood have gone.
MemoryUse Server::read_use(bool reads_free) const {
    MemoryUse use = read_memory_use(reads_free);
    if (!reads_free) return use;
    for (const auto &station : stations_) use.free += station->worker->vacant_bytes();
    return use;
}

void Server::collect_statistics(std::function<void(std::vector<WorkerStatistics>)> then) {
    auto all = std::make_shared<std::vector<WorkerStatistics>>(stations_.size());
    // Each writes its own place, before it says that it is done.
    everywhere([all](Station &station) { (*all)[station.index] = station.worker->statistics(); },
               [all, then = std::move(then)] { then(std::move(*all)); });
}

void Server::on_signal(int signal) {
    if (signal == SIGHUP) return reload();
    if (signal == SIGUSR1) return audit_and_tell();
    terminate();
}

void Server::terminate() {
    if (is_draining_) {
        log_.warn(fmt::format("told to end at once; {} calls stay in the store", calls()));
        return stop();
    }
    is_draining_ = true;
    if (takeover_) takeover_->take_no_more();
    log_.info(fmt::format("ending: no new calls; waiting up to {} ms for {} calls", to_ms(config_.sip.drain), calls()));
    // A worker whose calls have ended goes on passing on what belongs to the others.
    auto left = std::make_shared<std::size_t>(stations_.size());
    const auto drained = [this, left] {
        loop().post([this, left] {
            if (--*left == 0) on_drained();
        });
    };
    const auto drain = [longest = config_.sip.drain, drained](Station &station) {
        station.worker->drain(longest, drained);
    };
    everywhere(drain, {});
}

void Server::on_drained() {
    if (calls() > 0) log_.warn(fmt::format("{} calls are still up after drain_ms; they stay in the store", calls()));
    stop();
}

} // namespace tandem
