#include "sip/shard_map.hpp"
#include "base/token.hpp"

namespace tandem {

std::uint8_t ShardMap::shard_of(std::string_view bytes, std::uint8_t arrived) const {
    return shards_ == 1 ? std::uint8_t{0} : shard_of(peek(bytes), arrived);
}

std::uint8_t ShardMap::shard_of(const Peek &peek, std::uint8_t arrived) const {
    if (peek.is_response) return made_by(peek.branch).value_or(arrived);
    for (std::string_view name : {peek.to_tag, peek.replaces_to_tag, peek.replaces_call_id, peek.call_id}) {
        if (const auto shard = made_by(name)) return *shard;
    }
    if (peek.call_id.empty()) return arrived;
    return shard_of_call(peek.call_id);
}

std::uint8_t ShardMap::shard_of_call(std::string_view call_id) const {
    const std::uint64_t hash = hash_(call_id);
    if (!kept_.empty()) {
        if (const auto found = kept_.find(hash); found != kept_.end()) return found->second;
    }
    return static_cast<std::uint8_t>(hash % shards_);
}

void ShardMap::keep(std::string_view call_id, std::uint8_t shard) {
    const std::uint64_t hash = hash_(call_id);
    if (hash % shards_ != shard) kept_.insert_or_assign(hash, shard);
}

std::optional<std::uint8_t> ShardMap::made_by(std::string_view name) const {
    const auto shard = shard_of_token(name);
    return shard ? std::optional(static_cast<std::uint8_t>(*shard % shards_)) : std::nullopt;
}

} // namespace tandem
