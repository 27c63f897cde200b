// Which worker takes back what a former process has left of a dialog: the one that its messages will come to.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include "dialog/dialog_record.hpp"
#include "dialog/dialog_store.hpp"
#include "sip/shard_map.hpp"

namespace tandem {

// By the names in it that tandem made; all legs of a call say the same. Without one, by the Call-ID.
std::uint8_t worker_of(const DialogRecord &record, const ShardMap &map);

// Whether the caller may still send what has no name of ours: his INVITE again, or its CANCEL.
bool repeats_invite(const DialogRecord &record);

// The caller whom a former process has refused, and the worker that says it to him again: his ACK has a name of that
// one's, the INVITE that he repeats has none. None: it is nothing that we have said.
struct RefusedCaller {
    std::string call_id;
    std::uint8_t worker = 0;
};
std::optional<RefusedCaller> refused_caller(const KeptRefusal &refusal, const ShardMap &map);

} // namespace tandem
