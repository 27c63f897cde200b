// Every dialog set of one shard: SIP messages go in, states, numbers and events come out. Pure state, no clock.
// It serves a proxy in the middle, which feeds each message once, and the legs of a B2BUA, which feeds what it
// receives and what it sends on a leg. A retransmission may be fed or left out: it changes nothing.
#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>
#include "base/hash.hpp"
#include "base/hash_index.hpp"
#include "base/instant.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/slot_table.hpp"
#include "base/timer_wheel.hpp"
#include "dialog/dialog_event.hpp"
#include "dialog/dialog_id.hpp"
#include "dialog/dialog_record.hpp"
#include "dialog/dialog_set.hpp"
#include "dialog/message_view.hpp"

namespace tandem {

struct TrackerOptions {
    std::uint32_t dialog_max = 131072; // sets; a B2BUA's call has two
    Duration early = std::chrono::milliseconds(181'000);       // Timer C (RFC 3261 section 16.6); restarted by 101-199
    Duration no_ack = std::chrono::milliseconds(32'000);       // answer without ACK
    Duration lifetime = std::chrono::milliseconds(43'200'000); // from the answer; zero: no limit, as above
    Duration bye = std::chrono::milliseconds(32'000);          // BYE without an answer
    std::uint64_t epoch = 0; // of the durable ids: UTC microseconds of the start of the process
    std::uint32_t fork_max = 32;     // To-tags of one INVITE; further ones are not tracked before they answer
    std::uint32_t event_max = 65536; // events that wait for the host; beyond it further ones are lost and counted, but
                                     // for `expired` and `ended`, of which each set has one
};

struct DialogStatistics { // of sets that count: not the further legs of a B2BUA's call
    std::uint64_t early = 0;  // no final answer yet
    std::uint64_t active = 0; // with a confirmed fork
    std::uint64_t processed = 0;
    std::uint64_t failed = 0;  // ended without an answer
    std::uint64_t expired = 0; // ended by a deadline
    std::uint64_t refused = 0; // not tracked: dialog_max reached
    std::uint64_t events_lost = 0;
};

// What one message meant.
struct Fed {
    DialogId dialog;         // none: belongs to no dialog; accepted, nothing changed
    Side from = Side::caller; // who sent the message
    bool is_new = false;     // false: a retransmission, a spiral, or it did not matter
};

struct LegOptions {
    DialogId leg_of{};                // the caller's set, for another leg of its call; none: this set counts
    std::optional<Side> local_side{}; // the side that we are
    std::string_view source{};        // for the record
    std::string_view trunk{};
    std::uint64_t owner = 0; // what DialogSet::owner carries: the host's own word
};

class Tracker {
public:
    Tracker(const TrackerOptions &options, Random &random, Instant now);

    // Takes one message that was received or is about to be sent. Fails with
    //   stale_cseq  CSeq below the last one of that side: answer 500 (RFC 3261 section 12.2.2);
    //   no_dialog   a request inside a dialog that is not here: answer 481, or let it pass;
    //   full        dialog_max is reached: the INVITE is untracked, answer 503 or let it pass.
    Result<Fed> feed(const MessageView &message, Instant now);

    // The same for the INVITE that begins a leg of a B2BUA.
    Result<Fed> feed_invite(const MessageView &invite, const LegOptions &leg, Instant now);

    const DialogSet *find(DialogId id) const;

    // The number that our next request carries, on the fork with this To-tag or, without one, on the fork in front
    // (RFC 3261 section 12.2.1.1). feed() counts it.
    std::uint32_t next_cseq(DialogId id, Side local, std::string_view to_tag = {}) const;

    // The reason that the record will show, unless one is known already.
    void set_end_reason(DialogId id, EndReason reason);
    void set_callee_call_id(DialogId id, std::string_view call_id);
    void set_trunk(DialogId id, std::string_view trunk);

    // Ends the set now: for ends that no message shows. No effect on one that has ended.
    void end(DialogId id, EndReason reason, Instant now);

    void advance(Instant now);
    std::optional<Instant> next_deadline() const;
    bool next_event(DialogEvent &event); // false: none left

    // Calls `changed` for every set that changed since the last time, `ended` for every one that ended, and then
    // forgets the ended ones.
    void drain_changes(const std::function<void(const DialogRecord &)> &changed,
                       const std::function<void(const DialogRecord &)> &ended);

    // The state of a live set, as it would be stored.
    std::optional<DialogRecord> record(DialogId id) const;

    const DialogStatistics &statistics() const { return statistics_; }
    std::size_t size() const;
    std::vector<DialogId> dialogs() const; // live sets; walks the table

private:
    Result<Fed> feed_in_dialog(const MessageView &request, Instant now);
    Fed feed_cancel(const MessageView &cancel);
    Fed feed_response(const MessageView &response, Instant now);
    void answer_invite(DialogId id, DialogSet &set, const MessageView &response, Instant now);
    void answer_in_dialog(DialogId id, DialogSet &set, Fork &fork, Side from, const MessageView &response, Instant now);
    void finish_bye(DialogId id, DialogSet &set, Fork &fork, Side from, std::uint16_t status, Instant now);
    Fork *make_fork(DialogSet &set, const MessageView &response);
    static bool drop_last_fork(DialogSet &set);
    static void raise_fork(DialogSet &set, const Fork *fork);

    // Moves the set, and the statistics with it: the only place that does either.
    void enter(DialogSet &set, DialogState state);
    void terminate(DialogId id, DialogSet &set, EndReason reason, Instant now);
    void give_reason(DialogSet &set, EndReason reason);
    void arm(DialogId id, DialogSet &set, Instant now, Duration span); // zero: no deadline
    void on_deadline(DialogId id, Instant now);
    void mark_changed(DialogId id, DialogSet &set);
    void raise(const DialogEvent &event);

    std::uint64_t hash_of(std::string_view call_id, std::string_view caller_tag) const;
    DialogId find_set(std::string_view call_id, std::string_view caller_tag) const;

    TrackerOptions options_;
    KeyedHash hash_;
    SlotTable<DialogSet, DialogTag> sets_;
    HashIndex<DialogId> index_; // of the live sets, by Call-ID and From-tag
    TimerWheel<DialogId> timers_;
    std::deque<DialogEvent> events_;
    std::vector<DialogId> changes_; // each once
    std::uint64_t serial_ = 0;
    std::uint64_t serial_random_;
    DialogStatistics statistics_;
};

} // namespace tandem
