// Memory ends at the Nth allocation, for every N.
#include <doctest/doctest.h>
#include <string>
#include "dialog/failing_memory.hpp"
#include "dialog/profiles.hpp"

using namespace tandem;
using test::dialog_id;
using test::Profiles;
using test::runs_with;

TEST_CASE("profile: a reservation whose memory ends changes nothing") {
    const std::string value(40, 'x');
    const std::string other(40, 'y');
    bool is_done = false;
    for (std::size_t allocations = 0; !is_done; ++allocations) {
        CAPTURE(allocations);
        REQUIRE(allocations < 100);
        Profiles profiles;
        REQUIRE(profiles.table.declare({.name = "calls"}).ok());
        REQUIRE(profiles.table.declare({.name = "trunk", .has_values = true}).ok());
        REQUIRE(profiles.reserve(1, {{.profile = "calls"}, {.profile = "trunk", .value = value}}).ok());
        Memberships &list = profiles.lists[2];
        const std::vector<ProfileRequest> requests = {
            {.profile = "calls"}, {.profile = "trunk", .value = value}, {.profile = "trunk", .value = other}};
        is_done = runs_with(allocations, [&] { CHECK(profiles.table.reserve(dialog_id(2), list, requests).ok()); });
        CHECK(profiles.size("calls") == (is_done ? 2 : 1));
        CHECK(profiles.size("trunk") == (is_done ? 3 : 1));
        CHECK(profiles.size("trunk", other) == (is_done ? 1 : 0));
        CHECK(list.size() == (is_done ? 3 : 0));
        CHECK(profiles.is_in_order());
        CHECK(profiles.table.reserve(dialog_id(2), list, requests).ok());
        CHECK(profiles.size("trunk") == 3);
    }
}

TEST_CASE("profile: a declaration whose memory ends changes nothing") {
    const std::string value(40, 'x');
    for (const bool is_known : {false, true}) {
        bool is_done = false;
        for (std::size_t allocations = 0; !is_done; ++allocations) {
            CAPTURE(allocations);
            REQUIRE(allocations < 100);
            Profiles profiles({.value_max = 3});
            if (is_known) REQUIRE(profiles.table.declare({.name = "t", .has_values = true, .limits = {{"a", 1}}}).ok());
            ProfileOptions declared{.name = "t", .has_values = true, .limit = 9};
            declared.limits = {{value, 1}, {"b", 2}};
            const ProfileOptions plain{.name = "plain", .limit = 9};
            bool is_first_done = false;
            is_done = runs_with(allocations, [&] {
                CHECK(profiles.table.declare(declared).ok());
                is_first_done = true;
                CHECK(profiles.table.declare(plain).ok());
            });
            CHECK(profiles.table.profiles().size() == (is_known || is_first_done ? 1U : 0U) + (is_done ? 1U : 0U));
            if (is_known && !is_first_done) CHECK(profiles.table.info("t")->limit == 0);
            CHECK(profiles.table.declare(declared).ok()); // and value_max still has room
            CHECK(profiles.table.declare(plain).ok());
            CHECK(profiles.table.info("t")->limit == 9);
            CHECK(profiles.reserve(1, {{.profile = "plain"}, {.profile = "t", .value = "z"}}).ok());
            CHECK(profiles.is_in_order());
        }
    }
}

TEST_CASE("profile: releases and leaves need no memory") {
    Profiles profiles;
    REQUIRE(profiles.table.declare({.name = "calls"}).ok());
    REQUIRE(profiles.table.declare({.name = "trunk", .has_values = true}).ok());
    for (std::uint32_t i = 1; i <= 1000; ++i) {
        const std::string value = "v" + std::to_string(i % 300);
        REQUIRE(profiles.reserve(i, {{.profile = "calls"}, {.profile = "trunk", .value = value}}).ok());
    }
    CHECK(runs_with(0, [&] {
        for (std::uint32_t i = 1; i <= 1000; ++i) {
            if (i % 2 == 0) static_cast<void>(profiles.table.leave(profiles.lists[i], "calls", ""));
            profiles.table.release(profiles.lists[i]);
        }
    }));
    CHECK(profiles.size("calls") == 0);
    CHECK(profiles.size("trunk") == 0);
    CHECK(profiles.is_in_order());
}
