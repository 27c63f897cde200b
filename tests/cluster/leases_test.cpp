#include <doctest/doctest.h>
#include "cluster/fake_redis.hpp"

using namespace tandem;
using namespace tandem::test;

namespace {

// Everything of some nodes up to a moment, a millisecond at a time.
struct Cluster {
    explicit Cluster(std::size_t count = 2, LeaseOptions options = {}) {
        for (std::size_t i = 0; i < count; ++i) nodes.push_back(std::make_unique<FakeNode>(redis, i + 1, options));
        run(0);
    }

    void run(std::int64_t span_ms) {
        for (std::int64_t i = 0; i <= span_ms; ++i) {
            if (i > 0) now += 1ms;
            redis.now = now;
            for (const auto &node : nodes) node->run(now);
        }
    }

    FakeNode &operator[](std::size_t index) { return *nodes[index]; }
    void ask(std::size_t node, std::uint64_t serial, std::uint32_t limit = 1) {
        nodes[node]->ask(serial, {{"total", "", limit}}, now);
    }

    FakeRedis redis;
    Instant now = at_ms(1'000'000);
    std::vector<std::unique_ptr<FakeNode>> nodes;
};

} // namespace

TEST_CASE("leases: nodes share a limit, and a place is free once its dialog has ended") {
    Cluster cluster;
    cluster.ask(0, 1);
    cluster.run(0);
    cluster.ask(1, 2);
    cluster.run(0);
    CHECK(cluster[0].verdict(1) == Verdict::admitted);
    REQUIRE(cluster[1].verdict(2) == Verdict::refused);
    CHECK(cluster[1].told[2][0].index == 0);
    CHECK(cluster[1].told[2][0].size == 1);
    cluster[0].leases.release(cluster[0].dialog(1), cluster.now);
    cluster.run(0);
    CHECK(cluster.redis.size("{total}") == 0);
    cluster.ask(1, 3);
    cluster.run(0);
    CHECK(cluster[1].verdict(3) == Verdict::admitted);
    CHECK(cluster[0].leases.dialogs() == 0);
    CHECK(cluster[0].leases.statistics().leases == 0);
}

TEST_CASE("leases: of a dialog that another node has now nothing is told any more, and its place is as that says") {
    Cluster cluster;
    cluster.ask(0, 1);
    cluster.run(0);
    cluster[0].leases.forget(cluster[0].dialog(1));
    cluster[0].leases.forget(cluster[0].dialog(2));
    CHECK(cluster[0].leases.dialogs() == 0);
    CHECK(cluster[0].leases.statistics().leases == 0);
    cluster.run(1000);
    CHECK(cluster.redis.size("{total}") == 1);
    CHECK(cluster[0].leases.statistics().released == 0);
    SUBCASE("nobody renews it") {
        cluster.run(60'000);
        CHECK(cluster.redis.size("{total}") == 0);
    }
    SUBCASE("while it is asked for") {
        cluster.ask(0, 3, 5);
        cluster[0].leases.forget(cluster[0].dialog(3));
        cluster.run(10);
        CHECK(cluster[0].verdict(3) == Verdict::unknown);
        CHECK(cluster[0].leases.dialogs() == 0);
    }
}

TEST_CASE("leases: of several places all are taken or none, and the refusal says which stood in the way") {
    for (const bool is_sharded : {false, true}) {
        CAPTURE(is_sharded);
        Cluster cluster(1, {.is_sharded = is_sharded});
        cluster[0].ask(1, {{"user", "bob", 1}}, cluster.now);
        cluster.run(0);
        cluster[0].ask(2, {{"user", "bob", 1}, {"total", "", 5}}, cluster.now);
        cluster.run(0);
        REQUIRE(cluster[0].verdict(2) == Verdict::refused);
        CHECK(cluster[0].told[2][0].index == 0);
        CHECK(cluster.redis.size("{total}") == 0);
        CHECK(cluster[0].leases.dialogs() == 1);
        cluster[0].ask(3, {{"user", "carol", 1}, {"total", "", 5}}, cluster.now);
        cluster.run(0);
        CHECK(cluster[0].verdict(3) == Verdict::admitted);
        CHECK(cluster.redis.size("{total}") == 1);
        CHECK(cluster.redis.size("{user=carol}") == 1);
    }
}

TEST_CASE("leases: a dialog that asks for more keeps what it had when that is refused") {
    Cluster cluster;
    cluster.ask(1, 9);
    cluster[0].ask(1, {{"user", "bob", 1}}, cluster.now);
    cluster.run(0);
    cluster[0].ask(1, {{"user", "bob", 1}, {"total", "", 1}}, cluster.now);
    cluster.run(0);
    REQUIRE(cluster[0].told[1].size() == 2);
    CHECK(cluster[0].told[1][1].verdict == Verdict::refused);
    CHECK(cluster.redis.size("{user=bob}") == 1);
    CHECK(cluster.redis.sets["{total}"].count(cluster[0].dialog(1)) == 0);
    cluster.run(10'000); // and renews it
    CHECK(cluster.redis.size("{user=bob}") == 1);
    cluster[0].ask(1, {{"extra", "", 0}}, cluster.now);
    cluster.run(0);
    CHECK(cluster.redis.size("{extra}") == 1);
    cluster[0].leases.leave(cluster[0].dialog(1), "extra", "", cluster.now);
    cluster.run(0);
    CHECK(cluster.redis.size("{extra}") == 0);
    CHECK(cluster.redis.size("{user=bob}") == 1);
}

TEST_CASE("leases: what is counted only waits for nobody, in an outage neither") {
    Cluster cluster(1);
    cluster[0].ask(1, {{"total", "", 0}}, cluster.now);
    CHECK(cluster[0].verdict(1) == Verdict::admitted);
    cluster.run(0);
    CHECK(cluster.redis.size("{total}") == 1);
    cluster.redis.state = FakeRedis::State::gone;
    cluster.run(10);
    cluster[0].ask(2, {{"total", "", 0}}, cluster.now);
    CHECK(cluster[0].verdict(2) == Verdict::admitted);
}

TEST_CASE(
    "leases: renewed for as long as the dialog lives; those of a dead node are gone after a lease, and not before") {
    Cluster cluster;
    for (std::uint64_t i = 1; i <= 3; ++i) cluster.ask(0, i, 10);
    cluster.ask(1, 4, 10);
    cluster.run(60'000);
    CHECK(cluster.redis.size("{total}") == 4);
    CHECK(cluster[0].leases.statistics().forgotten == 0);
    CHECK(cluster[0].store.sent_count[LeaseAction::renew] < 60'000 / 2'400 + 2); // one command for all of a key
    cluster.nodes.erase(cluster.nodes.begin());
    cluster.run(5'300);
    CHECK(cluster.redis.size("{total}") == 4);
    cluster.run(2'700);
    CHECK(cluster.redis.size("{total}") == 1);
}

TEST_CASE("leases: a reservation waits for the timeout and not longer, and then nobody waits") {
    Cluster cluster(1);
    cluster.redis.state = FakeRedis::State::frozen;
    cluster.ask(0, 1);
    cluster.run(199);
    CHECK_FALSE(cluster[0].verdict(1));
    cluster.run(1);
    CHECK(cluster[0].verdict(1) == Verdict::unknown);
    REQUIRE(cluster[0].notices.size() == 1);
    CHECK(cluster[0].notices[0].is_out);
    CHECK(cluster[0].notices[0].why == "no answer within 200 ms");
    cluster.ask(0, 2);
    CHECK(cluster[0].verdict(2) == Verdict::unknown);
    cluster.run(4'000);
    CHECK(cluster[0].notices.size() == 1); // once, however often it is tried
    cluster.redis.resume();
    cluster.run(3'000);
    REQUIRE(cluster[0].notices.size() == 2);
    CHECK_FALSE(cluster[0].notices[1].is_out);
    CHECK(cluster.redis.size("{total}") == 2); // both are up, as nobody has ended them
}

TEST_CASE("leases: before the first connection a reservation waits for it") {
    FakeRedis redis;
    redis.now = at_ms(5'000);
    FakeNode node(redis, 1);
    node.ask(1, {{"total", "", 1}}, at_ms(5'000));
    CHECK_FALSE(node.verdict(1));
    node.run(at_ms(5'001));
    CHECK(node.verdict(1) == Verdict::admitted);

    redis.state = FakeRedis::State::gone;
    FakeNode late(redis, 2);
    late.ask(1, {{"total", "", 5}}, at_ms(5'000));
    late.run(at_ms(5'001));
    CHECK(late.verdict(1) == Verdict::unknown); // it is known to be away
}

TEST_CASE("leases: a dialog that ends while its reservation is on its way leaves nothing behind") {
    Cluster cluster(1);
    cluster[0].store.delay = 20ms;
    cluster.run(100);
    cluster.ask(0, 1);
    cluster.run(5);
    cluster[0].leases.release(cluster[0].dialog(1), cluster.now);
    cluster.run(0);
    CHECK(cluster[0].verdict(1) == Verdict::unknown); // who has asked need not wait any more
    cluster.run(100);
    CHECK(cluster[0].told[1].size() == 1);
    CHECK(cluster.redis.size("{total}") == 0);
    CHECK(cluster[0].leases.dialogs() == 0);
}

TEST_CASE("leases: a release is told again until the store confirms it") {
    Cluster cluster(1);
    cluster.ask(0, 1);
    cluster.run(0);
    cluster.redis.state = FakeRedis::State::gone;
    cluster.run(10);
    cluster[0].leases.release(cluster[0].dialog(1), cluster.now);
    cluster.run(1'000);
    CHECK(cluster.redis.sets["{total}"].size() == 1);
    cluster.redis.state = FakeRedis::State::up;
    cluster.run(2'000);
    CHECK(cluster.redis.sets["{total}"].empty());
    CHECK(cluster[0].leases.dialogs() == 0);
    CHECK(cluster[0].leases.statistics().released == 1);
}

TEST_CASE("leases: releases of a store that never comes back are given up after their leases") {
    Cluster cluster(1);
    cluster.ask(0, 1);
    cluster.run(0);
    cluster.redis.state = FakeRedis::State::gone;
    cluster[0].leases.release(cluster[0].dialog(1), cluster.now);
    cluster.run(25'000);
    CHECK(cluster[0].leases.dialogs() == 0);
    CHECK(cluster[0].leases.statistics().expired == 1);
}

TEST_CASE("leases: a store that was emptied fills again from the living, and admits nobody until all had the time") {
    Cluster cluster;
    for (std::uint64_t i = 1; i <= 5; ++i) cluster.ask(i % 2, i, 5);
    cluster.run(10);
    SUBCASE("while nobody is connected") {
        cluster.redis.state = FakeRedis::State::gone;
        cluster.run(500);
        cluster.redis.forget();
        cluster.redis.state = FakeRedis::State::up;
        cluster.run(3'000);
    }
    SUBCASE("under everybody's eyes") {
        cluster.redis.forget();
        cluster.ask(0, 6, 5); // sees it before any renewal does
        cluster.run(0);
        CHECK(cluster[0].verdict(6) == Verdict::unknown);
        cluster[0].leases.release(cluster[0].dialog(6), cluster.now);
        cluster.run(3'000);
    }
    CHECK(cluster.redis.size("{total}") == 5);
    for (std::size_t node : {0U, 1U}) {
        CAPTURE(node);
        CHECK(cluster[node].leases.is_out());
    }
    cluster.ask(1, 7, 5);
    CHECK(cluster[1].verdict(7) == Verdict::unknown);
    cluster[1].leases.release(cluster[1].dialog(7), cluster.now);
    cluster.run(8'000);
    for (std::size_t node : {0U, 1U}) {
        CHECK(cluster[node].leases.is_ready());
        CHECK(cluster[node].notices.size() == 2);
    }
    cluster.ask(1, 8, 5);
    cluster.run(0);
    CHECK(cluster[1].verdict(8) == Verdict::refused);
}

TEST_CASE("leases: who comes to an emptied store before the others do admits nobody, if he may know that it was one") {
    Cluster cluster;
    for (std::uint64_t i = 1; i <= 4; ++i) cluster.ask(i % 2, i, 4);
    cluster.run(10);
    cluster.redis.state = FakeRedis::State::gone;
    cluster.run(10);
    cluster[1].store.is_cut = true; // it waits for its next try
    std::size_t own = 0;
    SUBCASE("he has dialogs of a former process") {
        cluster.nodes[0] = std::make_unique<FakeNode>(cluster.redis, 1, LeaseOptions{}, cluster.now);
        const std::vector<ClusterPlace> places{{"total", "", 4}};
        for (const std::uint64_t serial : {2, 4}) {
            cluster[0].leases.adopt(cluster[0].dialog(serial), places, cluster.now);
        }
        own = 2;
    }
    SUBCASE("it was away when he came") {
        cluster.nodes[0] = std::make_unique<FakeNode>(cluster.redis, 3, LeaseOptions{}, cluster.now);
        cluster.run(10);
    }
    cluster.redis.forget();
    cluster.redis.state = FakeRedis::State::up;
    cluster.run(1000);
    CHECK(cluster.redis.size("{total}") == own);
    CHECK_FALSE(cluster[0].leases.is_ready());
    cluster.ask(0, 9, 4);
    CHECK(cluster[0].verdict(9) == Verdict::unknown);
    cluster[0].leases.release(cluster[0].dialog(9), cluster.now);
    cluster[1].store.is_cut = false;
    cluster.run(8'000);
    CHECK(cluster[0].leases.is_ready());
    CHECK(cluster[1].leases.is_ready());
    CHECK(cluster.redis.size("{total}") == own + 2);
}

TEST_CASE("leases: a replica without the last writes is found out, and told what it lacks") {
    Cluster cluster;
    cluster.ask(0, 1, 5);
    cluster.ask(1, 2, 5);
    cluster.run(10);
    cluster.redis.state = FakeRedis::State::gone;
    cluster.run(10);
    cluster.redis.sets["{total}"].erase(cluster[0].dialog(1)); // its memory is the same
    cluster.redis.state = FakeRedis::State::up;
    cluster.run(1'000);
    CHECK(cluster.redis.size("{total}") == 2);
    CHECK(cluster[0].leases.is_out());
    cluster.ask(1, 3, 5);
    cluster.run(0);
    CHECK(cluster[1].verdict(3) == Verdict::unknown); // he has lost nothing, but was told
    CHECK(cluster[0].leases.statistics().forgotten == 1);
    cluster.run(8'000);
    CHECK(cluster[0].leases.is_ready());
    CHECK(cluster[1].leases.is_ready());
}

TEST_CASE("leases: a store that was frozen for longer than leases last is not trusted at once") {
    Cluster cluster;
    for (std::uint64_t i = 1; i <= 4; ++i) cluster.ask(i % 2, i, 4);
    cluster.run(10);
    cluster.redis.state = FakeRedis::State::frozen;
    cluster.run(20'000);
    cluster.redis.resume();
    cluster[1].store.is_cut = true; // comes back later
    cluster.run(5'000);
    cluster.ask(0, 5, 4);
    cluster.run(0);
    CHECK(cluster[0].verdict(5) == Verdict::unknown);
    cluster[0].leases.release(cluster[0].dialog(5), cluster.now);
    cluster[1].store.is_cut = false;
    cluster.run(12'000);
    CHECK(cluster.redis.size("{total}") == 4);
    CHECK(cluster[0].leases.is_ready());
    CHECK(cluster[1].leases.is_ready());
}

TEST_CASE("leases: dialogs of a former process have their places at once, each counted once") {
    Cluster cluster(1);
    cluster.ask(0, 1, 1);
    cluster.run(10);
    FakeNode restarted(cluster.redis, 1, {}, cluster.now);
    const ClusterPlace place{"total", "", 1};
    for (std::uint64_t i = 1; i <= 3; ++i) restarted.leases.adopt(restarted.dialog(i), {&place, 1}, cluster.now);
    restarted.leases.adopt(restarted.dialog(1), {&place, 1}, cluster.now);
    restarted.run(cluster.now);
    CHECK(cluster.redis.size("{total}") == 3);
    CHECK(restarted.leases.statistics().leases == 3);
    restarted.ask(9, {{"total", "", 3}}, cluster.now);
    restarted.run(cluster.now);
    CHECK(restarted.verdict(9) == Verdict::refused);
    for (std::uint64_t i = 1; i <= 3; ++i) restarted.leases.release(restarted.dialog(i), cluster.now);
    restarted.run(cluster.now);
    CHECK(cluster.redis.size("{total}") == 0);
}

TEST_CASE("leases: bounds are kept, with a verdict and a counter") {
    Cluster cluster(1, {.dialog_max = 2, .per_dialog_max = 2});
    for (std::uint64_t i = 1; i <= 3; ++i) cluster.ask(0, i, 10);
    cluster.run(0);
    CHECK(cluster[0].verdict(2) == Verdict::admitted);
    CHECK(cluster[0].verdict(3) == Verdict::full);
    cluster[0].leases.release(cluster[0].dialog(2), cluster.now);
    cluster.run(0);
    cluster[0].ask(4, {{"a", "", 1}, {"b", "", 1}, {"c", "", 1}}, cluster.now);
    CHECK(cluster[0].verdict(4) == Verdict::full);
    CHECK(cluster[0].leases.dialogs() == 1);
    CHECK(cluster[0].leases.statistics().full == 2);
}

TEST_CASE("leases: a release that the store refuses is given up after its lease, and stands in nobody's way") {
    LeaseOptions options;
    options.dialog_max = 2;
    Cluster cluster(1, options);
    for (std::uint64_t serial = 1; serial <= 2; ++serial) cluster.ask(0, serial, 5);
    cluster.run(10);
    cluster.redis.refuses_release = true;
    for (std::uint64_t serial = 1; serial <= 2; ++serial) {
        cluster[0].leases.release(cluster[0].dialog(serial), cluster.now);
    }
    cluster.run(20'000);
    CHECK(cluster[0].leases.statistics().expired == 2);
    CHECK(cluster[0].leases.dialogs() == 0);
    cluster.ask(0, 3, 5);
    cluster.run(10);
    CHECK(cluster[0].verdict(3) == Verdict::admitted);
}

TEST_CASE("leases: answers that make no sense are no verdicts") {
    Cluster cluster(1);
    cluster[0].store.delay = 1'000'000s; // the test answers
    for (const std::int64_t first : {std::int64_t{2}, std::int64_t{1} << 62, std::int64_t{-7}}) {
        CAPTURE(first);
        const auto serial = static_cast<std::uint64_t>(first & 0xffff) + 1;
        cluster.ask(0, serial, 5);
        REQUIRE_FALSE(cluster[0].store.sent.empty());
        const LeaseCommandId id = cluster[0].store.sent.back().second.id;
        cluster[0].leases.on_answer({id, true, first, -1, {}, {}}, cluster.now);
        cluster[0].leases.on_answer({id, true, 0, 0, {}, {}}, cluster.now); // a second one to the same
        cluster[0].collect();
        CHECK(cluster[0].verdict(serial) == Verdict::unknown);
    }
}

TEST_CASE("leases: waits grow from retry_min to retry_max, and to half a lease at most") {
    LeaseOptions options;
    options.lease = 2s;
    FakeRedis redis;
    redis.state = FakeRedis::State::gone;
    FakeNode node(redis, 1, options);
    std::vector<Instant> tries;
    for (Instant now = at_ms(1); now < at_ms(10'000); now += 1ms) {
        const auto before = node.leases.statistics().failures;
        node.run(now);
        if (node.leases.statistics().failures != before) tries.push_back(now);
    }
    REQUIRE(tries.size() > 8);
    CHECK(tries[1] - tries[0] <= 101ms);
    CHECK(tries[1] - tries[0] >= 75ms);
    for (std::size_t i = 1; i < tries.size(); ++i) CHECK(tries[i] - tries[i - 1] <= 1'001ms);
    CHECK(tries.back() - tries[tries.size() - 2] >= 750ms);
}

TEST_CASE("leases: the size is that of the cluster, and nothing in an outage [28]") {
    Cluster cluster;
    cluster.ask(0, 1, 5);
    cluster.ask(1, 2, 5);
    cluster.run(0);
    cluster[0].leases.ask_size(7, "total", "", cluster.now);
    cluster.run(0);
    REQUIRE(cluster[0].sizes.size() == 1);
    CHECK(cluster[0].sizes[0].asker == 7);
    CHECK(cluster[0].sizes[0].size == 2);
    cluster.redis.state = FakeRedis::State::gone;
    cluster.run(0);
    cluster[0].leases.ask_size(8, "total", "", cluster.now);
    cluster[0].collect();
    REQUIRE(cluster[0].sizes.size() == 2);
    CHECK_FALSE(cluster[0].sizes[1].size);
}
