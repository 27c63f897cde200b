// A server with several workers that runs, and phones around it.
#pragma once
#include <chrono>
#include <cstdint>
#include <doctest/doctest.h>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>
#include "net/system_clock.hpp"
#include "node/config_reader.hpp"
#include "node/lines.hpp"
#include "node/phones.hpp"
#include "node/server.hpp"

namespace tandem::test {

// The phones live in the test's own thread and loop, the server in its threads.
struct RunningNode {
    explicit RunningNode(
        const std::string &more = {}, const std::string &path = {},
        const std::function<void(Config &)> &change = [](Config &) {}) {
        auto config = parse_config(text(more), "f");
        REQUIRE(config.ok());
        config->sip.listen[0].port = 0;
        config->admin.listen.reset(); // tests run side by side
        config->limits.lag = Duration::zero(); // none of these is about a busy machine
        change(*config);
        auto opened = Server::open(*config, path, lines.log);
        REQUIRE(opened.ok());
        server = std::move(*opened);
        config_ = *config;
        config_.sip.listen[0] = server->worker().listeners().at(0).bound;
        caller.emplace(loop, server->worker().listeners().at(0).bound);
    }
    std::string text(const std::string &more) const {
        return "[sip]\nworkers = " + std::to_string(workers) + "\n[store]\npath = \"\"\n" + callee.route() + more;
    }

    // From begin() to the end of the server.
    void run(const std::function<void()> &begin) {
        std::exception_ptr thrown;
        std::thread thread([&] {
            try {
                server->run([] {});
            } catch (...) {
                thrown = std::current_exception();
            }
            loop.stop();
        });
        loop.on_deadline([&] {
            is_late = true;
            end();
            end();
        });
        loop.set_deadline(SystemClock::now() + std::chrono::seconds(30));
        loop.post(begin);
        loop.run();
        thread.join();
        CHECK_FALSE(is_late);
        if (thrown) std::rethrow_exception(thrown);
    }

    // Another process in the place of the one that has ended, with so many workers.
    void restart(std::uint32_t count) {
        server.reset();
        config_.sip.workers = static_cast<decltype(config_.sip.workers)>(count);
        auto opened = Server::open(config_, {}, lines.log);
        REQUIRE_MESSAGE(opened.ok(), opened.error().detail);
        server = std::move(*opened);
    }
    void in_server(const std::function<void()> &task) { server->loop().post(task); }
    void end() {
        in_server([this] { server->terminate(); });
    }

    // Asks all workers, and goes on in the test's loop.
    void collect(const std::function<void(const std::vector<WorkerStatistics> &)> &then) {
        in_server([this, then] {
            server->collect_statistics([this, then](std::vector<WorkerStatistics> all) {
                loop.post([then, all = std::move(all)] { then(all); });
            });
        });
    }

    // Goes on when the workers together have so many calls.
    void when_calls(std::size_t calls, const std::function<void()> &then) {
        collect([=, this](const std::vector<WorkerStatistics> &all) {
            std::size_t found = 0;
            for (const WorkerStatistics &worker : all) found += worker.calls;
            found == calls ? then() : when_calls(calls, then);
        });
    }

    static constexpr std::size_t workers = 4;
    Lines lines;
    Loop loop;
    Callee callee{loop};
    std::unique_ptr<Server> server;
    std::optional<Caller> caller;
    bool is_late = false;

private:
    Config config_; // with the port that it has got
};

} // namespace tandem::test
