#include <doctest/doctest.h>
#include "storage/redis/redis_slot.hpp"
#include "storage/redis/redis_url.hpp"

using namespace tandem;

TEST_CASE("redis url: one server, with what it may have") {
    const auto plain = RedisUrl::parse("redis://127.0.0.1");
    REQUIRE(plain);
    CHECK(plain->kind == RedisKind::single);
    CHECK(plain->hosts == std::vector<RedisHost>{{"127.0.0.1", 6379}});
    CHECK(plain->database == 0);
    CHECK(plain->password.empty());
    const auto full = RedisUrl::parse("redis://me:p%40ss%2F:x@redis.example:7000/3");
    REQUIRE(full);
    CHECK(full->hosts == std::vector<RedisHost>{{"redis.example", 7000}});
    CHECK(full->user == "me");
    CHECK(full->password == "p@ss/:x");
    CHECK(full->database == 3);
    CHECK(full->to_string() == "redis://redis.example:7000/3");
    const auto old = RedisUrl::parse("redis://:secret@[::1]:7000/");
    REQUIRE(old);
    CHECK(old->user.empty());
    CHECK(old->password == "secret");
    CHECK(old->to_string() == "redis://[::1]:7000/0");
}

TEST_CASE("redis url: Sentinel and clusters have several hosts") {
    const auto sentinel = RedisUrl::parse("redis-sentinel://:pw@a:1,b/mymaster/2");
    REQUIRE(sentinel);
    CHECK(sentinel->hosts == std::vector<RedisHost>{{"a", 1}, {"b", 26379}});
    CHECK(sentinel->master == "mymaster");
    CHECK(sentinel->database == 2);
    CHECK(sentinel->to_string() == "redis-sentinel://a:1,b:26379/mymaster/2");
    const auto cluster = RedisUrl::parse("redis-cluster://a,b:7001/");
    REQUIRE(cluster);
    CHECK(cluster->hosts == std::vector<RedisHost>{{"a", 6379}, {"b", 7001}});
    CHECK(cluster->to_string() == "redis-cluster://a:6379,b:7001");
}

TEST_CASE("redis url: what is wrong is refused, without a word of the password") {
    for (const char *text : {"",
                             "127.0.0.1:6379",
                             "http://a",
                             "rediss://a",
                             "redis://",
                             "redis://a:0",
                             "redis://a:65536",
                             "redis://a:b",
                             "redis://a,b",
                             "redis://a/x",
                             "redis://a/1/2",
                             "redis://secret@a",
                             "redis://u:@a",
                             "redis://:%sec@a",
                             "redis://:secret%4@a",
                             "redis://[::1",
                             "redis-sentinel://a",
                             "redis-sentinel://a/",
                             "redis-sentinel://a/m/x",
                             "redis-cluster://a/1",
                             "redis-cluster://a,,b",
                             "redis://a b",
                             "redis://a:70000000000"}) {
        CAPTURE(text);
        const auto url = RedisUrl::parse(text);
        REQUIRE_FALSE(url);
        CHECK_FALSE(url.error().detail.empty());
        CHECK(url.error().detail.find("sec") == std::string::npos);
    }
}

TEST_CASE("redis slot: by the part in braces, as a server says it (CLUSTER KEYSLOT)") {
    CHECK(redis_slot("123456789") == 0x31c3 % 16384);
    CHECK(redis_slot("foo") == 12182);
    CHECK(redis_slot("x{foo}y") == 12182);
    CHECK(redis_slot("x{foo}{bar}") == 12182);
    CHECK(redis_slot("{}foo") != 12182);
    CHECK(redis_slot("{foo") != 12182);
    CHECK(redis_slot("") == 0);
}
