// One worker's SIP: transactions, dialogs and calls wired together. Datagrams and time go in; datagrams, records to
// store and the next deadline come out. Pure: node gives it a socket, a simulation gives it an emulated network.
//
// The order that keeps the write-ahead rule: receive() or advance(), any number of times; drain_changes() into the
// store and commit; take_outgoing() and send.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>
#include "base/connection_loss.hpp"
#include "base/endpoint.hpp"
#include "base/failing_sources.hpp"
#include "base/hash.hpp"
#include "base/instant.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/source_limiter.hpp"
#include "call/call_event.hpp"
#include "call/call_legs.hpp"
#include "call/call_view.hpp"
#include "call/command.hpp"
#include "call/decision.hpp"
#include "call/event_wait.hpp"
#include "call/listener.hpp"
#include "call/lookup.hpp"
#include "call/registration.hpp"
#include "call/router.hpp"
#include "call/user_check.hpp"
#include "cluster/reservation.hpp"
#include "dialog/living_dialogs.hpp"
#include "dialog/profile_table.hpp"
#include "dialog/tracker.hpp"
#include "event/event_sink.hpp"
#include "registrar/registrar.hpp"
#include "transaction/outgoing.hpp"
#include "transaction/transaction_table.hpp"

namespace tandem {

struct EngineOptions {
    std::vector<Listener> listeners; // in the order of Endpoint::listener
    TransactionOptions transactions;
    TrackerOptions dialogs;
    std::uint32_t call_max = 65536; // beyond it an INVITE gets 503 with Retry-After
    std::uint32_t forward_max = 16; // requests passed inside one call that wait for their answer
    Duration session_expires{};     // what we ask of each peer (RFC 4028); zero: nothing, but what he asks is kept
    Duration min_session_expires = std::chrono::seconds(90); // shorter ones are refused 422
    bool keeps_legs = true;      // false: nobody stores what drain_changes() tells, and nothing is restored
    std::uint32_t event_max = 0; // that wait for the host, 0: none. Beyond it all but ends of commands are lost
    SourceLimiter *sources = nullptr;   // shared by engines, and outlives them; null: no limit for a source
    UserCheck *users = nullptr;         // the same: calls of our users are challenged; null: nobody's are
    Registrar *registrar = nullptr;     // the same: takes REGISTERs; null: they get 403
    FailingSources *failing = nullptr;  // the same: who fails too often is slowed down; null: nobody is
    EventSink *events = nullptr;        // outlives the engine: is told what happens to calls; null: nobody is
    std::uint32_t shards = 1;           // engines of the process, which hand each other what is theirs
    std::string domain;                 // of users whom a command names; empty: where the first listener is
    Duration ack_wait = std::chrono::seconds(2); // of a started call: how long its caller waits for the callee's answer
    std::uint32_t question_max = 1024; // that wait for a decision; beyond it nobody is asked, and `undecided` holds
    Undecided undecided = Undecided::refuse;
    bool asks_registers = false;        // about each REGISTER, when the registrar would take it
    std::optional<KeyedHash> loop_hash; // the same for engines that a call may come back to; none: one of its own
};

struct EngineStatistics {
    std::uint64_t received = 0; // datagrams
    std::uint64_t not_sip = 0;  // dropped: no SIP
    std::uint64_t too_large = 0;
    std::uint64_t keepalives = 0; // CRLF alone (RFC 5626 section 3.5.1)
    std::uint64_t refused_full = 0;
    std::uint64_t refused_outage = 0;    // nobody knew how many calls the cluster has: answered 503
    std::uint64_t refused_overload = 0;  // new INVITEs, answered 503
    std::uint64_t refused_store = 0;     // the same, because the store was lost
    std::uint64_t refused_source = 0;    // beyond the rate of their source: answered 503
    std::uint64_t dropped_source = 0;    // the same, and not answered
    std::uint64_t refused_strangers = 0; // new INVITEs from where nobody may call: answered 403
    std::uint64_t refused_registers = 0; // REGISTERs of whom the registrar does not take: 403 and the like; not 401
    std::uint64_t challenged = 0;        // new INVITEs of users: answered 407
    std::uint64_t refused_users = 0;     // the same, for credentials that are wrong or somebody else's
    std::uint64_t dropped_failing = 0;   // not answered: of a source that failed too often
    std::uint64_t trunk_retries = 0;     // requests sent again with credentials, because a trunk challenged them
    std::uint64_t trunk_refusals = 0;    // challenges of a trunk that we could not answer, or not any more
    std::uint64_t barred_ways = 0; // to phones and of redirections that lead to ourselves or to a trunk: not taken
    std::uint64_t loops = 0;
    std::uint64_t questions_lost = 0; // beyond question_max
    std::uint64_t events_lost = 0;
};

// What an audit of the calls has found, and how far it has come.
struct CallAudit {
    enum class Step : std::uint8_t { calls, dialogs, transactions, over };

    Step step = Step::calls;
    std::uint64_t cursor = 0;
    std::uint64_t calls_over = 0;        // calls whose dialogs had all ended: they are gone now
    std::uint64_t dialogs_uncalled = 0;  // dialogs that no call has had for a minute: they have ended now
    std::uint64_t transactions_lost = 0; // transactions that have waited so long for no call: they are gone now
    std::unordered_map<std::uint64_t, Instant> uncalled{}; // dialogs that no call has, since when
    std::unordered_map<std::uint64_t, Instant> lost{};     // the same of transactions
};

// The same of an engine as a whole.
struct EngineAudit {
    TrackerAudit tracker;
    CallAudit calls;
};

// Whether another process could go on with a call.
enum class CallCondition : std::uint8_t {
    gone,      // there is no such call any more
    unsettled, // not answered yet, about to end, or with a leg that another call has for now
    up,
};

class Engine {
public:
    // All references outlive the engine. Engines of one process share the profiles.
    Engine(const EngineOptions &options, Router &router, ProfileTable &profiles, Random &random, Instant now);
    ~Engine();

    // False, and nothing has happened, if it is a CANCEL that matches nothing and `stray` says to leave it.
    // `arrived`: when another thread had it from the network; none: now.
    bool receive(std::string_view bytes, const Endpoint &source, Instant now, StrayCancel stray = StrayCancel::answer,
                 std::optional<Instant> arrived = std::nullopt);
    void on_send_failed(TransactionId transaction, Instant now);
    void on_not_connected(TransactionId transaction, Instant now);    // it needed a connection, and none could be made
    void on_connection_lost(const ConnectionLoss &loss, Instant now); // no other one led there
    void advance(Instant now);
    std::optional<Instant> next_deadline() const; // may be early, never late

    // What a process that has died left in the store. Before anything is received: restore() for each of its dialogs,
    // in any order, restore_ended() for the Call-IDs of those that ended in its last moments, and restore_refusal() for
    // what their last records had in `leg`; then go_on(). Calls that were up go on, deadlines that have passed fire
    // with the next advance(); who rang or waited for an answer hears that it is over, and the record says `restart`.
    // invalid: nobody of us has written it; full: a bound is reached.
    Result<void> restore(const DialogRecord &record, Instant now);
    void restore_ended(std::string_view call_id);
    void restore_refusal(std::string_view leg, Instant now);
    void go_on(Instant now);

    // The legs of a call, the caller's first, to `take`, if it is up; `owner` is that of its records. With
    // call_to_text() it is a copy for another process. The views hold until `take` returns.
    CallCondition describe_call(std::uint64_t owner, const std::function<void(std::span<const DialogRecord>)> &take);

    // Both dialogs of a call, whatever its state; `owner` is that of their records. None: there is no such call.
    std::optional<CallLegs> legs_of(std::uint64_t owner) const;

    // Goes on, at any time, with a call that another process has left in such a copy, which may be older than what that
    // said last: so our CSeq makes a step. What is missing of the call ends it. The errors of restore(); nothing has
    // changed then.
    Result<void> adopt(std::span<DialogRecord> legs, Instant now);

    // Another process has these calls, by the records of their callers' legs: they go without a word, but that a
    // transfer is given up. The records of all their legs; they are drained once more, as ended.
    std::vector<RecordId> drop(std::span<const RecordId> sorted, Instant now);

    // See Tracker::drain_changes(). Each record has what is to be kept of its leg, if that has changed; one of an end,
    // what is to be kept for 64*T1.
    void drain_changes(const std::function<void(const DialogRecord &)> &changed,
                       const std::function<void(const DialogRecord &)> &ended);

    // For a store that has missed changes: the same of all that lives, with its legs in any case.
    const LivingDialogs &living() const;
    void take_outgoing(std::vector<Outgoing> &outgoing); // appends, and forgets them

    // Bindings that a REGISTER has changed, for the store before its answer leaves.
    void take_bindings(std::vector<BindingRecord> &bindings); // appends, and forgets them

    void take_places(std::vector<MemberId> &places); // see Tracker::take_places()

    // Places in profiles that the cluster counts, in the order of what happened: wanted ones, for calls that wait for
    // the verdict (a reservation without an id waits for none), and single ones that a dialog leaves. A dialog that
    // ends lets go of all that it has, and is about to get.
    void take_place_requests(std::vector<PlaceRequest> &requests); // appends, and forgets them
    void on_reserved(const Reserved &reserved, Instant now);

    // Names that calls and registrations wait for, and their addresses with the listeners that send there, best first;
    // none: no such name, or no answer in time.
    void take_lookups(std::vector<Lookup> &lookups); // appends, and forgets them
    void on_resolved(LookupId lookup, std::span<const Endpoint> addresses, Instant now);

    // Events that calls wait for.
    void take_waits(std::vector<WantedEvent> &waits); // appends, and forgets them
    void on_waited(EventWaitId wait, Waited how, Instant now);

    // What calls and REGISTERs wait to be decided about, and which questions nobody waits for any more: whoever was
    // asked may be told. Each of the others has one decision in the end; null: there is none, and `undecided` holds.
    void take_questions(std::vector<Question> &questions, std::vector<QuestionId> &withdrawn); // appends
    DecisionOutcome on_decided(QuestionId question, const Decision *decision, Instant now);

    bool next_event(CallEvent &event); // takes the oldest; false: there is none

    // Asks the peer of this leg whether it is still there, by a re-INVITE that changes nothing: if it is not, the call
    // ends with the reason `probe`. not_found: no leg of a call; wrong_state: it is not answered, or ends.
    Result<void> refresh(DialogId leg, Instant now);

    // Commands (command.hpp). not_found: no leg of a call; conflict: another command is at work; wrong_state: it is not
    // up, or somebody else has begun to change it. What comes of them comes as events.
    //
    // Hold: each leg in order is told that the other peer only sends (RFC 3264 section 8.4); resume takes it back. A
    // leg that refuses leaves the call as it was. wrong_state too: no session description is known.
    Result<CommandId> hold(DialogId leg, Instant now, Duration deadline = command_deadline);
    Result<CommandId> resume(DialogId leg, Instant now, Duration deadline = command_deadline);

    // The peer of this leg is to talk to `uri` (a value of Refer-To), which goes where the route table sends it; the
    // other leg is released once he does. invalid too.
    Result<CommandId> transfer(DialogId leg, std::string_view uri, Instant now, Duration deadline = command_deadline);

    // The peers of this leg and of the target talk to each other; the other legs of both calls are released.
    std::optional<JoinTarget> joinable(DialogId leg) const; // none: it is not up
    Result<CommandId> join(DialogId leg, const JoinTarget &target, Instant now, Duration deadline = command_deadline);

    // A call of its own. invalid: no URI; not_found: no route leads to one of the two; limit: a profile is full; full;
    // wrong_state: no new calls are taken.
    Result<CommandId> start(const StartCommand &command, Instant now);

    // Ends the call of this leg, whatever its state; its record shows the reason. It may be said twice.
    Result<void> end(DialogId leg, EndReason reason, Instant now);

    // The call of which one of the legs has this Call-ID; whoever runs several engines asks each. Then those from
    // position `cursor` of the table on, at most `max`; the cursor moves on, and is 0 at the end. What is there from
    // the first page to the last comes once.
    std::optional<CallView> find_call(std::string_view call_id) const;
    void list_calls(std::uint64_t &cursor, std::size_t max, std::vector<CallView> &views) const; // appends

    // Gives a variable of a live dialog its value; none erases it. Fails like Tracker::set_variable(), or not_found.
    Result<void> set_variable(DialogId dialog, std::string_view name, const std::optional<VariableValue> &value,
                              Instant now);

    // From now on a new INVITE gets 503 with Retry-After; calls that are up go on.
    void refuse_new_calls();

    // The same for as long as it is true, without a trace of the call: for a worker that is behind, or short of memory.
    void set_overloaded(bool is_overloaded);

    // The same while calls can not be kept, and are not wanted then.
    void set_store_lost(bool is_lost);

    // Of one engine of the process: see Registrations.
    void replace_registrations(std::vector<TrunkRegistration> wanted, Instant now);
    void unregister(Instant now);
    bool is_unregistered() const; // nothing is registered or about to be, nor being taken away
    void take_trunk_changes(std::vector<TrunkStatus> &changes);

    // Compares what the parts know of each other, and repairs what differs: a slice of `max` places of one of them.
    // Between the slices everything goes on. `held`: see Tracker::audit(). False: it is over.
    bool audit(EngineAudit &audit, std::size_t max, std::span<const MemberId> held, Instant now);

    std::size_t calls() const; // with a leg that still has something to do
    std::size_t transactions() const;
    std::size_t dialogs() const;
    std::uint64_t vacant_bytes() const; // of tables that were fuller once: what comes next will use them
    const Tracker &tracker() const;
    const EngineStatistics &statistics() const;
    const TransactionStatistics &transaction_statistics() const;

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

} // namespace tandem
