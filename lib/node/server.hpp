// A whole node: builds every part from the configuration, runs it, and ends or reloads it when a signal says so.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>
#include "base/result.hpp"
#include "base/wall_clock.hpp"
#include "dialog/profile_table.hpp"
#include "net/loop.hpp"
#include "net/system_random.hpp"
#include "net/transport.hpp"
#include "node/config.hpp"
#include "node/log.hpp"
#include "node/route_table.hpp"
#include "node/store_thread.hpp"
#include "node/worker.hpp"
#include "storage/sqlite/sqlite_store.hpp"

namespace tandem {

class Server {
public:
    // Opens the store and every socket, and closes what a former process left in the store. `path` is the file that
    // SIGHUP reads again; empty: there is none. `log` outlives the server. The failure is one line.
    static Result<std::unique_ptr<Server>, Failure> open(const Config &config, const std::string &path, Log &log);

    // Calls `ready`, then serves until a drain is over. SIGTERM or SIGINT drains: no new calls, and the end when the
    // last one has ended or after drain_ms; the second ends at once. SIGHUP reloads.
    void run(const std::function<void()> &ready);

    // What the signals do; for tests. Both from the loop's thread.
    void terminate();
    void reload();

    Loop &loop() { return loop_; }
    const Worker &worker() const { return *worker_; }
    const ProfileTable &profiles() const { return profiles_; }

private:
    Server(const Config &config, const std::string &path, Log &log);
    using Transports = std::vector<std::unique_ptr<MessageTransport>>;
    Result<Transports, Failure> open_transports();
    Result<std::unique_ptr<MessageTransport>, Failure> open_transport(const Endpoint &at);
    Result<void, Failure> open_store();
    void make_worker(Transports transports);
    Result<void, Failure> declare(const std::vector<ProfileOptions> &profiles);
    void on_signal(int signal);
    void log_start() const;
    void warn_of_restart(const Config &config) const;

    Config config_; // in force
    std::string path_;
    Log &log_;
    Loop loop_;
    WallClock wall_;
    RouteTable routes_;
    SystemRandom random_; // of the profiles
    ProfileTable profiles_;
    std::unique_ptr<SqliteStore> store_;        // none: nothing is kept
    std::unique_ptr<StoreThread> store_thread_; // none: the same. Uses the store alone, and wakes the loop
    std::unique_ptr<Worker> worker_;
    bool is_draining_ = false;
};

} // namespace tandem
