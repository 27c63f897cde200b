#include <doctest/doctest.h>
#include <string>
#include "dialog/profile_table.hpp"
#include "dialog/profiles.hpp"

using namespace tandem;
using test::Profiles;

namespace {

// "calls" takes 5; each "trunk" takes 2, "big" 3, "free" any number.
struct TwoProfiles : Profiles {
    explicit TwoProfiles(const ProfileTableOptions &options = {}) : Profiles(options) {
        REQUIRE(table.declare({.name = "calls", .limit = 5}).ok());
        REQUIRE(table.declare(trunk()).ok());
    }
    static ProfileOptions trunk() {
        return {.name = "trunk", .has_values = true, .limit = 2, .limits = {{"big", 3}, {"free", 0}}};
    }
    ProfileInfo info(std::string_view profile) const { return table.info(profile).value(); }
};

} // namespace

TEST_CASE("profile: a name is up to 64 bytes of visible ASCII without '='") {
    Profiles profiles;
    for (const std::string &name : {std::string(), std::string("a b"), std::string("a=b"), std::string("\x7f"),
                                    std::string("\xc3\xa9"), std::string("a\0b", 3), std::string(65, 'x')}) {
        CAPTURE(name);
        CHECK(profiles.table.declare({.name = name}).error() == Error::invalid);
    }
    CHECK(profiles.table.declare({.name = std::string(64, 'x')}).ok());
    CHECK(profiles.table.declare({.name = "!~"}).ok());
    CHECK(profiles.table.declare({.name = "a"}).ok());
    CHECK(profiles.table.profiles().size() == 3);
    CHECK(profiles.table.profiles()[1].name == "!~");
    CHECK(profiles.size("a") == 0);
}

TEST_CASE("profile: names that share size, begin and end are told apart") {
    Profiles profiles;
    CHECK(profiles.table.declare({.name = "customer-1-outbound"}).ok());
    CHECK(profiles.table.declare({.name = "customer-2-outbound"}).ok());
    CHECK(profiles.reserve(1, {{.profile = "customer-2-outbound"}}).ok());
    CHECK(profiles.size("customer-1-outbound") == 0);
    CHECK(profiles.size("customer-2-outbound") == 1);
    CHECK(profiles.table.size("customer-3-outbound").error() == Error::no_profile);
}

TEST_CASE("profile: a declaration that fails changes nothing") {
    TwoProfiles profiles({.profile_max = 3, .value_max = 3, .value_size_max = 8});
    CHECK(profiles.table.declare({.name = "calls", .has_values = true}).error() == Error::invalid);
    CHECK(profiles.table.declare({.name = "calls", .limit = 9, .limits = {{"a", 1}}}).error() == Error::invalid);
    CHECK(profiles.table.declare({.name = "trunk", .limit = 9}).error() == Error::invalid);
    for (const char *value : {"a\nb", "\x7f", "ninebytes"}) {
        ProfileOptions trunk{.name = "trunk", .has_values = true, .limit = 9, .limits = {{"a", 1}, {value, 1}}};
        CHECK(profiles.table.declare(trunk).error() == Error::invalid);
        trunk.name = "other";
        CHECK(profiles.table.declare(trunk).error() == Error::invalid);
    }
    ProfileOptions many{.name = "trunk", .has_values = true, .limit = 9, .limits = {{"a", 1}, {"b", 1}}};
    CHECK(profiles.table.declare(many).error() == Error::full); // "big" and "free" go last
    many.name = "other";
    CHECK(profiles.table.declare(many).error() == Error::full);
    CHECK(profiles.table.profiles().size() == 2);
    CHECK(profiles.info("calls").limit == 5);
    CHECK(profiles.info("trunk").limit == 2);

    CHECK(profiles.table.declare({.name = "other"}).ok());
    CHECK(profiles.table.declare({.name = "one more"}).error() == Error::invalid);
    CHECK(profiles.table.declare({.name = "one-more"}).error() == Error::full);
    CHECK(profiles.reserve(1, {{.profile = "trunk", .value = "a"}}).ok()); // the third value of three
    CHECK(profiles.reserve(1, {{.profile = "trunk", .value = "b"}}).error() == Error::full);
}

TEST_CASE("profile: declared anew it has new limits, and who is in stays in") {
    TwoProfiles profiles;
    for (std::uint32_t i = 1; i <= 3; ++i) {
        REQUIRE(profiles.reserve(i, {{.profile = "calls"}, {.profile = "trunk", .value = "big"}}).ok());
    }
    REQUIRE(profiles.table.declare({.name = "calls", .limit = 1}).ok());
    REQUIRE(profiles.table.declare({.name = "trunk", .has_values = true, .limit = 4, .limits = {{"new", 1}}}).ok());
    CHECK(profiles.size("calls") == 3);
    CHECK(profiles.reserve(4, {{.profile = "calls"}}).error() == Error::limit);
    CHECK(profiles.reserve(1, {{.profile = "calls"}}).ok());
    CHECK(profiles.reserve(4, {{.profile = "trunk", .value = "big"}}).ok()); // no limit of its own any more
    CHECK(profiles.reserve(5, {{.profile = "trunk", .value = "big"}}).error() == Error::limit);
    CHECK(profiles.refusal.limit == 4);
    CHECK(profiles.reserve(5, {{.profile = "trunk", .value = "new"}}).ok());
    CHECK(profiles.reserve(6, {{.profile = "trunk", .value = "new"}}).error() == Error::limit);
    CHECK(profiles.is_in_order());
}

TEST_CASE("profile: of a value that is given two limits the last one counts") {
    Profiles profiles;
    const ProfileOptions twice{.name = "trunk", .has_values = true, .limits = {{"a", 7}, {"a", 1}}};
    REQUIRE(profiles.table.declare(twice).ok());
    REQUIRE(profiles.reserve(1, {{.profile = "trunk", .value = "a"}}).ok());
    CHECK(profiles.reserve(2, {{.profile = "trunk", .value = "a"}}).error() == Error::limit);
    CHECK(profiles.refusal.limit == 1);
    REQUIRE(profiles.table.declare({.name = "trunk", .has_values = true}).ok());
    profiles.end(1);
    REQUIRE(profiles.table.declare(twice).ok());
    REQUIRE(profiles.table.declare({.name = "trunk", .has_values = true}).ok());
    CHECK(profiles.reserve(2, {{.profile = "trunk", .value = "a"}}).ok());
    CHECK(profiles.reserve(3, {{.profile = "trunk", .value = "a"}}).ok());
}

TEST_CASE("profile: joining counts in the profile and in its value, until it is released") {
    TwoProfiles profiles;
    REQUIRE(profiles.reserve(1, {{.profile = "calls"}, {.profile = "trunk", .value = "a"}}).ok());
    REQUIRE(profiles.reserve(2, {{.profile = "trunk", .value = "b"}, {.profile = "trunk", .value = ""}}).ok());
    CHECK(profiles.size("calls") == 1);
    CHECK(profiles.size("calls", "") == 1);
    CHECK(profiles.size("trunk") == 3);
    CHECK(profiles.size("trunk", "a") == 1);
    CHECK(profiles.size("trunk", "") == 1);
    CHECK(profiles.size("trunk", "never seen") == 0);
    CHECK(profiles.info("trunk").values == 3);
    CHECK(profiles.info("calls").values == 0);

    profiles.release(2);
    CHECK(profiles.size("trunk") == 1);
    CHECK(profiles.size("trunk", "b") == 0);
    CHECK(profiles.info("trunk").values == 1);
    profiles.release(1);
    CHECK(profiles.size("calls") == 0);
    CHECK(profiles.size("trunk") == 0);
}

TEST_CASE("profile: a release happens once, and the names stay for the record") {
    TwoProfiles profiles;
    REQUIRE(profiles.reserve(1, {{.profile = "calls"}, {.profile = "trunk", .value = "a"}}).ok());
    REQUIRE(profiles.reserve(2, {{.profile = "calls"}}).ok());
    profiles.release(1);
    profiles.release(1);
    CHECK(profiles.size("calls") == 1);
    const Memberships &list = profiles.lists[1];
    REQUIRE(list.size() == 2);
    CHECK_FALSE(list[0].member);
    CHECK_FALSE(list[1].member);
    CHECK(profiles.table.name_of(list[0].profile) == "calls");
    CHECK(profiles.table.name_of(list[1].profile) == "trunk");
    CHECK(list[1].value.get(0) == "a");
    CHECK_FALSE(profiles.leave(1, "calls"));
    CHECK(list.size() == 2);

    // Whoever joins after that is in the list once.
    REQUIRE(profiles.reserve(1, {{.profile = "trunk", .value = "a"}}).ok());
    CHECK(list.size() == 2);
    CHECK(profiles.size("trunk", "a") == 1);
    CHECK(profiles.audit().checked == 2);
}

TEST_CASE("profile: joining again counts once and is never refused") {
    TwoProfiles profiles;
    const std::vector<ProfileRequest> both = {{.profile = "trunk", .value = "a", .limit = 1},
                                              {.profile = "trunk", .value = "a", .limit = 1}};
    REQUIRE(profiles.reserve(1, both).ok());
    REQUIRE(profiles.reserve(1, both).ok());
    CHECK(profiles.size("trunk", "a") == 1);
    CHECK(profiles.lists[1].size() == 1);
    CHECK(profiles.reserve(2, both).error() == Error::limit);
    CHECK(profiles.info("trunk").refused == 1);
    profiles.release(1);
    CHECK(profiles.size("trunk", "a") == 0);
}

TEST_CASE("profile: of one request that is there twice the stricter limit holds") {
    TwoProfiles profiles;
    REQUIRE(profiles.reserve(1, {{.profile = "calls"}}).ok());
    CHECK(profiles.reserve(2, {{.profile = "calls", .limit = 2}, {.profile = "calls", .limit = 1}}).error() ==
          Error::limit);
    CHECK(profiles.refusal.index == 1);
    CHECK(profiles.size("calls") == 1);
}

TEST_CASE("profile: the limit is the call's own, else the value's, else the profile's, and 0 only counts") {
    TwoProfiles profiles;
    const auto admitted = [&](ProfileRequest request) {
        std::uint32_t number = 1;
        while (number <= 20 && profiles.reserve(number, {request})) ++number;
        const std::uint32_t size = profiles.size("trunk", request.value);
        CHECK(size == number - 1);
        for (std::uint32_t i = 1; i <= 20; ++i) profiles.end(i);
        return size;
    };
    CHECK(admitted({.profile = "trunk", .value = "a"}) == 2);
    CHECK(admitted({.profile = "trunk", .value = "big"}) == 3);
    CHECK(admitted({.profile = "trunk", .value = "free"}) == 20);
    CHECK(admitted({.profile = "trunk", .value = "a", .limit = 4}) == 4);
    CHECK(admitted({.profile = "trunk", .value = "big", .limit = 1}) == 1);
    CHECK(admitted({.profile = "trunk", .value = "a", .limit = 0}) == 20);
}

TEST_CASE("profile: one full profile refuses all of a reservation, and says which and why") {
    TwoProfiles profiles;
    REQUIRE(profiles.reserve(1, {{.profile = "trunk", .value = "a"}}).ok());
    REQUIRE(profiles.reserve(2, {{.profile = "trunk", .value = "a"}}).ok());
    CHECK(profiles.reserve(3, {{.profile = "calls"}, {.profile = "trunk", .value = "a"}}).error() == Error::limit);
    CHECK(profiles.refusal.index == 1);
    CHECK(profiles.refusal.size == 2);
    CHECK(profiles.refusal.limit == 2);
    CHECK(profiles.lists[3].empty());
    CHECK(profiles.size("calls") == 0);
    CHECK(profiles.info("calls").refused == 0);
    CHECK(profiles.info("trunk").refused == 1);

    REQUIRE(profiles.reserve(4, {{.profile = "calls"}}).ok()); // beside the one it is in already
    CHECK(profiles.reserve(4, {{.profile = "trunk", .value = "b"}, {.profile = "trunk", .value = "a"}}).error() ==
          Error::limit);
    CHECK(profiles.lists[4].size() == 1);
    CHECK(profiles.size("trunk", "b") == 0);
    const ProfileRequest again{.profile = "trunk", .value = "a"};
    Memberships list;
    CHECK(profiles.table.reserve(test::dialog_id(5), list, {&again, 1}).error() == Error::limit); // no refusal asked
    CHECK(profiles.info("trunk").refused == 3);
}

TEST_CASE("profile: what is wrong is found before any limit, changes nothing and is named") {
    TwoProfiles profiles({.value_size_max = 8});
    REQUIRE(profiles.reserve(1, {{.profile = "calls"}}).ok());
    profiles.refusal = {.index = 77, .size = 77, .limit = 77};
    const ProfileRequest refused{.profile = "calls", .limit = 1};
    CHECK(profiles.reserve(2, {refused, {.profile = "nobody"}}).error() == Error::no_profile);
    CHECK(profiles.reserve(2, {refused, {.profile = "calls", .value = "a"}}).error() == Error::invalid);
    CHECK(profiles.reserve(2, {refused, {.profile = "trunk", .value = "ninebytes"}}).error() == Error::too_large);
    for (const char *value : {"\x1f", "a\r\n", "\x7f"}) {
        CHECK(profiles.reserve(2, {refused, {.profile = "trunk", .value = value}}).error() == Error::invalid);
    }
    CHECK(profiles.reserve(2, {refused, {.profile = "trunk", .value = {"\0", 1}}}).error() == Error::invalid);
    CHECK(profiles.refusal.index == 1);
    CHECK(profiles.refusal.size == 0);
    CHECK(profiles.refusal.limit == 0);
    CHECK(profiles.reserve(2, {{.profile = ""}}).error() == Error::no_profile);
    CHECK(profiles.refusal.index == 0);
    CHECK(profiles.lists[2].empty());
    CHECK(profiles.info("calls").refused == 0);

    CHECK(profiles.reserve(2, {{.profile = "trunk", .value = "\xff =\xc3"}}).ok()); // any other byte will do
    CHECK(profiles.reserve(2, {{.profile = "trunk", .value = "8 bytes!"}}).ok());
    CHECK(profiles.reserve(2, {}).ok());
    CHECK(profiles.is_in_order());
}

TEST_CASE("profile: equal values of two profiles are two values") {
    Profiles profiles;
    REQUIRE(profiles.table.declare({.name = "from", .has_values = true, .limit = 1}).ok());
    REQUIRE(profiles.table.declare({.name = "to", .has_values = true, .limit = 1}).ok());
    REQUIRE(profiles.reserve(1, {{.profile = "from", .value = "a"}}).ok());
    REQUIRE(profiles.reserve(2, {{.profile = "to", .value = "a"}}).ok());
    CHECK(profiles.size("from", "a") == 1);
    CHECK(profiles.leave(2, "to", "a"));
    CHECK(profiles.size("from", "a") == 1);
}

TEST_CASE("profile: leaving takes the name out of the list, too") {
    TwoProfiles profiles;
    REQUIRE(profiles.reserve(1, {{.profile = "calls"}, {.profile = "trunk", .value = "a"}}).ok());
    CHECK_FALSE(profiles.leave(1, "trunk", "b"));
    CHECK_FALSE(profiles.leave(1, "trunk", std::string(5000, 'x')));
    CHECK_FALSE(profiles.leave(2, "calls"));
    CHECK(profiles.table.leave(profiles.lists[1], "nobody", "").error() == Error::no_profile);
    CHECK(profiles.table.leave(profiles.lists[1], "calls", "a").error() == Error::invalid);
    CHECK(profiles.table.leave(profiles.lists[1], "trunk", "\n").error() == Error::invalid);
    CHECK(profiles.leave(1, "calls"));
    CHECK_FALSE(profiles.leave(1, "calls"));
    CHECK(profiles.size("calls") == 0);
    REQUIRE(profiles.lists[1].size() == 1);
    CHECK(profiles.lists[1][0].value.get(0) == "a");
    CHECK(profiles.size("trunk", "a") == 1);
}

TEST_CASE("profile: sizes are asked of profiles and values that may be") {
    TwoProfiles profiles;
    CHECK(profiles.table.size("nobody").error() == Error::no_profile);
    CHECK(profiles.table.size("nobody", "a").error() == Error::no_profile);
    CHECK(profiles.table.size("calls", "a").error() == Error::invalid);
    CHECK(profiles.table.size("trunk", "\n").value() == 0);
    CHECK(profiles.table.info("nobody").error() == Error::no_profile);
}

TEST_CASE("profile: a bound that ends half-way gives full and changes nothing") {
    SUBCASE("members") {
        TwoProfiles profiles({.value_max = 4, .member_max = 3}); // "big" and "free" are there
        REQUIRE(profiles.reserve(1, {{.profile = "calls"}, {.profile = "trunk", .value = "a"}}).ok());
        CHECK(profiles.reserve(2, {{.profile = "calls"}, {.profile = "trunk", .value = "b"}}).error() == Error::full);
        CHECK(profiles.size("calls") == 1);
        CHECK(profiles.size("trunk") == 1);
        CHECK(profiles.info("trunk").values == 1);
        CHECK(profiles.lists[2].empty());
        CHECK(profiles.reserve(2, {{.profile = "trunk", .value = "c"}}).ok()); // the fourth value: "b" left nothing
        CHECK(profiles.is_in_order());
    }
    SUBCASE("values, of which a plain profile has none") {
        TwoProfiles profiles({.profile_max = 2, .value_max = 3}); // "big" and "free" are there
        CHECK(profiles
                  .reserve(1, {{.profile = "calls"},
                               {.profile = "trunk", .value = "big"},
                               {.profile = "trunk", .value = "a"},
                               {.profile = "trunk", .value = "b"}})
                  .error() == Error::full);
        CHECK(profiles.size("calls") == 0);
        CHECK(profiles.size("trunk") == 0);
        CHECK(profiles.lists[1].empty());
        CHECK(profiles.reserve(1, {{.profile = "trunk", .value = "b"}}).ok());
        CHECK(profiles.leave(1, "trunk", "b"));
        CHECK(profiles.reserve(1, {{.profile = "trunk", .value = "c"}}).ok());
        CHECK(profiles.is_in_order());
    }
    SUBCASE("the profiles of a dialog") {
        TwoProfiles profiles({.per_dialog_max = 2});
        REQUIRE(profiles.reserve(1, {{.profile = "calls"}}).ok());
        CHECK(profiles.reserve(1, {{.profile = "trunk", .value = "a"}, {.profile = "trunk", .value = "b"}}).error() ==
              Error::full);
        CHECK(profiles.size("trunk") == 0);
        CHECK(profiles.lists[1].size() == 1);
        CHECK(
            profiles.reserve(1, {{.profile = "calls"}, {.profile = "trunk", .value = "a"}, {.profile = "calls"}}).ok());
        CHECK(profiles.is_in_order());
    }
    SUBCASE("of a list that was released") {
        TwoProfiles profiles({.member_max = 1});
        REQUIRE(profiles.reserve(1, {{.profile = "calls"}}).ok());
        profiles.release(1);
        CHECK(profiles.reserve(1, {{.profile = "calls"}, {.profile = "trunk", .value = "a"}}).error() == Error::full);
        REQUIRE(profiles.lists[1].size() == 1);
        CHECK_FALSE(profiles.lists[1][0].member);
        CHECK(profiles.size("calls") == 0);
        CHECK(profiles.is_in_order());
    }
}
