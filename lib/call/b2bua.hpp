// The B2BUA as a pure machine over transactions and dialogs: what the event on one leg means for the other.
// Its sources are split by what is done: new_call, hunt, answer, prack, ack, cancel, forward, hang_up, deadline,
// own_invite, event_wait, ask, reservation, session, session_timer, command, start, start_callee, hold, transfer, join,
// refer, replaces, trunk_auth, keep, restore, takeover, call_list, telling.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>
#include "base/hash.hpp"
#include "base/instant.hpp"
#include "base/ring_queue.hpp"
#include "base/slot_table.hpp"
#include "base/timer_wheel.hpp"
#include "base/token.hpp"
#include "call/call.hpp"
#include "call/call_event.hpp"
#include "call/call_legs.hpp"
#include "call/call_view.hpp"
#include "call/command.hpp"
#include "call/decision.hpp"
#include "call/engine.hpp"
#include "call/leg_state.hpp"
#include "call/leg_writer.hpp"
#include "call/lookup.hpp"
#include "call/refer_to.hpp"
#include "call/router.hpp"
#include "call/trunk_auth.hpp"
#include "cluster/reservation.hpp"
#include "dialog/tracker.hpp"
#include "registrar/binding.hpp"
#include "transaction/transaction_table.hpp"

namespace tandem {

class B2bua {
public:
    // All references outlive the object.
    B2bua(const EngineOptions &options, TransactionTable &transactions, Tracker &tracker, Router &router,
          Random &random, EngineStatistics &statistics, Instant now);

    void on_transaction(const TransactionEvent &event, Instant now);
    void on_dialog(const DialogEvent &event, Instant now);

    // event_wait.cpp
    void take_waits(std::vector<WantedEvent> &waits); // appends, and forgets them
    void on_waited(EventWaitId wait, Waited how, Instant now);

    // telling.cpp
    std::uint32_t told_dialog_events() const; // mask of those that tell() is to get beside the end
    void tell(const DialogEvent &event);
    void tell_raised(Instant now); // what raise() was given
    void on_resolved(LookupId lookup, std::span<const Endpoint> addresses, Instant now); // none: no such name
    bool next_event(CallEvent &event);
    void take_lookups(std::vector<Lookup> &lookups);          // appends, and forgets them
    void take_bindings(std::vector<BindingRecord> &bindings); // the same
    void take_place_requests(std::vector<PlaceRequest> &requests);
    void on_reserved(const Reserved &reserved, Instant now);
    void take_questions(std::vector<Question> &questions, std::vector<QuestionId> &withdrawn);
    DecisionOutcome on_decided(QuestionId question, const Decision *decision, Instant now);
    void on_connection_lost(const ConnectionLoss &loss);

    // Commands: see Engine.
    Result<void> refresh(DialogId leg, Instant now);
    Result<CommandId> hold(DialogId leg, Instant now, Duration deadline);
    Result<CommandId> resume(DialogId leg, Instant now, Duration deadline);
    Result<CommandId> transfer(DialogId leg, std::string_view uri, Instant now, Duration deadline);
    std::optional<JoinTarget> joinable(DialogId leg) const;
    Result<CommandId> join(DialogId leg, const JoinTarget &target, Instant now, Duration deadline);
    Result<CommandId> start(const StartCommand &command, Instant now);
    Result<void> end(DialogId leg, EndReason reason, Instant now);
    std::optional<CallView> find_call(std::string_view call_id) const;
    void list_calls(std::uint64_t &cursor, std::size_t max, std::vector<CallView> &views) const;

    // After each input: has those dialogs drained, too, of which only the leg has changed.
    void find_changed_legs();
    // Adds to a record what it has of the leg: if that has changed since the last time, or if it is wanted anyway.
    void describe_leg(DialogRecord &record, bool is_wanted);
    void describe_end(DialogRecord &record); // of one that has ended: the refusal that its caller may have missed

    // See Engine.
    Result<void> restore(const DialogRecord &record, Instant now);
    void restore_ended(std::string_view call_id);
    void restore_refusal(std::string_view leg, Instant now);
    void go_on(Instant now);
    CallCondition describe_call(CallId id, const std::function<void(std::span<const DialogRecord>)> &take);
    std::optional<CallLegs> legs_of(CallId id) const;
    Result<void> adopt(std::span<DialogRecord> legs, Instant now);
    std::vector<RecordId> drop(std::span<const RecordId> sorted, Instant now);

    bool audit(CallAudit &audit, std::size_t max, Instant now); // see Engine::audit(). False: it is over
    void advance(Instant now);
    std::optional<Instant> next_deadline() const { return timers_.next_deadline(); }

    void refuse_new_calls() { is_refusing_ = true; }
    void set_arrival(Instant arrived) { arrived_ = arrived; } // of the message that comes next
    std::size_t size() const { return calls_.size(); }
    std::uint64_t vacant_bytes() const { return calls_.vacant_bytes(); } // memory of calls that are gone

private:
    enum class TimerKind : std::uint8_t { ring, resend, own_invite, reliable, late_prack, session, command, ack_wait };
    struct CallTimer {
        CallId call;
        TransactionId invite{};   // resend: the server side of the exchange meant
        std::uint32_t target = 0; // of the attempt meant, in Reliability::tags, or of the side in Call::legs
        TimerKind kind = TimerKind::ring;
    };

    // One of an attempt of the call, or of the next hop of a leg.
    struct WantedLookup {
        CallId call;
        DialogId leg;
    };

    // b2bua.cpp
    void on_request(const TransactionEvent &event, Instant now);
    void on_request_outside(const TransactionEvent &event, Instant now);
    void on_register(const TransactionEvent &event, Instant now);
    void on_request_inside(const TransactionEvent &event, Instant now);
    void on_response(const TransactionEvent &event, Instant now);
    void on_failure(const TransactionEvent &event, std::uint16_t status, Instant now);
    void reply(const TransactionEvent &event, std::uint16_t status, std::string_view reason, std::string_view extra,
               Instant now);
    bool refuse_scheme(const TransactionEvent &event, Instant now);
    static bool is_of_transfer(const Call &call, DialogId dialog);
    void refuse_for_now(const TransactionEvent &event, Instant now);
    bool refuse_options(const TransactionEvent &event, Instant now);
    bool refuse_to_pass(const TransactionEvent &event, Instant now);
    Result<Fed> feed(const Message &message, Instant now);
    // Feeds our answer to `request`; `to_tag` is what the answer adds if the request has none.
    void feed_answer(const Message &request, std::uint16_t status, std::string_view to_tag, std::string_view reason,
                     Instant now);
    Call *find_call(DialogId dialog, CallId &id);
    bool is_live(DialogId dialog) const;
    void raise(const CallEvent &event);

    // telling.cpp
    bool is_listened() const { return options_.events && options_.events->is_wanted(); }
    void name_call(DialogId dialog, EventFields &fields) const;
    void tell(const CallEvent &event, Instant now);
    void tell_limit(DialogId dialog, std::string_view profile, std::string_view value, Instant now);
    std::string retry_after(); // header line with a random time (RFC 3261 section 14.2)
    Duration glare_wait(const Leg &leg);
    Result<TransactionId> send(CallId id, Leg &leg, const Fork *fork, Method method, RequestParts parts, Instant now);

    // new_call.cpp
    void start_call(const TransactionEvent &event, Instant now);
    Call &open_call(CallId id, Leg caller, const TransactionEvent &event);
    void go_by_route(CallId id, Call &call, const TransactionEvent &event, Route route, std::string_view loop_path,
                     Instant now);
    bool wait_for_places(CallId id, Call &call, Instant now);
    void refuse_new(const TransactionEvent &event, std::uint16_t status, std::string_view reason,
                    std::string_view extra, Instant now);
    struct Refusal {
        std::uint16_t status = 0;
        std::string reason{}; // empty: the default phrase
        std::string extra{};  // whole header lines
    };
    std::optional<Refusal> attach(DialogId dialog, const Route &route, Instant now);
    void refuse_first(Call &call, const Refusal &refusal, Instant now);
    void begin_search(CallId id, Call &call, Instant now);
    Route find_route(const Message &invite, const Endpoint &source, bool is_known);
    Leg newcomer_leg(const TransactionEvent &event, Instant now) const;
    static std::string loop_line(std::string_view loop_path);
    static std::string loop_mark(std::uint64_t digest);
    bool is_loop(const Message &invite, const Endpoint &source, std::string &path) const;

    // event_wait.cpp
    void wait_for_event(CallId id, Call &call, const TransactionEvent &event, Route route, Instant now);
    bool want_event(CallId id, Setup &setup, Instant now);
    void go_on_waited(CallId id, Call &call, Route route, Instant now);

    // ask.cpp: what somebody outside decides about
    struct WaitingQuestion {
        CallId call;           // none: a REGISTER
        TransactionId request; // that one
        Endpoint source;
        Instant arrived{};
    };
    void ask(CallId id, Call &call, Instant now);
    void ask_about_register(const TransactionEvent &event, Instant now);
    void withdraw(Setup &setup);
    DecisionOutcome decide(CallId id, Call &call, const Decision &decision, Instant now);
    bool go_on_decided(CallId id, Call &call, Route route, const Decision &decision, Instant now);
    void give_longest(const Call &call, Duration longest, Instant now);
    void on_undecided(CallId id, Call &call, Instant now);
    bool wait_decided(CallId id, Setup &setup, const EventWait &wait, const Decision &decision, Instant now);
    void go_on_waited_decided(CallId id, Call &call, Instant now);
    void turn_away(CallId id, Call &call, const Refusal &refusal, Instant now);
    DecisionOutcome decide_register(const WaitingQuestion &waiting, const Decision *decision, Instant now);
    void apply_register(const TransactionEvent &event, Instant arrived, Instant now);
    bool add_profiles(Route &route, const Decision &decision) const;
    bool add_variables(DialogId dialog, const Decision &decision, Instant now);

    // reservation.cpp: places in profiles, of this process and of the cluster
    enum class Counted : std::uint8_t { here, by_cluster };
    struct WantedReservation {
        CallId call;
        DialogId dialog;
        std::vector<RouteProfile> profiles; // that the cluster counts
    };
    Result<void> join(DialogId dialog, const Route &route, Counted counted, Instant now);
    Result<void> reserve(DialogId dialog, const Route &route, Instant now);
    Result<void> reserve(DialogId dialog, std::span<const ProfileRequest> requests, Instant now);
    Result<ReservationId> ask_cluster(CallId id, const Route &route, DialogId dialog);
    void claim(DialogId dialog, const Route &route);
    Result<void> take_verdict(const WantedReservation &wanted, const Reserved &reserved, Instant now);
    void refuse_waiting(Call &call, Error error, Verdict verdict, Instant now);
    void on_leg_reserved(CallId id, Call &call, Attempt &attempt, const Result<void> &taken, Verdict verdict,
                         Instant now);
    void note_refused(Error error, Verdict verdict);
    void leave(DialogId dialog, const RouteProfile &profile, Instant now);
    bool is_shared(const RouteProfile &profile) const;

    // hunt.cpp: the search for a callee
    static constexpr std::size_t address_max = 16; // of one target
    static constexpr std::size_t target_max = 64;  // of one call, with those of redirections
    static constexpr std::uint8_t redirect_max = 5;
    bool try_next(CallId id, Call &call, Instant now);
    void start_attempt(CallId id, Call &call, std::size_t index, Instant now);
    bool begin_attempt(CallId id, Call &call, Attempt &attempt, Instant now);
    bool may_send(Setup &setup, const RouteTarget &target, const Endpoint &address);
    bool send_attempt(CallId id, Call &call, Attempt &attempt, const Endpoint &address, Instant now);
    bool count_leg(CallId id, Call &call, Attempt &attempt, Instant now);
    bool send_invite(CallId id, Call &call, Attempt &attempt, Instant now);
    bool fail_over(CallId id, Call &call, Attempt &attempt, Instant now);
    void on_attempt_response(CallId id, Call &call, Attempt &attempt, const Message &response, Instant now);
    void take_attempt(CallId id, Call &call, Attempt &attempt, const Message &answer, Instant now);
    void fail_attempt(CallId id, Call &call, Attempt &attempt, std::uint16_t status, const Message *refusal,
                      EndReason reason, Instant now);
    static bool is_hunted(const Setup &setup, std::uint16_t status);
    static void note_refusal(Setup &setup, std::uint16_t status, const Message *refusal, EndReason reason);
    void end_setup(CallId id, Call &call, Instant now);
    bool follow_redirect(Setup &setup, const Attempt &attempt, const Message &redirection);
    void drop_attempts(Call &call, std::string_view reason, Instant now);
    void drop_attempt(const Call &call, Attempt &attempt, std::string_view reason, Instant now);
    void on_ring_timeout(CallId id, Call &call, Attempt &attempt, Instant now);

    // answer.cpp: what the callee of an INVITE says
    void on_invite_response(CallId id, Call &call, InviteExchange &invite, const Message &response, Instant now);
    bool resend_reinvite(CallId id, Call &call, InviteExchange &invite, Instant now);
    void pass_provisional(CallId id, Call &call, InviteExchange &invite, Leg &leg, const Message &response,
                          Instant now);
    bool has_left(const Leg &leg, const Message &answer) const;
    void take_answer(CallId id, Call &call, InviteExchange &invite, const Message &answer, Instant now);
    void pass_answer(CallId id, Call &call, InviteExchange &invite, const Message &answer, Instant now);
    static void settle_offer(Call &call, InviteExchange &invite, const Message &request, const Message &answer);
    struct RefusedAttempt {
        TransactionId client; // none: by no answer
        Endpoint by;
    };
    void refuse_invite(CallId id, Call &call, InviteExchange &invite, std::uint16_t status, const Message *refusal,
                       Instant now, const RefusedAttempt &refused = {});
    void drop_fork(const Message &answer, const Endpoint &peer, TransactionId invite, CallId owner, Instant now);
    std::string_view our_tag(Call &call, DialogId callee_leg, std::string_view callee_tag);
    void forget_invite(Call &call, const InviteExchange &invite);

    // prack.cpp
    static constexpr std::size_t reliable_max = 8; // that wait under one To-tag
    bool take_reliable(CallId id, Call &call, InviteExchange &invite, Leg &leg, const Message &response, Instant now);
    void acknowledge_reliable(CallId id, Call &call, Leg &leg, const Message &response, Instant now);
    ReliableFork *take_rseq(Call &call, const Leg &leg, const Message &response, std::uint32_t rseq);
    void send_prack(CallId id, Leg &leg, const Message &response, std::uint32_t rseq, Instant now);
    void send_reliable(CallId id, Call &call, ReliableTag &tag, Instant now);
    void set_reliable_timer(CallId id, Call &call, ReliableTag &tag, Instant now);
    void resend_reliable(CallId id, Call &call, std::uint32_t place, Instant now);
    void on_prack(CallId id, Call &call, Side from, const TransactionEvent &event, Instant now);
    bool pass_prack(CallId id, Call &call, Leg &leg, const Fork &fork, const ReliableResponse &acknowledged,
                    const TransactionEvent &event, Instant now);
    bool waits_for_prack(Call &call, const Message &answer);
    void release_held(CallId id, Call &call, Instant now);
    void end_reliability(CallId id, Call &call, bool may_follow, Instant now);
    bool offer_reliability(CallId id, Call &call, Attempt &attempt, const Message &refusal, Instant now);
    static std::string_view reliability_offer(const Message &invite, const Attempt &attempt);

    // ack.cpp
    void on_ack(const TransactionEvent &event, Instant now);
    // Both are null for an ACK without a body.
    WrittenRequest write_ack(Leg &leg, std::uint32_t cseq, std::string_view to_tag, const Message *passed,
                             const Session *session);
    void feed_ack(const Leg &leg, std::uint32_t cseq, std::string_view to_tag, Instant now);
    void send_ack(Call &call, InviteExchange &invite, const Message *passed, Instant now);
    void resend_answer(CallId id, Call &call, InviteExchange &invite, Instant now);
    void on_stray_answer(const TransactionEvent &event);

    // cancel.cpp
    void on_cancel(const TransactionEvent &event, Instant now);
    void give_up_first(CallId id, Call &call, InviteExchange &invite, std::uint16_t status, std::string_view reason,
                       Instant now);

    // forward.cpp: everything else inside the call
    void on_reinvite(CallId id, Call &call, Side from, const TransactionEvent &event, Instant now);
    struct Across { // none: nowhere
        Leg *leg = nullptr;
        const Fork *fork = nullptr; // none: the one in front
    };
    Result<TransactionId> send_reinvite(CallId id, Call &call, InviteExchange &invite, const Message &request,
                                        Instant now);
    void forward(CallId id, Call &call, Side from, DialogId dialog, const TransactionEvent &event, Instant now,
                 std::string_view extra = {});
    bool resend_update(CallId id, Call &call, Forward &forward, const Message &refusal, Instant now);
    static void note_forwarded(Call &call, const Forward &forward, const Message &request, const Message &response);
    void pass_forwarded(CallId id, Call &call, Forward &forward, std::uint16_t status, const Message *response,
                        Instant now);
    Across find_across(Call &call, Side from, DialogId dialog, const Message &request);

    // hang_up.cpp
    void on_bye(CallId id, Call &call, Side from, const TransactionEvent &event, Instant now);
    void on_bye_answered(DialogId dialog, const Message &response, Instant now);
    void end_leg(const Leg &leg, Instant now);
    // `reason` is the value of a Reason header (RFC 3326), or empty. `overdue` has had 64*T1 for the ACK of his first
    // INVITE, so his BYE waits for it no longer (RFC 3261 section 15).
    void hang_up(CallId id, Call &call, std::string_view reason, Instant now,
                 std::optional<Side> overdue = std::nullopt);
    void end_pending(CallId id, Call &call, Instant now);
    void give_up_reinvite(Call &call, InviteExchange &invite, Instant now);
    void end_forwards(Call &call, Instant now);
    void end_exchanges(CallId id, Call &call, Instant now);
    void send_bye(const Call &call, Leg &leg, std::string_view reason, Instant now);

    // session_timer.cpp
    bool refuse_session_timer(const TransactionEvent &event, Instant now);
    std::string timer_lines(const SessionTimer &timer) const;
    std::string answer_session_timer(CallId id, Call &call, Side side, const Message &request, Instant now);
    void take_session_timer(CallId id, Call &call, Side side, const Message &answer, Instant now);
    void start_session_timer(CallId id, Call &call, Side side, Instant now);
    void set_session_timer(CallId id, Call &call, Side side, Instant at);
    void stop_session_timers(Call &call);
    void on_session_timer(CallId id, Call &call, Side side, Instant now);
    void expire_session(CallId id, Call &call, Instant now);
    void refresh_session(CallId id, Call &call, Side side, Instant now);
    void retry_refresh(CallId id, Call &call, Side side, Instant now);
    void on_refresh_answered(CallId id, Call &call, Side side, std::uint16_t status, const Message *response,
                             Instant now);
    void on_refresh_refused(CallId id, Call &call, Side side, std::uint16_t status, Instant now);
    bool raise_interval(SessionTimer &timer, const Message &refusal) const;
    static bool is_refresh(const Message &request);
    void answer_refresh(CallId id, Call &call, Side from, const TransactionEvent &event, Instant now);

    // own_invite.cpp
    static constexpr std::size_t own_invite_max = 8;
    static constexpr std::uint8_t own_invite_tries = 6; // after a 491
    // Fails with wrong_state if the leg is over, or full. The outcome comes to on_own_invite_over(), perhaps at once.
    Result<void> start_own_invite(CallId id, Call &call, OwnInvite invite, Instant now);
    void send_own_invites(CallId id, Call &call, Instant now);
    void on_own_invite_response(CallId id, Call &call, OwnInvite &own, const Message &response, Instant now);
    void acknowledge_own_invite(Call &call, const OwnInvite &own, const Session *answer, Instant now);
    void fail_own_invite(CallId id, Call &call, OwnInvite &own, std::uint16_t status, std::string_view retry_after,
                         Instant now);
    void end_own_invite(CallId id, Call &call, OwnInvite &own, std::uint16_t status, Instant now);
    void lose_leg(CallId id, Call &call, Side side, Instant now);
    void schedule_own_invite(CallId id, OwnInvite &own, Instant now);
    void on_own_invite_timer(CallId id, Call &call, Instant now);
    void give_up_own_invite(Call &call, OwnInvite &own, Instant now);
    void give_up_own_invites(Call &call, Instant now);
    template <class Predicate>
    void give_up_own_invites(Call &call, Predicate is_meant, Instant now) {
        for (const auto &own : call.own_invites) {
            if (is_meant(*own)) give_up_own_invite(call, *own, now);
        }
        std::erase_if(call.own_invites, [&](const auto &own) { return is_meant(*own); });
    }
    static Leg &leg_of(Call &call, const OwnInvite &own);
    static void renew_offer(Call &call, OwnInvite &own);
    void on_own_invite_over(CallId id, Call &call, const OwnInvite &own, std::uint16_t status, Instant now);

    // command.cpp
    Result<Call *> find_quiet_call(DialogId dialog, CallId &id);
    CommandId begin_command(CallId id, Call &call, CommandKind kind, Side side, Duration deadline, Instant now);
    void note_command(const Call &call, CallEventKind kind, Side side, std::uint16_t status = 0,
                      std::string_view text = {});
    void note_pending(const Call &call, Side side, const Message &response);
    void end_command(Call &call, std::uint16_t status);
    void end_command_of_transfer(Call &call, std::uint16_t status);
    void on_command_deadline(CallId id, Call &call, Instant now);
    void hasten_own_invite(CallId id, Call &call, InvitePurpose purpose, Instant now);

    // start.cpp
    struct OwnCall {
        Message invite;
        Route route;
    };
    Result<std::string> party_uri(std::string_view party) const;
    enum class AskedAbout : std::uint8_t { nothing, route }; // of who decides about calls (ask.cpp)
    Result<OwnCall> call_of_ours(const std::string &to, const std::string &from, const Session &offer,
                                 AskedAbout asked);
    Result<CallId> open_started_call(const std::string &caller, const std::string &callee, const Route &counted,
                                     Instant now);
    void on_caller_answered(CallId id, Call &call, Attempt &attempt, const Message &answer, Instant now);
    void on_caller_refused(CallId id, Call &call, Instant now);
    void end_unanswered_start(Call &call, std::uint16_t status, EndReason reason, Instant now);
    void give_up_start(Call &call, Instant now);
    void end_start(Call &call);
    void note_start_failure(Call &call, std::uint16_t status);

    // start_callee.cpp
    void call_callee(CallId id, Call &call, Instant now);
    bool ask_callee_for_offer(CallId id, Call &call, std::uint16_t status, Instant now);
    void on_callee_early(Call &call, const Message &response, Instant now);
    void on_callee_answered(CallId id, Call &call, Instant now);
    void acknowledge_caller(Call &call, const Session *answer, Instant now);
    void acknowledge_on_hold(Call &call, Instant now);

    // call_list.cpp
    CallView view_of_call(const Call &call) const;

    // hold.cpp
    CommandId begin_hold(CallId id, Call &call, CommandKind kind, Duration deadline, Instant now);
    void ask_to_hold(CallId id, Call &call, Side side, Instant now);
    static Session session_to_hold(const Call &call, Side side);
    void on_hold_answered(CallId id, Call &call, Side side, std::uint16_t status, Instant now);
    void overrule_hold(CallId id, Call &call, Instant now);
    void end_hold(Call &call, std::uint16_t status);

    // transfer.cpp
    static constexpr std::uint8_t transfer_max = 8; // of one call
    void on_target_answered(CallId id, Call &call, Attempt &attempt, const Message &answer, Instant now);
    void acknowledge_target(Call &call, const Session *answer, Instant now);
    void ask_remaining(CallId id, Call &call, Instant now);
    void on_remaining_answered(CallId id, Call &call, std::uint16_t status, Instant now);
    void on_target_settled(CallId id, Call &call, std::uint16_t status, Instant now);
    void complete_transfer(CallId id, Call &call, Instant now);
    void let_one_count(Call &call, const Transfer &done, Instant now);
    void fail_transfer(CallId id, Call &call, std::uint16_t status, Instant now);
    void end_failed_transfer(CallId id, Call &call, std::uint16_t status, Instant now);
    void drop_target(Call &call, std::uint16_t status, Instant now);
    void on_target_lost(CallId id, Call &call, Instant now);
    void give_up_transfer(Call &call, Instant now);
    void on_transferor_left(Call &call, const TransactionEvent &event, Instant now);
    void release(Call &call, Leg leg, TransactionId notify, Instant now);
    void on_notify_answered(Call &call, TransactionId notify, std::uint16_t status, Instant now);
    Result<CommandId> begin_commanded_transfer(CallId id, Call &call, DialogId leg, CommandKind kind,
                                               const ReferTo &target, Duration deadline, Instant now);
    void overrule_transfer(CallId id, Call &call, Instant now);

    // refer.cpp
    void on_refer(CallId id, Call &call, Side from, DialogId dialog, const TransactionEvent &event, Instant now);
    void begin_transfer(CallId id, Call &call, const ReferTo &target, std::string_view referred_by, Instant now);
    void search_target(CallId id, Call &call, Instant now);
    std::string mark_of(const Replaces &replaces) const;
    bool may_be_elsewhere(const Replaces &replaces) const;
    void lead_to_self(Route &route, const ReferTo &target, std::string &loop_path);
    bool join_profiles(Call &call, const Route &route, Instant now);
    void report_transfer(CallId id, Call &call, std::uint16_t status, Instant now);
    void pass_refer(CallId id, Call &call, Side from, DialogId dialog, ReferTo target, const TransactionEvent &event,
                    Instant now);

    // replaces.cpp
    struct Replaced {
        CallId call;
        Side side = Side::caller; // whose peer gives way
    };
    std::optional<Replaced> find_replaced(const Replaces &replaces);
    void begin_join(CallId id, Call &call, const Replaced &replaced, Instant now);
    void give_back(Call &call, Instant now);
    struct Seat { // that a newcomer wants
        CallId call;
        Side side = Side::caller; // who gives way; ringing: all that ring
        bool is_ringing = false;
        bool is_inner = false;     // the newcomer is another worker of ours, which counts the call
        std::uint16_t refusal = 0; // there is none
        std::string_view reason{};
    };
    struct Newcomer {
        Leg leg;
        TransactionId server; // his INVITE
        Endpoint source;
        Message invite;
    };
    bool take_newcomer(const TransactionEvent &event, Instant now);
    Seat find_seat(const Message &invite);
    bool can_pick_up(const Call &ringing, const Message &invite) const;
    void admit_newcomer(const Seat &seat, const TransactionEvent &event, Instant now);
    void let_wait(Leg newcomer, Route route, const TransactionEvent &event, Instant now);
    void seat_waiting(CallId id, Call &waiting, Instant now);
    void seat_newcomer(const Seat &seat, Newcomer newcomer, Instant now);
    void pick_up(Call &call, Newcomer newcomer, Instant now);
    void answer_newcomer(Call &call, InviteExchange &invite, const Session &answer, std::string_view tag, Instant now);
    void accept_newcomer(Call &call, Side place, TransactionId server, const Endpoint &source, const Session &answer,
                         Instant now);
    Call *find_ringing(const Replaces &replaces);
    void refuse_newcomer(Call &call, std::uint16_t status, Instant now);

    // session.cpp
    // The session with the origin that the leg has seen from the first, and a version that rises with each change
    // (RFC 3264 section 8).
    static Session as_of_leg(Leg &leg, const Session &session);
    // The body of `message` as it goes to a leg that was told something of our own; none: as it came.
    static std::optional<Session> restated(Leg &leg, const Message &message);
    static void note_sessions(Leg &offerer, Leg &answerer, const Session &offer, const Session &answer);
    static void note_early_sessions(Call &call, Leg &offerer, Leg &answerer, std::string_view callee_tag,
                                    const Session &offer, const Session &answer);
    static void recall_early_sessions(Call &call, std::string_view callee_tag);
    static void note_first_sessions(Call &call, const Message &request, const Message &answer);
    static void note_early_session(Call &call, DialogId callee_leg, const Message &response);
    static void note_methods(Leg &leg, const Message &message);

    // trunk_auth.cpp
    struct Holder { // both null: nobody waits for the answer
        TransactionId *client = nullptr;
        std::uint32_t *cseq = nullptr;
    };
    std::shared_ptr<LegAccount> account_for(Leg &leg, const Endpoint &to);
    bool is_at_trunk(const LegAccount *account, const Endpoint &to);
    void repeat_credentials(Leg &leg, WrittenRequest &ack);
    static void add_credentials(std::string_view lines, WrittenRequest &request);
    static void authorize(LegAccount *account, Method method, SharedBytes &request);
    void note_try(TransactionId request, const std::shared_ptr<LegAccount> &account, const DigestAttempt &attempt,
                  Method method);
    bool is_wanted(const TransactionEvent &challenge);
    static Holder find_holder(Call &call, TransactionId client);
    bool retry_challenged(const TransactionEvent &event, Instant now);
    bool send_again(const TransactionEvent &challenge, const std::shared_ptr<LegAccount> &account,
                    std::string_view lines, const DigestAttempt &attempt, Instant now);
    void forget_try(const TransactionEvent &event);

    // next_hop.cpp
    void find_hop(Leg &leg);
    void look_up_hop(Leg &leg, std::string uri);
    void on_hop_resolved(LookupId lookup, DialogId dialog, std::span<const Endpoint> addresses);
    WrittenRequest write_request(Leg &leg, DialogPath path, const RequestParts &parts);

    // deadline.cpp
    void on_timer(const CallTimer &timer, Instant now);
    void on_end_due(CallId id, Call &call, const DialogEvent &event, Instant now);
    void erase_if_over(CallId id, Instant now);

    // keep.cpp
    Call *find_touched(CallId id); // for whatever may change it
    template <class F>
    static void for_each_leg(Call &call, F f) { // f(Leg &, LegPlace, the INVITE of one without a place)
        f(call.leg(Side::caller), LegPlace::caller, TransactionId());
        f(call.leg(Side::callee), LegPlace::callee, TransactionId());
        if (call.setup) {
            for (const auto &attempt : call.setup->attempts) f(attempt->leg, LegPlace::alone, attempt->client);
        }
        if (call.transfer) f(call.transfer->target, LegPlace::alone, call.transfer->invite);
        if (call.released) f(call.released->leg, LegPlace::alone, TransactionId());
    }
    void keep_refusal(DialogId dialog, const Endpoint &source, const SharedBytes &refusal,
                      const RefusedAttempt &refused = {});
    void keep_dropped(const Call &call, const Attempt &attempt);
    static const InviteExchange *open_invite_of(const Call &call, LegPlace place);
    std::uint64_t fingerprint_of(const Call &call, const Leg &leg, LegPlace place, TransactionId invite) const;
    LegState state_of(const Call &call, const Leg &leg, LegPlace place, TransactionId invite) const;

    // restore.cpp
    struct RestoredLeg {
        DialogId dialog;
        LegState state;
        std::optional<Instant> session_expires;
    };
    void restore_call(std::span<RestoredLeg> legs, Instant now);
    bool is_acked(DialogId dialog) const; // its answer
    bool join_restored(const RestoredLeg &caller, const RestoredLeg &callee, Instant now);
    Leg restored_leg(const RestoredLeg &from, const Session &said_by_other);
    void restore_timer(CallId id, Call &call, Side side, const RestoredLeg &from, Instant now);
    void restore_invite(CallId id, Call &call, Side side, const KeptInvite &kept, Instant now);
    void refuse_restored(DialogId dialog, const KeptInvite &kept, std::uint16_t status, std::string_view extra,
                         Instant now);
    void end_restored(const RestoredLeg &leg, Instant now);
    bool end_after_ack(const RestoredLeg &leg, Instant now); // false: there is nothing to send, or no room
    std::optional<Endpoint> by_present_listener(Endpoint to) const;
    void use_present_listeners(LegState &state) const;
    void cancel_restored(const RestoredLeg &leg, Instant now);
    bool was_ended(const Message &request, Instant now);
    void go_on_with_restored(Instant now);

    // takeover.cpp
    void forget_transactions(const Call &call);
    void keep_whole(DialogId dialog);

    // audit.cpp
    static constexpr std::size_t uncalled_size_max = 10'000;
    void audit_calls(CallAudit &audit, std::size_t max, Instant now);
    void audit_dialogs(CallAudit &audit, std::size_t max, Instant now);
    void audit_transactions(CallAudit &audit, std::size_t max, Instant now);

    const EngineOptions &options_;
    TransactionTable &transactions_;
    Tracker &tracker_;
    Router &router_;
    Random &random_;
    EngineStatistics &statistics_;
    SlotTable<Call, CallTag> calls_;
    SlotTable<WantedLookup, LookupTag> lookups_;
    std::vector<Lookup> wanted_lookups_;
    SlotTable<CallId, EventWaitTag> event_waits_;
    std::vector<WantedEvent> wanted_events_;
    SlotTable<WantedReservation, ReservationTag> reservations_;
    std::vector<PlaceRequest> place_requests_;
    SlotTable<WaitingQuestion, QuestionTag> questions_;
    std::vector<Question> wanted_questions_;
    std::vector<QuestionId> withdrawn_;
    std::vector<BindingRecord> changed_bindings_;
    RingQueue<CallEvent> events_;
    std::vector<CallEvent> untold_; // of this input
    TimerWheel<CallTimer> timers_;
    LegWriter writer_;
    KeyedHash loop_hash_;
    Instant arrived_{};
    TrunkClients trunk_clients_;
    static constexpr std::size_t tries_min = 256;               // below it nobody looks for those that are over
    std::unordered_map<std::uint64_t, DigestTry> digest_tries_; // by transaction; at most twice as many as live ones
    std::size_t tries_max_ = tries_min;                         // how many may be there before the next look
    ViewText view_text_;                                        // of the message being fed
    std::uint64_t last_command_ = 0;
    bool is_refusing_ = false;
    std::map<RecordId, std::string> dropped_;  // the same: see keep_dropped()
    std::map<RecordId, std::string> refusals_; // since the last changes were drained: see keep_refusal()
    std::vector<CallId> touched_;              // since the last find_changed_legs(), each once
    std::vector<RestoredLeg> restored_;        // until go_on()
    std::unordered_set<std::uint64_t> ended_;  // hashes of Call-IDs, see restore_ended()
    Instant ended_until_{};                    // when they are forgotten

    // Dialogs and transactions that no call had in the last audit, and since when.
    std::unordered_map<std::uint64_t, Instant> uncalled_;
    std::unordered_map<std::uint64_t, Instant> lost_;
};

// What somebody said, without the hold that he was on.
Session unheld(const Session &session);

inline constexpr std::string_view loop_header = "X-Tandem-Loop"; // where a call has passed: B2bua::is_loop()
inline constexpr std::string_view completed_elsewhere = "SIP;cause=200;text=\"Call completed elsewhere\""; // RFC 3326

// An INVITE of ours, for a call that nobody has sent one for.
std::string write_invite(std::string_view uri, std::string_view from, const Session &offer);

// A header line for a Reason (RFC 3326), or nothing.
std::string reason_line(std::string_view reason);

} // namespace tandem
