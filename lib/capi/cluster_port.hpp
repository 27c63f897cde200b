// Who asks the other trackers of a cluster, for profiles that they count together. What can is not in libtandem-core
// (capi_cluster): the tracker knows it by this alone.
#pragma once
#include <span>
#include <string_view>
#include "base/instant.hpp"
#include "base/result.hpp"
#include "dialog/profile_table.hpp"
#include "dialog/tracker.hpp"

namespace tandem::capi {

// Threads: any function from any thread; reserve() and leave() alone with the shard, which knows the dialog as `id`.
class ClusterPort {
public:
    virtual ~ClusterPort() = default;

    // As Tracker::reserve(), where some of the profiles may be shared. True: others are asked, and the answer comes as
    // an event; `dialog` is how the host knows it. conflict: it waits for one already; full: too many wait.
    virtual Result<bool> reserve(Tracker &shard, DialogId id, DialogId dialog, std::span<const ProfileRequest> requests,
                                 Instant now, ProfileRefusal *refusal) = 0;

    // As Tracker::leave(). conflict: the dialog waits; full: too many wait.
    virtual Result<bool> leave(Tracker &shard, DialogId id, std::string_view profile, std::string_view value,
                               Instant now) = 0;

    // Sets have ended: see ShardedTracker::take_shared_ends().
    virtual void on_ends() noexcept = 0;
};

} // namespace tandem::capi
