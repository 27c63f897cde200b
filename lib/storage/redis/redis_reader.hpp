// Answers out of the bytes of a connection, by the parser of hiredis, within bounds: whoever answers may be anybody.
#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include "base/result.hpp"
#include "storage/redis/redis_value.hpp"

namespace tandem {

class RedisReader {
public:
    static constexpr std::size_t bytes_max = 1 << 20; // of an answer
    static constexpr std::size_t items_max = 4096;    // of a list in it

    RedisReader();
    ~RedisReader();

    void feed(std::string_view bytes);

    // The next answer that is complete, or none. After a failure there is nothing more.
    Result<std::optional<RedisValue>, Failure> next();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace tandem
