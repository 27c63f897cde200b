// The profiles that a tracker shares with its cluster: what its dialogs ask for, and what becomes of the answers.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>
#include "capi/cluster_port.hpp"
#include "capi/handle.hpp"
#include "capi_cluster/lease_thread.hpp"

namespace tandem::capi {

class SharedProfiles final : public ClusterPort, private LeaseThread::Listener {
public:
    // `tracker` outlives the object, which uses it on a thread of its own. Throws std::system_error.
    SharedProfiles(tandem_tracker &tracker, const LeaseThreadOptions &options);

    Result<bool> reserve(Tracker &shard, DialogId id, DialogId dialog, std::span<const ProfileRequest> requests,
                         Instant now, ProfileRefusal *refusal) override;
    Result<bool> leave(Tracker &shard, DialogId id, std::string_view profile, std::string_view value,
                       Instant now) override;
    void on_ends() noexcept override { thread_.wake(); }

    LeaseThreadState state() const { return thread_.state(); }

private:
    // The requests of one reservation, by who counts.
    struct Parts {
        std::unique_ptr<AskedDialog> asked = std::make_unique<AskedDialog>();
        std::vector<ProfileRequest> own;
        std::vector<std::size_t> own_index; // in the reservation
        bool is_limited = false;            // by the cluster
    };

    Result<Parts> divide(const DialogSet &set, std::span<const ProfileRequest> requests, ProfileRefusal *refusal) const;
    bool is_member(const DialogSet &set, const ProfileRequest &request) const;
    Result<void> claim(Tracker &shard, DialogId id, std::span<const ProfileRequest> requests, const AskedDialog &asked,
                       Instant now, ProfileRefusal *refusal);
    Result<void> ask(Tracker &shard, DialogId id, Parts parts, Instant now, ProfileRefusal *refusal);

    void on_verdict(const AskedDialog &asked, const Reserved &reserved, Instant now) override;
    Result<void> join(Tracker &shard, DialogId id, const AskedDialog &asked, const Reserved &reserved, Instant at,
                      DialogEventDetail &told);
    void take_back(Tracker &shard, DialogId id, const AskedDialog &asked, Instant at, Instant now);

    tandem_tracker &tracker_;
    std::atomic<std::uint64_t> last_id_{0}; // of a reservation
    LeaseThread thread_;                    // ends before the rest
};

} // namespace tandem::capi
