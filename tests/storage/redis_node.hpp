// The leases of a node over the real adapter, on a loop of the test's own.
#pragma once
#include <doctest/doctest.h>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include "cluster/leases.hpp"
#include "net/loop.hpp"
#include "net/stream_peer.hpp"
#include "net/system_clock.hpp"
#include "storage/redis/redis_lease_store.hpp"

namespace tandem::test {

class RedisNode {
public:
    // A machine that is busy with other things is no outage, unless the test says so.
    static LeaseOptions patient() {
        LeaseOptions options;
        options.timeout = std::chrono::seconds(2);
        return options;
    }

    RedisNode(Loop &loop, const std::string &url, std::uint64_t number, const LeaseOptions &options = patient())
        : epoch(number), random(number),
          store(loop, *RedisUrl::parse(url), "test:",
                {[this] { leases.on_connected(now()); }, [this](const std::string &why) { leases.on_lost(why, now()); },
                 [this](const LeaseAnswer &answer) { leases.on_answer(answer, now()); }}),
          leases(with_kind(options, url), store, random, now()) {}

    static Instant now() { return SystemClock::now(); }

    RecordId dialog(std::uint64_t serial) const { return {epoch, serial}; }
    void ask(std::uint64_t serial, std::vector<ClusterPlace> places) {
        leases.reserve({ReservationId(serial), dialog(serial), std::move(places)}, now());
    }
    void ask(std::uint64_t serial, std::uint32_t limit) { ask(serial, {{"total", "", limit}}); }

    void run() {
        const auto due = leases.next_deadline();
        if (due && *due <= now()) leases.advance(now());
        for (Reserved reserved; leases.next_verdict(reserved);) told[reserved.id.value()] = reserved;
        for (LeaseNotice notice; leases.next_notice(notice);) notices.push_back(notice);
        for (LeaseSize size; leases.next_size(size);) sizes.push_back(size);
    }

    std::optional<Verdict> verdict(std::uint64_t serial) const {
        const auto found = told.find(serial);
        return found == told.end() ? std::nullopt : std::optional(found->second.verdict);
    }

    std::uint64_t epoch;
    SeededRandom random;
    RedisLeaseStore store;
    Leases leases;
    std::map<std::uint64_t, Reserved> told;
    std::vector<LeaseNotice> notices;
    std::vector<LeaseSize> sizes;

private:
    static LeaseOptions with_kind(LeaseOptions options, const std::string &url) {
        options.is_sharded = RedisUrl::parse(url)->kind == RedisKind::cluster;
        return options;
    }
};

// Runs the loop and the nodes on it until `done`.
template <class Done>
void run_nodes(Loop &loop, const std::vector<RedisNode *> &nodes, Done done) {
    run_until(loop, [&] {
        for (RedisNode *node : nodes) node->run();
        return done();
    });
}

} // namespace tandem::test
