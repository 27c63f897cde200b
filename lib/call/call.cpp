#include "call/call.hpp"
#include <algorithm>

namespace tandem {

InviteExchange *Call::find_invite(TransactionId either) const {
    for (const auto &invite : invites) {
        if (either && (invite->server == either || invite->client == either)) return invite.get();
    }
    return nullptr;
}

InviteExchange *Call::first_invite() const {
    return !invites.empty() && invites.front()->is_first ? invites.front().get() : nullptr;
}

InviteExchange *Call::pending_invite() const {
    for (const auto &invite : invites) {
        if (!invite->is_answered || invite->waits_for_ack()) return invite.get();
    }
    return nullptr;
}

OwnInvite *Call::find_own_invite(TransactionId client) const {
    for (const auto &own : own_invites) {
        if (client && own->client == client) return own.get();
    }
    return nullptr;
}

OwnInvite *Call::pending_own_invite() const {
    for (const auto &own : own_invites) {
        if (own->client) return own.get();
    }
    return nullptr;
}

std::uint16_t Call::invite_refusal(Side from) const {
    if (const InviteExchange *pending = pending_invite()) return pending->from == from ? 500 : 491;
    return offer_refusal(from);
}

std::uint16_t Call::offer_refusal(Side from) const {
    if (offer_from) return *offer_from == from ? 500 : 491;
    return pending_own_invite() ? 491 : 0;
}

Forward *Call::find_forward(TransactionId either) {
    for (Forward &forward : forwards) {
        if (either && (forward.server == either || forward.client == either)) return &forward;
    }
    return nullptr;
}

const ForkTags *Call::find_fork_tags(std::string_view ours) const {
    const auto found =
        std::find_if(forks.rbegin(), forks.rend(), [&](const ForkTags &tags) { return tags.ours == ours; });
    return found == forks.rend() ? nullptr : &*found;
}

const ForkTags *Call::find_fork_tags(DialogId callee_leg, std::string_view callee) const {
    for (const ForkTags &tags : forks) {
        if (tags.leg == callee_leg && tags.callee == callee) return &tags;
    }
    return nullptr;
}

Leg *Call::find_leg(DialogId dialog) {
    if (Attempt *attempt = find_attempt(dialog)) return &attempt->leg;
    for (Leg &leg : legs) {
        if (dialog && leg.dialog == dialog) return &leg;
    }
    return nullptr;
}

Leg *Call::find_any_leg(DialogId dialog) {
    if (Leg *leg = find_leg(dialog)) return leg;
    if (dialog && transfer && transfer->target.dialog == dialog) return &transfer->target;
    return dialog && released && released->leg.dialog == dialog ? &released->leg : nullptr;
}

std::optional<Side> Call::side_of(DialogId dialog) const {
    for (Side side : {Side::caller, Side::callee}) {
        if (leg(side).dialog == dialog) return side;
    }
    return find_attempt(dialog) ? std::optional(Side::callee) : std::nullopt;
}

Attempt *Setup::find(TransactionId client) const {
    for (const auto &attempt : attempts) {
        if (attempt->client == client) return attempt.get();
    }
    return nullptr;
}

Attempt *Setup::find(DialogId dialog) const {
    for (const auto &attempt : attempts) {
        if (attempt->leg.dialog == dialog) return attempt.get();
    }
    return nullptr;
}

Attempt *Setup::find(std::size_t target) const {
    for (const auto &attempt : attempts) {
        if (attempt->target == target) return attempt.get();
    }
    return nullptr;
}

Attempt *Setup::find(ReservationId asked) const {
    for (const auto &attempt : attempts) {
        if (attempt->reservation == asked) return attempt.get();
    }
    return nullptr;
}

Attempt *Setup::find(LookupId lookup) const {
    for (const auto &attempt : attempts) {
        if (attempt->lookup == lookup) return attempt.get();
    }
    return nullptr;
}

} // namespace tandem
