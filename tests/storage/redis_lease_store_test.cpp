// The leases of several nodes in a real redis-server.
#include "storage/redis_node.hpp"
#include "storage/redis_server.hpp"

using namespace tandem;
using namespace tandem::test;
using namespace std::chrono_literals;

namespace {

std::string url_of(const RedisServer &server) { return "redis://127.0.0.1:" + std::to_string(server.port()); }

struct TwoNodes {
    explicit TwoNodes(const std::string &url, const LeaseOptions &options = RedisNode::patient())
        : a(loop, url, 1, options), b(loop, url, 2, options) {
        run([&] { return a.leases.is_ready() && b.leases.is_ready(); });
    }
    template <class Done>
    void run(Done done) {
        run_nodes(loop, {&a, &b}, done);
    }
    Verdict ask(RedisNode &node, std::uint64_t serial, std::uint32_t limit) {
        node.ask(serial, limit);
        run([&] { return node.verdict(serial).has_value(); });
        return *node.verdict(serial);
    }

    Loop loop{LoopOptions{1ms}};
    RedisNode a;
    RedisNode b;
};

LeaseOptions short_lease() {
    LeaseOptions options = RedisNode::patient();
    options.lease = 1s;
    return options;
}

} // namespace

TEST_CASE("redis: two nodes share limits; what Redis keeps is a set of dialogs with the ends of their leases") {
    RedisServer server({}, "se cret");
    TwoNodes nodes("redis://:se%20cret@127.0.0.1:" + std::to_string(server.port()) + "/2");
    server.ask("SELECT 2");
    CHECK(nodes.ask(nodes.a, 1, 2) == Verdict::admitted);
    CHECK(nodes.ask(nodes.b, 2, 2) == Verdict::admitted);
    CHECK(nodes.ask(nodes.b, 3, 2) == Verdict::refused);
    CHECK(nodes.b.told[3].size == 2);
    CHECK(server.ask("ZCARD test:{total}") == "2");
    const std::string member = nodes.a.dialog(1).to_string();
    const auto score = std::stoll(server.ask("ZSCORE test:{total} " + member));
    const auto time = std::stoll(server.ask("TIME").substr(0, 10)) * 1000;
    CHECK(score > time + 6'000);
    CHECK(score <= time + 9'000);
    CHECK(std::stoi(server.ask("PTTL test:{total}")) > 6'000);
    CHECK(std::stoi(server.ask("PTTL test:memory")) > 3'000);
    CHECK(std::stoi(server.ask("PTTL test:memory")) <= 5'333);

    nodes.b.leases.ask_size(5, "total", "", SystemClock::now());
    nodes.run([&] { return !nodes.b.sizes.empty(); });
    CHECK(nodes.b.sizes[0].size == 2);
    nodes.a.leases.release(nodes.a.dialog(1), SystemClock::now());
    nodes.run([&] { return nodes.a.leases.dialogs() == 0; });
    CHECK(server.ask("ZCARD test:{total}") == "1");
    CHECK(nodes.ask(nodes.b, 4, 2) == Verdict::admitted);
}

TEST_CASE("redis: several places are taken in one step, or none") {
    RedisServer server;
    TwoNodes nodes(url_of(server));
    nodes.a.ask(1, {{"user", "a}b {", 1}, {"total", "", 3}});
    nodes.run([&] { return nodes.a.verdict(1).has_value(); });
    CHECK(nodes.a.verdict(1) == Verdict::admitted);
    CHECK(server.ask(std::vector<std::string>{"ZCARD", "test:{user=a}b {}"}) == "1");
    nodes.b.ask(2, {{"total", "", 3}, {"user", "a}b {", 1}});
    nodes.run([&] { return nodes.b.verdict(2).has_value(); });
    CHECK(nodes.b.verdict(2) == Verdict::refused);
    CHECK(nodes.b.told[2].index == 1);
    CHECK(server.ask("ZCARD test:{total}") == "1");
}

TEST_CASE("redis: leases are renewed by Redis's own clock, and those of who is gone end") {
    RedisServer server;
    auto nodes = std::make_unique<TwoNodes>(url_of(server), short_lease());
    nodes->ask(nodes->a, 1, 9);
    RedisNode third(nodes->loop, url_of(server), 3, short_lease());
    run_nodes(nodes->loop, {&third}, [&] { return third.leases.is_ready(); });
    third.ask(2, 9);
    run_nodes(nodes->loop, {&third}, [&] { return third.verdict(2).has_value(); });
    CHECK(server.ask("ZCARD test:{total}") == "2");
    // Nobody runs the third one from here on.
    nodes->run([&] { return nodes->a.leases.statistics().renewed >= 5; });
    nodes->b.leases.ask_size(1, "total", "", SystemClock::now());
    nodes->run([&] { return !nodes->b.sizes.empty(); });
    CHECK(nodes->b.sizes[0].size == 1);
    CHECK(nodes->a.leases.statistics().forgotten == 0);
    CHECK(nodes->a.notices.empty());
}

TEST_CASE("redis: killed and started empty, it fills again from the living and admits nobody before") {
    RedisServer server;
    TwoNodes nodes(url_of(server), short_lease());
    for (std::uint64_t i = 1; i <= 4; ++i) nodes.ask(i % 2 ? nodes.a : nodes.b, i, 4);
    SUBCASE("restarted") {
        server.kill();
        nodes.run([&] { return nodes.a.leases.is_out() && nodes.b.leases.is_out(); });
        CHECK(nodes.ask(nodes.a, 9, 4) == Verdict::unknown);
        nodes.a.leases.release(nodes.a.dialog(9), SystemClock::now());
        server.start();
    }
    SUBCASE("emptied while it runs") {
        server.ask("FLUSHALL");
        CHECK(nodes.ask(nodes.b, 9, 4) == Verdict::unknown);
        nodes.b.leases.release(nodes.b.dialog(9), SystemClock::now());
    }
    nodes.run([&] { return nodes.a.leases.is_ready() && nodes.b.leases.is_ready(); });
    CHECK(server.ask("ZCARD test:{total}") == "4");
    CHECK(nodes.ask(nodes.a, 10, 4) == Verdict::refused);
    for (RedisNode *node : {&nodes.a, &nodes.b}) {
        REQUIRE(node->notices.size() == 2);
        CHECK(node->notices[0].is_out);
        CHECK_FALSE(node->notices[1].is_out);
    }
}

TEST_CASE("redis: who could not reach it when he came gives others time to tell it what it forgot") {
    RedisServer server;
    server.kill();
    Loop loop{LoopOptions{1ms}};
    RedisNode node(loop, url_of(server), 1, short_lease());
    run_nodes(loop, {&node}, [&] { return node.leases.is_out(); });
    server.start();
    const Instant started = SystemClock::now();
    run_nodes(loop, {&node}, [&] { return node.leases.is_ready(); });
    CHECK(SystemClock::now() - started >= 1s);
    const std::string memory = server.ask("GET test:memory");
    CHECK(memory.substr(memory.find(':')) == ":1");

    RedisServer other; // who finds it at once need not wait for anybody
    RedisNode second(loop, url_of(other), 2, short_lease());
    run_nodes(loop, {&second}, [&] { return second.leases.is_ready(); });
    CHECK(other.ask("GET test:memory").back() == '0');
}

TEST_CASE("redis: frozen, it keeps nobody waiting for longer than the timeout") {
    RedisServer server;
    LeaseOptions options;
    options.lease = 1s;
    TwoNodes nodes(url_of(server), options);
    server.signal(SIGSTOP);
    const Instant asked = SystemClock::now();
    CHECK(nodes.ask(nodes.a, 1, 4) == Verdict::unknown);
    const Duration waited = SystemClock::now() - asked;
    CHECK(waited >= 200ms);
    CHECK(waited < 400ms);
    const Instant again = SystemClock::now();
    CHECK(nodes.ask(nodes.a, 2, 4) == Verdict::unknown);
    CHECK(SystemClock::now() - again < 50ms);
    server.signal(SIGCONT);
    nodes.run([&] { return nodes.a.leases.is_ready() && nodes.b.leases.is_ready(); });
    CHECK(server.ask("ZCARD test:{total}") == "2");
}

TEST_CASE("redis: whom it does not let in, or cannot serve, says why; the password is in no line") {
    Loop loop{LoopOptions{1ms}};
    SUBCASE("wrong password") {
        RedisServer server({}, "secret");
        RedisNode node(loop, "redis://:hush-hush@127.0.0.1:" + std::to_string(server.port()), 1);
        run_nodes(loop, {&node}, [&] { return node.leases.statistics().failures >= 2; });
        REQUIRE(node.notices.size() == 1);
        CHECK(node.notices[0].why.find("WRONGPASS") != std::string::npos);
        CHECK(node.notices[0].why.find("hush") == std::string::npos);
    }
    SUBCASE("no such database") {
        RedisServer server;
        RedisNode node(loop, url_of(server) + "/999", 1);
        run_nodes(loop, {&node}, [&] { return !node.notices.empty(); });
        CHECK(node.notices[0].why.find("out of range") != std::string::npos);
    }
    SUBCASE("a replica") {
        RedisServer server({"--replicaof", "127.0.0.1", "1"});
        RedisNode node(loop, url_of(server), 1);
        run_nodes(loop, {&node}, [&] { return !node.notices.empty(); });
        CHECK(node.notices[0].why.find("READONLY") != std::string::npos);
    }
    SUBCASE("no name") {
        RedisNode node(loop, "redis://no-such-host.invalid", 1);
        run_nodes(loop, {&node}, [&] { return !node.notices.empty(); });
        CHECK(node.leases.is_out());
    }
}

TEST_CASE("redis: a key that holds something else spoils that profile alone; scripts that are gone are loaded again") {
    RedisServer server;
    TwoNodes nodes(url_of(server), short_lease());
    server.ask("SET test:{bad} x");
    nodes.a.ask(1, {{"bad", "", 5}});
    nodes.run([&] { return nodes.a.verdict(1).has_value(); });
    CHECK(nodes.a.verdict(1) == Verdict::unknown);
    CHECK(nodes.ask(nodes.a, 2, 5) == Verdict::admitted);
    CHECK(nodes.a.notices.empty());
    server.ask("SCRIPT FLUSH");
    CHECK(nodes.ask(nodes.a, 3, 5) == Verdict::unknown);
    nodes.run([&] { return nodes.a.leases.is_ready(); });
    CHECK(nodes.ask(nodes.a, 4, 5) == Verdict::admitted);
}

TEST_CASE("redis: a server that talks nonsense is left and tried again (R7)") {
    for (const std::string &said :
         {std::string("garbage\r\n"), std::string("*2147483647\r\n"),
          std::string("$536870912\r\n") + std::string(3 << 20, 'x'),
          std::string("+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n"),
          std::string("$40\r\n0123456789012345678901234567890123456789\r\n"), std::string("*2\r\n$3\r\n"),
          std::string(":1\r\n:1\r\n:1\r\n:1\r\n:1\r\n"),
          std::string(
              "$40\r\n0123456789012345678901234567890123456789\r\n$40\r\n0123456789012345678901234567890123456789\r\n"
              "$40\r\n0123456789012345678901234567890123456789\r\n$40\r\n0123456789012345678901234567890123456789\r\n"
              "*2\r\n$300\r\n" +
              std::string(300, 'm') + "\r\n:-9\r\n")}) {
        CAPTURE(said.substr(0, 40));
        Loop loop{LoopOptions{1ms}};
        RawListener listener;
        RedisNode node(loop, "redis://127.0.0.1:" + std::to_string(listener.local().port), 1, LeaseOptions());
        std::vector<std::unique_ptr<RawSocket>> sockets;
        run_nodes(loop, {&node}, [&] {
            auto socket = std::make_unique<RawSocket>();
            if (listener.accept(*socket)) {
                // It may be closed before all of it has left.
                static_cast<void>(::send(socket->fd(), said.data(), said.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
                sockets.push_back(std::move(socket));
            }
            return node.leases.statistics().failures >= 3;
        });
        CHECK(node.notices.size() == 1);
        CHECK_FALSE(node.leases.is_ready());
    }
}
