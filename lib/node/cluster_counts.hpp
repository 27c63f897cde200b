// The counts that one worker shares with the cluster: its leases, the way to Redis, and what crosses to its calls.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "call/engine.hpp"
#include "cluster/leases.hpp"
#include "dialog/profile_table.hpp"
#include "net/loop.hpp"
#include "node/config.hpp"
#include "node/log.hpp"
#include "storage/redis/redis_lease_store.hpp"

namespace tandem {

// Whether any worker of the process has lost Redis: one line when the first has, one when the last is back.
// Threads: from any.
class ClusterHealth {
public:
    explicit ClusterHealth(Log &log) : log_(log) {}
    void note(const LeaseNotice &notice, Instant now);

private:
    Log &log_;
    std::mutex mutex_; // guards all below
    std::uint32_t out_ = 0;
    Instant since_{};
};

struct ClusterOptions {
    RedisConfig redis;
    ClusterHealth *health = nullptr; // shared by workers, and outlives them
};

class ClusterCounts {
public:
    // `wake` is called in the loop when there may be something to do: once for all that one turn brings. All references
    // outlive the object.
    ClusterCounts(const ClusterOptions &options, std::uint32_t dialog_max, Loop &loop, Random &random,
                  std::function<void()> wake);

    // What calls ask for, and what they are told.
    void settle(Engine &engine, Instant now);

    // A dialog that a former process had, one that has ended, and one that another node has: see Leases.
    void adopt(const DialogRecord &record, const ProfileTable &profiles, Instant now);
    void release(RecordId dialog, Instant now) { leases_.release(dialog, now); }
    void forget(RecordId dialog) { leases_.forget(dialog); }

    // The size that the cluster says, to `then`, in the loop; none: it does not say.
    using Size = std::function<void(std::optional<std::uint32_t> size)>;
    void ask_size(std::string_view profile, std::string_view value, Size then, Instant now);

    void advance(Instant now) { leases_.advance(now); }
    std::optional<Instant> next_deadline() const { return leases_.next_deadline(); }
    LeaseStatistics statistics() const { return leases_.statistics(); }

private:
    static LeaseOptions lease_options(const RedisConfig &redis, std::uint32_t dialog_max);
    RedisLeaseEvents events();
    void take_requests(Engine &engine, Instant now);
    void wake_later();

    ClusterHealth &health_;
    Loop &loop_;
    std::function<void()> wake_;
    std::shared_ptr<bool> is_woken_ = std::make_shared<bool>(false); // shared with the turn that is to come
    RedisLeaseStore store_;
    Leases leases_;
    std::map<std::uint64_t, Size> sizes_; // that are asked for
    std::uint64_t last_size_ = 0;
    std::vector<PlaceRequest> requests_; // empty between the rounds; keeps its memory
};

} // namespace tandem
