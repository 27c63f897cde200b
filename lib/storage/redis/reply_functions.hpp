// How hiredis makes RedisValue objects of what it reads. Its structure of functions has had members for RESP3 (double,
// boolean) since 1.0, and calls them without asking whether they are there: a server may speak that unasked.
#pragma once
#include <cstddef>
#include <hiredis/hiredis.h>
#include "storage/redis/redis_reader.hpp"
#include "storage/redis/redis_value.hpp"

namespace tandem {

// A list has all its items before they are read, so their places never move.
inline RedisValue *place_of(const redisReadTask *task) {
    if (!task->parent) return new RedisValue();
    auto *list = static_cast<RedisValue *>(task->parent->obj);
    return &list->items.at(static_cast<std::size_t>(task->idx));
}

inline RedisValue::Kind kind_of(int type) {
    switch (type) {
    case REDIS_REPLY_ERROR: return RedisValue::Kind::error;
    case REDIS_REPLY_STATUS: return RedisValue::Kind::status;
    default: return RedisValue::Kind::text;
    }
}

inline void *make_text(const redisReadTask *task, char *text, std::size_t size) {
    RedisValue *value = place_of(task);
    value->kind = kind_of(task->type);
    value->text.assign(text, size);
    return value;
}

inline void *make_number(const redisReadTask *task, long long number) {
    RedisValue *value = place_of(task);
    value->kind = RedisValue::Kind::number;
    value->number = number;
    return value;
}

// Null is an error of the parser, which gives up. The type of the size differs between versions.
template <class Size>
void *make_list(const redisReadTask *task, Size size) {
    if (static_cast<std::size_t>(size) > RedisReader::items_max) return nullptr;
    RedisValue *value = place_of(task);
    value->kind = RedisValue::Kind::list;
    value->items.resize(static_cast<std::size_t>(size));
    return value;
}

template <class Functions = redisReplyObjectFunctions>
Functions reply_functions() {
    Functions made{};
    made.createString = make_text;
    made.createArray = make_list;
    made.createInteger = make_number;
    made.createNil = [](const redisReadTask *task) -> void * { return place_of(task); };
    made.freeObject = [](void *value) { delete static_cast<RedisValue *>(value); };
    if constexpr (requires { made.createDouble; }) {
        made.createDouble = [](const redisReadTask *task, double, char *text, std::size_t size) -> void * {
            return make_text(task, text, size);
        };
    }
    if constexpr (requires { made.createBool; }) {
        made.createBool = [](const redisReadTask *task, int is_true) -> void * { return make_number(task, is_true); };
    }
    return made;
}

} // namespace tandem
