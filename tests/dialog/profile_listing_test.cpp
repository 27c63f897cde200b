#include <algorithm>
#include <doctest/doctest.h>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include "dialog/profiles.hpp"

using namespace tandem;
using test::dialog_id;
using test::Profiles;

namespace {

using DialogPage = ProfilePage<DialogId>;

// All pages; `between` runs after each. Stops after `page_max` pages, which no listing may need.
template <class T>
std::vector<T> all_pages(
    const std::function<Result<ProfilePage<T>>(std::uint64_t)> &page_at, std::size_t max,
    const std::function<void()> &between = [] {}, int page_max = 100'000) {
    std::vector<T> items;
    std::uint64_t cursor = 0;
    for (int i = 0; i < page_max; ++i) {
        const auto page = page_at(cursor).value();
        REQUIRE(page.items.size() <= max);
        items.insert(items.end(), page.items.begin(), page.items.end());
        cursor = page.next;
        if (cursor == 0) return items;
        between();
    }
    FAIL("the listing does not end");
    return items;
}

std::vector<DialogId> sorted(std::vector<DialogId> ids) {
    std::sort(ids.begin(), ids.end());
    return ids;
}

std::vector<DialogId> numbers(std::uint32_t first, std::uint32_t last, std::uint32_t step = 1) {
    std::vector<DialogId> ids;
    for (; first <= last; first += step) ids.push_back(dialog_id(first));
    return ids;
}

} // namespace

TEST_CASE("profile: pages list every member and every value once while nothing moves") {
    Profiles profiles;
    REQUIRE(profiles.table.declare({.name = "calls"}).ok());
    ProfileOptions trunk{.name = "trunk", .has_values = true, .limit = 50, .limits = {{"v3", 70}, {"no", 1}}};
    REQUIRE(profiles.table.declare(trunk).ok());
    for (std::uint32_t i = 1; i <= 100; ++i) {
        const std::string value = "v" + std::to_string(i % 7);
        REQUIRE(profiles.reserve(i, {{.profile = "calls"}, {.profile = "trunk", .value = value}}).ok());
    }
    for (std::size_t max : {1, 2, 3, 7, 14, 15, 99, 100, 101, 1000}) {
        CAPTURE(max);
        CHECK(sorted(all_pages<DialogId>([&](auto at) { return profiles.table.members("calls", at, max); }, max)) ==
              numbers(1, 100));
        CHECK(sorted(all_pages<DialogId>([&](auto at) { return profiles.table.members("calls", "", at, max); }, max)) ==
              numbers(1, 100));
        CHECK(sorted(all_pages<DialogId>([&](auto at) { return profiles.table.members("trunk", at, max); }, max)) ==
              numbers(1, 100));
        CHECK(sorted(all_pages<DialogId>([&](auto at) { return profiles.table.members("trunk", "v3", at, max); },
                                         max)) == numbers(3, 100, 7));
        std::map<std::string, std::uint32_t> sizes;
        for (const auto &value :
             all_pages<ProfileValueInfo>([&](auto at) { return profiles.table.values("trunk", at, max); }, max)) {
            CHECK(value.limit == (value.value == "v3" ? 70 : 50));
            CHECK(sizes.emplace(value.value, value.size).second);
        }
        CHECK(sizes.size() == 7);
        for (const auto &[value, size] : sizes) CHECK(size == profiles.size("trunk", value));
    }
    CHECK(profiles.table.members("trunk", 0, 100)->next == 0); // a full page may be the last
    CHECK(profiles.table.members("trunk", 0, 99)->next != 0);
    CHECK(profiles.members("trunk", "unknown").empty());
}

TEST_CASE("profile: an empty listing is one empty page") {
    Profiles profiles;
    REQUIRE(profiles.table.declare({.name = "calls"}).ok());
    REQUIRE(profiles.table.declare({.name = "trunk", .has_values = true, .limits = {{"a", 1}}}).ok());
    for (const char *name : {"calls", "trunk"}) {
        const DialogPage page = profiles.table.members(name, 0, 10).value();
        CHECK(page.items.empty());
        CHECK(page.next == 0);
    }
    CHECK(profiles.table.values("trunk", 0, 10)->items.empty());
    CHECK(profiles.table.values("trunk", 0, 10)->next == 0);
}

TEST_CASE("profile: a cursor that no page can have given is refused") {
    Profiles profiles({.value_max = 100, .member_max = 1000});
    REQUIRE(profiles.table.declare({.name = "calls"}).ok());
    REQUIRE(profiles.table.declare({.name = "trunk", .has_values = true}).ok());
    for (std::uint32_t i = 1; i <= 50; ++i) REQUIRE(profiles.reserve(i, {{.profile = "trunk", .value = "a"}}).ok());
    const ProfileTable &table = profiles.table;
    CHECK(table.members("nobody", 0, 1).error() == Error::no_profile);
    CHECK(table.members("nobody", "a", 0, 1).error() == Error::no_profile);
    CHECK(table.values("nobody", 0, 1).error() == Error::no_profile);
    CHECK(table.values("calls", 0, 1).error() == Error::invalid);
    CHECK(table.members("calls", "a", 0, 1).error() == Error::invalid);
    CHECK(table.members("trunk", 0, 0).error() == Error::invalid);
    CHECK(table.members("trunk", "a", 0, 0).error() == Error::invalid);
    CHECK(table.values("trunk", 0, 0).error() == Error::invalid);
    for (const std::uint64_t wrong : {~std::uint64_t{0}, std::uint64_t{7}, std::uint64_t{1} << 63,
                                      (std::uint64_t{1} << 32) + 1001, std::uint64_t{100'000} << 32}) {
        CAPTURE(wrong);
        CHECK(table.members("trunk", wrong, 10).error() == Error::invalid);
    }
    CHECK(table.members("trunk", "a", 1001, 10).error() == Error::invalid);
    CHECK(table.members("trunk", "a", std::uint64_t{1} << 32, 10).error() == Error::invalid);
    CHECK(table.values("trunk", 100'000, 10).error() == Error::invalid);

    std::mt19937_64 random(1); // whatever passes for one reads nothing outside of the lists
    for (int i = 0; i < 20'000; ++i) {
        const std::uint64_t cursor = random() >> random() % 64 & 0x0000007f000003ff;
        static_cast<void>(table.members("trunk", cursor, 1 + random() % 60));
        static_cast<void>(table.members("trunk", "a", cursor, 1 + random() % 60));
        static_cast<void>(table.members("trunk", "b", cursor, 1 + random() % 60));
        static_cast<void>(table.values("trunk", cursor, 1 + random() % 60));
    }
}

TEST_CASE("profile: a listing goes on before a value that went away in the middle of it") {
    Profiles profiles;
    REQUIRE(profiles.table.declare({.name = "trunk", .has_values = true}).ok());
    for (std::uint32_t i = 1; i <= 30; ++i) {
        const std::string value = "v" + std::to_string((i - 1) / 10);
        REQUIRE(profiles.reserve(i, {{.profile = "trunk", .value = value}}).ok());
    }
    const DialogPage page = profiles.table.members("trunk", 0, 5).value();
    for (std::uint32_t i = 21; i <= 30; ++i) profiles.end(i); // the value that the page was taken from
    const DialogPage rest = profiles.table.members("trunk", page.next, 100).value();
    CHECK(sorted(rest.items) == numbers(1, 20));
    CHECK(rest.next == 0);
}

TEST_CASE("profile: what stays from the first page to the last is never missed") {
    for (std::uint32_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
        Profiles profiles;
        REQUIRE(profiles.table.declare({.name = "calls"}).ok());
        REQUIRE(profiles.table.declare({.name = "trunk", .has_values = true}).ok());
        const std::uint32_t value_count = 1 + below(40);
        std::uint32_t next = 1;
        const auto join = [&] {
            const std::string value = "v" + std::to_string(below(value_count));
            REQUIRE(profiles.reserve(next++, {{.profile = "calls"}, {.profile = "trunk", .value = value}}).ok());
        };
        for (int i = 0; i < 200; ++i) join();
        const std::uint32_t stay_one_in = 1 + below(20);
        std::map<std::string, std::vector<DialogId>> stay; // by value
        std::vector<std::uint32_t> others;
        for (const auto &[number, list] : profiles.lists) {
            if (below(stay_one_in) == 0) {
                stay[std::string(list[1].value.get(0))].push_back(dialog_id(number));
            } else {
                others.push_back(number);
            }
        }
        const auto move = [&] {
            for (std::uint32_t i = below(30); i > 0; --i) {
                if (below(3) == 0) {
                    others.push_back(next);
                    join();
                } else if (!others.empty()) {
                    std::swap(others[below(static_cast<std::uint32_t>(others.size()))], others.back());
                    profiles.end(others.back());
                    others.pop_back();
                }
            }
        };

        const std::size_t max = 1 + below(25);
        const auto as_set = [](const std::vector<DialogId> &ids) { return std::set<DialogId>(ids.begin(), ids.end()); };
        const auto kind = seed % 4;
        if (kind == 3) {
            std::set<std::string> listed;
            for (const auto &value : all_pages<ProfileValueInfo>(
                     [&](auto at) { return profiles.table.values("trunk", at, max); }, max, move)) {
                listed.insert(value.value);
            }
            for (const auto &[value, ids] : stay) CHECK(listed.count(value) == 1);
            continue;
        }
        const std::string one = stay.empty() ? "v0" : stay.begin()->first;
        const auto listed = as_set(all_pages<DialogId>(
            [&](auto at) {
                return kind == 0   ? profiles.table.members("calls", at, max)
                       : kind == 1 ? profiles.table.members("trunk", at, max)
                                   : profiles.table.members("trunk", one, at, max);
            },
            max, move));
        for (const auto &[value, ids] : stay) {
            if (kind == 2 && value != one) continue;
            for (DialogId id : ids) CHECK(listed.count(id) == 1);
        }
        CHECK(profiles.is_in_order());
    }
}
