// What a place in the cluster costs: the leases alone, and against a real Redis on this machine.
//
//     redis-server --save "" --port 7777 &  TANDEM_REDIS=redis://127.0.0.1:7777 build/tests/bench/tandem_bench_cluster
#include <benchmark/benchmark.h>
#include <cstdlib>
#include "cluster/leases.hpp"
#include "net/loop.hpp"
#include "net/system_clock.hpp"
#include "storage/redis/redis_lease_store.hpp"

using namespace tandem;

namespace {

// Admits everybody, at once.
class EasyStore final : public LeaseStore {
public:
    void connect() override {}
    void disconnect() override {}
    void send(const LeaseCommand &command) override { sent.push_back(command.id); }

    void answer(Leases &leases, Instant now) {
        for (const LeaseCommandId id : std::exchange(sent, {})) leases.on_answer({id, true, 0, 0, "memory", {}}, now);
    }

    std::vector<LeaseCommandId> sent;
};

Reservation one_of(std::uint64_t number) {
    return {
        ReservationId(number), {1, number}, {{"total", "", 1'000'000}, {"user", std::to_string(number % 1000), 100}}};
}

void reserve_and_release(benchmark::State &state) {
    EasyStore store;
    SeededRandom random(1);
    Instant now = at_ms(1);
    Leases leases({}, store, random, now);
    leases.advance(now);
    leases.on_connected(now);
    store.answer(leases, now);
    std::uint64_t number = 0;
    Reserved reserved;
    for (auto _ : state) {
        leases.reserve(one_of(++number), now);
        store.answer(leases, now);
        while (leases.next_verdict(reserved)) benchmark::DoNotOptimize(reserved);
        leases.release({1, number}, now);
        store.answer(leases, now);
    }
}
BENCHMARK(reserve_and_release);

// So many at a time are on their way, as in one turn of a busy worker; the range is that number.
void redis_reserve_and_release(benchmark::State &state) {
    const char *text = std::getenv("TANDEM_REDIS");
    const auto url = text ? RedisUrl::parse(text) : Result<RedisUrl, Failure>(Failure{});
    if (!url) return state.SkipWithError("TANDEM_REDIS is no URL of a Redis");
    Loop loop;
    SeededRandom random(1);
    std::optional<Leases> leases;
    const auto now = [] { return SystemClock::now(); };
    std::size_t left = 0; // verdicts of this turn
    std::uint64_t number = static_cast<std::uint64_t>(SystemClock::utc_us());
    const auto settle = [&] {
        for (Reserved reserved; leases->next_verdict(reserved);) {
            leases->release({1, reserved.id.value()}, now());
            if (reserved.verdict != Verdict::admitted) state.SkipWithError("Redis does not keep up");
            if (--left == 0) loop.stop();
        }
        if (left == 0 && leases->is_ready()) loop.stop();
    };
    RedisLeaseStore store(loop, *url, "bench:",
                          {[&] { leases->on_connected(now()); },
                           [&](const std::string &why) { leases->on_lost(why, now()); },
                           [&](const LeaseAnswer &answer) {
                               leases->on_answer(answer, now());
                               settle();
                           }});
    LeaseOptions options;
    options.timeout = std::chrono::seconds(5);
    leases.emplace(options, store, random, now());
    loop.on_deadline([&] {
        leases->advance(now());
        settle();
        loop.set_deadline(now() + std::chrono::milliseconds(100));
    });
    loop.set_deadline(now());
    loop.run();
    for (auto _ : state) {
        left = static_cast<std::size_t>(state.range(0));
        for (std::int64_t i = 0; i < state.range(0); ++i) leases->reserve(one_of(++number), now());
        loop.run();
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(redis_reserve_and_release)->Arg(1)->Arg(16)->Arg(256)->UseRealTime();

} // namespace

BENCHMARK_MAIN();
