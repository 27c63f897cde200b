// Takeovers with a real Redis, and hosts that are tables.
#include "net/stream_peer.hpp"
#include "node/takeover_nodes.hpp"
#include "storage/redis_cluster.hpp"

using namespace tandem;
using namespace tandem::test;
using namespace std::chrono_literals;

namespace {

struct Redis : RedisServer {
    std::string url() const { return takeover_url(*this); }
    TakeoverKeys keys{*this};
};

} // namespace

TEST_CASE("takeover: what the host tells is in Redis, the newest state of each call, and nothing of what is over") {
    Redis redis;
    TakeoverNode a(redis.url(), "a");
    a.host.put("one", 500);
    const TakenAtStart found = a.run();
    CHECK(found.own.empty());
    CHECK(found.taken.empty());
    wait_until([&] { return redis.keys.calls("a") == 500; });
    a.host.put("one7", "newer");
    a.host.end("one8");
    a.host.put("one9", std::string(CallCopy::text_max + 1, 'x'));
    a.host.put("large", std::string(CallCopy::text_max, 'x'));
    a.host.put(std::string(65, 'k'), "no key");
    a.takeover->wake();
    wait_until([&] { return a.statistics().kept == 504; });
    CHECK(redis.keys.calls("a") == 499);
    CHECK(redis.keys.text("a", "one7") == "newer");
    CHECK(redis.keys.text("a", "one8") == "nil");
    CHECK(redis.keys.text("a", "one9") == "nil"); // not even what it was before
    CHECK(redis.keys.text("a", "large").size() == CallCopy::text_max);
    const TakeoverStatistics seen = a.statistics();
    CHECK(seen.too_large == 1);
    CHECK(seen.refused == 0);
    CHECK(seen.outages == 0);
    CHECK(a.host.told_again() == 0);
    CHECK(!a.lines.has("redis"));
}

TEST_CASE("takeover: states of a call that follow each other soon are one copy") {
    Redis redis;
    TakeoverOptions options = takeover_options(redis.url(), "a");
    options.interval = 400ms;
    TakeoverNode a(options);
    a.run();
    wait_until([&] { return a.host.asked() == 1; });
    wait_for(options.interval);
    a.tell("call", 1, "first");
    a.tell("call", 1, "second");
    wait_until([&] { return redis.keys.text("a", "call1") == "second" && a.statistics().kept > 0; });
    CHECK(a.statistics().kept == 1);
    CHECK(a.host.asked() == 2);
}

TEST_CASE("takeover: the end writes what the host has told, and the last of it, without asking once more") {
    Redis redis;
    TakeoverOptions options = takeover_options(redis.url(), "a");
    options.lease = 200s;
    options.answer_max = 30s; // its patience with Redis is another
    TakeoverNode a(options);
    a.run();
    a.tell("call", 400);
    wait_until([&] { return redis.keys.calls("a") == 400; });
    std::vector<CallCopy> last{{"new", "text"}, {"call400", "newer"}};
    for (int i = 1; i <= 300; ++i) last.push_back({"call" + std::to_string(i), ""});
    SUBCASE("at once") {
        a.takeover->end(last, 20s);
        CHECK(redis.keys.calls("a") == 101);
        CHECK(redis.keys.text("a", "call400") == "newer");
        CHECK(a.statistics().kept == 702);
    }
    SUBCASE("with an answer of the host that never comes") {
        a.host.holds_answers = true;
        a.tell("other", 1);
        wait_until([&] { return a.host.held() == 1; });
        a.takeover->end(last, 20s);
        a.host.release();
        CHECK(redis.keys.calls("a") == 101);
    }
    SUBCASE("Redis does not answer") {
        redis.signal(SIGSTOP);
        const Instant since = SystemClock::now();
        a.takeover->end(last, 200ms);
        CHECK(SystemClock::now() - since < 5s);
    }
    SUBCASE("Redis is away") {
        redis.kill();
        wait_until([&] { return a.statistics().is_out; });
        const Instant since = SystemClock::now();
        a.takeover->end(last, 20s);
        CHECK(SystemClock::now() - since < 5s);
    }
    a.takeover->wake(); // nobody hears it
    const std::size_t asked = a.host.asked();
    a.fall_silent();
    CHECK(a.host.asked() == asked);
}

TEST_CASE("takeover: a node that falls silent is taken over after a lease, and not before") {
    Redis redis;
    TakeoverNode a(redis.url(), "a");
    TakeoverNode b(redis.url(), "b");
    a.run();
    b.run();
    b.tell("call", 200);
    wait_until([&] { return redis.keys.calls("b") == 200; });
    redis.keys.let_up_grow_old();
    wait_for(takeover_lease * 3 / 2); // it is kept by beats
    CHECK(a.statistics().adopted == 0);
    b.fall_silent();
    const Instant since = SystemClock::now();
    wait_until([&] { return a.host.size() > 0; });
    const Duration after = SystemClock::now() - since;
    CHECK(after >= takeover_lease * 7 / 8 - 50ms);
    CHECK(after < takeover_lease * 2);
    wait_until([&] { return a.host.size() == 200 && a.statistics().kept == 200; });
    CHECK(a.host.calls() == b.host.calls());
    CHECK(redis.keys.text("a", "call1") == "text"); // told by its new owner
    CHECK(redis.keys.calls("b") == 0);
    CHECK(redis.keys.taken("b") == 200);
    wait_until([&] { return a.lines.has("redis: takes over 200 calls of node b ("); });
    CHECK(a.lines.count("takes over") == 1);
    const TakeoverStatistics seen = a.statistics();
    CHECK(seen.adopted == 200);
    CHECK(seen.nodes_taken == 1);
    CHECK(seen.outages == 0);
}

TEST_CASE("takeover: of several survivors each call has exactly one") {
    Redis redis;
    TakeoverNode a(redis.url(), "a");
    TakeoverNode b(redis.url(), "b");
    TakeoverNode c(redis.url(), "c");
    for (TakeoverNode *node : {&a, &b, &c}) node->run();
    c.tell("call", 3000);
    wait_until([&] { return redis.keys.calls("c") == 3000; });
    c.fall_silent();
    redis.keys.let_up_grow_old();
    redis.keys.silence("c");
    wait_until([&] { return a.host.size() + b.host.size() == 3000 && redis.keys.calls("c") == 0; });
    TableHost::Calls all = a.host.calls();
    all.merge(b.host.calls());
    CHECK(all.size() == 3000);
    wait_until([&] { return a.statistics().kept + b.statistics().kept == 3000; });
    CHECK(redis.keys.calls("a") == a.host.size());
    CHECK(redis.keys.calls("b") == b.host.size());
    wait_until([&] { return a.lines.count("takes over") + b.lines.count("takes over") >= (a.host.size() > 0) + 1U; });
}

TEST_CASE("takeover: while Redis is frozen for longer than a lease nobody loses a call") {
    Redis redis;
    TakeoverNode a(redis.url(), "a");
    TakeoverNode b(redis.url(), "b");
    a.run();
    b.run();
    a.tell("a", 20);
    b.tell("b", 20);
    wait_until([&] { return redis.keys.calls("a") + redis.keys.calls("b") == 40; });
    redis.keys.let_up_grow_old();
    redis.ask("HSET " + redis.keys.key("calls:c") + " call text"); // of one who comes back later than others
    redis.keys.silence("c", -500ms);
    redis.signal(SIGSTOP);
    wait_until([&] { return a.statistics().is_out && b.statistics().is_out; });
    b.host.put("b3", "newer");
    b.takeover->wake();
    wait_for(takeover_lease * 3 / 2);
    redis.signal(SIGCONT);
    wait_until([&] { return !a.statistics().is_out && !b.statistics().is_out; });
    wait_until([&] { return redis.keys.text("b", "b3") == "newer"; });
    const std::int64_t beaten = redis.keys.heartbeat("b");
    wait_until([&] { return redis.keys.heartbeat("b") >= beaten + to_ms(takeover_lease) / 4; });
    CHECK(redis.keys.calls("c") == 1);
    redis.ask("ZREM " + redis.keys.key("nodes") + " c");
    wait_for(takeover_lease * 3 / 2); // Redis is up for long enough again
    for (const TakeoverNode *node : {&a, &b}) {
        CHECK(node->statistics().adopted == 0);
        CHECK(node->statistics().refused == 0);
        CHECK(node->host.dropped().empty());
        CHECK(node->host.told_again() >= 1);
        CHECK(node->lines.count("copies of calls wait") == node->statistics().outages);
        CHECK(node->lines.count("copies of calls go on after") == node->statistics().outages);
    }
}

TEST_CASE("takeover: an emptied Redis is told all again, and nobody is taken over for a lease") {
    Redis redis;
    TakeoverNode a(redis.url(), "a");
    TakeoverNode b(redis.url(), "b");
    a.run();
    b.run();
    a.tell("call", 150);
    wait_until([&] { return redis.keys.calls("a") == 150; });
    redis.keys.let_up_grow_old();
    SUBCASE("while it runs") { redis.ask("FLUSHALL"); }
    SUBCASE("by a restart") {
        redis.kill();
        wait_until([&] { return a.statistics().is_out; });
        redis.start();
    }
    wait_until([&] { return redis.keys.calls("a") == 150; });
    CHECK(a.host.told_again() >= 1);
    CHECK(!a.statistics().is_out);
    redis.ask("HSET " + redis.keys.key("calls:c") + " call text");
    redis.keys.silence("c");
    const std::int64_t beaten = redis.keys.heartbeat("b");
    wait_until([&] { return redis.keys.heartbeat("b") >= beaten + to_ms(takeover_lease) / 4; });
    CHECK(a.statistics().adopted + b.statistics().adopted == 0);
    redis.keys.let_up_grow_old();
    wait_until([&] { return a.statistics().adopted + b.statistics().adopted == 1; });
}

TEST_CASE("takeover: who was cut off and is back drops what others have, and nothing else") {
    Redis redis;
    redis.ask("ACL SETUSER b on >secret ~* +@all");
    TakeoverNode a(redis.url(), "a");
    TakeoverNode b(takeover_url(redis, "b"), "b");
    a.run();
    b.run();
    b.tell("old", 100);
    wait_until([&] { return redis.keys.calls("b") == 100; });
    redis.ask("ACL SETUSER b off");
    redis.ask("CLIENT KILL USER b");
    wait_until([&] { return b.statistics().is_out; });
    b.host.put("old7", "newer than Redis has it");
    b.tell("new", 20);
    redis.keys.let_up_grow_old();
    redis.keys.silence("b");
    wait_until([&] { return a.host.size() == 100; });
    CHECK(b.host.size() == 120); // it does not know
    redis.ask("ACL SETUSER b on");
    wait_until([&] { return b.statistics().dropped == 100 && redis.keys.calls("b") == 20; });
    CHECK(b.host.size() == 20);
    CHECK(b.host.dropped().size() == 100);
    CHECK(b.host.calls().contains("new20"));
    CHECK(redis.keys.taken("b") == 0);
    wait_until([&] { return redis.keys.text("a", "old7") == "text"; });
    CHECK(redis.keys.calls("a") == 100);
    wait_until([&] { return b.lines.has("redis: 100 calls of ours were dropped: other nodes have taken them over"); });
    CHECK(b.lines.count("copies of calls wait") == 1);
    CHECK(!b.lines.has("secret"));
    CHECK(a.host.dropped().empty());
}

TEST_CASE("takeover: what others have taken is dropped after a beat, or at once when Redis refuses it") {
    Redis redis;
    TakeoverOptions options = takeover_options(redis.url(), "a");
    bool is_told = false;
    SUBCASE("a beat") { options.lease = takeover_lease; }
    SUBCASE("refused") {
        options.lease = 600s;
        is_told = true;
    }
    TakeoverNode a(options);
    a.run();
    a.tell("call", 3);
    wait_until([&] { return redis.keys.calls("a") == 3; });
    // As the script leaves it.
    redis.ask("HDEL " + redis.keys.key("calls:a") + " call2");
    redis.ask("HSET " + redis.keys.key("taken:a") + " call2 b");
    if (is_told) a.tell("call", 3, "newer");
    wait_until([&] { return a.statistics().dropped == 1; });
    CHECK(a.host.dropped() == std::set<std::string>{"call2"});
    CHECK(a.host.size() == 2);
    CHECK(a.statistics().refused == (is_told ? 1 : 0));
    CHECK(redis.keys.calls("a") == 2);
    CHECK(redis.keys.taken("a") == 0);
}

TEST_CASE("takeover: what the host told before it dropped a call does not bring it back") {
    Redis redis;
    redis.ask("ACL SETUSER b on >secret ~* +@all");
    TakeoverNode a(redis.url(), "a");
    TakeoverNode b(takeover_url(redis, "b"), "b");
    a.run();
    b.run();
    b.tell("call", 10);
    wait_until([&] { return redis.keys.calls("b") == 10; });
    b.host.holds_answers = true;
    b.host.put("call3", "newer");
    b.takeover->wake();
    wait_until([&] { return b.host.held() == 1; }); // and nobody knows yet
    redis.ask("ACL SETUSER b off");
    redis.ask("CLIENT KILL USER b");
    wait_until([&] { return b.statistics().is_out; });
    redis.keys.let_up_grow_old();
    redis.keys.silence("b");
    wait_until([&] { return a.host.size() == 10; });
    redis.ask("ACL SETUSER b on");
    wait_until([&] { return redis.keys.heartbeat("b") > 0; });
    b.host.release();
    wait_until([&] { return b.statistics().dropped == 10; });
    b.tell("new", 1);
    wait_until([&] { return redis.keys.text("b", "new1") == "text"; });
    CHECK(redis.keys.calls("b") == 1);
    CHECK(b.host.size() == 1);
    CHECK(a.host.size() == 10);
}

TEST_CASE("takeover: calls of who dies before he knows what he took go to him when he is back, or to another") {
    Redis redis;
    TakeoverNode a(redis.url(), "a");
    TakeoverNode b(redis.url(), "b");
    a.host.forgets_adoptions = true;
    a.run();
    b.run();
    b.tell("call", 10);
    wait_until([&] { return redis.keys.calls("b") == 10; });
    b.fall_silent();
    redis.keys.let_up_grow_old();
    redis.keys.silence("b");
    wait_until([&] { return a.host.adoptions() == 1; });
    a.fall_silent();
    CHECK(redis.keys.text("a", "call4") == "!text");
    SUBCASE("himself") {
        TakeoverNode again(redis.url(), "a");
        const TakenAtStart found = again.run();
        CHECK(found.taken.empty());
        REQUIRE(found.own.size() == 10);
        CHECK(std::all_of(found.own.begin(), found.own.end(), [](const CallCopy &one) { return one.text == "text"; }));
        CHECK(again.host.told_again() == 0);
    }
    SUBCASE("himself, and he has not waited for Redis") {
        TakeoverNode again(redis.url(), "a");
        again.takeover->go_on();
        wait_until([&] { return again.host.size() == 10 && redis.keys.text("a", "call4") == "text"; });
        CHECK(again.host.adoptions() == 1);
    }
    SUBCASE("a third one") {
        TakeoverNode c(redis.url(), "c");
        c.run();
        redis.keys.silence("a");
        wait_until([&] { return c.host.size() == 10; });
        CHECK(c.host.calls().at("call10") == "text");
    }
}

TEST_CASE("takeover: an answer of Redis that was lost on its way loses no call") {
    Redis redis;
    redis.ask("ACL SETUSER a on >secret ~* +@all");
    TakeoverNode a(takeover_url(redis, "a"), "a");
    a.run();
    wait_until([&] { return redis.ask("ZCARD " + redis.keys.key("nodes")) == "1"; });
    // As the script leaves it.
    redis.ask("HSET " + redis.keys.key("calls:a") + " given !text");
    redis.ask("CLIENT KILL USER a");
    wait_until([&] { return a.host.size() == 1 && redis.keys.text("a", "given") == "text"; });
}

TEST_CASE("takeover: the start says what others took and what is ours; until that is dropped nothing is taken over") {
    Redis redis;
    redis.ask("HSET " + redis.keys.key("calls:a") + " one 1 two 2 three !3");
    redis.ask("HSET " + redis.keys.key("taken:a") + " four b five b");
    TakeoverNode b(redis.url(), "b");
    b.run();
    b.tell("call", 5);
    wait_until([&] { return redis.keys.calls("b") == 5; });
    b.fall_silent();
    TakeoverNode a(redis.url(), "a");
    const TakenAtStart found = a.run();
    CHECK(found.taken == std::vector<std::string>{"five", "four"});
    REQUIRE(found.own.size() == 3);
    CHECK(found.own[0].key == "one");
    CHECK(found.own[0].text.empty());
    CHECK(found.own[1].key == "three");
    CHECK(found.own[1].text == "3");
    a.takeover->dropped({"four", "five"});
    redis.keys.let_up_grow_old();
    redis.keys.silence("b");
    wait_until([&] { return a.host.size() == 5; });
    CHECK(redis.keys.taken("a") == 0);
    CHECK(a.statistics().dropped == 2);
    CHECK(a.host.told_again() == 0);
    CHECK(a.host.dropped().empty());
}

TEST_CASE("takeover: a start with more than one slice of everything, and with more than it may read") {
    Redis redis;
    for (int i = 1; i <= 1500; ++i) {
        const std::string number = std::to_string(i);
        redis.ask("HSET " + redis.keys.key("calls:a") + " given" + number + " !text" + number);
        redis.ask("HSET " + redis.keys.key("calls:a") + " own" + number + " text");
        redis.ask("HSET " + redis.keys.key("taken:a") + " taken" + number + " b");
    }
    TakeoverOptions options = takeover_options(redis.url(), "a");
    SUBCASE("all") {
        TakeoverNode a(options);
        const TakenAtStart found = a.run();
        CHECK(found.taken.size() == 1500);
        CHECK(found.own.size() == 3000);
        for (const CallCopy &call : found.own) {
            CHECK(call.text == (call.key.starts_with("given") ? "text" + call.key.substr(5) : ""));
        }
    }
    SUBCASE("not all") {
        options.call_max = 100;
        TakeoverNode a(options);
        a.host.put("own", 1400);
        const TakenAtStart found = a.run();
        CHECK(found.taken.size() >= 100);
        CHECK(found.taken.size() < 1500);
        CHECK(found.own.size() >= 100);
        CHECK(found.own.size() < 3000);
        // The host hears of the rest.
        wait_until([&] { return redis.keys.taken("a") == 0 && redis.keys.calls("a") == 2900; });
        CHECK(a.host.size() == 2900);
    }
}

TEST_CASE("takeover: a start without Redis ends in time, and what it should have said comes when Redis is there") {
    Redis redis;
    redis.ask("HSET " + redis.keys.key("calls:a") + " ghost text given !3 mine text");
    redis.ask("HSET " + redis.keys.key("taken:a") + " others b");
    redis.signal(SIGSTOP);
    TakeoverNode a(redis.url(), "a");
    a.host.put("mine", "newer");
    a.host.put("others", "text");
    const Instant since = SystemClock::now();
    CHECK(!a.takeover->start(300ms));
    CHECK(SystemClock::now() - since < 5s);
    a.takeover->go_on();
    redis.signal(SIGCONT);
    wait_until([&] { return redis.keys.text("a", "given") == "3" && redis.keys.calls("a") == 2; });
    CHECK(redis.keys.text("a", "mine") == "newer");
    CHECK(redis.keys.taken("a") == 0);
    CHECK(a.host.dropped() == std::set<std::string>{"others"});
    CHECK(a.host.calls() == TableHost::Calls{{"given", "3"}, {"mine", "newer"}});
}

TEST_CASE("takeover: keys of another type are an outage if they are ours, and spare the rest if they are another's") {
    Redis redis;
    TakeoverNode a(redis.url(), "a");
    TakeoverNode b(redis.url(), "b");
    b.run();
    b.tell("call", 5);
    wait_until([&] { return redis.keys.calls("b") == 5; });
    SUBCASE("ours") {
        a.run();
        redis.ask("SET " + redis.keys.key("calls:a") + " word");
        a.tell("mine", 5);
        wait_until([&] { return a.statistics().is_out; });
        wait_for(takeover_lease / 2); // it is tried again
        CHECK(a.statistics().outages == 1);
        CHECK(a.lines.count("copies of calls wait") == 1);
        CHECK(a.lines.has("WRONGTYPE"));
        redis.signal(SIGSTOP);
        wait_for(takeover_lease / 2);
        redis.signal(SIGCONT);
        wait_for(takeover_lease / 2);
        CHECK(a.statistics().outages == 1); // what failed first fails still
        redis.ask("DEL " + redis.keys.key("calls:a"));
        wait_until([&] { return redis.keys.calls("a") == 5 && !a.statistics().is_out; });
    }
    SUBCASE("of one who is gone") {
        a.run();
        redis.ask("SET " + redis.keys.key("calls:aa") + " word");
        redis.keys.silence("aa");
        b.fall_silent();
        redis.keys.silence("b");
        redis.keys.let_up_grow_old();
        wait_until([&] { return a.host.size() == 5; });
        wait_for(takeover_lease / 2);
        CHECK(a.lines.count("calls of node aa can not be taken over") == 1);
        CHECK(a.statistics().outages == 0);
    }
}

TEST_CASE("takeover: a server that talks nonsense is left and tried again, and nothing of it reaches the host") {
    std::string greeting;
    for (int i = 0; i < 5; ++i) greeting += "$40\r\n" + std::string(40, 's') + "\r\n";
    greeting += "+PONG\r\n";
    for (const std::string &said :
         {std::string("garbage\r\n"), greeting + ":1\r\n", greeting + "*0\r\n", greeting + "*2\r\n:1\r\n$1\r\nx\r\n",
          greeting + "*3\r\n:1\r\n:1\r\n:1\r\n", greeting + "*4\r\n:0\r\n:0\r\n:33\r\n:1\r\n",
          greeting + "*2\r\n:0\r\n:9\r\n*1\r\n$1\r\n0\r\n",
          greeting + "*4\r\n:0\r\n:0\r\n$1\r\nb\r\n:1\r\n*2\r\n$1\r\n0\r\n*1\r\n:1\r\n"}) {
        CAPTURE(said);
        RawListener listener;
        TakeoverOptions options = takeover_options("redis://127.0.0.1:" + std::to_string(listener.local().port), "a");
        options.retry_max = options.retry_min = 10ms;
        TakeoverNode a(options);
        a.host.put("call", "text");
        a.takeover->go_on();
        std::vector<std::unique_ptr<RawSocket>> sockets;
        wait_until([&] {
            auto socket = std::make_unique<RawSocket>();
            if (listener.accept(*socket)) {
                // It may be closed before all of it has left.
                static_cast<void>(::send(socket->fd(), said.data(), said.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
                sockets.push_back(std::move(socket));
            }
            return sockets.size() >= 4;
        });
        CHECK(a.statistics().outages == 1);
        CHECK(a.statistics().kept == 0);
        CHECK(a.lines.count("copies of calls wait") == 1);
        CHECK(a.lines.count("go on after") == 0);
        CHECK(a.host.size() == 1);
        CHECK(a.host.adoptions() == 0);
        CHECK(a.host.dropped().empty());
    }
}

TEST_CASE("takeover: no more calls come before the host has taken those that came, and beats wait for no host") {
    Redis redis;
    TakeoverNode a(redis.url(), "a");
    TakeoverNode b(redis.url(), "b");
    TakeoverNode c(redis.url(), "c");
    for (TakeoverNode *node : {&a, &b}) node->run();
    b.tell("call", 300);
    wait_until([&] { return redis.keys.calls("b") == 300; });
    a.host.holds_adoptions = true;
    b.fall_silent();
    redis.keys.let_up_grow_old();
    redis.keys.silence("b");
    wait_until([&] { return a.host.adoptions() == 1; });
    c.run();
    c.host.forgets_adoptions = true;
    redis.ask("HSET " + redis.keys.key("calls:a") + " mine text");
    wait_for(takeover_lease * 5 / 4);
    CHECK(a.host.adoptions() == 1);
    CHECK(redis.keys.text("a", "mine") == "text"); // it was not taken for dead
    c.fall_silent();
    a.host.release();
    wait_until([&] { return a.host.size() + 64 >= 300; }); // the third one has a slice
}

TEST_CASE("takeover: an answer of the host that comes too late goes nowhere") {
    Redis redis;
    TakeoverNode a(redis.url(), "a");
    a.host.holds_answers = true;
    a.run();
    wait_until([&] { return a.host.held() == 1; });
    a.fall_silent();
    a.host.release();
    CHECK(redis.keys.calls("a") == 0);
}

TEST_CASE("takeover: it works with a cluster, and follows its slot when that moves") {
    RedisCluster cluster;
    const std::string key = TakeoverKeys::key("nodes");
    RedisServer &from = cluster.servers[cluster.owner(key)];
    RedisServer &to = cluster.servers[(cluster.owner(key) + 1) % 3];
    TakeoverNode a(cluster.url(), "a");
    TakeoverNode b(cluster.url(), "b");
    a.run();
    b.run();
    b.tell("call", 100);
    TakeoverKeys old_keys(from);
    TakeoverKeys new_keys(to);
    wait_until([&] { return old_keys.calls("b") == 100; });
    const std::string slot = std::to_string(redis_slot(key));
    for (const char *what : {"nodes", "up", "calls:a", "calls:b"}) from.ask("DEL " + TakeoverKeys::key(what));
    for (RedisServer *server : {&to, &from}) server->ask("CLUSTER SETSLOT " + slot + " NODE " + to.ask("CLUSTER MYID"));
    wait_until([&] { return new_keys.calls("b") == 100; }); // all is told again: it was empty there
    b.fall_silent();
    new_keys.let_up_grow_old();
    new_keys.silence("b");
    wait_until([&] { return a.host.size() == 100; });
}
