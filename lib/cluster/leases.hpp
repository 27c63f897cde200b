// The places that the dialogs of one worker have in profiles of the cluster, as leases in a store that all nodes share:
// what is asked of the store, when, and what its answers mean. Pure state, no clock.
//
// A lease is renewed until its dialog has ended, then released until the store confirms it or it is over by itself.
// To add one twice is harmless, so whatever may be missing is told again: after an outage, a restart, a failover. Who
// finds that the store has forgotten something says so to all, by the store's memory, and for one lease nobody relies
// on its counts. That time is an outage too.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include "base/hash.hpp"
#include "base/hash_index.hpp"
#include "base/instant.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/ring_queue.hpp"
#include "base/slot_table.hpp"
#include "cluster/lease_store.hpp"
#include "cluster/reservation.hpp"

namespace tandem {

struct LeaseOptions {
    Duration lease = std::chrono::milliseconds(8000);
    Duration timeout = std::chrono::milliseconds(200); // that a reservation waits, whatever happens
    Duration retry_min = std::chrono::milliseconds(100);
    Duration retry_max = std::chrono::seconds(5); // or half a lease, if that is less
    std::uint32_t dialog_max = 1'000'000;         // with leases
    std::uint32_t per_dialog_max = 64;            // leases of one
    std::size_t batch = 256;          // dialogs whose leases are renewed in one go, and members of a command
    std::size_t in_flight_max = 1024; // renewals and releases without an answer
    bool is_sharded = false; // a script reaches the keys of one slot alone: each is reserved by itself, in order
};

struct LeaseStatistics {
    std::uint64_t leases = 0;   // now
    std::uint64_t admitted = 0; // reservations, since the start
    std::uint64_t refused = 0;  // by a limit
    std::uint64_t unknown = 0;  // in an outage
    std::uint64_t renewed = 0;  // leases
    std::uint64_t released = 0;
    std::uint64_t forgotten = 0; // that the store did not have any more, too early
    std::uint64_t expired = 0;   // releases that were given up: the lease is over
    std::uint64_t outages = 0;
    std::uint64_t failures = 0; // connections that were lost or not made
    std::uint64_t full = 0;     // reservations beyond a bound
};

// An outage has begun or is over.
struct LeaseNotice {
    bool is_out = false;
    std::string why;   // of its beginning
    Duration lasted{}; // of its end
};

struct LeaseSize {
    std::uint64_t asker = 0;
    std::optional<std::uint32_t> size; // none: an outage
};

class Leases {
public:
    // `store` outlives the object.
    Leases(const LeaseOptions &options, LeaseStore &store, Random &random, Instant now);

    // The verdict comes by next_verdict(), within the timeout. A dialog has one reservation at a time.
    void reserve(const Reservation &reservation, Instant now);

    // A dialog that a former process had: it has its places, whatever the limits say. Repeated it changes nothing.
    void adopt(RecordId dialog, std::span<const ClusterPlace> places, Instant now);

    // The dialog has ended. If it waits for a verdict, that is `unknown` now.
    void release(RecordId dialog, Instant now);

    // Another node has it now, with its places in the store: nothing is told of it any more.
    void forget(RecordId dialog);
    void leave(RecordId dialog, std::string_view profile, std::string_view value, Instant now); // one of its places

    void take(const PlaceRequest &request, Instant now); // reserve() or leave()

    bool next_verdict(Reserved &reserved); // takes the oldest; false: there is none
    bool next_notice(LeaseNotice &notice);

    // How many the cluster has, by next_size().
    void ask_size(std::uint64_t asker, std::string_view profile, std::string_view value, Instant now);
    bool next_size(LeaseSize &size);

    // What the store says.
    void on_connected(Instant now);
    void on_lost(std::string_view why, Instant now);
    void on_answer(const LeaseAnswer &answer, Instant now);

    void advance(Instant now);
    std::optional<Instant> next_deadline() const; // may be early, never late

    LeaseStatistics statistics() const;
    bool is_ready() const { return is_ready_; }
    bool is_out() const { return is_out_; }
    std::size_t dialogs() const { return leases_.size(); }

private:
    using KeyId = Id<struct LeaseKeyTag>;
    using LeaseId = Id<struct LeaseTag>;
    using AskedId = Id<struct AskedTag>;

    enum class Hold : std::uint8_t {
        asked,  // the reservation has no verdict yet
        held,   // it is to be there
        leaving // it is not
    };

    struct Key { // of a (profile, value); lives while it is used
        std::string text;
        std::uint64_t hash = 0;
        std::uint32_t uses = 0;
    };

    struct Place {
        KeyId key;
        Hold hold = Hold::asked;
        std::optional<Instant> confirmed; // since then the store is known to have it
        Instant leaving_since{};
    };

    struct Lease { // all of a dialog
        RecordId dialog;
        std::uint64_t hash = 0;
        std::vector<Place> places;
        AskedId asked;            // the reservation under way
        bool is_due = false;      // stands in due_
        Instant renew_at = never; // its valid entry in later_
    };

    struct Asked {
        ReservationId id;
        LeaseId lease;
        struct Part {
            KeyId key;
            std::uint32_t limit = 0;
            std::size_t index = 0; // in the reservation
        };
        std::vector<Part> parts;
        std::size_t taken = 0; // parts that the store has
        bool is_sent = false;
    };

    struct Command { // without an answer
        LeaseAction action = LeaseAction::hello;
        KeyId key;                   // renew, release
        std::vector<LeaseId> leases; // the same
        AskedId asked;               // reserve
        std::uint64_t asker = 0;     // size
        Instant sent{};
    };

    template <class IdType>
    struct Deadline {
        Instant at{};
        IdType id{};
    };

    enum class Link : std::uint8_t { down, connecting, up };

    // leases.cpp
    LeaseId find(RecordId dialog) const;
    LeaseId find_or_add(RecordId dialog);
    std::uint64_t hash_of(RecordId dialog) const;
    static Place *find_place(Lease &lease, KeyId key);
    static std::string key_text(std::string_view profile, std::string_view value);
    KeyId find_key(std::string_view text) const;
    KeyId use_key(std::string_view text);
    void drop_key(KeyId id);
    void erase_place(LeaseId id, KeyId key);
    void erase_if_empty(LeaseId id);
    void hold(Lease &lease, std::string_view text);
    void let_go(Place &place, Instant now);

    // lease_reservation.cpp
    void begin(const Reservation &reservation, LeaseId id, Instant now);
    void note_part(Lease &lease, Asked &asked, const ClusterPlace &place, std::size_t index);
    void send_part(AskedId id, Instant now);
    void on_part(AskedId id, const LeaseAnswer &answer, Instant sent, Instant now);
    void admit(AskedId id, Instant now);
    void refuse(AskedId id, const LeaseAnswer &answer, Instant now);
    void give_up(AskedId id, Instant now); // unknown
    void give_up_all(Instant now);
    void send_waiting(Instant now);
    void tell(ReservationId id, Verdict verdict, std::size_t index = 0, std::int64_t size = 0);

    // lease_renewal.cpp
    void make_due(LeaseId id, Lease &lease);
    void make_all_due();
    void drop_overdue(Instant now);
    void drop_overdue(LeaseId id, Instant now); // may erase the lease
    void pump(Instant now);
    void send_batch(Instant now);
    void send_members(LeaseAction action, KeyId key, std::vector<LeaseId> leases, Instant now);
    void on_renewed(const Command &command, const LeaseAnswer &answer, Instant now);
    void on_released(const Command &command);
    void take_due(Instant now);

    // lease_link.cpp
    void connect(Instant now);
    void lose(std::string_view why, Instant now);
    void go_out(std::string_view why, Instant now);
    void greet(bool has_lost, Instant now);
    void on_hello(const LeaseAnswer &answer, Instant now);
    void watch_readiness(Instant now);
    void send(LeaseCommand command, Command kept, Instant now);
    void drop_answered();
    Duration patience() const;
    void on_forgotten(std::size_t count, Instant now);
    Duration renewal() const { return options_.lease / 3; }

    LeaseOptions options_;
    LeaseStore &store_;
    KeyedHash hash_;
    Random &random_;
    SlotTable<Key, LeaseKeyTag> keys_;
    HashIndex<KeyId> key_index_;
    SlotTable<Lease, LeaseTag> leases_;
    HashIndex<LeaseId> index_; // by dialog
    SlotTable<Asked, AskedTag> asked_;
    SlotTable<Command, LeaseCommandTag> commands_;
    RingQueue<Deadline<AskedId>> asked_until_;       // in order
    RingQueue<Deadline<LeaseCommandId>> sent_until_; // of other commands than reserve, in order
    RingQueue<Deadline<LeaseId>> later_;             // renewals, in order
    RingQueue<LeaseId> due_;
    RingQueue<Reserved> verdicts_;
    RingQueue<LeaseNotice> notices_;
    RingQueue<LeaseSize> sizes_;
    LeaseStatistics statistics_;
    std::size_t in_flight_ = 0; // renewals and releases

    Link link_ = Link::down;
    Instant retry_at_; // down: of the next try; connecting: when it has taken too long
    Duration retry_after_{};
    std::string memory_; // of the store; empty: we never met it
    bool is_greeting_ = false;
    bool is_greeted_ = false; // since it is up
    LeaseCommandId last_sent_;
    std::optional<LeaseCommandId> last_refill_; // all of ours were told again once this one is answered
    bool is_refilled_ = false;                  // since it is up
    bool must_tell_loss_ = false;               // by the next greeting
    bool is_heir_ = false;                      // a former process had some of ours: the store should know of them
    Instant greet_at_ = never;
    Instant ready_at_ = never; // not before, if the store has forgotten something
    bool is_ready_ = false;
    Instant ready_since_{};
    bool is_out_ = false;
    Instant out_since_{};
};

} // namespace tandem
