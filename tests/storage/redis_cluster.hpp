// A Redis Cluster of three masters.
#pragma once
#include <algorithm>
#include <array>
#include <chrono>
#include <doctest/doctest.h>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>
#include "net/system_clock.hpp"
#include "storage/redis/redis_slot.hpp"
#include "storage/redis_server.hpp"

namespace tandem::test {

struct RedisCluster {
    RedisCluster() {
        for (std::size_t i = 0; i < servers.size(); ++i) {
            const std::size_t first = i * 5461;
            const std::size_t last = i + 1 < servers.size() ? first + 5460 : redis_slots - 1;
            servers[i].ask("CLUSTER ADDSLOTSRANGE " + std::to_string(first) + " " + std::to_string(last));
            servers[i].ask("CLUSTER SET-CONFIG-EPOCH " + std::to_string(i + 1));
            const std::string bus = servers[i].ask("CONFIG GET cluster-port").substr(13);
            servers[0].ask("CLUSTER MEET 127.0.0.1 " + std::to_string(servers[i].port()) + " " + bus);
        }
        const Instant end = SystemClock::now() + std::chrono::seconds(20);
        const auto is_ready = [](RedisServer &server) {
            const std::string info = server.ask("CLUSTER INFO");
            return info.find("cluster_state:ok") != std::string::npos &&
                   info.find("cluster_known_nodes:3") != std::string::npos;
        };
        while (!std::all_of(servers.begin(), servers.end(), is_ready)) {
            REQUIRE(SystemClock::now() < end);
            ::usleep(20'000);
        }
    }

    std::string url() { return "redis-cluster://127.0.0.1:" + std::to_string(servers[0].port()); }
    std::size_t owner(std::string_view key) const { return redis_slot(key) / 5461U % 3U; }

    static std::vector<std::string> options() {
        return {"--cluster-enabled",      "yes", "--cluster-port", std::to_string(free_port()),
                "--cluster-node-timeout", "1000"};
    }
    std::array<RedisServer, 3> servers{RedisServer(options()), RedisServer(options()), RedisServer(options())};
};

} // namespace tandem::test
