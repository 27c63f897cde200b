// Which worker takes back a dialog that a former process has left: the one that its messages will come to.
#pragma once
#include <cstdint>
#include "dialog/dialog_record.hpp"
#include "sip/shard_map.hpp"

namespace tandem {

// By the names in it that tandem made; all legs of a call say the same. Without one, by the Call-ID.
std::uint8_t worker_of(const DialogRecord &record, const ShardMap &map);

// Whether the caller may still send what has no name of ours: his INVITE again, or its CANCEL.
bool repeats_invite(const DialogRecord &record);

} // namespace tandem
