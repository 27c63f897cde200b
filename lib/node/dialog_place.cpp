#include "node/dialog_place.hpp"
#include <utility>
#include "call/leg_state.hpp"
#include "sip/message.hpp"

namespace tandem {

std::uint8_t worker_of(const DialogRecord &record, const ShardMap &map) {
    if (record.local_side == Side::caller) {
        if (const auto worker = map.made_by(record.call_id)) return *worker;
    }
    for (const ForkRecord &fork : record.forks) {
        if (const auto worker = map.made_by(fork.to_tag)) return *worker;
    }
    // The caller has no tag of ours yet: then he and the callee are told that it is over, and the callee knows names.
    if (const auto worker = map.made_by(record.callee_call_id)) return *worker;
    return map.shard_of_call(record.call_id);
}

bool repeats_invite(const DialogRecord &record) {
    const bool is_acked =
        record.state == DialogState::confirmed && !record.forks.empty() && record.forks.front().is_acked;
    return record.local_side != Side::caller && !is_acked;
}

std::optional<RefusedCaller> refused_caller(const KeptRefusal &refusal, const ShardMap &map) {
    const auto state = LegState::parse(refusal.leg);
    const auto said = Message::parse(state && state->peers ? state->peers->answer : std::string());
    if (!said || said->is_request()) return std::nullopt;
    std::string call_id(said->call_id());
    const std::uint8_t worker = map.made_by(said->to_tag()).value_or(map.shard_of_call(call_id));
    return RefusedCaller{std::move(call_id), worker};
}

} // namespace tandem
