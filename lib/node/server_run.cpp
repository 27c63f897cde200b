// The threads of a server's workers, and its end.
#include <csignal>
#include <fmt/format.h>
#include <utility>
#include "node/server.hpp"

namespace tandem {

void Server::run(const std::function<void()> &ready) {
    ready();
    {
        // Also if a thread can not be started: those that were are not left behind.
        struct Joining {
            explicit Joining(Server &joined) : server(joined) {}
            Joining(const Joining &) = delete;
            Joining &operator=(const Joining &) = delete;
            ~Joining() { server.end_threads(); }
            Server &server;
        } const joining(*this);
        for (std::size_t i = 1; i < stations_.size(); ++i) {
            stations_[i]->thread = std::thread([this, i] { run_loop(*stations_[i]); });
        }
        run_loop(*stations_[0]);
    }
    if (failure_) std::rethrow_exception(failure_);
    for (const auto &station : stations_) station->worker->finish();
}

void Server::run_loop(Station &station) {
    try {
        station.loop.run();
    } catch (...) {
        const std::lock_guard lock(failure_mutex_);
        if (!failure_) failure_ = std::current_exception();
    }
    stop(); // one that is gone leaves calls that nobody answers for
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

void Server::collect_statistics(std::function<void(std::vector<WorkerStatistics>)> then) {
    auto all = std::make_shared<std::vector<WorkerStatistics>>(stations_.size());
    // Each writes its own place, before it says that it is done.
    everywhere([all](Station &station) { (*all)[station.index] = station.worker->statistics(); },
               [all, then = std::move(then)] { then(std::move(*all)); });
}

void Server::on_signal(int signal) {
    if (signal == SIGHUP) return reload();
    terminate();
}

void Server::terminate() {
    if (is_draining_) {
        log_.warn(fmt::format("told to end at once; {} calls stay in the store", calls()));
        return stop();
    }
    is_draining_ = true;
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
