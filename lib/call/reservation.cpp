// Places in profiles: of this process at once, of the cluster by a question that the call waits for. 100 is out then,
// and nobody is called. What Redis may have given to a call that is over is let go with its dialog.
#include <algorithm>
#include <iterator>
#include <utility>
#include "call/b2bua.hpp"

namespace tandem {

bool B2bua::is_shared(const RouteProfile &profile) const {
    const auto rule = tracker_.profile_rule(profile.name, profile.value);
    return rule && rule->is_shared;
}

// All that are counted so, or none. Those of the cluster have no limit here.
Result<void> B2bua::join(DialogId dialog, const Route &route, Counted counted, Instant now) {
    std::vector<ProfileRequest> requests;
    for (const RouteProfile &profile : route.profiles) {
        const auto rule = tracker_.profile_rule(profile.name, profile.value);
        if (!rule) return rule.error();
        if (rule->is_shared != (counted == Counted::by_cluster)) continue;
        requests.push_back({profile.name, profile.value, rule->is_shared ? std::nullopt : profile.limit});
    }
    if (requests.empty()) return {};
    return reserve(dialog, requests, now);
}

Result<void> B2bua::reserve(DialogId dialog, std::span<const ProfileRequest> requests, Instant now) {
    ProfileRefusal refusal;
    const auto reserved = tracker_.reserve(dialog, requests, now, &refusal);
    if (!reserved && reserved.error() == Error::limit) {
        tell_limit(dialog, requests[refusal.index].profile, requests[refusal.index].value, now);
    }
    return reserved;
}

// For who can not wait: his places in the cluster count from now on, whatever its limits.
Result<void> B2bua::reserve(DialogId dialog, const Route &route, Instant now) {
    if (auto joined = join(dialog, route, Counted::here, now); !joined) return joined;
    if (auto joined = join(dialog, route, Counted::by_cluster, now); !joined) return joined;
    claim(dialog, route);
    return {};
}

void B2bua::claim(DialogId dialog, const Route &route) {
    const DialogSet *set = tracker_.find(dialog);
    if (!set) return;
    Reservation claimed;
    claimed.dialog = set->record;
    for (const RouteProfile &profile : route.profiles) {
        if (is_shared(profile)) claimed.places.push_back({profile.name, profile.value, 0});
    }
    if (!claimed.places.empty()) place_requests_.emplace_back(std::move(claimed));
}

// For a search of the call, whose route names the places. None: there is nothing to ask. full: too many wait.
Result<ReservationId> B2bua::ask_cluster(CallId id, const Route &route, DialogId dialog) {
    WantedReservation wanted{id, dialog, {}};
    Reservation asked;
    for (const RouteProfile &profile : route.profiles) {
        const auto rule = tracker_.profile_rule(profile.name, profile.value);
        if (!rule || !rule->is_shared) continue;
        asked.places.push_back({profile.name, profile.value, profile.limit.value_or(rule->limit)});
        wanted.profiles.push_back(profile);
    }
    if (asked.places.empty()) return ReservationId();
    const auto made = reservations_.emplace(std::move(wanted));
    if (!made) return made.error();
    asked.id = *made;
    asked.dialog = tracker_.find(dialog)->record;
    place_requests_.emplace_back(std::move(asked));
    return *made;
}

void B2bua::on_reserved(const Reserved &reserved, Instant now) {
    const WantedReservation *found = reservations_.find(reserved.id);
    if (!found) return;
    const WantedReservation wanted = std::move(*found);
    reservations_.erase(reserved.id);
    Call *call = find_touched(wanted.call);
    Attempt *attempt = call && call->setup ? call->setup->find(reserved.id) : nullptr;
    if (!attempt && (!call || !call->setup || call->setup->reservation != reserved.id)) {
        // Given up meanwhile; of a dialog that goes on these places are not wanted any more.
        for (const RouteProfile &profile : wanted.profiles) leave(wanted.dialog, profile, now);
        return;
    }
    const auto taken = take_verdict(wanted, reserved, now);
    if (attempt) return on_leg_reserved(wanted.call, *call, *attempt, taken, reserved.verdict, now);
    call->setup->reservation = {};
    if (!taken) {
        if (call->transfer) return fail_transfer(wanted.call, *call, 503, now);
        if (call->start) {
            const bool is_limit = taken.error() == Error::limit;
            note_refused(taken.error(), reserved.verdict);
            return end_unanswered_start(*call, 503, is_limit ? EndReason::limit : EndReason::refused, now);
        }
        return refuse_waiting(*call, taken.error(), reserved.verdict, now);
    }
    if (call->setup->wants_seat) return seat_waiting(wanted.call, *call, now);
    if (!try_next(wanted.call, *call, now)) end_setup(wanted.call, *call, now);
}

// A leg that counts by itself is called now, or is not.
void B2bua::on_leg_reserved(CallId id, Call &call, Attempt &attempt, const Result<void> &taken, Verdict verdict,
                            Instant now) {
    attempt.reservation = {};
    attempt.has_places = taken.ok();
    if (taken && send_invite(id, call, attempt, now)) return;
    if (!taken) {
        const EndReason reason = taken.error() == Error::limit ? EndReason::limit : EndReason::refused;
        tracker_.end(attempt.leg.dialog, reason, now);
        note_refused(taken.error(), verdict);
        attempt.has_answered = true; // at another address it would count as well
    }
    fail_attempt(id, call, attempt, 503, nullptr, EndReason::none, now);
}

void B2bua::note_refused(Error error, Verdict verdict) {
    if (error == Error::limit) return; // the profile counts it
    ++(verdict == Verdict::unknown ? statistics_.refused_outage : statistics_.refused_full);
}

// The dialog joins what the cluster has given, or what the profiles give in an outage.
Result<void> B2bua::take_verdict(const WantedReservation &wanted, const Reserved &reserved, Instant now) {
    if (reserved.verdict == Verdict::full) return Error::full;
    if (reserved.verdict == Verdict::refused) {
        if (reserved.index < wanted.profiles.size()) {
            const RouteProfile &full = wanted.profiles[reserved.index];
            tracker_.note_limited(full.name);
            tell_limit(wanted.dialog, full.name, full.value, now);
        }
        return Error::limit;
    }
    std::vector<ProfileRequest> requests;
    for (const RouteProfile &profile : wanted.profiles) {
        ProfileRequest request{profile.name, profile.value, {}};
        const auto rule = tracker_.profile_rule(profile.name, profile.value);
        if (!rule) return rule.error();
        const std::uint32_t limit = profile.limit.value_or(rule->limit);
        if (reserved.verdict == Verdict::unknown && limit > 0) {
            if (rule->on_outage == OnOutage::closed) return Error::store_failed;
            if (rule->on_outage == OnOutage::local) request.limit = limit;
        }
        requests.push_back(request);
    }
    return reserve(wanted.dialog, requests, now);
}

void B2bua::refuse_waiting(Call &call, Error error, Verdict verdict, Instant now) {
    const DialogId dialog = call.leg(Side::caller).dialog;
    for (const RouteProfile &profile : call.setup->route.profiles) leave(dialog, profile, now);
    Refusal refusal{503, {}, "Retry-After: 10\r\n"};
    if (error == Error::limit) {
        tracker_.set_end_reason(dialog, EndReason::limit);
        refusal.reason = "Too Many Calls";
    } else if (verdict == Verdict::unknown) {
        refusal.reason = "Number Of Calls Unknown";
    }
    note_refused(error, verdict);
    refuse_first(call, refusal, now);
}

// The caller's INVITE, when 100 is out and nobody was called.
void B2bua::refuse_first(Call &call, const Refusal &refusal, Instant now) {
    call.setup.reset();
    InviteExchange &first = *call.first_invite();
    const Message *request = transactions_.request(first.server);
    if (!request) return;
    const std::string tag = make_token(random_);
    SharedBytes bytes =
        writer_.response(*request, first.source, refusal.status, refusal.reason, tag, nullptr, refusal.extra);
    first.is_answered = true;
    feed_answer(*request, refusal.status, tag, {}, now);
    keep_refusal(call.leg(Side::caller).dialog, first.source, bytes);
    static_cast<void>(transactions_.respond(first.server, refusal.status, std::move(bytes), now));
}

// A place of a dialog that goes on.
void B2bua::leave(DialogId dialog, const RouteProfile &profile, Instant now) {
    const DialogSet *set = tracker_.find(dialog);
    if (!set || set->is_over()) return;
    static_cast<void>(tracker_.leave(dialog, profile.name, profile.value, now));
    if (is_shared(profile)) place_requests_.emplace_back(Departure{set->record, profile.name, profile.value});
}

void B2bua::take_place_requests(std::vector<PlaceRequest> &requests) {
    std::move(place_requests_.begin(), place_requests_.end(), std::back_inserter(requests));
    place_requests_.clear();
}

} // namespace tandem
