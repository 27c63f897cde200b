// One worker: its sockets, its share of transactions, dialogs and calls, and its way into the store, all on one loop.
// The round of every batch: receive, drain the dialogs into the journal, and send: at once what no change of a dialog
// has caused, the rest when the store has that change. Of several workers each has a thread; a message that belongs to
// another is handed over (hand_over.hpp).
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include "base/wall_clock.hpp"
#include "call/call_copy.hpp"
#include "call/engine.hpp"
#include "call/router.hpp"
#include "callapi/admin_host.hpp"
#include "callapi/dialog_info.hpp"
#include "dialog/profile_table.hpp"
#include "net/loop.hpp"
#include "net/system_random.hpp"
#include "net/transport.hpp"
#include "node/audit.hpp"
#include "node/binding_keeper.hpp"
#include "node/call_control.hpp"
#include "node/call_copies.hpp"
#include "node/cluster_counts.hpp"
#include "node/hand_over.hpp"
#include "node/journal.hpp"
#include "node/known_peers.hpp"
#include "node/log.hpp"
#include "node/memory_budget.hpp"
#include "node/message_trail.hpp"
#include "node/name_lookup.hpp"
#include "node/outbox.hpp"
#include "node/overload.hpp"
#include "node/store_health.hpp"
#include "node/store_queue.hpp"
#include "node/trunk_states.hpp"
#include "node/worker_statistics.hpp"

namespace tandem {

class CaptureTap;
struct CapturedMessage;
class EventHub;
class EventSource;

struct WorkerOptions {
    EngineOptions engine; // its listeners are those of the transports, in the same order; dialogs.shard is the worker's
    JournalOptions journal;
    ResolverOptions dns;
    std::size_t waiting_max = 64 << 20; // bytes of messages that wait for the store
    std::size_t letters_per_turn = 256; // of other workers; then others of the loop get their turn
    OverloadOptions overload;
    KnownPeers *peers = nullptr; // of one worker, which looks up their names, and outlives it; null: of another
    Duration peer_interval = std::chrono::seconds(30); // between two lookups of a name; DNS says how old answers get
    Duration peer_retry = std::chrono::seconds(2);     // of one that has led to no address yet: its calls are refused
    EventHub *hub = nullptr;           // shared by workers, and outlives their threads; null: nobody listens, and calls
                                       // that wait for an event do so in vain
    EventSource *events = nullptr;     // of this worker; EngineOptions::events, too
    CaptureTap *capture = nullptr;     // of this worker, and outlives it; null: nobody sees its messages
    BindingKeeper *bindings = nullptr; // shared by workers, and outlives them; null: there is no registrar
    bool keeps_bindings = false;       // of one worker: it keeps that going
    std::optional<ClusterOptions> cluster{}; // none: there is no cluster
    TrailLimits trails;                           // of its own
    const std::atomic<bool> *is_traced = nullptr; // its messages are kept for a while; null: never. Outlives it
    std::function<void(const Cdr &)>
        on_record{};                   // of a call that has ended, where there is no store; none: nobody asks
    std::function<void(const CallEvent &)> on_call_event{}; // of commands; none: nobody gives any
    std::function<void()> on_copies{}; // take_copies() has something; none: nobody takes over
    MemoryBudget *memory = nullptr;    // shared by workers, and outlives them; null: none
    StoreHealth *store = nullptr;      // the same; null: what the worker itself knows of the store is all
    TrunkStates *trunks = nullptr;     // of the one that registers with them; null: another does
    Duration garbage_interval = std::chrono::seconds(60);  // at most one line about garbage, and of overload, in this
    Duration unreached_interval = std::chrono::seconds(1); // at most one line about a failed connection in this time
    Duration linger = std::chrono::seconds(1);             // after the last call of a drain: peers may repeat a message
};

class Worker {
public:
    // Everything given by reference outlives the worker; the loop outlives the store, which wakes it. Without a store
    // nothing is kept.
    Worker(const WorkerOptions &options, Loop &loop, std::vector<std::unique_ptr<MessageTransport>> transports,
           Router &router, ProfileTable &profiles, WallClock &wall, StoreQueue *store, Log &log);

    // Before the loops run: makes it the one of its shard among the workers of `board`, which outlives it.
    void join(Switchboard &board);

    // Before the loops run: takes back a dialog that a former process left; false: it is none, or there is no room. And
    // a Call-ID of a call that it has ended just now. Then goes on with all of them; what that says, the loop sends.
    bool restore(const DialogRecord &record, Instant now);
    void restore_ended(std::string_view call_id) { engine_.restore_ended(call_id); }
    void restore_refusal(std::string_view leg, Instant now) { engine_.restore_refusal(leg, now); }
    void go_on(Instant now);

    // In the loop: takes what others have left in the mailbox, a turn's worth of it.
    void on_mail();

    // In the loop: how many members the cluster has, to `then`; see ClusterCounts.
    void ask_cluster_size(std::string_view profile, std::string_view value, ClusterCounts::Size then);

    // In the loop: from now on it registers with these trunks. See Engine::replace_registrations().
    void register_with(std::vector<TrunkRegistration> trunks);

    // Before the loops run: who is asked about calls whose routes say so. Fails as CallControl::open() does.
    Result<void, Failure> open_control(const ControlConfig &config);

    // No new calls from now on, and no registration with a trunk; `drained` is called once, in the loop, when the calls
    // that are up have ended and no trunk has us any more, or after `longest`.
    void drain(Duration longest, std::function<void()> drained);

    // Before the end, when no loop runs any more: what the store has not taken yet is offered a last time, and what
    // waited for it is sent.
    void finish();

    // The same: sends what others have left, by listeners that this worker holds.
    void send_for_others();

    // In the loop: what `task` does to calls is stored and sent like any other change. worker_commands.cpp
    void command(const std::function<void(Engine &engine, Instant now)> &task);

    // In the loop: looks at all that it has, a slice a turn, and repairs what differs; `then` is called in the loop.
    void audit(EngineAudit from, std::function<void(WorkerAudit)> then);

    // In the loop: writes these of its dialogs into the store once more, those of them that live. How many do.
    std::uint64_t save_again(std::span<const RecordId> sorted);

    // In the loop, where others may take over: see TakeoverHost. The calls are named by the records of their callers'
    // legs, in order.
    CopyBatch take_copies(std::size_t most);
    void tell_all_copies();
    void adopt(std::span<CallCopyReader> calls);
    std::vector<RecordId> find_callers(std::span<const RecordId> sorted) const;
    void drop(std::span<const RecordId> sorted, std::function<void()> done); // `done`: their rows are gone, too

    // In the loop, for administration (worker_admin.cpp). Calls that fit, from place `cursor` of its table on, at most
    // `max`, as many as one turn may take; appends, and gives the place to go on with, 0 at the end.
    std::uint64_t list_dialogs(const DialogFilter &filter, std::uint64_t cursor, std::size_t max,
                               std::vector<DialogInfo> &out) const;
    void describe_dialogs(std::span<const DialogId> ids, std::vector<DialogInfo> &out) const; // those that live
    DialogId find_dialog(std::string_view call_id) const;                                     // of either leg
    DialogId find_dialog(const RecordId &record, std::uint64_t &cursor) const; // a turn's worth, with a cursor as above

    // The same: what is kept of the messages of these Call-IDs, by side, that have come or left by its sockets.
    CallMessages messages_of(const std::array<std::string, 2> &call_ids) const;

    // The same: changes a call by one of its legs. `then` is called in the loop, when the store has it. not_found, and
    // what Tracker::set_variable() says.
    Result<EndedDialog> end_dialog(DialogId id, EndReason reason);
    void set_variable(DialogId id, std::string_view name, const std::optional<VariableValue> &value,
                      std::function<void(Result<RecordId>)> then);

    // In the loop: the store was renewed, by whatever it was that found it damaged.
    void verify_store();

    // In the loop: `task` is called there in so long a time.
    void after(Duration wait, std::function<void()> task);

    std::size_t calls() const { return calls_.load(std::memory_order_relaxed); } // from any thread
    std::uint64_t vacant_bytes() const { return vacant_bytes_.load(std::memory_order_relaxed); } // the same; of Engine
    WorkerStatistics statistics() const;

    const WorkerOptions &options() const { return options_; }
    const std::vector<Listener> &listeners() const { return options_.engine.listeners; }
    const Engine &engine() const { return engine_; }
    const JournalStatistics *journal() const { return journal_ ? &journal_->statistics() : nullptr; }

private:
    void on_batch(std::span<const Datagram> batch, Duration lag);
    void on_deadline();
    void on_stored();
    void on_send_failed(const OutDatagram &datagram, const SendFailure &failure);
    void on_connection_lost(const LostConnection &lost);
    void on_resolved(LookupId lookup, std::span<const Endpoint> addresses);
    void receive(const Endpoint &peer, std::string_view bytes, std::uint8_t asked, Instant arrived, Instant now);
    bool has_mail();
    void read(const Letter &letter, Instant now);
    void pass_on(const Letter &letter);

    // What follows every input: store, then send, then wait for the next.
    void settle(Instant now);
    void watch_wall_clock(Instant now);
    void take_outgoing(Instant now);
    void tell_call_events();
    void store_changes(Instant now);
    void keep_bindings(Instant now);
    void send_ready();
    void send_requests();
    void hold_places(StoreTicket ticket);
    bool has_free_places() const;
    void release_places(Instant now);
    void note_changed(const DialogRecord &record);
    void note_ended(const DialogRecord &record);
    void watch_copies();
    void look_up_names();
    DecisionOutcome on_decided(QuestionId question, const Decision *decision);
    void look_up_peers(Instant now);
    void look_up_peer(const std::string &uri);
    void on_peer_resolved(LookupId lookup, std::span<const Endpoint> addresses);
    void watch_load(Duration lag, Instant now);
    void watch_store();
    void watch_garbage(Instant now);
    void watch_failing(Instant now);
    void watch_trunks(Instant now);
    void watch_drain(Instant now);
    void arm(Instant now);

    // worker_events.cpp
    void begin_waits();
    void on_waited(EventWaitId wait, Waited how);
    void tell_record(const DialogRecord &record);
    void tell_trunk(const TrunkStatus &status, Instant now);
    bool shows_messages() const;
    void show(const CapturedMessage &message, bool is_sent, std::string_view bytes);
    void show_received(std::span<const Datagram> batch);
    void show_sent(std::size_t listener, std::span<const OutDatagram> batch);

    // worker_audit.cpp
    struct AuditRun;
    void post_audit(std::shared_ptr<AuditRun> run);
    void audit_slice(const std::shared_ptr<AuditRun> &run);
    void do_later_tasks(Instant now);

    // worker_admin.cpp
    std::optional<DialogInfo> dialog_info(DialogId id, Instant now) const;
    DialogId counting_leg(DialogId id) const;
    std::string socket_of(const Endpoint &peer) const;
    void tell_written();

    std::uint64_t garbage() const;

    WorkerOptions options_;
    Loop &loop_;
    WallClock &wall_;
    Log &log_;
    std::vector<std::unique_ptr<MessageTransport>> transports_; // in the order of Endpoint::listener
    SystemRandom random_;
    Engine engine_;
    NameLookup names_;
    std::unique_ptr<CallControl> control_;
    std::map<LookupId, std::string> peer_lookups_; // under way, with what is looked up
    std::uint64_t last_peer_lookup_ = 0;
    NameLookup peer_names_;
    bool has_peer_names_ = false;
    Instant peers_at_{};             // of the next lookups
    Instant all_peers_at_{};         // of the next ones of names that are known, too
    std::optional<Journal> journal_; // none: nothing is kept

    std::vector<Outgoing> outgoing_;              // empty between the inputs; keeps its memory
    std::vector<Lookup> lookups_;                 // the same
    std::vector<WantedEvent> waits_;              // the same
    std::vector<BindingRecord> changed_bindings_; // of this round
    std::uint64_t changes_seen_ = 0;              // of the tracker
    Outbox outbox_;

    // Of ended calls, in profiles that other workers count too: until their last messages have left.
    struct HeldPlaces {
        StoreTicket ticket = 0; // of these messages
        std::vector<MemberId> places;
        std::vector<RecordId> leased; // whose leases end then, too
    };
    ProfileTable &profiles_;
    std::deque<HeldPlaces> places_; // oldest first
    std::vector<RecordId> ended_;   // in this round, if there is a cluster

    std::unique_ptr<MessageTrails> trails_; // none yet: nobody has asked for any
    std::optional<CallCopies> copies_; // none: nobody takes over
    bool are_copies_told_ = false;     // on_copies() was called, and nobody has come yet
    std::vector<RecordId> moved_;      // dropped in this round, in order
    struct Dropped {
        StoreTicket ticket = 0; // of their rows
        std::function<void()> done;
    };
    std::deque<Dropped> dropped_; // a few, oldest first
    std::deque<Dropped> written_; // the same of what administration has changed
    StoreTicket last_ticket_ = 0;

    std::optional<ClusterCounts> cluster_; // none: there is no cluster
    std::optional<HandOver> hand_over_;    // none: the only worker
    Mail mail_;                            // that was taken out of the box
    std::size_t letters_read_ = 0;         // of it
    bool reads_on_ = false;                // in a turn that is posted
    std::atomic<std::size_t> calls_{0};    // as of the last round
    std::atomic<std::uint64_t> vacant_bytes_{0};

    Instant wall_read_at_{};
    Overload overload_;
    bool is_overloaded_ = false; // or short of memory
    std::optional<Instant> overload_told_at_;
    bool is_store_behind_ = false;           // as far as this worker knows
    bool is_store_lost_ = false;             // and new calls are refused
    std::uint64_t refused_before_store_ = 0; // by then

    std::uint64_t garbage_told_ = 0;
    std::optional<Instant> garbage_at_;   // of the last line about it
    std::optional<Instant> unreached_at_; // of the last line about a connection that could not be made

    struct LaterTask {
        Instant at;
        std::function<void()> run;
    };
    std::vector<LaterTask> later_; // a few, in no order

    std::function<void()> drained_; // none: no drain, or it is over
    Instant drain_until_{};
    std::optional<Instant> calm_since_; // no call is up since then, in a drain

    std::shared_ptr<Worker *> self_; // for the store's thread, which may be about to wake us when we go
};

} // namespace tandem
