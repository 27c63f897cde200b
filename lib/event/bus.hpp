// Who wants to hear of what: events come in and are numbered; subscribers take theirs out of a queue of their own, and
// waits end with the first event that they are about, or at their timeout. Pure state, no clock; nobody is called back.
//
// What one event costs does not depend on how many subscriptions there are: each stands in one list, that of a value
// which one of its keys must have, or of its name, and an event looks into the lists of its own values. Those whose
// patterns are tried for each event, or for each of a name, are few (walked_max).
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>
#include "base/hash.hpp"
#include "base/hash_index.hpp"
#include "base/id.hpp"
#include "base/instant.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/slot_table.hpp"
#include "base/timer_wheel.hpp"
#include "event/delivery_queue.hpp"
#include "event/event.hpp"
#include "event/filter.hpp"
#include "event/replay_window.hpp"

namespace tandem {

using SubscriberId = Id<struct SubscriberTag>;
using SubscriptionId = Id<struct SubscriptionTag>; // of a wait, too

struct BusOptions {
    std::uint32_t subscriber_max = 256;
    std::uint32_t subscription_max = 16384; // of all subscribers, with the waits
    std::uint32_t per_subscriber_max = 256; // subscriptions of one
    std::uint32_t walked_max = 256;         // subscriptions to patterns alone, or a name and patterns
    std::uint32_t queue_max = 4096;         // events that wait for one subscriber; beyond it the oldest are lost,
    std::size_t queue_byte_max = 4 << 20;   // and he finds a gap that says how many. Bytes of them: the same
    Duration ttl_max = std::chrono::hours(24);
    ReplayOptions replay;
    std::uint64_t sequence = 0; // before the first event. A host that numbers its lives, as by the time of its start,
                                // lets a subscriber find out that it has missed what came between two of them
};

struct BusStatistics {
    std::uint64_t events = 0;
    std::uint64_t delivered = 0;   // into queues, and to waits
    std::uint64_t lost = 0;        // out of queues that were full
    std::uint64_t lost_before = 0; // see Bus::note_lost()
    std::uint64_t refused = 0;     // subscriptions and waits beyond a limit
    std::uint64_t expired = 0;     // subscriptions, by their ttl
    std::uint64_t timed_out = 0;   // waits
};

// What subscribe() and wait() answer.
struct Subscribed {
    SubscriptionId id{};
    std::uint64_t sequence = 0;    // of the last event so far: what comes has higher ones
    std::optional<EventGap> gap{}; // what `since` asked for and the window does not have any more
};

// How a wait has ended.
struct Resumed {
    enum class Why : std::uint8_t { event, timeout, gap }; // gap: the event may have been missed. Look again

    SubscriptionId id{};
    std::uint64_t owner = 0;
    Why why = Why::timeout;
    SharedEvent event{}; // of Why::event
};

class Bus {
public:
    Bus(const BusOptions &options, Random &random, Instant now);

    Result<SubscriberId> add_subscriber();   // full
    bool remove_subscriber(SubscriberId id); // with its subscriptions and all that waits for it; false: there is none
    bool has_subscriber(SubscriberId id) const { return subscribers_.find(id) != nullptr; }

    // From now on, or from the event after `since` as far as the window has it: what is replayed stands in the queue
    // before what comes next, and a gap before both if something is missing. What happens from now on comes once to a
    // subscriber, however many subscriptions of his are about it; a replay brings all that its own one is about, also
    // what another one has brought before: the number tells. ttl zero: ttl_max; a longer one is cut. not_found, full.
    Result<Subscribed> subscribe(SubscriberId subscriber, EventFilter filter, Duration ttl,
                                 std::optional<std::uint64_t> since, Instant now);
    Result<void> renew(SubscriptionId id, Duration ttl, Instant now); // from now on. not_found
    bool unsubscribe(SubscriptionId id);                              // false: it is over. Of a wait, too
    SubscriberId subscriber_of(SubscriptionId id) const;              // none: of a wait, and of one that is over

    // Ends with take_resumed(), once: with the first event after `since` (none: from now on) that the filter is about;
    // at the timeout, to which what comes in the same moment is too late; or at once if a gap begins at `since`.
    Result<Subscribed> wait(EventFilter filter, Duration timeout, std::optional<std::uint64_t> since,
                            std::uint64_t owner, Instant now);
    void take_resumed(std::vector<Resumed> &resumed); // appends, and forgets them

    // The same one by one, for who may fail in between.
    std::size_t resumed() const { return resumed_.size() - resumed_taken_; } // that were not taken yet
    const Resumed *peek_resumed() const { return resumed() == 0 ? nullptr : &resumed_[resumed_taken_]; }
    void pop_resumed();

    // Gives the event its number, and to everybody who is about it. invalid: a name or data beyond their bounds. Where
    // memory ends (bad_alloc) nobody has it, and there is no such number; so it is with the functions above.
    Result<std::uint64_t> notify(EventDraft draft, Instant now);

    // So many events were made and are not here: all subscribers find a gap, now and in a replay.
    void note_lost(std::uint64_t count, Instant now);

    // Nobody has made events since the last one: `since` of before is a gap from now on.
    void begin_anew();

    // The next that waits for a subscriber, an event or a gap; false: nothing, or no such subscriber.
    bool next(SubscriberId id, EventPlace &place);

    // The same in two steps, for who may fail in between.
    const EventPlace *peek(SubscriberId id) const; // null: nothing
    void pop(SubscriberId id);

    // Those whose queues are no longer empty since the last time; each once.
    void take_ready(std::vector<SubscriberId> &ready); // appends, and forgets them

    void advance(Instant now); // ends what has expired
    std::optional<Instant> next_deadline() const;

    std::uint64_t sequence() const { return sequence_; } // of the last event
    std::size_t subscribers() const { return subscribers_.size(); }
    std::size_t subscriptions() const { return subscriptions_.size(); } // with the waits
    const BusStatistics &statistics() const { return statistics_; }

private:
    struct Subscriber {
        explicit Subscriber(const BusOptions &options) : queue(options.queue_max, options.queue_byte_max) {}

        DeliveryQueue queue;
        std::vector<SubscriptionId> subscriptions;
        std::uint64_t last_sequence = 0; // of what was put into the queue as it came
        bool is_ready = false;           // it stands in ready_
    };
    struct Subscription {
        EventFilter filter;
        SubscriberId subscriber; // none: a wait
        std::uint64_t owner = 0; // of a wait
        std::uint64_t list = 0;  // the hash of the list that it stands in
        TimerId timer{};
    };

    std::uint64_t list_for(const EventFilter &filter) const;
    Result<SubscriptionId> add(Subscription subscription, Instant until);
    void erase(SubscriptionId id);
    void collect_matches(const Event &event);
    void make_room(const std::optional<EventGap> &gap, Subscriber &subscriber, const EventFilter &filter,
                   std::uint64_t since);
    void make_room_for_end();
    void resume(SubscriptionId id, Resumed::Why why, const SharedEvent &event);
    void deliver(SubscriptionId id, const SharedEvent &event, Instant now);
    void push(SubscriberId id, Subscriber &subscriber, EventPlace place);
    std::optional<EventGap> gap_after(std::uint64_t since) const;
    void replay(SubscriberId id, const EventFilter &filter, std::uint64_t since, const std::optional<EventGap> &gap);
    template <class F>
    void for_each_since(const EventFilter &filter, std::uint64_t since, F f) const; // f(EventPlace) of the window
    void expire(SubscriptionId id);

    BusOptions options_;
    KeyedHash hash_;
    const std::uint64_t walked_list_; // of those to patterns alone
    SlotTable<Subscriber, SubscriberTag> subscribers_;
    SlotTable<Subscription, SubscriptionTag> subscriptions_;
    HashIndex<SubscriptionId> lists_;
    std::size_t walked_ = 0; // subscriptions whose patterns are tried though no value leads to them
    TimerWheel<SubscriptionId> timers_;
    ReplayWindow window_;
    std::uint64_t sequence_;
    std::vector<SubscriberId> ready_;
    std::vector<Resumed> resumed_;        // has room for each wait
    std::size_t resumed_taken_ = 0;       // of it, in front
    std::size_t waits_ = 0;               // subscriptions that are one
    std::vector<SubscriptionId> matches_; // of the event at hand; keeps its memory
    BusStatistics statistics_;
};

} // namespace tandem
