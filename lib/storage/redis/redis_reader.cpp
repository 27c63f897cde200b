#include "storage/redis/redis_reader.hpp"
#include <hiredis/hiredis.h>
#include <utility>
#include "storage/redis/reply_functions.hpp"

namespace tandem {
namespace {

struct FreeReader {
    void operator()(redisReader *reader) const { redisReaderFree(reader); }
};

} // namespace

struct RedisReader::Impl {
    redisReplyObjectFunctions made = reply_functions();
    std::unique_ptr<redisReader, FreeReader> reader{redisReaderCreateWithFunctions(&made)};
    std::size_t fed = 0; // bytes since the last answer that was complete: the reader forgets what it has read of one
};

RedisReader::RedisReader() : impl_(std::make_unique<Impl>()) {}

RedisReader::~RedisReader() = default;

void RedisReader::feed(std::string_view bytes) {
    impl_->fed += bytes.size();
    redisReaderFeed(impl_->reader.get(), bytes.data(), bytes.size()); // an error of memory shows in next()
}

Result<std::optional<RedisValue>, Failure> RedisReader::next() {
    void *object = nullptr;
    if (redisReaderGetReply(impl_->reader.get(), &object) != REDIS_OK) {
        return Failure{Error::io, "it does not speak the protocol of Redis"};
    }
    if (!object) {
        if (impl_->fed > bytes_max) return Failure{Error::io, "its answer is too large"};
        return std::optional<RedisValue>();
    }
    impl_->fed = impl_->reader->len - impl_->reader->pos;
    const std::unique_ptr<RedisValue> value(static_cast<RedisValue *>(object));
    return std::optional<RedisValue>(std::move(*value));
}

} // namespace tandem
