// Leases in a Redis Cluster of three masters.
#include <array>
#include "storage/redis_cluster.hpp"
#include "storage/redis_node.hpp"

using namespace tandem;
using namespace tandem::test;
using namespace std::chrono_literals;

TEST_CASE("redis cluster: places in several slots are taken one by one, and given back if one refuses") {
    RedisCluster cluster;
    Loop loop{LoopOptions{1ms}};
    RedisNode a(loop, cluster.url(), 1);
    RedisNode b(loop, cluster.url(), 2);
    const auto run = [&](auto done) { run_nodes(loop, {&a, &b}, done); };
    run([&] { return a.leases.is_ready() && b.leases.is_ready(); });
    std::vector<ClusterPlace> places;
    for (const char *user : {"alice", "bob", "carol", "dave", "erin"}) places.push_back({"user", user, 1});
    a.ask(1, places);
    run([&] { return a.verdict(1).has_value(); });
    CHECK(a.verdict(1) == Verdict::admitted);
    std::array<int, 3> there{};
    for (const ClusterPlace &place : places) {
        const std::string key = "test:{user=" + place.value + "}";
        const std::size_t owner = cluster.owner(key);
        CHECK(cluster.servers[owner].ask("ZCARD " + key) == "1");
        ++there[owner];
    }
    CHECK(std::count(there.begin(), there.end(), 0) == 0); // all servers have some
    b.ask(2, {{"user", "aaron", 1}, {"user", "erin", 1}, {"user", "aachen", 1}});
    run([&] { return b.verdict(2).has_value() && b.leases.dialogs() == 0; });
    CHECK(b.verdict(2) == Verdict::refused);
    CHECK(b.told[2].index == 1);
    for (const char *user : {"aaron", "aachen"}) {
        const std::string key = std::string("test:{user=") + user + "}";
        CHECK(cluster.servers[cluster.owner(key)].ask("ZCARD " + key) == "0");
    }
}

TEST_CASE("redis cluster: a slot that moves is followed (MOVED, ASK)") {
    RedisCluster cluster;
    Loop loop{LoopOptions{1ms}};
    RedisNode node(loop, cluster.url(), 1);
    run_nodes(loop, {&node}, [&] { return node.leases.is_ready(); });
    const std::string key = "test:{total}";
    const std::string slot = std::to_string(redis_slot(key));
    RedisServer &from = cluster.servers[cluster.owner(key)];
    RedisServer &to = cluster.servers[(cluster.owner(key) + 1) % 3];
    to.ask("CLUSTER SETSLOT " + slot + " IMPORTING " + from.ask("CLUSTER MYID"));
    from.ask("CLUSTER SETSLOT " + slot + " MIGRATING " + to.ask("CLUSTER MYID"));
    node.ask(1, 5);
    run_nodes(loop, {&node}, [&] { return node.verdict(1).has_value(); });
    CHECK(node.verdict(1) == Verdict::admitted); // by ASK
    for (RedisServer *server : {&to, &from}) server->ask("CLUSTER SETSLOT " + slot + " NODE " + to.ask("CLUSTER MYID"));
    node.ask(2, 5);
    run_nodes(loop, {&node}, [&] { return node.verdict(2).has_value(); });
    CHECK(node.verdict(2) == Verdict::admitted); // by MOVED
    CHECK(to.ask("ZCARD " + key) == "2");
    CHECK(node.notices.empty());
}

TEST_CASE("redis cluster: while one of its servers is gone there is an outage, and after it all are told again") {
    RedisCluster cluster;
    Loop loop{LoopOptions{1ms}};
    LeaseOptions options; // of 200 ms of patience
    options.lease = 1s;
    RedisNode node(loop, cluster.url(), 1, options);
    run_nodes(loop, {&node}, [&] { return node.leases.is_ready(); });
    const std::size_t owner = cluster.owner("test:{total}");
    node.ask(1, 5);
    run_nodes(loop, {&node}, [&] { return node.verdict(1).has_value(); });
    cluster.servers[owner].signal(SIGSTOP);
    node.ask(2, 5);
    run_nodes(loop, {&node}, [&] { return node.verdict(2).has_value(); });
    CHECK(node.verdict(2) == Verdict::unknown);
    CHECK(node.leases.is_out());
    cluster.servers[owner].signal(SIGCONT);
    run_nodes(loop, {&node}, [&] { return node.leases.is_ready(); });
    CHECK(cluster.servers[owner].ask("ZCARD test:{total}") == "2");
}
