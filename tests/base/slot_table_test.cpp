#include <doctest/doctest.h>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>
#include "base/random.hpp"
#include "base/slot_table.hpp"

using namespace tandem;

namespace {

template <class T>
using Table = SlotTable<T, struct TestTag>;
using TestId = Id<struct TestTag>;

// Counts the living, so that a test sees what a table has destroyed.
struct Counted {
    explicit Counted(int &count) : count_(&count) { ++count; }
    Counted(const Counted &) = delete;
    ~Counted() { --*count_; }
    int *count_;
};

struct Throwing {
    explicit Throwing(bool throws) {
        if (throws) throw std::runtime_error("refused");
    }
};

} // namespace

TEST_CASE("slot table: slots of what is gone are vacant, until they are used again") {
    Table<std::uint64_t> table(1000);
    CHECK(table.vacant_bytes() == 0);
    std::vector<TestId> ids;
    for (std::uint64_t i = 0; i < 300; ++i) ids.push_back(*table.emplace(i));
    CHECK(table.vacant_bytes() == 0);
    for (std::size_t i = 0; i < 200; ++i) table.erase(ids[i]);
    CHECK(table.vacant_bytes() == 200 * (sizeof(std::uint64_t) + 8));
    for (std::uint64_t i = 0; i < 250; ++i) REQUIRE(table.emplace(i));
    CHECK(table.vacant_bytes() == 0);
}

TEST_CASE("slot table: an id finds its value until the erase and nothing after it") {
    Table<std::string> table(10);
    const TestId id = table.emplace("alice").value();
    REQUIRE(table.find(id));
    CHECK(*table.find(id) == "alice");
    CHECK(*std::as_const(table).find(id) == "alice");
    CHECK(table.size() == 1);
    CHECK(table.erase(id));
    CHECK(table.find(id) == nullptr);
    CHECK_FALSE(table.erase(id));
    CHECK(table.size() == 0);
}

TEST_CASE("slot table: an id whose slot has a new value finds nothing") {
    Table<int> table(10);
    const TestId old = table.emplace(1).value();
    table.erase(old);
    const TestId fresh = table.emplace(2).value();
    CHECK(fresh.slot() == old.slot());
    CHECK(fresh != old);
    CHECK(table.find(old) == nullptr);
    CHECK_FALSE(table.erase(old));
    CHECK(*table.find(fresh) == 2);
}

TEST_CASE("slot table: none, forged and foreign ids find nothing") {
    Table<int> table(10);
    CHECK(table.find(TestId{}) == nullptr);
    const TestId erased = table.emplace(1).value();
    const TestId live = table.emplace(2).value();
    table.erase(erased);
    CHECK(table.find(TestId(live.slot(), 0)) == nullptr);
    CHECK(table.find(TestId(live.slot(), live.generation() + 1)) == nullptr);
    CHECK(table.find(TestId(live.slot() + 1, 1)) == nullptr);
    CHECK(table.find(TestId(0xffffffff, 1)) == nullptr);
    CHECK(table.find(live.with_shard(1)) == nullptr);
    // The next generation of a vacant slot, and the same with the bits that a shard would set.
    CHECK(table.find(TestId(erased.slot(), 2)) == nullptr);
    for (unsigned shard = 0; shard < 256; ++shard)
        CHECK(table.find(TestId(erased.slot(), 2).with_shard(static_cast<std::uint8_t>(shard))) == nullptr);
}

TEST_CASE("slot table: the limit answers full and an erase makes room") {
    Table<int> table(3);
    CHECK(table.max() == 3);
    const TestId first = table.emplace(0).value();
    CHECK(table.emplace(1).ok());
    CHECK(table.emplace(2).ok());
    CHECK(table.emplace(3).error() == Error::full);
    CHECK(table.size() == 3);
    table.erase(first);
    CHECK(table.emplace(3).ok());
    CHECK(Table<int>(0).emplace(1).error() == Error::full);
}

TEST_CASE("slot table: growth moves no value") {
    Table<int> table(100000);
    const TestId first_id = table.emplace(-1).value();
    const int *first = table.find(first_id);
    for (int i = 0; i < 10000; ++i) REQUIRE(table.emplace(i).ok());
    CHECK(table.find(first_id) == first);
    CHECK(*first == -1);
}

TEST_CASE("slot table: values that only move are taken and given back") {
    Table<std::unique_ptr<int>> table(10);
    const TestId id = table.emplace(std::make_unique<int>(7)).value();
    const std::unique_ptr<int> taken = std::move(*table.find(id));
    CHECK(*taken == 7);
    CHECK(table.erase(id));
}

TEST_CASE("slot table: each value is destroyed once, by its erase or with the table") {
    int living = 0;
    {
        Table<Counted> table(1000);
        std::vector<TestId> ids;
        for (int i = 0; i < 600; ++i) ids.push_back(table.emplace(living).value());
        for (std::size_t i = 0; i < ids.size(); i += 2) table.erase(ids[i]);
        CHECK(living == 300);
    }
    CHECK(living == 0);
}

TEST_CASE("slot table: a constructor that throws leaves the table as it was") {
    Table<Throwing> table(1);
    CHECK_THROWS(static_cast<void>(table.emplace(true)));
    CHECK(table.size() == 0);
    const TestId id = table.emplace(false).value();
    CHECK(table.find(id));
    CHECK(table.size() == 1);
}

TEST_CASE("slot table: a destructor may insert and does not get its own slot") {
    struct Successor {
        Table<Successor> *table;
        TestId *out;
        ~Successor() {
            if (out) *out = table->emplace(table, nullptr).value();
        }
        Successor(Table<Successor> *t, TestId *o) : table(t), out(o) {}
    };
    Table<Successor> table(10);
    TestId successor;
    const TestId id = table.emplace(&table, &successor).value();
    CHECK(table.erase(id));
    CHECK(table.size() == 1);
    CHECK(successor.slot() != id.slot());
    CHECK(table.find(successor));
}

TEST_CASE("slot table: for_each visits every value once, and the visited one may go") {
    Table<int> table(1000);
    int sum = 0;
    for (int i = 1; i <= 700; ++i) REQUIRE(table.emplace(i).ok());
    table.for_each([&](TestId id, int &value) {
        sum += value;
        if (value % 3 == 0) table.erase(id);
    });
    CHECK(sum == 700 * 701 / 2);
    CHECK(table.size() == 700 - 233);
    std::as_const(table).for_each([&](TestId id, const int &value) {
        CHECK(value % 3 != 0);
        CHECK(table.find(id) == &value);
    });
}

TEST_CASE("slot table: a value is found by the slot of its id") {
    Table<int> table(10);
    const TestId id = table.emplace(5).value();
    CHECK(&table.at(id.slot()) == table.find(id));
    CHECK(table.id_at(id.slot()) == id);
}

TEST_CASE("slot table: a generation that wraps skips 0") {
    Table<char> table(1);
    const TestId first = table.emplace('a').value();
    TestId last = first;
    for (std::uint32_t i = 1; i < TestId::generation_max; ++i) {
        table.erase(last);
        last = table.emplace('a').value();
    }
    CHECK(last.generation() == TestId::generation_max);
    table.erase(last);
    CHECK(table.emplace('b').value() == first);
}

TEST_CASE("slot table: a million values behave as a map does") {
    Table<std::uint64_t> table(1000000);
    std::vector<TestId> ids;
    for (std::uint64_t i = 0; i < 1000000; ++i) ids.push_back(table.emplace(i).value());
    CHECK(table.emplace(0U).error() == Error::full);
    bool right = true;
    for (std::uint64_t i = 0; i < ids.size(); ++i) right = right && *table.find(ids[i]) == i;
    CHECK(right);
}

TEST_CASE("slot table: random inserts and erases agree with a map") {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        CAPTURE(seed);
        SeededRandom random(seed);
        Table<std::uint64_t> table(700); // reached at times
        std::map<TestId, std::uint64_t> model;
        std::vector<TestId> given;
        for (int step = 0; step < 20000; ++step) {
            CAPTURE(step);
            const std::uint64_t dice = random.next();
            // Phases in which the table grows and phases in which it drains.
            const bool insert = dice % 100 < (step / 2000 % 2 == 0 ? 70U : 30U);
            if (insert) {
                const auto id = table.emplace(dice);
                REQUIRE(id.ok() == (model.size() < 700));
                if (!id) continue;
                REQUIRE(model.emplace(*id, dice).second);
                given.push_back(*id);
            } else if (!given.empty()) {
                const TestId id = given[random.next() % given.size()];
                REQUIRE(table.erase(id) == (model.erase(id) == 1));
            }
            REQUIRE(table.size() == model.size());
            if (given.empty()) continue;
            const TestId probe = given[random.next() % given.size()];
            const auto expected = model.find(probe);
            const std::uint64_t *found = table.find(probe);
            REQUIRE((found != nullptr) == (expected != model.end()));
            if (found) REQUIRE(*found == expected->second);
        }
        std::map<TestId, std::uint64_t> visited;
        table.for_each([&](TestId id, std::uint64_t value) { visited.emplace(id, value); });
        CHECK(visited == model);
    }
}
