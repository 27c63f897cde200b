#include <doctest/doctest.h>
#include <string>
#include "base/random.hpp"
#include "storage/redis/redis_reader.hpp"
#include "storage/redis/reply_functions.hpp"

using namespace tandem;
using Kind = RedisValue::Kind;

namespace {

// As hiredis has them since 1.0; the one of the test may be older.
struct NewerFunctions {
    void *(*createString)(const redisReadTask *, char *, std::size_t);
    void *(*createArray)(const redisReadTask *, std::size_t);
    void *(*createInteger)(const redisReadTask *, long long);
    void *(*createDouble)(const redisReadTask *, double, char *, std::size_t);
    void *(*createNil)(const redisReadTask *);
    void *(*createBool)(const redisReadTask *, int);
    void (*freeObject)(void *);
};

} // namespace

TEST_CASE("redis reader: a server may speak RESP3 unasked, where the parser knows that") {
    const auto made = reply_functions<NewerFunctions>();
    const bool has_all = made.createDouble && made.createBool;
    REQUIRE(has_all);
    redisReadTask task{};
    char text[] = "1.5";
    const std::unique_ptr<RedisValue> number(static_cast<RedisValue *>(made.createDouble(&task, 1.5, text, 3)));
    CHECK(number->kind == Kind::text);
    CHECK(number->text == "1.5");
    const std::unique_ptr<RedisValue> yes(static_cast<RedisValue *>(made.createBool(&task, 1)));
    CHECK(yes->kind == Kind::number);
    CHECK(yes->number == 1);

    for (const std::string_view said : {",1.5\r\n", "#t\r\n", "%1\r\n+a\r\n:1\r\n"}) {
        RedisReader reader;
        reader.feed(said);
        const auto next = reader.next(); // an older one knows no such thing
        CHECK((!next.ok() || next->has_value()));
    }
}

TEST_CASE("redis reader: answers of every kind, in pieces of any size") {
    const std::string bytes =
        "+OK\r\n-ERR no\r\n:-5\r\n$3\r\na\r\n\r\n$-1\r\n*3\r\n:1\r\n*2\r\n$1\r\nx\r\n*-1\r\n+y\r\n*0\r\n";
    for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
        CAPTURE(piece);
        RedisReader reader;
        std::vector<RedisValue> values;
        for (std::size_t at = 0; at < bytes.size(); at += piece) {
            reader.feed(std::string_view(bytes).substr(at, piece));
            for (;;) {
                auto next = reader.next();
                REQUIRE(next);
                if (!*next) break;
                values.push_back(std::move(**next));
            }
        }
        REQUIRE(values.size() == 7);
        CHECK(values[0].kind == Kind::status);
        CHECK(values[0].text == "OK");
        CHECK(values[1].is_error());
        CHECK(values[1].text == "ERR no");
        CHECK(values[2].number == -5);
        CHECK(values[3].text == "a\r\n");
        CHECK(values[4].kind == Kind::nil);
        REQUIRE(values[5].items.size() == 3);
        CHECK(values[5].items[0].number == 1);
        REQUIRE(values[5].items[1].items.size() == 2);
        CHECK(values[5].items[1].items[0].text == "x");
        CHECK(values[5].items[1].items[1].kind == Kind::nil);
        CHECK(values[5].items[2].text == "y");
        CHECK(values[6].kind == Kind::list);
    }
}

TEST_CASE("redis reader: an answer of many small parts is bounded by its bytes, and the next one begins anew") {
    RedisReader reader;
    std::string list = "*4096\r\n";
    for (int i = 0; i < 4096; ++i) list += "+\r\n";
    reader.feed("*4096\r\n");
    std::size_t fed = 0;
    auto next = reader.next();
    for (; next && fed < 4 * RedisReader::bytes_max; next = reader.next()) {
        CHECK_FALSE(*next);
        reader.feed(list);
        fed += list.size();
    }
    CHECK_FALSE(next);
    CHECK(fed <= RedisReader::bytes_max + 2 * list.size());

    RedisReader busy; // many answers, each within the bound
    for (std::size_t sum = 0; sum < 3 * RedisReader::bytes_max; sum += list.size()) {
        busy.feed(list);
        const auto answer = busy.next();
        REQUIRE(answer);
        REQUIRE(*answer);
        const auto none = busy.next();
        REQUIRE(none);
        REQUIRE_FALSE(*none);
    }
}

TEST_CASE("redis reader: what is no answer, or beyond the bounds, is a failure and no crash") {
    const std::string deep = [] {
        std::string all;
        for (int i = 0; i < 100; ++i) all += "*1\r\n";
        return all;
    }();
    for (const std::string &bytes :
         {std::string("HTTP/1.1 400 Bad Request\r\n"), std::string("*4097\r\n"), std::string("*2147483647\r\n"),
          std::string("*99999999999999999999\r\n"), std::string("$-2\r\n"), std::string(":12a\r\n"),
          std::string("\0\0\0\0", 4), deep, "$1048576000\r\n" + std::string(2 << 20, 'x'),
          std::string("%1\r\n+a\r\n+b\r\n")}) {
        CAPTURE(bytes.substr(0, 30));
        RedisReader reader;
        reader.feed(bytes);
        auto next = reader.next();
        while (next && *next) next = reader.next();
        CHECK_FALSE(next);
    }
}

TEST_CASE("redis reader: mutated answers do no harm") {
    const std::string good = "*3\r\n:0\r\n*2\r\n$5\r\nhello\r\n:7\r\n-ERR x\r\n*2\r\n:1\r\n:2\r\n";
    SeededRandom random(7);
    for (int round = 0; round < 20'000; ++round) {
        std::string bytes = good;
        for (std::uint64_t changes = random.next() % 4; changes > 0; --changes) {
            bytes[random.next() % bytes.size()] =
                static_cast<char>(random.next() % 4 == 0 ? random.next() : '0' + random.next() % 12);
        }
        RedisReader reader;
        reader.feed(bytes);
        auto next = reader.next();
        while (next && *next) next = reader.next();
    }
}
