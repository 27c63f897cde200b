// A whole node: builds every part from the configuration, runs it, and ends or reloads it when a signal says so.
#pragma once
#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>
#include "auth/digest_server.hpp"
#include "base/failing_sources.hpp"
#include "base/result.hpp"
#include "base/wall_clock.hpp"
#include "callapi/admin_handler.hpp"
#include "callapi/call_api.hpp"
#include "callapi/event_feed.hpp"
#include "dialog/profile_table.hpp"
#include "net/loop.hpp"
#include "net/stream_transport.hpp"
#include "net/system_random.hpp"
#include "net/transport.hpp"
#include "node/api_thread.hpp"
#include "node/audit.hpp"
#include "node/binding_keeper.hpp"
#include "node/cdr_stream.hpp"
#include "node/cluster_counts.hpp"
#include "node/config.hpp"
#include "node/hand_over.hpp"
#include "node/known_peers.hpp"
#include "node/log.hpp"
#include "node/node_admin.hpp"
#include "node/node_calls.hpp"
#include "node/node_commands.hpp"
#include "node/route_table.hpp"
#include "node/store_thread.hpp"
#include "node/takeover.hpp"
#include "node/trunk_states.hpp"
#include "node/worker.hpp"
#include "registrar/registrar.hpp"
#include "storage/sqlite/sqlite_store.hpp"

namespace tandem {

class Capture;
class EventHub;

class Server {
public:
    // Opens the store and every socket, and takes back the calls that a former process left. `path` is the file that
    // SIGHUP reads again; empty: there is none. `log` outlives the server. The failure is one line.
    static Result<std::unique_ptr<Server>, Failure> open(const Config &config, const std::string &path, Log &log);

    ~Server();

    // Calls `ready`, then serves until a drain is over: on this thread, and on one more for each further worker.
    // SIGTERM or SIGINT drains: no new calls, and the end when the last one has ended or after drain_ms; the second
    // ends at once. SIGHUP reloads, SIGUSR1 audits. What a worker or the store throws ends all of them and comes out
    // here, after the rest was done as at any other end.
    void run(const std::function<void()> &ready);

    // What the signals do. Both from the thread of loop(). `then`, which may be empty, is called there when the new
    // configuration is in force, or at once with the line that says why the former one stays.
    void terminate();
    void reload(std::function<void(const Result<void, Failure> &)> then = {});

    // What each worker has counted: `then` is called in loop() when all have said it.
    void collect_statistics(std::function<void(std::vector<WorkerStatistics>)> then);

    // Compares what the workers, the profiles and the store know of calls, and repairs what differs: `then`, which may
    // be empty, is called in loop() with what was found. Calls go on meanwhile; it takes a second more than `wait_max`.
    // Whoever asks while one is under way gets its report. SIGUSR1 does it too, and it is done at an interval.
    void audit(std::function<void(const AuditReport &)> then);
    const AuditStatistics &audit_statistics() const { return audit_statistics_; } // in loop()

    // What administration needs; for a NodeAdmin that ends with this object, or before.
    AdminParts admin_parts();

    // The first worker is that of loop(). Its parts are its thread's alone, but for Worker::calls().
    std::size_t workers() const { return stations_.size(); }
    Loop &loop(std::size_t worker = 0) { return stations_[worker]->loop; }
    const Worker &worker(std::size_t worker = 0) const { return *stations_[worker]->worker; }
    const ProfileTable &profiles() const { return profiles_; }
    const TrunkStates &trunks() const { return trunks_; } // that we register with
    const Registrar &registrar() const { return registrar_; }
    const ApiThread &api() const { return api_; }
    EventHub &events() { return *events_; } // in api_loop()
    Loop &api_loop() { return api_.loop(); }
    const Capture *capture() const { return capture_.get(); }         // none: nobody sees the messages
    const CdrStream *cdr_stream() const { return cdr_stream_.get(); } // none: records go to no stream

private:
    // A worker, with all that it shares with no other.
    struct Station {
        Station(std::uint8_t number, const Config &config, const RouteTableOptions &table);

        const std::uint8_t index; // the shard
        Loop loop;
        RouteTable routes;
        std::unique_ptr<Worker> worker;
        std::vector<StreamTransport *> tls_transports; // of the worker
        std::thread thread;                            // of all but the first
    };

    Server(const Config &config, const std::string &path, Log &log);
    using Transports = std::vector<std::unique_ptr<MessageTransport>>;
    Result<std::vector<Transports>, Failure> open_all_transports();
    Result<Transports, Failure> open_transports(Station &station, const std::vector<Endpoint> &listen);
    Result<std::unique_ptr<MessageTransport>, Failure> open_transport(Loop &loop, const Endpoint &at, bool share_port);
    Result<void, Failure> open_apis();
    Result<void, Failure> open_store();
    Result<void, Failure> load_bindings();
    Result<void, Failure> open_capture();
    void make_events();
    void make_cdr_stream();
    void end_cdr_stream();
    Result<void, Failure> restore_calls();
    // server_takeover.cpp
    Result<void, Failure> make_takeover();
    void ask_who_has_calls();
    bool is_taken(const DialogRecord &record) const;
    Result<void, Failure> forget_taken(const std::vector<RecordId> &rows);
    void begin_takeover();
    void end_takeover();

    Result<void, Failure> pass_over_damage(const Result<void, Failure> &loaded);
    void log_restored(const DialogLoad &load) const;
    Worker &worker_for(const DialogRecord &record);
    Worker &worker_for(const KeptRefusal &refusal);
    void use_users(Config &config);
    MemoryUse read_use(bool reads_free) const;
    static RegistrarOptions registrar_options(const Config &config);
    static SourceLimits source_limits(const LimitConfig &limits);
    void make_workers(std::vector<Transports> transports);
    Result<void, Failure> open_control();
    WorkerOptions worker_options(const Transports &transports);
    void make_board();
    Result<void, Failure> declare(const std::vector<ProfileOptions> &profiles);
    // server_audit.cpp
    struct AuditRun;
    using Rows = std::vector<RecordId>;
    void read_rows(StoreThread &thread, std::shared_ptr<AuditRun> run, Rows AuditRun::*rows, std::uint64_t after,
                   std::function<void()> then);
    void audit_workers();
    void on_workers_audited();
    void compare_rows();
    void close_strange_rows();
    void end_audit();
    void audit_and_tell();
    void audit_regularly();

    void make_event_port();
    std::vector<std::unique_ptr<RpcFeature>> make_features(JsonRpc &rpc, const std::shared_ptr<RpcChannel> &channel);
    void make_call_api();

    // server_admin.cpp
    void make_admin();
    std::vector<TrunkInfo> list_trunks() const;
    void collect_numbers(std::function<void(NodeNumbers)> then);

    void on_signal(int signal);
    void on_drained();
    void log_start() const;
    void warn_of_restart(const Config &config) const;
    Result<Config, Failure> read_again() const;
    Result<std::shared_ptr<const TlsContext>, Failure> load_certificates_again(const Config &config) const;
    void put_in_force(Config config, std::shared_ptr<const TlsContext> tls);

    // Calls `task` for every worker, in its loop, and `then` in ours when the last one has done it.
    void everywhere(const std::function<void(Station &)> &task, std::function<void()> then);
    void run_loop(Station &station);
    void run_threads();
    void end_threads();
    void finish();
    void stop();
    void attempt(const std::function<void()> &task); // what it throws is kept
    void keep(std::exception_ptr failure);
    std::exception_ptr failure();
    std::size_t calls() const; // of all workers, as of their last rounds

    Config config_; // in force
    std::string path_;
    Log &log_;
    WallClock wall_;
    SystemRandom random_; // of the profiles and the sources, and of what the workers have in common, as it is made
    SystemRandom binding_random_; // of the registrar alone, which draws on
    ProfileTable profiles_;
    SourceLimiter sources_;
    FailingSources failing_;
    KnownPeers peers_;
    TrunkStates trunks_;
    ClusterHealth cluster_health_;
    DigestServer digest_; // has the users
    UserCheck users_;
    Registrar registrar_;
    BindingKeeper bindings_;
    std::unique_ptr<RegisteredUsers> registered_; // as routes ask for them
    KeyedHash loop_hash_;                         // a key of its own, because the network sees what it makes
    MemoryBudget memory_;
    StoreHealth store_health_;

    std::mutex failure_mutex_;
    std::exception_ptr failure_; // the first of any thread; guarded by failure_mutex_

    std::unique_ptr<Switchboard> board_;    // none: one worker
    std::shared_ptr<const TlsContext> tls_; // none: no listener wants one
    std::vector<std::unique_ptr<Station>> stations_;
    std::unique_ptr<EventHub> events_;          // in the loop of api_
    std::unique_ptr<Capture> capture_;          // none: nobody sees the messages
    std::unique_ptr<SqliteStore> store_;        // none: nothing is kept
    std::optional<Failure> renewed_at_start_;   // by what was loaded from it
    std::unique_ptr<QueuedCdrs> queued_cdrs_;   // none: there is a store, or no stream
    std::unique_ptr<StoredCdrs> stored_cdrs_;   // none: there is no store, or no stream
    std::unique_ptr<CdrStream> cdr_stream_;     // none: records go to no stream
    std::unique_ptr<NodeCalls> node_calls_;     // none: nobody takes over. Asks the workers
    TakenAtStart at_start_;                     // until the workers know
    std::vector<RecordId> taken_;               // calls that others have, in order
    std::unique_ptr<Takeover> takeover_;        // none: the same. Uses node_calls_
    std::unique_ptr<StoreThread> store_thread_; // none: the same. Uses the store alone, and wakes the loops
    std::atomic<bool> is_draining_ = false;     // changed in loop()
    std::int64_t start_s_ = 0;                  // UTC
    std::shared_ptr<AuditRun> audit_;           // none: none is under way
    AuditStatistics audit_statistics_;
    SystemRandom admin_random_;                   // of the handler alone, on the thread of api_
    std::unique_ptr<NodeAdmin> admin_;            // none: nobody may ask. Asks the workers
    std::atomic<bool> is_traced_{false};          // workers keep messages of calls
    std::size_t trace_watchers_ = 0;              // who has them kept; on the thread of api_
    std::unique_ptr<AdminHandler> admin_handler_; // none: the same
    SystemRandom api_random_;                     // of the Call API alone
    std::unique_ptr<NodeCommands> commands_;      // none: nobody listens for it
    std::unique_ptr<EventPort> event_port_;       // of events_
    std::unique_ptr<CallApi> call_api_;           // the same
    ApiThread api_;                               // last: it asks all others
};

} // namespace tandem
