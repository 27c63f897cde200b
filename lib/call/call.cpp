#include "call/call.hpp"

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

Forward *Call::find_forward(TransactionId either) {
    for (Forward &forward : forwards) {
        if (either && (forward.server == either || forward.client == either)) return &forward;
    }
    return nullptr;
}

const ForkTags *Call::find_fork_tags(std::string_view either) const {
    for (const ForkTags &tags : forks) {
        if (tags.callee == either || tags.ours == either) return &tags;
    }
    return nullptr;
}

} // namespace tandem
