// Leases that are told to the store again, and those that it is to forget.
#include <algorithm>
#include <map>
#include <utility>
#include "cluster/leases.hpp"

namespace tandem {

// Without a connection nothing is: with the next one everything is.
void Leases::make_due(LeaseId id, Lease &lease) {
    if (link_ != Link::up || std::exchange(lease.is_due, true)) return;
    due_.push(id);
}

void Leases::make_all_due() {
    leases_.for_each([this](LeaseId id, Lease &lease) { make_due(id, lease); });
    is_refilled_ = false;
    last_refill_.reset();
}

// Those whose time has come, and with them those whose time is near: so they share commands.
void Leases::take_due(Instant now) {
    const auto take = [this](Instant until) {
        for (; !later_.empty() && later_.front().at <= until; later_.pop()) {
            const auto [at, id] = later_.front();
            Lease *lease = leases_.find(id);
            if (lease && lease->renew_at == at) make_due(id, *lease);
        }
    };
    if (!later_.empty() && later_.front().at <= now) take(now + renewal() / 16);
}

void Leases::pump(Instant now) {
    while (link_ == Link::up && in_flight_ < options_.in_flight_max && !due_.empty()) send_batch(now);
    if (link_ == Link::up && !is_refilled_ && !last_refill_ && due_.empty()) last_refill_ = last_sent_;
}

// By key, so that a command has many members.
void Leases::send_batch(Instant now) {
    struct Members {
        std::vector<LeaseId> held;
        std::vector<LeaseId> leaving;
    };
    std::map<KeyId, Members> by_key;
    for (std::size_t i = 0; i < options_.batch && !due_.empty(); ++i) {
        const LeaseId id = due_.front();
        due_.pop();
        Lease *lease = leases_.find(id);
        if (!lease) continue;
        lease->is_due = false;
        drop_overdue(id, now);
        lease = leases_.find(id);
        if (!lease) continue;
        lease->renew_at = now + renewal();
        later_.push({lease->renew_at, id});
        for (const Place &place : lease->places) {
            if (place.hold == Hold::held) by_key[place.key].held.push_back(id);
            if (place.hold == Hold::leaving) by_key[place.key].leaving.push_back(id);
        }
    }
    for (auto &[key, members] : by_key) {
        if (!members.held.empty()) send_members(LeaseAction::renew, key, std::move(members.held), now);
        if (!members.leaving.empty()) send_members(LeaseAction::release, key, std::move(members.leaving), now);
    }
}

void Leases::send_members(LeaseAction action, KeyId key, std::vector<LeaseId> leases, Instant now) {
    LeaseCommand command;
    command.action = action;
    command.keys.push_back(keys_.find(key)->text);
    for (const LeaseId id : leases) command.members.push_back(leases_.find(id)->dialog);
    ++keys_.find(key)->uses; // while there is no answer
    Command kept;
    kept.action = action;
    kept.key = key;
    kept.leases = std::move(leases);
    send(std::move(command), std::move(kept), now);
}

void Leases::on_renewed(const Command &command, const LeaseAnswer &answer, Instant now) {
    std::int64_t missing = 0; // as far as we know
    for (const LeaseId id : command.leases) {
        Lease *lease = leases_.find(id);
        Place *place = lease ? find_place(*lease, command.key) : nullptr;
        // One that has ended meanwhile may have been there or not.
        const bool is_there =
            place && place->hold == Hold::held && place->confirmed && now < *place->confirmed + options_.lease;
        if (!is_there) ++missing;
        if (!place || place->hold != Hold::held) continue;
        place->confirmed = command.sent;
        ++statistics_.renewed;
    }
    if (answer.first > missing) on_forgotten(static_cast<std::size_t>(answer.first - missing), now);
}

void Leases::on_released(const Command &command) {
    for (const LeaseId id : command.leases) {
        Lease *lease = leases_.find(id);
        const Place *place = lease ? find_place(*lease, command.key) : nullptr;
        if (!place || place->hold != Hold::leaving) continue;
        ++statistics_.released;
        erase_place(id, command.key);
    }
}

// Without a connection, or where the store refuses, a release can not be told for ever; after a lease there is nothing
// left to release.
void Leases::drop_overdue(Instant now) {
    leases_.for_each([&](LeaseId id, Lease &lease) {
        lease.is_due = false;
        drop_overdue(id, now);
    });
}

void Leases::drop_overdue(LeaseId id, Instant now) {
    std::vector<KeyId> over;
    for (const Place &place : leases_.find(id)->places) {
        if (place.hold == Hold::leaving && now >= place.leaving_since + 2 * options_.lease) over.push_back(place.key);
    }
    for (const KeyId key : over) {
        ++statistics_.expired;
        erase_place(id, key);
    }
}

} // namespace tandem
