#include "sip/shard_map.hpp"
#include <optional>
#include "base/token.hpp"

namespace tandem {

std::uint8_t ShardMap::shard_of(std::string_view bytes, std::uint8_t arrived) const {
    return shards_ == 1 ? std::uint8_t{0} : shard_of(peek(bytes), arrived);
}

std::uint8_t ShardMap::shard_of(const Peek &peek, std::uint8_t arrived) const {
    // A former process may have had more workers than this one.
    const auto made_by = [this](std::string_view name) {
        const auto shard = shard_of_token(name);
        return shard && *shard < shards_ ? shard : std::nullopt;
    };
    if (peek.is_response) return made_by(peek.branch).value_or(arrived);
    for (std::string_view name : {peek.to_tag, peek.replaces_to_tag, peek.replaces_call_id, peek.call_id}) {
        if (const auto shard = made_by(name)) return *shard;
    }
    if (peek.call_id.empty()) return arrived;
    return static_cast<std::uint8_t>(hash_(peek.call_id) % shards_);
}

} // namespace tandem
