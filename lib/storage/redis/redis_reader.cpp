#include "storage/redis/redis_reader.hpp"
#include <hiredis/hiredis.h>
#include <utility>

namespace tandem {
namespace {

// A list has all its items before they are read, so their places never move.
RedisValue *place_of(const redisReadTask *task) {
    if (!task->parent) return new RedisValue();
    auto *list = static_cast<RedisValue *>(task->parent->obj);
    return &list->items.at(static_cast<std::size_t>(task->idx));
}

RedisValue::Kind kind_of(int type) {
    switch (type) {
    case REDIS_REPLY_ERROR: return RedisValue::Kind::error;
    case REDIS_REPLY_STATUS: return RedisValue::Kind::status;
    default: return RedisValue::Kind::text;
    }
}

void *make_text(const redisReadTask *task, char *text, std::size_t size) {
    RedisValue *value = place_of(task);
    value->kind = kind_of(task->type);
    value->text.assign(text, size);
    return value;
}

void *make_number(const redisReadTask *task, long long number) {
    RedisValue *value = place_of(task);
    value->kind = RedisValue::Kind::number;
    value->number = number;
    return value;
}

// Null is an error of the parser, which gives up.
template <class Size>
void *make_list(const redisReadTask *task, Size size) {
    if (static_cast<std::size_t>(size) > RedisReader::items_max) return nullptr;
    RedisValue *value = place_of(task);
    value->kind = RedisValue::Kind::list;
    value->items.resize(static_cast<std::size_t>(size));
    return value;
}

redisReplyObjectFunctions functions() {
    redisReplyObjectFunctions made{};
    made.createString = make_text;
    made.createArray = make_list; // the type of the size differs between versions
    made.createInteger = make_number;
    made.createNil = [](const redisReadTask *task) -> void * { return place_of(task); };
    made.freeObject = [](void *value) { delete static_cast<RedisValue *>(value); };
    return made;
}

struct FreeReader {
    void operator()(redisReader *reader) const { redisReaderFree(reader); }
};

} // namespace

struct RedisReader::Impl {
    redisReplyObjectFunctions made = functions();
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
