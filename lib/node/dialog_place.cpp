#include "node/dialog_place.hpp"

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

} // namespace tandem
