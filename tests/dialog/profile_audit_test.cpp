#include <cstdint>
#include <doctest/doctest.h>
#include <string>
#include <utility>
#include "dialog/profiles.hpp"

using namespace tandem;
using test::copy_of;
using test::dialog_id;
using test::Profiles;

namespace tandem {

struct ProfileTableDamage {
    static void swap_positions(ProfileTable &table, MemberId a, MemberId b) {
        std::swap(table.members_.find(a)->position, table.members_.find(b)->position);
    }
    static auto &list_of(ProfileTable &table, MemberId member) {
        return table.values_.at(table.members_.find(member)->value).members;
    }
    static auto &values_of(ProfileTable &table, std::string_view profile) {
        return table.find_profile(profile)->values;
    }
    static std::uint32_t &size_of(ProfileTable &table, std::string_view profile) {
        return table.find_profile(profile)->size;
    }
};

} // namespace tandem

namespace {

// Dialogs 1 to 6, each in "calls" and two by two in "a", "b" and "c".
struct SixCalls : Profiles {
    SixCalls() {
        REQUIRE(table.declare({.name = "calls", .limit = 6}).ok());
        REQUIRE(table.declare({.name = "trunk", .has_values = true, .limit = 2}).ok());
        for (std::uint32_t i = 0; i < 6; ++i) {
            const std::string value(1, static_cast<char>('a' + i / 2));
            REQUIRE(reserve(i + 1, {{.profile = "calls"}, {.profile = "trunk", .value = value}}).ok());
        }
    }

    // The one repair that is expected, and then nothing.
    void check(ProfileAudit expected) {
        const ProfileAudit found = audit();
        CHECK(found.checked == expected.checked);
        CHECK(found.removed == expected.removed);
        CHECK(found.added == expected.added);
        CHECK(found.misplaced == expected.misplaced);
        CHECK(is_in_order());
    }
    void check_sizes() const {
        CHECK(size("calls") == 6);
        CHECK(size("trunk") == 6);
        for (const char *value : {"a", "b", "c"}) CHECK(size("trunk", value) == 2);
        CHECK(members("trunk").size() == 6);
    }
};

} // namespace

TEST_CASE("profile: the audit of a table in order changes nothing") {
    SixCalls calls;
    calls.check({.checked = 12});
    calls.check_sizes();
    calls.release(1); // still listed by its owner, but in nothing any more
    calls.check({.checked = 10});
}

TEST_CASE("profile: the audit removes the members of dialogs that are gone") {
    SixCalls calls;
    calls.lists.erase(2); // nobody released it
    calls.lists.erase(5);
    calls.lists.erase(6);
    calls.check({.checked = 6, .removed = 6});
    CHECK(calls.size("calls") == 3);
    CHECK(calls.size("trunk", "a") == 1);
    CHECK(calls.size("trunk", "c") == 0);
    CHECK(calls.values("trunk").size() == 2);
}

TEST_CASE("profile: the audit removes a member that its dialog's list does not name") {
    SixCalls calls;
    calls.lists[3].pop_back();
    calls.check({.checked = 11, .removed = 1});
    CHECK(calls.size("trunk", "b") == 1);
    CHECK(calls.size("calls") == 6);
}

TEST_CASE("profile: the audit counts again who was released through another's list, above the limit, too") {
    SixCalls calls;
    Memberships copy = copy_of(calls.lists[1]);
    calls.table.release(copy);
    CHECK(calls.size("calls") == 5);
    REQUIRE(calls.reserve(7, {{.profile = "calls"}, {.profile = "trunk", .value = "a"}}).ok()); // in its place
    calls.check({.checked = 14, .added = 2});
    CHECK(calls.size("calls") == 7);
    CHECK(calls.size("trunk", "a") == 3);
    CHECK(calls.reserve(8, {{.profile = "calls"}}).error() == Error::limit);
    calls.end(1);
    calls.end(7);
    CHECK(calls.size("calls") == 5);
    CHECK(calls.size("trunk", "a") == 1);
}

TEST_CASE("profile: the audit gives a dialog that names another's members its own") {
    SixCalls calls;
    calls.lists[7] = copy_of(calls.lists[6]);
    calls.check({.checked = 14, .added = 2});
    CHECK(calls.size("trunk", "c") == 3);
    calls.end(7);
    calls.check_sizes();
}

TEST_CASE("profile: the audit repairs a list whose members were exchanged") {
    SixCalls calls;
    Memberships &list = calls.lists[4];
    std::swap(list[0].member, list[1].member);
    calls.check({.checked = 12, .removed = 2, .added = 2});
    calls.check_sizes();
}

TEST_CASE("profile: the audit moves a member whose name was edited, and makes the value") {
    SixCalls calls;
    calls.lists[4][1].value.set(0, "new");
    calls.check({.checked = 12, .removed = 1, .added = 1});
    CHECK(calls.size("trunk", "b") == 1);
    CHECK(calls.size("trunk", "new") == 1);
}

TEST_CASE("profile: the audit counts a membership once that is there twice") {
    SixCalls calls;
    for (Membership &membership : copy_of(calls.lists[4])) calls.lists[4].push_back(std::move(membership));
    Memberships other; // another list of the same dialog, as if the first had been lost and found
    const ProfileRequest request{.profile = "calls", .limit = 0};
    REQUIRE(calls.table.reserve(dialog_id(5), other, {&request, 1}).ok());
    calls.lists[5].push_back(std::move(other[0]));
    CHECK(calls.size("calls") == 7);
    calls.check({.checked = 12, .removed = 1});
    CHECK(calls.lists[4].size() == 2);
    CHECK(calls.lists[5].size() == 2);
    calls.check_sizes();
}

TEST_CASE("profile: what an audit can not count stays as it is, and harms nobody") {
    SixCalls calls;
    calls.lists[1][0].profile = 77;          // no profile
    calls.lists[2][0].value.set(0, "value"); // of a plain one
    calls.lists[3][1].value.set(0, "\n");
    const ProfileAudit audit = calls.audit();
    CHECK(audit.removed == 3);
    CHECK(audit.added == 0);
    CHECK(calls.size("calls") == 4);
    for (std::uint32_t i = 1; i <= 6; ++i) calls.end(i);
    CHECK(calls.size("calls") == 0);
    CHECK(calls.size("trunk") == 0);
}

TEST_CASE("profile: a dialog whose member was lost joins and leaves as if it had never been in") {
    SixCalls calls;
    Memberships copy = copy_of(calls.lists[1]);
    calls.table.release(copy);
    CHECK(calls.reserve(1, {{.profile = "calls"}}).ok());
    CHECK(calls.lists[1].size() == 2);
    CHECK(calls.size("calls") == 6);
    CHECK_FALSE(calls.leave(1, "trunk", "a"));
    CHECK(calls.lists[1].size() == 1);
    CHECK(calls.is_in_order());
}

TEST_CASE("profile: the audit puts members back to their places") {
    SixCalls calls;
    const MemberId first = calls.lists[1][0].member;
    const MemberId third = calls.lists[3][0].member;
    const MemberId trunk = calls.lists[1][1].member;
    SUBCASE("exchanged") {
        ProfileTableDamage::swap_positions(calls.table, first, third);
        calls.check({.checked = 12, .misplaced = 2});
    }
    SUBCASE("missing in their list") {
        ProfileTableDamage::list_of(calls.table, first).pop_back();
        ProfileTableDamage::list_of(calls.table, trunk).clear();
        calls.check({.checked = 12, .misplaced = 3});
    }
    SUBCASE("listed twice") {
        ProfileTableDamage::list_of(calls.table, first).push_back(third.slot());
        static_cast<void>(calls.audit());
    }
    SUBCASE("of a value that is missing in its profile") {
        ProfileTableDamage::values_of(calls.table, "trunk").pop_back();
        static_cast<void>(calls.audit());
    }
    SUBCASE("counted wrongly") {
        ProfileTableDamage::size_of(calls.table, "trunk") += 1;
        static_cast<void>(calls.audit());
    }
    calls.check_sizes();
    CHECK(calls.is_in_order());
    for (std::uint32_t i = 1; i <= 6; ++i) calls.end(i);
    CHECK(calls.size("calls") == 0);
    CHECK(calls.size("trunk") == 0);
    CHECK(calls.is_in_order());
}
