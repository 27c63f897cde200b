#include "capi_cluster/shared_profiles.hpp"
#include <algorithm>
#include <utility>
#include "net/system_clock.hpp"

namespace tandem::capi {
namespace {

Reservation reservation_of(const AskedDialog &asked, ReservationId id) {
    Reservation reservation{id, asked.record, {}};
    for (const AskedDialog::Place &place : asked.places) {
        reservation.places.push_back({place.profile, place.value, place.limit});
    }
    return reservation;
}

// What is asked for while a reservation is being made is taken back unless that goes well.
class Waiting {
public:
    Waiting(Tracker &shard, DialogId id) : shard_(&shard), id_(id) {}
    ~Waiting() {
        if (shard_) shard_->stop_waiting(id_);
    }
    Waiting(const Waiting &) = delete;
    Waiting &operator=(const Waiting &) = delete;
    void done() { shard_ = nullptr; }

private:
    Tracker *shard_;
    DialogId id_;
};

} // namespace

SharedProfiles::SharedProfiles(tandem_tracker &tracker, const LeaseThreadOptions &options)
    : tracker_(tracker), thread_(options, tracker.tracker, *this) {}

Result<bool> SharedProfiles::reserve(Tracker &shard, DialogId id, DialogId dialog,
                                     std::span<const ProfileRequest> requests, Instant now, ProfileRefusal *refusal) {
    const DialogSet *set = shard.find(id);
    if (!set || set->is_over()) return Error::not_found;
    if (shard.is_waiting(id)) return Error::conflict;
    auto parts = divide(*set, requests, refusal);
    if (!parts) return parts.error();
    parts->asked->dialog = dialog;
    if (parts->is_limited) {
        if (const auto asked = ask(shard, id, std::move(*parts), now, refusal); !asked) return asked.error();
        return true;
    }
    const auto joined = parts->asked->places.empty() ? shard.reserve(id, requests, now, refusal)
                                                     : claim(shard, id, requests, *parts->asked, now, refusal);
    if (!joined) return joined.error();
    return false;
}

Result<SharedProfiles::Parts> SharedProfiles::divide(const DialogSet &set, std::span<const ProfileRequest> requests,
                                                     ProfileRefusal *refusal) const {
    Parts parts;
    parts.asked->record = set.record;
    for (std::size_t i = 0; i < requests.size(); ++i) {
        const ProfileRequest &request = requests[i];
        const auto rule = tracker_.tracker.profiles().rule(request.profile, request.value);
        if (!rule) {
            if (refusal) *refusal = {.index = i};
            return rule.error();
        }
        AskedDialog::Place place{std::string(request.profile), std::string(request.value), 0, rule->on_outage,
                                 !is_member(set, request)};
        if (rule->is_shared) {
            place.limit = request.limit.value_or(rule->limit);
            parts.is_limited = parts.is_limited || place.limit > 0;
            parts.asked->places.push_back(std::move(place));
        } else {
            parts.own.push_back(request);
            parts.own_index.push_back(i);
            if (place.is_new) parts.asked->joined.push_back(std::move(place));
        }
    }
    return parts;
}

bool SharedProfiles::is_member(const DialogSet &set, const ProfileRequest &request) const {
    if (!set.extras) return false;
    return std::any_of(set.extras->profiles.begin(), set.extras->profiles.end(), [&](const Membership &known) {
        return known.member && known.value.get(0) == request.value &&
               tracker_.tracker.profiles().name_of(known.profile) == request.profile;
    });
}

// No limit of the cluster's stands in the way: nobody waits.
Result<void> SharedProfiles::claim(Tracker &shard, DialogId id, std::span<const ProfileRequest> requests,
                                   const AskedDialog &asked, Instant now, ProfileRefusal *refusal) {
    PlaceTask task{reservation_of(asked, {}), nullptr};
    auto room = thread_.make_room();
    if (!room) return room.error();
    if (auto shared = shard.share(id); !shared) return shared;
    if (auto joined = shard.reserve(id, requests, now, refusal); !joined) return joined;
    room->add(std::move(task));
    return {};
}

Result<void> SharedProfiles::ask(Tracker &shard, DialogId id, Parts parts, Instant now, ProfileRefusal *refusal) {
    parts.asked->asked = now;
    parts.asked->since = SystemClock::now();
    PlaceTask task{reservation_of(*parts.asked, ReservationId(++last_id_)), std::move(parts.asked)};
    auto room = thread_.make_room();
    if (!room) return room.error();
    if (auto shared = shard.share(id); !shared) return shared;
    if (auto begun = shard.begin_waiting(id); !begun) return begun;
    Waiting waiting(shard, id);
    if (!parts.own.empty()) {
        if (auto joined = shard.reserve(id, parts.own, now, refusal); !joined) {
            if (refusal) refusal->index = parts.own_index[refusal->index];
            return joined;
        }
    }
    waiting.done();
    room->add(std::move(task));
    return {};
}

Result<bool> SharedProfiles::leave(Tracker &shard, DialogId id, std::string_view profile, std::string_view value,
                                   Instant now) {
    if (shard.is_waiting(id)) return Error::conflict;
    const DialogSet *set = shard.find(id);
    const auto rule = tracker_.tracker.profiles().rule(profile, value);
    if (!set || !rule || !rule->is_shared) return shard.leave(id, profile, value, now);
    LeaseTask task = Departure{set->record, std::string(profile), std::string(value)};
    auto room = thread_.make_room();
    if (!room) return room.error();
    const auto left = shard.leave(id, profile, value, now);
    if (left && *left) room->add(std::move(task));
    return left;
}

// A set that has ended meanwhile hears nothing: its places are given back by its end.
void SharedProfiles::on_verdict(const AskedDialog &asked, const Reserved &reserved, Instant now) {
    const Announcement announcement(tracker_);
    const Instant at = asked.asked + std::max(now - asked.since, Duration::zero()); // the turn may have begun before
    tracker_.tracker.with(asked.dialog, [&](Tracker &shard, DialogId id) {
        const DialogSet *set = shard.find(id);
        if (!set || set->is_over()) return;
        DialogEventDetail told;
        told.is_set = reserved.verdict == Verdict::admitted || reserved.verdict == Verdict::refused;
        if (const auto joined = join(shard, id, asked, reserved, at, told); !joined) {
            told.refused = joined.error();
            take_back(shard, id, asked, at, now);
        }
        shard.tell_reserved(id, told, at);
    });
}

// The dialog joins what the cluster has given, or what the profiles give in an outage.
Result<void> SharedProfiles::join(Tracker &shard, DialogId id, const AskedDialog &asked, const Reserved &reserved,
                                  Instant at, DialogEventDetail &told) {
    const auto refused_by = [&](std::size_t index) {
        told.name = asked.places[index].profile;
        told.value = asked.places[index].value;
    };
    if (reserved.verdict == Verdict::full) return Error::full;
    if (reserved.verdict == Verdict::refused) {
        refused_by(reserved.index);
        shard.note_limited(told.name);
        return Error::limit;
    }
    std::vector<ProfileRequest> requests;
    for (std::size_t i = 0; i < asked.places.size(); ++i) {
        const AskedDialog::Place &place = asked.places[i];
        ProfileRequest request{place.profile, place.value, 0};
        if (reserved.verdict == Verdict::unknown && place.limit > 0) {
            if (place.on_outage == OnOutage::closed) {
                refused_by(i);
                return Error::store_failed;
            }
            if (place.on_outage == OnOutage::local) request.limit = place.limit;
        }
        requests.push_back(request);
    }
    ProfileRefusal refusal;
    const auto joined = shard.reserve(id, requests, at, &refusal);
    if (!joined && joined.error() == Error::limit) refused_by(refusal.index);
    return joined;
}

// The dialog goes on without what it has got for this reservation.
void SharedProfiles::take_back(Tracker &shard, DialogId id, const AskedDialog &asked, Instant at, Instant now) {
    for (const AskedDialog::Place &place : asked.joined) {
        static_cast<void>(shard.leave(id, place.profile, place.value, at));
    }
    for (const AskedDialog::Place &place : asked.places) {
        if (place.is_new) thread_.leave(asked.record, place.profile, place.value, now);
    }
}

} // namespace tandem::capi
