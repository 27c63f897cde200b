// The scripts of a takeover in a real redis-server.
#include "storage/redis_cluster.hpp"
#include "storage/redis_takeover.hpp"

using namespace tandem;
using namespace tandem::test;

namespace {

std::vector<CallCopy> calls(int count, std::size_t size = 10) {
    std::vector<CallCopy> all;
    for (int i = 1; i <= count; ++i) all.push_back({"call" + std::to_string(i), std::string(size, 'x')});
    return all;
}

RedisValue number(std::int64_t value) { return {RedisValue::Kind::number, {}, value, {}}; }
RedisValue text(std::string value) { return {RedisValue::Kind::text, std::move(value), 0, {}}; }
RedisValue list(std::vector<RedisValue> items) { return {RedisValue::Kind::list, {}, 0, std::move(items)}; }

} // namespace

TEST_CASE("redis takeover: a beat says who has been silent for a lease, once Redis has been up for one") {
    RedisServer server;
    TakeoverShell shell(server);
    CHECK(shell.beat("a").was_missing);
    CHECK(shell.beat("b").was_missing);
    CHECK(!shell.beat("a").was_missing);
    const std::int64_t left = std::stoll(server.ask("PTTL " + TakeoverShell::key("up")));
    CHECK(left > TakeoverShell::lease_ms / 2 - 5'000);
    CHECK(left <= TakeoverShell::lease_ms / 2);
    const auto score = std::stoll(server.ask("ZSCORE " + TakeoverShell::key("nodes") + " a"));
    CHECK(score > shell.now_ms() + TakeoverShell::lease_ms - 5'000);
    CHECK(score <= shell.now_ms() + TakeoverShell::lease_ms);

    shell.keep("a", calls(1));
    shell.beat("a");
    for (const char *what : {"nodes", "calls:a"}) {
        CHECK(std::stoll(server.ask("PTTL " + TakeoverShell::key(what))) > 600'000'000); // a week
    }

    shell.silence("b");
    CHECK(shell.beat("a").gone.empty()); // `up` is young
    shell.let_up_grow_old();
    const BeatAnswer answer = shell.beat("a");
    REQUIRE(answer.gone.size() == 1);
    CHECK(answer.gone[0].name == "b");
    CHECK(to_ms(answer.gone[0].silent) >= TakeoverShell::lease_ms + 500);
    CHECK(to_ms(answer.gone[0].silent) < TakeoverShell::lease_ms + 10'500);
    CHECK(!shell.beat("b").was_missing); // here it is again
    CHECK(shell.beat("a").gone.empty());

    for (int i = 0; i < 20; ++i) shell.silence("n" + std::to_string(i));
    CHECK(shell.beat("a").gone.size() == 16);
    server.ask("DEL " + TakeoverShell::key("up")); // it was not asked for long
    CHECK(shell.beat("a").gone.empty());
    server.ask("SET " + TakeoverShell::key("up") + " " + std::to_string(shell.now_ms() + 100'000)); // a clock set back
    CHECK(shell.beat("a").gone.empty());
    CHECK(std::stoll(server.ask("GET " + TakeoverShell::key("up"))) <= shell.now_ms());
}

TEST_CASE("redis takeover: calls of a node that is gone are taken slice by slice, each by one") {
    RedisServer server;
    TakeoverShell shell(server);
    for (const char *node : {"a", "b", "c"}) shell.beat(node);
    CHECK(shell.keep("b", calls(100)).empty());
    shell.let_up_grow_old();
    CHECK(shell.take("a", "b").is_refused); // it lives
    shell.silence("b");
    std::map<std::string, int> found;
    std::string cursor = "0";
    std::int64_t left = 100;
    for (int turn = 0; left > 0; ++turn) {
        REQUIRE(turn < 100);
        const TakeAnswer answer = shell.take(turn % 2 ? "a" : "c", "b", 7, cursor);
        REQUIRE(!answer.is_refused);
        CHECK(answer.calls.size() <= 7);
        for (const CallCopy &call : answer.calls) {
            ++found[call.key];
            CHECK(call.text == "xxxxxxxxxx");
        }
        left = answer.left;
        cursor = answer.cursor;
    }
    CHECK(found.size() == 100);
    CHECK(std::all_of(found.begin(), found.end(), [](const auto &one) { return one.second == 1; }));
    CHECK(server.ask("ZSCORE " + TakeoverShell::key("nodes") + " b") == "nil");
    CHECK(shell.take("a", "b").is_refused);
    CHECK(server.ask("HLEN " + TakeoverShell::key("taken:b")) == "100");
    CHECK(std::stoll(server.ask("PTTL " + TakeoverShell::key("taken:b"))) > 600'000'000);
    const std::size_t of_a = shell.own("a").unconfirmed.size();
    const std::size_t of_c = shell.own("c").unconfirmed.size();
    CHECK(of_a > 30);
    CHECK(of_a + of_c == 100);
}

TEST_CASE("redis takeover: nobody takes who is silent himself, has to drop others first, or while Redis is young") {
    RedisServer server;
    TakeoverShell shell(server);
    for (const char *node : {"a", "b", "c"}) shell.beat(node);
    shell.keep("a", calls(1));
    shell.keep("b", {{"of b", "text"}});
    shell.silence("b");
    CHECK(shell.take("a", "b").is_refused); // young
    shell.let_up_grow_old();
    shell.silence("a");
    CHECK(shell.take("a", "b").is_refused); // silent
    CHECK(shell.take("c", "a").calls.size() == 1);
    CHECK(shell.beat("a").has_taken);
    CHECK(shell.take("a", "b").is_refused); // to drop others first
    CHECK(shell.taken("a") == std::vector<std::string>{"call1"});
    shell.dropped("a", {"call1"});
    CHECK(!shell.beat("a").has_taken);
    server.ask("DEL " + TakeoverShell::key("up"));
    CHECK(shell.take("a", "b").is_refused); // nobody knows how young
    shell.let_up_grow_old();
    CHECK(shell.take("a", "b").calls.size() == 1);
}

TEST_CASE("redis takeover: what others took is not ours any more, and what we were given is ours once we told it") {
    RedisServer server;
    TakeoverShell shell(server);
    shell.beat("a");
    shell.beat("b");
    shell.keep("b", {{"one", "1"}, {"two", "2"}, {"three", "3"}});
    CHECK(shell.keep("b", {{"three", ""}}).empty());
    shell.let_up_grow_old();
    shell.silence("b");
    CHECK(shell.take("a", "b", 1).calls.size() + shell.take("a", "b", 1).calls.size() == 2);
    CHECK(shell.keep("b", {{"one", "9"}, {"four", "4"}, {"two", ""}}) == std::vector<std::string>{"one", "two"});
    CHECK(shell.own("b").keys == std::vector<std::string>{"four"});
    CHECK(shell.texts("a", {"one", "nobody's", "two"}) == std::vector<std::string>{"1", "", "2"});
    CHECK(shell.keep("a", {{"one", "5"}}).empty());
    CHECK(shell.own("a").keys == std::vector<std::string>{"one"});
    CHECK(shell.own("a").unconfirmed == std::vector<std::string>{"two"});
    CHECK(shell.texts("a", {"one"}) == std::vector<std::string>{""});
    // The taker is gone as well: what he has never told is still as it was.
    shell.beat("c");
    shell.silence("a");
    CHECK(shell.take("c", "a").left == 0);
    CHECK(shell.texts("c", {"one", "two"}) == std::vector<std::string>{"5", "2"});
    CHECK(shell.keep("c", {{"two", ""}}).empty());
    CHECK(shell.own("c").unconfirmed == std::vector<std::string>{"one"});
}

TEST_CASE("redis takeover: no answer is larger than what is read, and what can not be ours stops nobody") {
    RedisServer server;
    TakeoverShell shell(server);
    shell.beat("a");
    shell.beat("b");
    for (const CallCopy &call : calls(5, CallCopy::text_max / 2)) shell.keep("b", {call});
    shell.keep("b", {{"large", std::string(CallCopy::text_max, 'y')}});
    server.ask({"HSET", TakeoverShell::key("calls:b"), "too large", std::string(CallCopy::text_max + 1, 'z')});
    for (const std::string &key : {std::string(65, 'k'), std::string()}) {
        server.ask({"HSET", TakeoverShell::key("calls:b"), key, "z"});
    }
    shell.let_up_grow_old();
    shell.silence("b");
    std::size_t found = 0;
    for (TakeAnswer answer{.left = 1}; answer.left > 0;) {
        answer = shell.take("a", "b");
        REQUIRE(!answer.is_refused);
        REQUIRE(!answer.calls.empty());
        CHECK(answer.calls.size() <= 2);
        found += answer.calls.size();
    }
    CHECK(found == 6);
    CHECK(shell.own("a").unconfirmed.size() == 6);
    CHECK(shell.texts("a", {"large", "call1"}).size() == 1);
    CHECK(shell.texts("a", {"call1", "call2", "call3"}).size() == 2);
}

TEST_CASE("redis takeover: a key of another type is an error of the command, and no answer that is not one is taken") {
    RedisServer server;
    TakeoverShell shell(server);
    server.ask("SET " + TakeoverShell::key("calls:a") + " word");
    const RedisValue answer = shell.run(TakeoverShell::words("a").taken(10, "0"));
    CHECK(TakeoverWords::read_taken(answer)->keys.empty());
    server.ask("SET " + TakeoverShell::key("taken:a") + " word");
    CHECK(shell.run(TakeoverShell::words("a").taken(10, "0")).is_error());

    const std::string long_key(65, 'k');
    const RedisValue nil;
    for (const RedisValue &value :
         {nil, number(1), text("OK"), list({}), list({number(1)}), list({number(1), number(0), text("b")}),
          list({number(1), number(0), number(2), number(1)}), list({number(1), number(0), text(long_key), text("c")}),
          list({number(1), text("0")}), list({number(1), number(0), text("b"), text("c")})}) {
        CHECK(!TakeoverWords::read_beat(value));
    }
    for (const RedisValue &value :
         {nil, list({number(1)}), list({text("1"), text("0")}), list({number(1), text("")}),
          list({number(1), text(std::string(21, '9'))}), list({number(1), text("0"), text("k")}),
          list({number(1), text("0"), text(long_key), text("t")}), list({number(1), text("0"), text("k"), nil}),
          list({number(1), text("0"), text("k"), text(std::string(CallCopy::text_max + 1, 't'))})}) {
        CHECK(!TakeoverWords::read_take(value));
    }
    CHECK(!TakeoverWords::read_keep(number(0)));
    CHECK(!TakeoverWords::read_keep(list({text(long_key)})));
    for (const RedisValue &value :
         {nil, list({}), list({number(0)}), list({text("0"), text("k")}), list({text("0"), number(1), text("")}),
          list({text("0"), text("k"), nil}), list({text("0"), text("k"), text("!!")})}) {
        CHECK(!TakeoverWords::read_own(value));
    }
    CHECK(!TakeoverWords::read_texts(list({}), 2));
    CHECK(!TakeoverWords::read_texts(list({text("1"), text("2")}), 1));
    CHECK(!TakeoverWords::read_texts(list({nil}), 1));
    for (const RedisValue &value :
         {nil, list({text("0")}), list({text("0"), text("k")}), list({nil, list({})}),
          list({text("0"), list({text("k")})}), list({text("0"), list({number(1), text("a")})})}) {
        CHECK(!TakeoverWords::read_taken(value));
    }
    // What a shell has put beside it is passed over.
    for (const std::string &odd : {std::string(), long_key}) {
        const auto beat =
            TakeoverWords::read_beat(list({number(1), number(0), text(odd), number(1), text("b"), number(1)}));
        REQUIRE(beat);
        CHECK(beat->gone.size() == 1);
        CHECK(TakeoverWords::read_own(list({text("0"), text(odd), text(""), text("k"), text("")}))->keys.size() == 1);
        CHECK(TakeoverWords::read_taken(list({text("0"), list({text(odd), text("a")})}))->keys.empty());
    }
    const RedisValue far = list({number(0), number(0), text("b"), number(INT64_MIN)});
    CHECK(TakeoverWords::read_beat(far)->gone.at(0).silent == Duration::zero());
}

TEST_CASE("redis takeover: in a cluster all keys of one set of addresses are in one slot") {
    RedisCluster cluster;
    RedisServer &home = cluster.servers[cluster.owner(TakeoverShell::key("nodes"))];
    TakeoverShell shell(home, cluster.url());
    CHECK(shell.beat("a").was_missing);
    CHECK(shell.beat("b").was_missing);
    shell.keep("b", calls(10));
    shell.let_up_grow_old();
    shell.silence("b");
    CHECK(shell.take("a", "b").calls.size() == 10);
    CHECK(shell.own("a").unconfirmed.size() == 10);
    CHECK(shell.texts("a", {"call3"})[0].size() == 10);
    CHECK(shell.taken("b").size() == 10);
    shell.dropped("b", shell.taken("b"));
}
