// What a call pays for its profiles, at a thousand, a hundred thousand and a million members: a plain profile, and one
// with a value among a thousand. The first size stays in the caches, the last does not.
#include <array>
#include <benchmark/benchmark.h>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>
#include "base/random.hpp"
#include "dialog/profile_table.hpp"

using namespace tandem;

namespace {

constexpr std::size_t value_count = 1000;

struct Profiles {
    explicit Profiles(std::size_t size) : lists(size) {
        static_cast<void>(table.declare({.name = "calls", .limit = 10'000'000}));
        static_cast<void>(table.declare({.name = "trunk", .has_values = true, .limit = 1'000'000}));
        for (std::size_t i = 0; i < value_count; ++i) values.push_back("trunk-" + std::to_string(i));
        for (std::size_t i = 0; i < size; ++i) reserve(i, lists[i]);
    }
    DialogId dialog(std::size_t i) const { return DialogId(static_cast<std::uint32_t>(i), 1); }
    void reserve(std::size_t i, Memberships &memberships) {
        const std::array<ProfileRequest, 2> requests = {{{.profile = "calls"},
                                                         {.profile = "trunk", .value = values[i % value_count]}}};
        benchmark::DoNotOptimize(table.reserve(dialog(i), memberships, requests).ok());
    }

    SeededRandom random{1};
    ProfileTable table{random};
    std::vector<std::string> values;
    std::vector<Memberships> lists;
};

void sizes(benchmark::internal::Benchmark *bench) { bench->Arg(1'000)->Arg(100'000)->Arg(1'000'000); }

// One table for all threads of a run, which begin and end together.
std::unique_ptr<Profiles> shared;

void fill(const benchmark::State &state) {
    shared = std::make_unique<Profiles>(static_cast<std::size_t>(state.range(0)));
}
void clear(const benchmark::State &) { shared.reset(); }

// A call that is refused by the next hop: in and out again, of another value each time.
void profile_reserve_release(benchmark::State &state) {
    auto i = static_cast<std::size_t>(2'000'000 * (state.thread_index() + 1));
    for (auto _ : state) {
        Memberships memberships;
        shared->reserve(i, memberships);
        shared->table.release(memberships);
        i += 7;
    }
}
BENCHMARK(profile_reserve_release)->Apply(sizes)->Setup(fill)->Teardown(clear);
BENCHMARK(profile_reserve_release)->Arg(1'000'000)->Threads(2)->UseRealTime()->Setup(fill)->Teardown(clear);

// As it is in the long run: one call of all ends, another begins. The memory of the call that ends is cold.
void profile_replace(benchmark::State &state) {
    std::uint64_t dice = 1;
    for (auto _ : state) {
        dice = dice * 0x5851f42d4c957f2d + 0x14057b7ef767814f;
        const auto i = static_cast<std::size_t>((dice >> 32) * shared->lists.size() >> 32);
        shared->table.release(shared->lists[i]);
        Memberships().swap(shared->lists[i]);
        shared->reserve(i, shared->lists[i]);
    }
}
BENCHMARK(profile_replace)->Apply(sizes)->Setup(fill)->Teardown(clear);

// A value that has no other member comes and goes with the call.
void profile_new_value(benchmark::State &state) {
    const std::string value = "sip:alice.of.somewhere@example.com";
    for (auto _ : state) {
        Memberships memberships;
        const ProfileRequest request{.profile = "trunk", .value = value};
        benchmark::DoNotOptimize(shared->table.reserve(DialogId(1, 2), memberships, {&request, 1}).ok());
        shared->table.release(memberships);
    }
}
BENCHMARK(profile_new_value)->Apply(sizes)->Setup(fill)->Teardown(clear);

void profile_refuse(benchmark::State &state) {
    Memberships memberships;
    const std::array<ProfileRequest, 2> requests = {{{.profile = "calls"},
                                                     {.profile = "trunk", .value = "trunk-0", .limit = 1}}};
    for (auto _ : state) {
        ProfileRefusal refusal;
        benchmark::DoNotOptimize(shared->table.reserve(DialogId(1, 2), memberships, requests, &refusal).ok());
    }
}
BENCHMARK(profile_refuse)->Apply(sizes)->Setup(fill)->Teardown(clear);

void profile_size(benchmark::State &state) {
    std::size_t i = 0;
    for (auto _ : state) benchmark::DoNotOptimize(shared->table.size("trunk", shared->values[i++ % value_count]).ok());
}
BENCHMARK(profile_size)->Apply(sizes)->Setup(fill)->Teardown(clear);

void profile_page(benchmark::State &state) {
    std::uint64_t cursor = 0;
    for (auto _ : state) cursor = shared->table.members("trunk", cursor, 100)->next;
    state.SetItemsProcessed(state.iterations() * 100);
}
BENCHMARK(profile_page)->Apply(sizes)->Setup(fill)->Teardown(clear);

void profile_audit(benchmark::State &state) {
    std::vector<LiveMemberships> living;
    for (std::size_t i = 0; i < shared->lists.size(); ++i) living.push_back({shared->dialog(i), &shared->lists[i]});
    for (auto _ : state) benchmark::DoNotOptimize(shared->table.audit(living).removed);
}
BENCHMARK(profile_audit)->Apply(sizes)->Setup(fill)->Teardown(clear)->Unit(benchmark::kMillisecond);

} // namespace

BENCHMARK_MAIN();
