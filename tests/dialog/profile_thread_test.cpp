#include <atomic>
#include <doctest/doctest.h>
#include <random>
#include <string>
#include <thread>
#include <vector>
#include "dialog/profiles.hpp"

using namespace tandem;
using test::dialog_id;

TEST_CASE("profile: no thread ever sees one call more than the limit, and none waits for a torn list [16]") {
    constexpr std::uint32_t thread_count = 4;
    constexpr std::uint32_t dialog_count = 12; // of each thread
    constexpr std::uint32_t total_max = 20;
    constexpr std::uint32_t value_max = 7;
    SeededRandom seeds(1);
    ProfileTable table(seeds);
    REQUIRE(table.declare({.name = "calls", .limit = total_max}).ok());
    REQUIRE(table.declare({.name = "trunk", .has_values = true, .limit = value_max}).ok());

    std::vector<std::vector<Memberships>> lists(thread_count);
    for (auto &list : lists) list.resize(dialog_count);
    std::atomic<std::uint64_t> admitted = 0;
    std::atomic<std::uint64_t> refused = 0;
    std::atomic<bool> is_wrong = false;
    std::atomic<bool> is_over = false;

    const auto hammer = [&](std::uint32_t thread) {
        std::mt19937 random(thread);
        const std::vector<std::string> values = {"a", "b", "c"};
        for (int i = 0; i < 20'000; ++i) {
            const auto number = static_cast<std::uint32_t>(random() % dialog_count);
            Memberships &list = lists[thread][number];
            const std::string &value = values[random() % 3];
            if (random() % 3 != 0) {
                const std::vector<ProfileRequest> both = {{.profile = "calls"}, {.profile = "trunk", .value = value}};
                const auto done = table.reserve(dialog_id(thread * 100 + number), list, both);
                if (!done && done.error() != Error::limit) is_wrong = true;
                ++(done ? admitted : refused);
            } else if (random() % 3 == 0) {
                static_cast<void>(table.leave(list, "trunk", value));
            } else {
                table.release(list);
                list.clear();
            }
        }
    };
    const auto watch = [&] {
        while (!is_over) {
            if (*table.size("calls") > total_max) is_wrong = true;
            if (*table.size("trunk", "a") > value_max || *table.size("trunk") > 3 * value_max) is_wrong = true;
            const auto page = table.members("trunk", 0, 100);
            if (page->items.size() > 3 * value_max) is_wrong = true;
            const auto values = table.values("trunk", 0, 10);
            for (const ProfileValueInfo &value : values->items) {
                if (value.size == 0 || value.size > value_max) is_wrong = true;
            }
        }
    };
    std::thread watcher(watch);
    std::vector<std::thread> threads;
    for (std::uint32_t i = 0; i < thread_count; ++i) threads.emplace_back(hammer, i);
    for (std::thread &thread : threads) thread.join();
    is_over = true;
    watcher.join();

    CHECK_FALSE(is_wrong);
    CHECK(admitted > 0);
    CHECK(refused > 0);
    std::vector<LiveMemberships> living;
    std::uint32_t calls = 0;
    std::uint32_t trunk = 0;
    for (std::uint32_t thread = 0; thread < thread_count; ++thread) {
        for (std::uint32_t number = 0; number < dialog_count; ++number) {
            Memberships &list = lists[thread][number];
            living.push_back({dialog_id(thread * 100 + number), &list});
            for (const Membership &membership : list) ++(table.name_of(membership.profile) == "calls" ? calls : trunk);
        }
    }
    CHECK(*table.size("calls") == calls);
    CHECK(*table.size("trunk") == trunk);
    CHECK(table.info("calls")->refused + table.info("trunk")->refused == refused);
    const ProfileAudit audit = table.audit(living);
    CHECK(audit.checked == calls + trunk);
    CHECK(audit.removed + audit.added + audit.misplaced == 0);
}
