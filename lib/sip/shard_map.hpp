// Which of several workers a message belongs to. The names that tandem made say so (base/token.hpp); all that carries a
// Call-ID of others goes by its hash: so the messages of a dialog and of a transaction come to one worker, whichever
// way they come. Pure; every worker has a copy that decides alike.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include "base/hash.hpp"
#include "sip/peek.hpp"

namespace tandem {

class ShardMap {
public:
    // `shards` from 1 to 256.
    ShardMap(std::uint32_t shards, const KeyedHash &hash) : shards_(shards), hash_(hash) {}

    std::uint32_t shards() const { return shards_; }

    // Of a whole message. `arrived` is the answer for what could be anybody's: no SIP, and responses to none of ours.
    // A response goes by the branch of its top Via; a request by its To-tag or its Call-ID; an INVITE that replaces a
    // dialog of ours goes where that is (RFC 3891). Its CANCEL, which does not name the dialog, goes by Call-ID alone.
    std::uint8_t shard_of(std::string_view bytes, std::uint8_t arrived) const;
    std::uint8_t shard_of(const Peek &peek, std::uint8_t arrived) const;

    // Of a name: none if tandem did not make it. A former process may have had more workers: what was one of these is
    // another one now, and the same for all names of a call.
    std::optional<std::uint8_t> made_by(std::string_view name) const;

    // Of a Call-ID that others made.
    std::uint8_t shard_of_call(std::string_view call_id) const;

    // From now on such a Call-ID is with that shard, and not where its hash says: of a call that a former process has
    // left, whose hash had another key. As many as are told; before the map has readers in other threads.
    void keep(std::string_view call_id, std::uint8_t shard);

private:
    std::uint32_t shards_;
    KeyedHash hash_;
    std::unordered_map<std::uint64_t, std::uint8_t> kept_; // by hash
};

} // namespace tandem
