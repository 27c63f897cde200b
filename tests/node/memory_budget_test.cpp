#include <doctest/doctest.h>
#include <vector>
#include "node/memory_budget.hpp"

using namespace tandem;

namespace {

struct Fixture {
    MemoryUse use;
    int looks = 0; // at what the process has
    int slow_looks = 0;
    Instant now = at_ms(1'000'000);
    MemoryBudget budget{1000, [this](bool reads_free) {
                            ++(reads_free ? slow_looks : looks);
                            return MemoryUse{use.resident, reads_free ? use.free : 0};
                        }};

    bool after(std::int64_t ms, MemoryUse used) {
        now += std::chrono::milliseconds(ms);
        use = used;
        return budget.is_exceeded(now);
    }
};

} // namespace

TEST_CASE("memory budget: new calls are refused above it until a tenth of it is free") {
    Fixture at;
    CHECK(!at.after(0, {.resident = 1000}));
    CHECK(at.after(100, {.resident = 1001}));
    CHECK(at.after(1000, {.resident = 901}));
    CHECK(!at.after(1000, {.resident = 900}));
    CHECK(!at.after(100, {.resident = 1000}));
}

TEST_CASE("memory budget: what the allocator will use again is not used") {
    Fixture at;
    CHECK(!at.after(0, {.resident = 1500, .free = 500}));
    CHECK(at.after(100, {.resident = 1500, .free = 499}));
    CHECK(at.after(1000, {.resident = 1500, .free = 599}));
    CHECK(!at.after(1000, {.resident = 1500, .free = 600}));
    CHECK(!at.after(100, {.resident = 100, .free = 4000})); // memory that was never touched is free, too
}

TEST_CASE("memory budget: it looks ten times a second, once while it is exceeded, and slowly only above it") {
    Fixture at;
    for (int i = 0; i < 1000; ++i) at.after(1, {.resident = 10});
    CHECK(at.looks == 10);
    CHECK(at.slow_looks == 0);
    at.after(100, {.resident = 2000});
    at.slow_looks = 0;
    for (int i = 0; i < 5000; ++i) at.after(1, {.resident = 2000});
    CHECK(at.slow_looks == 5);
}

TEST_CASE("memory budget: zero is none, and nobody looks") {
    bool has_looked = false;
    MemoryBudget none(0, [&has_looked](bool) {
        has_looked = true;
        return MemoryUse{1, 0};
    });
    CHECK(!none.is_exceeded(at_ms(1)));
    CHECK(!has_looked);
}

TEST_CASE("memory budget: what this process has is read") {
    const std::vector<char> block(64 << 20, 'x');
    const MemoryUse use = read_memory_use(true);
    CHECK(use.resident > block.size());
    CHECK(use.resident < (std::uint64_t{1} << 40));
}
