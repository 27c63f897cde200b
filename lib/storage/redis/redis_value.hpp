// An answer of Redis.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace tandem {

struct RedisValue {
    enum class Kind : std::uint8_t { nil, text, status, error, number, list };

    Kind kind = Kind::nil;
    std::string text; // of a text, a status or an error
    std::int64_t number = 0;
    std::vector<RedisValue> items; // of a list

    bool is_error() const { return kind == Kind::error; }
};

} // namespace tandem
