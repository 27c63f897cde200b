// Reservations: from the question to the verdict.
#include <algorithm>
#include <limits>
#include <utility>
#include "cluster/leases.hpp"

namespace tandem {

void Leases::begin(const Reservation &reservation, LeaseId id, Instant now) {
    const auto made = asked_.emplace();
    if (!made) {
        ++statistics_.full;
        erase_if_empty(id);
        return tell(reservation.id, Verdict::full);
    }
    Lease &lease = *leases_.find(id);
    Asked &asked = *asked_.find(*made);
    asked.id = reservation.id;
    asked.lease = id;
    lease.asked = *made;
    for (std::size_t i = 0; i < reservation.places.size(); ++i) note_part(lease, asked, reservation.places[i], i);
    // Everybody takes them in one order: of two calls that want the same two last places one gets both.
    if (options_.is_sharded) {
        std::sort(asked.parts.begin(), asked.parts.end(), [this](const Asked::Part &a, const Asked::Part &b) {
            return keys_.find(a.key)->text < keys_.find(b.key)->text;
        });
    }
    asked_until_.push({now + options_.timeout, *made});
    if (is_ready_) send_part(*made, now);
}

void Leases::note_part(Lease &lease, Asked &asked, const ClusterPlace &place, std::size_t index) {
    const std::string text = key_text(place.profile, place.value);
    KeyId key = find_key(text);
    Place *known = find_place(lease, key);
    const auto is_same = [&](const Asked::Part &part) { return part.key == key; };
    if (known && std::any_of(asked.parts.begin(), asked.parts.end(), is_same)) return; // named twice
    if (known && known->hold == Hold::leaving) {
        known->hold = Hold::asked;
    } else if (!known) {
        key = use_key(text);
        if (!key) return;
        lease.places.push_back({key, Hold::asked, std::nullopt, {}});
        ++statistics_.leases;
    }
    asked.parts.push_back({key, place.limit, index});
}

// All that are left; of a sharded store the next one.
void Leases::send_part(AskedId id, Instant now) {
    Asked &asked = *asked_.find(id);
    LeaseCommand command;
    command.action = LeaseAction::reserve;
    command.members.push_back(leases_.find(asked.lease)->dialog);
    const std::size_t end = options_.is_sharded ? std::min(asked.taken + 1, asked.parts.size()) : asked.parts.size();
    for (std::size_t i = asked.taken; i < end; ++i) {
        command.keys.push_back(keys_.find(asked.parts[i].key)->text);
        command.limits.push_back(asked.parts[i].limit);
    }

    if (!options_.is_sharded) command.memory = memory_;
    asked.is_sent = true;
    Command kept;
    kept.action = LeaseAction::reserve;
    kept.asked = id;
    send(std::move(command), std::move(kept), now);
}

void Leases::on_part(AskedId id, const LeaseAnswer &answer, Instant sent, Instant now) {
    Asked *asked = asked_.find(id);
    if (!asked) return; // the dialog has ended meanwhile: its release is on its way
    const std::size_t left = asked->parts.size() - asked->taken;
    const bool is_nonsense = answer.first > static_cast<std::int64_t>(options_.is_sharded ? 1 : left);
    if (!answer.is_ok || is_nonsense || answer.first < 0) {
        give_up(id, now);
        if (answer.is_ok && !is_nonsense) greet(false, now); // the store is not the one that we knew
        return;
    }
    if (answer.first > 0) return refuse(id, answer, now);
    const std::size_t end = options_.is_sharded ? asked->taken + 1 : asked->parts.size();
    Lease &lease = *leases_.find(asked->lease);
    for (; asked->taken < end; ++asked->taken) {
        if (Place *place = find_place(lease, asked->parts[asked->taken].key)) place->confirmed = sent;
    }
    if (asked->taken < asked->parts.size()) return send_part(id, now);
    admit(id, now);
}

void Leases::admit(AskedId id, Instant now) {
    const Asked asked = std::move(*asked_.find(id));
    asked_.erase(id);
    Lease &lease = *leases_.find(asked.lease);
    lease.asked = {};
    for (Place &place : lease.places) {
        if (place.hold == Hold::asked) place.hold = Hold::held;
    }
    if (lease.renew_at == never) {
        lease.renew_at = now + renewal();
        later_.push({lease.renew_at, asked.lease});
    }
    ++statistics_.admitted;
    tell(asked.id, Verdict::admitted);
}

// What the dialog had before it keeps.
void Leases::refuse(AskedId id, const LeaseAnswer &answer, Instant now) {
    const Asked asked = std::move(*asked_.find(id));
    asked_.erase(id);
    Lease &lease = *leases_.find(asked.lease);
    lease.asked = {};
    for (std::size_t i = 0; i < asked.taken; ++i) { // of a sharded store, which has them
        Place *place = find_place(lease, asked.parts[i].key);
        if (place && place->hold == Hold::asked) let_go(*place, now);
    }
    make_due(asked.lease, lease);
    ++statistics_.refused;
    const std::size_t index = asked.parts[asked.taken + static_cast<std::size_t>(answer.first) - 1].index;
    tell(asked.id, Verdict::refused, index, answer.second);
    for (std::size_t i = asked.taken; i < asked.parts.size(); ++i) {
        const Lease *left = leases_.find(asked.lease);
        if (!left) return;
        const Place *place = find_place(*leases_.find(asked.lease), asked.parts[i].key);
        if (place && place->hold == Hold::asked) erase_place(asked.lease, asked.parts[i].key);
    }
}

// Nobody knows: the store may have them, and they are told to it until the dialog has ended.
void Leases::give_up(AskedId id, Instant) {
    const Asked asked = std::move(*asked_.find(id));
    asked_.erase(id);
    Lease &lease = *leases_.find(asked.lease);
    lease.asked = {};
    for (Place &place : lease.places) {
        if (place.hold == Hold::asked) place.hold = Hold::held;
    }
    make_due(asked.lease, lease);
    tell(asked.id, Verdict::unknown);
}

void Leases::give_up_all(Instant now) {
    asked_.for_each([&](AskedId id, const Asked &) { give_up(id, now); });
    drop_answered();
}

// Those that came before the store could be asked.
void Leases::send_waiting(Instant now) {
    std::vector<std::pair<Instant, AskedId>> waiting;
    asked_.for_each([&](AskedId id, const Asked &asked) {
        if (!asked.is_sent) waiting.emplace_back(now, id);
    });
    for (const auto &[at, id] : waiting) {
        if (asked_.find(id)) send_part(id, at);
    }
}

void Leases::tell(ReservationId id, Verdict verdict, std::size_t index, std::int64_t size) {
    if (verdict == Verdict::unknown) ++statistics_.unknown;
    const auto members = std::clamp<std::int64_t>(size, 0, std::int64_t{std::numeric_limits<std::uint32_t>::max()});
    verdicts_.push({id, verdict, index, static_cast<std::uint32_t>(members)});
}

} // namespace tandem
