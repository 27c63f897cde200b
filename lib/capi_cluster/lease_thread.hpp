// The leases of a tracker's dialogs, on a thread with a loop of its own: whoever asks leaves a task and goes on, and
// what comes of it is told on this thread.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>
#include "base/instant.hpp"
#include "base/result.hpp"
#include "cluster/leases.hpp"
#include "cluster/reservation.hpp"
#include "dialog/profile_table.hpp"
#include "dialog/sharded_tracker.hpp"
#include "net/loop.hpp"
#include "net/system_random.hpp"
#include "storage/redis/redis_lease_store.hpp"

namespace tandem::capi {

struct LeaseThreadOptions {
    RedisUrl url;
    std::string prefix;
    LeaseOptions leases;
    std::size_t task_max = 65536; // that wait for the thread
};

// A reservation whose dialog waits.
struct AskedDialog {
    struct Place {
        std::string profile;
        std::string value;
        std::uint32_t limit = 0; // 0: none
        OnOutage on_outage = OnOutage::closed;
        bool is_new = false; // the dialog was not there before
    };

    DialogId dialog; // as the host knows it
    RecordId record;
    std::vector<Place> places; // of the cluster; those of the reservation, in its order
    std::vector<Place> joined; // in this tracker alone, new, for this reservation
    Instant asked{};           // by the host's clock
    Instant since{};           // by the system's
};

struct PlaceTask {
    Reservation reservation;
    std::unique_ptr<AskedDialog> asked; // null: nobody waits for the verdict
};

using LeaseTask = std::variant<PlaceTask, Departure>;

struct LeaseThreadState {
    LeaseStatistics statistics;
    bool is_ready = false;
    bool is_out = false;
    std::string why; // the last outage began
};

class LeaseThread {
public:
    // Told on the thread. An exception for want of memory means: once more, in a moment.
    class Listener {
    public:
        virtual void on_verdict(const AskedDialog &asked, const Reserved &reserved, Instant now) = 0;

    protected:
        ~Listener() = default;
    };

    // A place for one task, and a wake-up that is on its way: what comes after it needs no memory and does not fail.
    // No other task gets between while it lives.
    class Room {
    public:
        explicit Room(LeaseThread &owner) : owner_(owner), lock_(owner.mutex_) {}
        void add(LeaseTask task) noexcept { owner_.inbox_.push_back(std::move(task)); }

    private:
        friend class LeaseThread;
        LeaseThread &owner_;
        std::unique_lock<std::mutex> lock_;
    };

    // The thread runs from here on. `tracker` and `listener` outlive the object. Throws std::system_error.
    LeaseThread(const LeaseThreadOptions &options, ShardedTracker &tracker, Listener &listener);
    ~LeaseThread(); // leases are left to run out

    // From any thread.
    Result<Room> make_room(); // full
    void wake() noexcept;     // to look at ShardedTracker::take_shared_ends()
    LeaseThreadState state() const;

    // On the thread.
    void leave(RecordId dialog, std::string_view profile, std::string_view value, Instant now) {
        leases_.leave(dialog, profile, value, now);
    }

private:
    RedisLeaseEvents events();
    void wake_locked();
    void run();
    void turn();
    void work(Instant now);
    void take_inbox();
    void take_task(LeaseTask &task, Instant now);
    bool tell_verdicts(Instant now);
    void publish();

    ShardedTracker &tracker_;
    Listener &listener_;
    const std::size_t task_max_;
    SystemRandom random_;
    Loop loop_;
    RedisLeaseStore store_;
    Leases leases_;
    std::unordered_map<std::uint64_t, std::unique_ptr<AskedDialog>> asked_; // by ReservationId
    std::vector<LeaseTask> tasks_; // of the inbox; those before next_task_ are done
    std::size_t next_task_ = 0;
    std::vector<RecordId> ends_;      // to be released once all tasks are done, of which some came before them
    std::optional<Reserved> verdict_; // that is being told

    mutable std::mutex mutex_; // taken after the lock of a shard; guards all below
    std::vector<LeaseTask> inbox_;
    bool is_woken_ = false;
    LeaseThreadState state_;

    std::thread thread_;
};

} // namespace tandem::capi
