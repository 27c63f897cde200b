// What is told to Redis of calls and of nodes that take them over, as words, and its answers as what they mean. A text
// of an answer may be anything: what can not be is no answer.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include "base/instant.hpp"
#include "storage/redis/redis_value.hpp"

namespace tandem {

struct CallCopy {
    static constexpr std::size_t key_max = 64;
    static constexpr std::size_t text_max = 512 << 10; // an answer of Redis is bounded: redis_reader.hpp

    std::string key;
    std::string text; // empty: the call is over
};

struct TakeoverNames {
    static constexpr std::size_t node_max = 32;

    std::string prefix;    // of all keys
    std::string addresses; // of all nodes that take over from each other
    std::string node;      // ours
    Duration lease{};
};

struct GoneNode {
    std::string name;
    Duration silent{}; // since its last beat
};

struct BeatAnswer {
    bool was_missing = false; // we were not among the nodes
    bool has_taken = false;   // others have calls of ours
    std::vector<GoneNode> gone;
};

struct TakeAnswer {
    bool is_refused = false; // nothing is to be taken from there now
    std::int64_t left = 0;
    std::string cursor;
    std::vector<CallCopy> calls;
};

struct KeySlice {
    std::string cursor; // "0": that was the last
    std::vector<std::string> keys;
    std::vector<std::string> unconfirmed; // of own(): keys of calls that we were given and have not told ourselves
};

// All scripts, in the order in which their names are expected.
std::vector<std::string> takeover_scripts();

class TakeoverWords {
public:
    explicit TakeoverWords(TakeoverNames names);

    // All commands go to the server of this key.
    const std::string &slot_key() const { return nodes_; }

    // `scripts`: as Redis has named them.
    using Scripts = std::vector<std::string>;
    std::vector<std::string> beat(const Scripts &scripts) const;
    std::vector<std::string> take(const Scripts &scripts, std::string_view node, std::size_t most,
                                  std::string_view cursor) const;
    std::vector<std::string> keep(const Scripts &scripts, std::span<const CallCopy> copies) const;
    std::vector<std::string> own(const Scripts &scripts, std::size_t about, std::string_view cursor) const;
    std::vector<std::string> texts(const Scripts &scripts, std::span<const std::string> keys) const;
    std::vector<std::string> taken(std::size_t about, std::string_view cursor) const;
    std::vector<std::string> dropped(std::span<const std::string> keys) const;

    static std::optional<BeatAnswer> read_beat(const RedisValue &value);
    static std::optional<TakeAnswer> read_take(const RedisValue &value);
    static std::optional<std::vector<std::string>> read_keep(const RedisValue &value);
    static std::optional<KeySlice> read_own(const RedisValue &value);
    static std::optional<std::vector<std::string>> read_texts(const RedisValue &value, std::size_t asked);
    static std::optional<KeySlice> read_taken(const RedisValue &value);

private:
    std::string key_of(std::string_view what, std::string_view node) const;

    const TakeoverNames names_;
    const std::string lease_ms_;
    const std::string nodes_;
    const std::string up_;
    const std::string calls_;
    const std::string taken_;
};

} // namespace tandem
