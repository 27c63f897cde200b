// Every dialog set of one shard: SIP messages go in, states, numbers and events come out. Pure state, no clock.
// It serves a proxy in the middle, which feeds each message once, and the legs of a B2BUA, which feeds what it
// receives and what it sends on a leg. A retransmission may be fed or left out: it changes nothing.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include "base/counter.hpp"
#include "base/hash.hpp"
#include "base/hash_index.hpp"
#include "base/instant.hpp"
#include "base/random.hpp"
#include "base/recent_keys.hpp"
#include "base/result.hpp"
#include "base/ring_queue.hpp"
#include "base/slot_table.hpp"
#include "base/timer_wheel.hpp"
#include "dialog/dialog_event.hpp"
#include "dialog/dialog_id.hpp"
#include "dialog/dialog_record.hpp"
#include "dialog/dialog_set.hpp"
#include "dialog/living_dialogs.hpp"
#include "dialog/message_view.hpp"
#include "dialog/profile_table.hpp"
#include "dialog/variable_set.hpp"

namespace tandem {

struct TrackerOptions {
    std::uint32_t dialog_max = 131072; // sets; a B2BUA's call has two
    Duration early = std::chrono::milliseconds(181'000);       // Timer C (RFC 3261 section 16.6); restarted by 101-199
    Duration no_ack = std::chrono::milliseconds(32'000);       // answer without ACK
    Duration lifetime = std::chrono::milliseconds(43'200'000); // from the answer; zero: no limit, as above
    Duration bye = std::chrono::milliseconds(32'000);          // BYE without an answer
    std::uint64_t epoch = 0; // of the durable ids: UTC microseconds of the start of the process
    std::uint32_t fork_max = 32;     // To-tags of one INVITE; further ones are not tracked before they answer. Not 0
    std::uint32_t same_call_id_max = 64; // live sets with one Call-ID, apart by their From-tags
    std::uint32_t event_max = 65536; // events that wait for the host; beyond it further ones are lost and counted, but
                                     // for `end_due`, `ended` and `reserved`, of which each set has at most two, one
                                     // and one
    std::uint32_t events = all_dialog_events; // mask of those wanted; the three of above come in any case
    bool wants_end_due = true; // false: `end_due` does not
    bool keeps_changes = true; // false: nobody drains them, and ended sets stay until forget()
    bool holds_places = false; // true: an ended set keeps its places in profiles: see take_places()
    std::uint8_t shard = 0;    // of the ids in profiles and of the durable ids
    VariableLimits variables;
};

// What the shards of one tracker have in common. Threads: all of it may be used from any thread.
struct TrackerShared {
    TrackerShared(Random &random, ProfileTable &profile_table, ProfileTable *variable_index = nullptr)
        : hash(random), profiles(profile_table), indexed_variables(variable_index) {}

    const KeyedHash hash; // of the Call-ID: says the shard, and the place in its index
    ProfileTable &profiles;
    ProfileTable *indexed_variables; // a profile for each name that can be looked up; null: there is none

    // Every call writes these, so they share no cache line with what every message reads.
    alignas(64) std::atomic<std::uint32_t> dialogs{0}; // sets of all shards; at most TrackerOptions::dialog_max
    std::atomic<std::uint64_t> serial{0};              // of the last durable id: they are in order over all shards
};

// The value of an indexed variable, as the name of a value in TrackerShared::indexed_variables.
std::string index_key_of(const VariableValue &value);

// How far an audit of one tracker has come, and what it has found.
struct TrackerAudit {
    enum class Step : std::uint8_t { lists, members, dialogs, over };

    Step step = Step::lists; // begin with `members` where the tracker of another shard looks at the lists
    std::uint64_t cursor = 0;
    std::uint64_t dialogs = 0; // live sets that were looked at
    std::uint64_t overdue = 0; // of them, that outlived their deadline: it fires with the next advance()
    ProfileAudit profiles;
};

struct DialogStatistics { // of sets that count: not the further legs of a B2BUA's call
    std::uint64_t early = 0;  // no final answer yet: of these
    std::uint64_t trying = 0; // no answer at all, and
    std::uint64_t proceeding = 0; // none that a fork has made
    std::uint64_t active = 0; // with a confirmed fork
    std::uint64_t processed = 0;
    std::uint64_t failed = 0;  // ended without an answer
    std::uint64_t expired = 0; // ended by a deadline
    std::uint64_t refused = 0; // not tracked, because a bound was reached
    std::uint64_t limited = 0; // reservations that a limit refused
    std::uint64_t events_lost = 0;

    DialogStatistics &operator+=(const DialogStatistics &more);
};

// What one message meant.
struct Fed {
    DialogId dialog;         // none: belongs to no dialog; accepted, nothing changed
    Side from = Side::caller; // who sent the message
    bool is_new = false;     // false: a retransmission, a spiral, or it did not matter
};

struct LegOptions {
    RecordId leg_of{};                // the caller's set, for another leg of its call; none: this set counts
    std::optional<Side> local_side{}; // the side that we are
    std::string_view source{};        // for the record
    std::string_view trunk{};
    std::uint64_t owner = 0; // what DialogSet::owner carries: the host's own word
};

class Tracker final : public LivingDialogs {
public:
    // `shared` outlives the tracker.
    Tracker(const TrackerOptions &options, TrackerShared &shared, Random &random, Instant now);
    ~Tracker() override;

    // Takes one message that was received or is about to be sent. Fails with
    //   stale_cseq  CSeq below the last one of that side: answer 500 (RFC 3261 section 12.2.2);
    //   no_dialog   a request inside a dialog that is not here: answer 481, or let it pass;
    //   merged      an INVITE that was answered already: drop it, or answer 482;
    //   full        a bound is reached: the INVITE is untracked, answer 503 or let it pass.
    Result<Fed> feed(const MessageView &message, Instant now) { return feed(message, hash_of(message.call_id), now); }
    Result<Fed> feed(const MessageView &message, std::uint64_t hash, Instant now); // with TrackerShared::hash's answer

    // The same for the INVITE that begins a leg of a B2BUA.
    Result<Fed> feed_invite(const MessageView &invite, const LegOptions &leg, Instant now) {
        return feed_invite(invite, leg, hash_of(invite.call_id), now);
    }
    Result<Fed> feed_invite(const MessageView &invite, const LegOptions &leg, std::uint64_t hash, Instant now);

    const DialogSet *find(DialogId id) const;

    // The live set of the dialog with this Call-ID and these tags, in either order; `tag_b` empty: the set itself.
    DialogId find(std::string_view call_id, std::string_view tag_a, std::string_view tag_b) const;

    // Appends the live sets with this Call-ID; TrackerOptions::same_call_id_max bounds them.
    void find_all(std::string_view call_id, std::vector<DialogId> &ids) const;

    // The number that our next request carries, on the fork with this To-tag or, without one, on the fork in front
    // (RFC 3261 section 12.2.1.1). feed() counts it.
    std::uint32_t next_cseq(DialogId id, Side local, std::string_view to_tag = {}) const;

    // For a proxy in the middle that answers challenges itself, or sends requests of its own: which number a message
    // carries on the other side. A request is fed with the number of its sender, then asked for; an answer is asked
    // for, then fed with the number of who asked; what the proxy sends anew is not fed. `branch` is the host's name of
    // a target of the INVITE, the same for all tries there; what belongs to a dialog needs none.
    //
    // Of the message, or none: the dialog, or else the INVITE.
    DialogId find_of(const MessageView &message, std::string_view branch);

    // What a request, ACK or CANCEL carries on the far side; with the number in its RAck as `number`, that one.
    // not_found: no message of this set, or forgotten; out_of_range.
    Result<std::uint32_t> sent_cseq(DialogId id, const MessageView &request, std::string_view branch,
                                    std::uint32_t number) const;

    // What an answer carries to who asked. An answer to the INVITE ties its To-tag to the branch. not_found, full.
    Result<CseqOrigin> answered_cseq(DialogId id, const MessageView &response, std::string_view branch);

    // The number to send a request with once more, that was refused so. The same for the same refusal. not_found,
    // out_of_range, full.
    Result<std::uint32_t> retry_cseq(DialogId id, const MessageView &refusal, std::string_view branch);

    // The number of a request that the proxy sends for `sender`. not_found, out_of_range, full.
    Result<std::uint32_t> take_cseq(DialogId id, Side sender, std::string_view to_tag);

    // The reason that the record will show, unless one is known already.
    void set_end_reason(DialogId id, EndReason reason);
    // The status that the record will show, where the caller gets another one; set once he has it.
    void set_sip_code(DialogId id, std::uint16_t status);
    void set_callee_call_id(DialogId id, std::string_view call_id);
    void set_trunk(DialogId id, std::string_view trunk);
    void set_owner(DialogId id, std::uint64_t owner); // see LegOptions

    // The first INVITE of a leg of ours was challenged, and goes again with this number.
    void set_invite_cseq(DialogId id, std::uint32_t cseq);

    // A timeout for this set alone, counted from where the tracker's own is; none: the tracker's own again. Zero means
    // no limit, for `lifetime`; for the others it fails with invalid. not_found: the set is over.
    Result<void> set_timeout(DialogId id, DialogTimer timer, std::optional<Duration> timeout);

    // Lets a confirmed leg of another set's call count by itself, from now on: the other set ends, and this one's call
    // goes on. The dialog goes over to a set of its own, with a record of its own, and the old id ends. wrong_state: it
    // counts already, or is not confirmed; full.
    Result<DialogId> count_apart(DialogId leg, Instant now);

    // Lets a set without forks go on with the dialog of a confirmed leg of its call, whose own set ends. Its id and
    // record, the time it was created, variables and places stay; names, URIs, numbers and forks are those of the leg,
    // and the source is its own. not_found: one of them is over; wrong_state: they are not like that.
    Result<void> take_dialog(DialogId id, DialogId leg, Instant now);

    // Ends the set now: for ends that no message shows. No effect on one that has ended.
    void end(DialogId id, EndReason reason, Instant now);

    // Asks for the end as a deadline does: see DialogEventKind::end_due. False, and no effect, while a BYE or a CANCEL
    // is under way or after the end.
    bool request_end(DialogId id, EndReason reason, Instant now);

    // Takes back a set as a former process has left it: texts, forks, numbers, variables, profiles, whatever their
    // limits say, and times. Its timer goes on: a deadline that has passed fires with the next advance(). No event
    // tells of it, and it is no change, unless it differs from the record: a profile or variable that would not be
    // taken today is left out, and no deadline is later than it would be today. New ids come after its own.
    // The transactions that were under way are gone, so a request that comes with the number of the last one from that
    // side is a new one, once. invalid: no record of ours says that, or the INVITE is here already; full.
    Result<DialogId> restore(const DialogRecord &record, std::uint64_t owner, Instant now);

    // Profiles: see ProfileTable. not_found: the set is over.
    Result<void> reserve(DialogId id, std::span<const ProfileRequest> requests, Instant now,
                         ProfileRefusal *refusal = nullptr);
    Result<bool> leave(DialogId id, std::string_view profile, std::string_view value, Instant now);
    Result<ProfileRule> profile_rule(std::string_view profile, std::string_view value) const {
        return shared_.profiles.rule(profile, value);
    }
    void note_limited(std::string_view profile); // a limit that several nodes share has refused a place in it

    // Profiles that several trackers count together. The host asks them in the name of a set, which waits for one
    // answer at a time, from begin_waiting() until the event of tell_reserved() was taken; that event is never lost. A
    // set that ends meanwhile hears no answer. not_found: it is over; conflict: it waits already.
    Result<void> begin_waiting(DialogId id);
    void stop_waiting(DialogId id); // nobody was asked after all
    bool is_waiting(DialogId id) const;
    void tell_reserved(DialogId id, const DialogEventDetail &answer, Instant now);

    // From now on the end of this set is told to who shares profiles with it. not_found: it is over.
    Result<void> share(DialogId id);
    void take_shared_ends(std::vector<RecordId> &ended); // appends those since the last time
    std::size_t shared_ends() const { return shared_ends_.size(); }

    // Variables: see VariableSet. They may be read and written until the set is forgotten; not_found after that.
    std::optional<VariableValue> variable(DialogId id, std::string_view name) const;
    Result<void> set_variable(DialogId id, std::string_view name, const VariableValue &value, Instant now);
    Result<std::int64_t> add_to_variable(DialogId id, std::string_view name, std::int64_t amount, Instant now);
    Result<void> compare_and_set_variable(DialogId id, std::string_view name,
                                          const std::optional<VariableValue> &expected,
                                          const std::optional<VariableValue> &desired, Instant now);
    Result<bool> erase_variable(DialogId id, std::string_view name, Instant now); // false: it was not there

    void advance(Instant now);
    std::optional<Instant> next_deadline() const; // may be early, never late

    // Takes the oldest event; false: there is none. Of a set whose `ended` was taken nothing else will come.
    bool next_event(DialogEvent &event);
    std::size_t events() const { return events_.size(); }
    void want_events(std::uint32_t mask) { options_.events = mask; } // from now on: see TrackerOptions::events

    // Calls `changed` for every set that changed since the last time, `ended` for every one that ended, and then
    // forgets the ended ones. The host may add to the record.
    void drain_changes(const std::function<void(DialogRecord &)> &changed,
                       const std::function<void(DialogRecord &)> &ended);

    // Has a live set drained, too: something has changed that the host adds to its record.
    void touch(DialogId id);

    // Counts up with everything that drain_changes() will tell of: whoever asks before and after an input knows whether
    // it changed something.
    std::uint64_t changes() const { return change_count_; }

    // Where places are held: appends those of the sets that have ended, for ProfileTable::release() when the message
    // that ends them has left. With a limit that several trackers share another one's INVITE could else overtake it.
    void take_places(std::vector<MemberId> &places);

    // Lets an ended set go, where changes are not kept. No effect on a live one.
    void forget(DialogId id);

    // The state of a set that is not forgotten, as it would be stored.
    std::optional<DialogRecord> record(DialogId id) const override;

    DialogStatistics statistics() const; // from any thread
    std::size_t size() const { return index_.size(); }
    std::uint64_t vacant_bytes() const { return sets_.vacant_bytes(); } // memory of sets that are gone
    std::vector<DialogId> dialogs() const override; // live sets; walks the table

    // Live sets from position `cursor` of the table on, at most `max`; the cursor moves on, and is 0 at the end. What
    // is there from the first page to the last comes once. No more than `places_max` places are looked at: a page of a
    // table that was once full may be empty before the end.
    void list(std::uint64_t &cursor, std::size_t max, std::vector<DialogId> &ids,
              std::uint64_t places_max = ~std::uint64_t{0}) const;

    // Live sets that outlived their deadline by more than `grace`, or have none although they should. Empty, unless
    // advance() is not called.
    std::vector<DialogId> watchdog(Instant now, Duration grace) const;

    // Compares deadlines and profiles with what lives, and repairs what differs: one slice of at most `max` places, or
    // all lists. Between the slices calls may come and go, and other shards do as they like. `held`: what
    // take_places() gave and nobody has released yet, in order. False: it is over.
    bool audit(TrackerAudit &audit, std::size_t max, std::span<const MemberId> held, Instant now, Duration grace);

    // Of live sets, for ProfileTable::audit(): of their profiles, and of their indexed variables. Ids carry the shard.
    void list_memberships(std::vector<LiveMemberships> &profiles, std::vector<LiveMemberships> &indexed);

private:
    static constexpr unsigned serial_low_bits = 24; // of a durable id: random, and the shard

    struct Counters {
        std::array<Counter, 4> live; // by DialogState, up to `confirmed`
        Counter processed, failed, expired, refused, limited, events_lost;
    };

    struct Match { // the dialog that a message belongs to; none: its fork is null
        DialogId dialog;
        Fork *fork = nullptr;
        Side from = Side::caller; // whose tag stands in From
    };

    Result<Fed> feed_in_dialog(const MessageView &request, std::uint64_t hash, Instant now);
    Fed feed_ack(DialogId id, DialogSet &set, Fork &fork, Side from, const MessageView &ack, Instant now);
    Fed feed_early_ack(const MessageView &ack, std::uint64_t hash);
    Fed feed_cancel(const MessageView &cancel, std::uint64_t hash, Instant now);
    Fed feed_response(const MessageView &response, std::uint64_t hash, Instant now);
    void note_unseen_ack(DialogId id, DialogSet &set, Fork &fork, Side from, Method method, Instant now);
    void acknowledge(DialogId id, DialogSet &set, Fork &fork, Instant now);
    Result<Fed> feed_again(DialogId id, std::uint64_t key, bool is_recent, Instant now);
    RecordId next_record();
    static bool has_branch(const DialogSet &set, std::uint64_t key);
    void add_branch(DialogId id, DialogSet &set, std::uint64_t key, Instant now);
    static bool cancel_branch(DialogSet &set, std::uint64_t key);
    bool refuse_branch(DialogSet &set, const MessageView &answer, std::uint64_t hash);

    void answer_invite(DialogId id, DialogSet &set, const MessageView &response, std::uint64_t hash, Instant now);
    void take_provisional(DialogId id, DialogSet &set, const MessageView &response, Instant now);
    void take_success(DialogId id, DialogSet &set, const MessageView &response, Instant now);
    void confirm(DialogId id, DialogSet &set, Fork &fork, std::uint16_t status,
                 std::unique_ptr<DialogEventDetail> detail, Instant now);
    void answer_in_dialog(DialogId id, DialogSet &set, Fork &fork, Side from, const MessageView &response, Instant now);
    void set_target(DialogId id, DialogSet &set, Fork &fork, Side side, std::string_view target);
    Fork *open_fork(DialogSet &set, Fork *known, const MessageView &response, bool is_final_answer);
    Fork *make_fork(DialogSet &set, std::string_view to_tag, std::string_view target, std::string_view route_set,
                    bool is_final_answer);
    static bool drop_fork(DialogSet &set, bool is_final_answer);
    static void raise_fork(DialogSet &set, const Fork *fork);

    void take_bye(DialogId id, DialogSet &set, Fork &fork, Side from, const MessageView &bye, Instant now);
    void begin_bye(DialogId id, DialogSet &set, Side from, Instant now);
    void finish_bye(DialogId id, DialogSet &set, Fork &fork, Side from, std::uint16_t status, Instant now);
    static void resume(DialogSet &set);

    // On a leg of a B2BUA each side speaks for itself: who knows both tags could else send in our name.
    static bool may_speak(const DialogSet &set, Side from, const MessageView &message);
    static void note_q850(DialogSet &set, std::string_view reason); // unless one is known

    // Moves the set, and the statistics with it: the only place that does either.
    void enter(DialogSet &set, DialogState state);
    void terminate(DialogId id, DialogSet &set, EndReason reason, Instant now) {
        terminate(id, set, reason, now, now);
    }
    void terminate(DialogId id, DialogSet &set, EndReason reason, Instant now, Instant ended);
    void begin_end(DialogId id, DialogSet &set, EndReason reason, Instant now);
    void make_room(std::size_t more_events = 0);
    void give_reason(DialogSet &set, EndReason reason);
    Duration span_of(const DialogSet &set, DialogTimer timer) const;
    void arm(DialogId id, DialogSet &set, Instant base);     // the timer of its present state
    void arm_anew(DialogId id, DialogSet &set, Instant now); // from where that timer counts
    void schedule(DialogId id, DialogSet &set, Instant at);
    bool is_overdue(const DialogSet &set, Instant now, Duration grace) const;
    void audit_members(TrackerAudit &audit, std::size_t max, std::span<const MemberId> held);
    void audit_dialogs(TrackerAudit &audit, std::size_t max, Instant now, Duration grace);
    bool is_named(const ProfileMember &member, std::span<const MemberId> held) const;
    void on_timer(DialogId id, Instant now);
    void erase(DialogId id, DialogSet &set);
    void mark_changed(DialogId id, DialogSet &set);
    void raise(DialogEventKind kind, DialogId id, Instant now, Side side = Side::caller,
               Method method = Method::unknown, EndReason reason = EndReason::none);
    std::unique_ptr<DialogEventDetail> make_detail(DialogEventKind kind, std::string_view name, std::string_view value,
                                                   bool is_set) const;
    void raise_detail(DialogEventKind kind, DialogId id, std::unique_ptr<DialogEventDetail> detail, Instant now);
    bool is_wanted(DialogEventKind kind) const { return (options_.events & mask_of(kind)) != 0; }
    bool has_room_for(DialogEventKind kind);

    Result<void> restore_extras(DialogSet &set, const DialogRecord &record);
    Result<DialogId> emplace_restored(DialogSet set);
    void drop_restored(DialogId id, DialogSet &set);
    Result<void> join_again(DialogId id, DialogSet &set, const DialogRecord &record);
    bool bound_deadline(DialogSet &set, Instant now) const;
    void count_serial(std::uint64_t serial);

    template <class F>
    Result<void> change_variable(DialogId id, std::string_view name, const std::optional<VariableValue> &after,
                                 Instant now, F change);
    static DialogExtras &extras_of(DialogSet &set);
    Result<std::uint32_t> keep_cseq(DialogId id, DialogSet &set, CseqMaps::Kind kind, std::string_view name,
                                    Side sender, CseqSpace space, std::uint32_t number);
    static CseqMap *make_cseq_map(DialogSet &set, CseqMaps::Kind kind, std::string_view name);
    DialogSet *find_live(DialogId id);
    DialogRecord record_of(const DialogSet &set) const;

    std::uint64_t hash_of(std::string_view call_id) const { return shared_.hash(call_id); }
    std::uint64_t key_of(const MessageView &message, std::uint64_t hash) const; // of its branch
    DialogId find_invite(const MessageView &message, std::uint64_t hash) const; // the set of this INVITE
    Match find_fork(const MessageView &message, std::uint64_t hash);

    TrackerOptions options_;
    TrackerShared &shared_;
    SlotTable<DialogSet, DialogTag> sets_;
    HashIndex<DialogId> index_; // of the live sets, by Call-ID
    RecentKeys recent_; // INVITEs, by a branch, which alone tells one that comes again from a new try
    TimerWheel<DialogId> timers_;
    RingQueue<DialogEvent> events_;
    std::vector<DialogId> changes_; // each once
    std::uint64_t change_count_ = 0;
    std::vector<MemberId> held_places_;
    std::vector<RecordId> shared_ends_; // with room for every set that is shared
    std::size_t shared_sets_ = 0;       // live ones
    Instant latest_{};              // that advance() was told
    std::uint64_t sequence_ = 0;    // of the last event
    std::uint64_t serial_low_; // random, and the shard
    Counters counters_;

    friend struct TrackerDamage; // plants what only our own error can cause, so that tests see audit() find it
};

} // namespace tandem
