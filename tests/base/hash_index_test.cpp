#include <algorithm>
#include <doctest/doctest.h>
#include <map>
#include <vector>
#include "base/hash.hpp"
#include "base/hash_index.hpp"
#include "base/id.hpp"
#include "base/random.hpp"

using namespace tandem;

namespace {

using TestId = Id<struct TestTag>;
using Index = HashIndex<TestId>;

std::vector<TestId> matches_of(const Index &index, std::uint64_t hash) {
    std::vector<TestId> ids;
    index.for_each_match(hash, [&](TestId id) { ids.push_back(id); });
    return ids;
}

bool contains(const Index &index, std::uint64_t hash, TestId id) {
    return index.find(hash, [&](TestId other) { return other == id; }) == id;
}

constexpr auto any = [](TestId) { return true; };

} // namespace

TEST_CASE("hash index: cleared it is as new, and gives its memory back") {
    HashIndex<TestId> index;
    for (std::uint32_t i = 1; i < 1000; ++i) index.insert(i, TestId(i, 1));
    index.clear();
    CHECK(index.size() == 0);
    CHECK(index.capacity() == 0);
    CHECK_FALSE(index.find(5, [](TestId) { return true; }));
    index.insert(5, TestId(7, 1));
    CHECK(index.find(5, [](TestId) { return true; }) == TestId(7, 1));
}

TEST_CASE("hash index: an empty index allocates nothing and finds nothing") {
    Index index;
    CHECK(index.size() == 0);
    CHECK(index.capacity() == 0);
    CHECK_FALSE(index.find(0, any));
    CHECK_FALSE(index.erase(0, TestId(1)));
    CHECK(matches_of(index, 7).empty());
}

TEST_CASE("hash index: an entry is found by its hash until it is erased") {
    Index index;
    index.insert(42, TestId(1));
    CHECK(index.find(42, any) == TestId(1));
    CHECK_FALSE(index.find(43, any));
    CHECK_FALSE(index.erase(42, TestId(2)));
    CHECK_FALSE(index.erase(43, TestId(1)));
    CHECK(index.erase(42, TestId(1)));
    CHECK_FALSE(index.find(42, any));
    CHECK(index.size() == 0);
}

TEST_CASE("hash index: the caller decides between equal hashes, oldest first") {
    Index index;
    for (std::uint64_t i = 1; i <= 5; ++i) index.insert(42, TestId(i));
    std::vector<TestId> asked;
    const TestId found = index.find(42, [&](TestId id) {
        asked.push_back(id);
        return id == TestId(3);
    });
    CHECK(found == TestId(3));
    CHECK(asked == std::vector{TestId(1), TestId(2), TestId(3)});
    CHECK_FALSE(index.find(42, [](TestId) { return false; }));
    CHECK(index.erase(42, TestId(2)));
    CHECK(matches_of(index, 42) == std::vector{TestId(1), TestId(3), TestId(4), TestId(5)});
}

TEST_CASE("hash index: equal pairs are entries of their own") {
    Index index;
    index.insert(42, TestId(1));
    index.insert(42, TestId(1));
    CHECK(index.size() == 2);
    CHECK(index.erase(42, TestId(1)));
    CHECK(index.find(42, any) == TestId(1));
    CHECK(index.erase(42, TestId(1)));
    CHECK_FALSE(index.erase(42, TestId(1)));
}

TEST_CASE("hash index: the hashes 0 and all ones are hashes like others") {
    Index index;
    index.insert(0, TestId(1));
    index.insert(~std::uint64_t{0}, TestId(2));
    CHECK(index.find(0, any) == TestId(1));
    CHECK(index.find(~std::uint64_t{0}, any) == TestId(2));
}

TEST_CASE("hash index: at most seven of eight slots are taken, and at least one of nine") {
    Index index;
    SeededRandom random(1);
    std::vector<std::uint64_t> hashes;
    for (int i = 0; i < 5000; ++i) {
        hashes.push_back(random.next());
        index.insert(hashes.back(), TestId(1));
        REQUIRE(index.size() * 8 <= index.capacity() * 7);
    }
    CHECK(index.capacity() == 8192);
    for (std::uint64_t hash : hashes) {
        REQUIRE(index.erase(hash, TestId(1)));
        REQUIRE((index.capacity() == 16 || index.size() * 9 >= index.capacity()));
    }
    CHECK(index.capacity() == 16);
}

TEST_CASE("hash index: a size that swings around a border does not allocate each time") {
    Index index;
    for (std::uint64_t i = 1; i <= 1000; ++i) index.insert(i, TestId(i));
    for (std::uint64_t i = 1; i <= 1000; ++i) {
        const std::size_t before = index.capacity();
        index.erase(i, TestId(i));
        if (index.capacity() == before) continue;
        const std::size_t shrunk = index.capacity();
        for (std::uint64_t k = 0; k < 4; ++k) index.insert(k, TestId(5000 + k));
        CHECK(index.capacity() == shrunk);
        for (std::uint64_t k = 0; k < 4; ++k) index.erase(k, TestId(5000 + k));
        CHECK(index.capacity() == shrunk);
    }
}

TEST_CASE("hash index: equal hashes keep their order across the end of the slots and through growth") {
    // Every hash is searched for that has its home near the end of 16 slots: 12 equal ones wrap around.
    for (std::uint64_t hash = 1; hash <= 64; ++hash) {
        CAPTURE(hash);
        Index index;
        std::vector<TestId> expected;
        for (std::uint64_t i = 1; i <= 12; ++i) {
            index.insert(hash, TestId(i));
            expected.emplace_back(i);
        }
        CHECK(matches_of(index, hash) == expected);
        for (std::uint64_t i = 1; i <= 30; ++i) index.insert(hash + 1000 * i, TestId(100 + i));
        CHECK(index.capacity() == 64);
        CHECK(matches_of(index, hash) == expected);
        for (std::uint64_t i = 1; i <= 30; ++i) CHECK(index.erase(hash + 1000 * i, TestId(100 + i)));
        for (std::uint64_t i = 1; i <= 10; ++i) CHECK(index.erase(hash, TestId(i)));
        CHECK(index.capacity() == 16);
        CHECK(matches_of(index, hash) == std::vector{TestId(11), TestId(12)});
    }
}

TEST_CASE("hash index: hashes that share their low or their high bits stay quick to find") {
    // As in the index of one shard, whose hashes agree in the bits that chose it. Quadratic work would take minutes.
    for (const int shift : {0, 16, 40}) {
        CAPTURE(shift);
        Index index;
        for (std::uint64_t i = 1; i <= 200000; ++i) index.insert(i << shift, TestId(i));
        bool right = true;
        for (std::uint64_t i = 1; i <= 200000; ++i) right = right && contains(index, i << shift, TestId(i));
        CHECK(right);
    }
}

TEST_CASE("hash index: random inserts and erases agree with a multimap") {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        CAPTURE(seed);
        SeededRandom random(seed);
        Index index;
        std::multimap<std::uint64_t, TestId> model; // equal keys in order of insertion
        // Odd seeds crowd the hashes, so that equal ones and long runs are common.
        const std::uint64_t hash_mask = seed % 2 == 1 ? 0xff : ~std::uint64_t{0};
        std::vector<std::uint64_t> hashes;
        std::uint64_t last_id = 0;
        for (int step = 0; step < 30000; ++step) {
            CAPTURE(step);
            const bool insert = model.empty() || random.next() % 100 < (step / 3000 % 2 == 0 ? 65U : 35U);
            if (insert) {
                const std::uint64_t hash = random.next() & hash_mask;
                index.insert(hash, TestId(++last_id));
                model.emplace(hash, TestId(last_id));
                hashes.push_back(hash);
            } else {
                auto victim = model.lower_bound(hashes[random.next() % hashes.size()]);
                if (victim == model.end()) victim = model.begin();
                REQUIRE(index.erase(victim->first, victim->second));
                model.erase(victim);
            }
            REQUIRE(index.size() == model.size());
            const std::uint64_t probe = hashes[random.next() % hashes.size()];
            std::vector<TestId> expected;
            for (auto [at, end] = model.equal_range(probe); at != end; ++at) expected.push_back(at->second);
            REQUIRE(matches_of(index, probe) == expected);
        }
        for (const auto &[hash, id] : model) REQUIRE(contains(index, hash, id));
        while (!model.empty()) {
            REQUIRE(index.erase(model.begin()->first, model.begin()->second));
            model.erase(model.begin());
        }
        CHECK(index.size() == 0);
        CHECK(index.capacity() == 16);
    }
}

TEST_CASE("hash index: a million keys are found under a keyed hash, and their memory comes back") {
    SeededRandom random(1);
    const KeyedHash keyed(random);
    const auto hash_of = [&](std::uint64_t i) { return keyed({reinterpret_cast<const char *>(&i), sizeof i}); };
    Index index;
    for (std::uint64_t i = 1; i <= 1000000; ++i) index.insert(hash_of(i), TestId(i));
    CHECK(index.size() == 1000000);
    bool right = true;
    for (std::uint64_t i = 1; i <= 1000000; ++i) right = right && index.find(hash_of(i), any) == TestId(i);
    CHECK(right);
    for (std::uint64_t i = 1; i <= 1000000; ++i) right = index.erase(hash_of(i), TestId(i)) && right;
    CHECK(right);
    CHECK(index.capacity() == 16);
}
