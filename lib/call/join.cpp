// Attended transfer by command: the peers of two calls talk to each other. Where another worker has the other call, the
// two stay apart, joined by an INVITE with Replaces to ourselves: see lead_to_self().
#include "call/b2bua.hpp"
#include "call/refer_to.hpp"

namespace tandem {

std::optional<JoinTarget> B2bua::joinable(DialogId dialog) const {
    const DialogSet *stays = tracker_.find(dialog);
    const Call *call = stays ? calls_.find(CallId(stays->owner)) : nullptr;
    const auto side = call ? call->side_of(dialog) : std::nullopt;
    if (!side || call->leg(*side).dialog != dialog) return std::nullopt;
    const DialogSet *goes = tracker_.find(call->leg(other(*side)).dialog);
    if (stays->state != DialogState::confirmed || !goes || goes->state != DialogState::confirmed) return std::nullopt;
    const DialogPath path = path_of(*goes, call->leg(other(*side)).local, nullptr);
    const DialogPath of_peer = path_of(*stays, call->leg(*side).local, nullptr);
    return JoinTarget{std::string(path.call_id), std::string(path.local_tag), std::string(path.remote_tag),
                      std::string(of_peer.remote_uri)};
}

Result<CommandId> B2bua::join(DialogId leg, const JoinTarget &target, Instant now, Duration deadline) {
    CallId id;
    const auto found = find_quiet_call(leg, id);
    if (!found) return found.error();
    auto uri = parse_refer_to("<" + target.uri + ">");
    if (!uri) return Error::invalid;
    uri->replaces = Replaces{target.call_id, target.local_tag, target.remote_tag, false};
    const auto replaced = find_replaced(*uri->replaces);
    if (!replaced && !may_be_elsewhere(*uri->replaces)) return Error::not_found;
    if (replaced) {
        if (replaced->call == id) return Error::invalid;
        if (calls_.find(replaced->call)->command) return Error::conflict;
    }
    return begin_commanded_transfer(id, **found, leg, CommandKind::join, *uri, deadline, now);
}

} // namespace tandem
