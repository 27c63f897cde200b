#include <doctest/doctest.h>
#include <type_traits>
#include <unordered_set>
#include "base/id.hpp"

using namespace tandem;

namespace {
using LegId = Id<struct LegTag>;
using CallId = Id<struct CallTag>;
} // namespace

TEST_CASE("id: the default is none, with the value 0") {
    CHECK(LegId{}.value() == 0);
    CHECK_FALSE(LegId{});
    CHECK(LegId(1));
}

TEST_CASE("id: slot, generation and shard come back from the value") {
    const LegId id(0xdeadbeef, 0xabcdef);
    CHECK(id.value() == 0x00abcdefdeadbeef);
    CHECK(id.slot() == 0xdeadbeef);
    CHECK(id.generation() == 0xabcdef);
    CHECK(id.shard() == 0);
    CHECK(LegId(id.value()) == id);
}

TEST_CASE("id: a shard takes the top byte and leaves the rest") {
    const LegId id(7, 3);
    CHECK(id.with_shard(0xff).value() == 0xff00000300000007);
    CHECK(id.with_shard(0xff).shard() == 0xff);
    CHECK(id.with_shard(0xff).slot() == 7);
    CHECK(id.with_shard(0xff).with_shard(0) == id);
}

TEST_CASE("id: ids of different things do not mix") {
    CHECK_FALSE(std::is_convertible_v<LegId, CallId>);
    CHECK_FALSE(std::is_constructible_v<LegId, CallId>);
    CHECK_FALSE(std::is_convertible_v<std::uint64_t, LegId>);
}

TEST_CASE("id: ids are ordered by value and can be keys") {
    CHECK(LegId(1) < LegId(2));
    std::unordered_set<LegId> ids{LegId(1), LegId(2), LegId(1)};
    CHECK(ids.size() == 2);
    CHECK(ids.contains(LegId(2)));
}
