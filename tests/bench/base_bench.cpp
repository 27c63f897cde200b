// What the tables of base cost at a thousand and at a million live elements: the difference is what the caches cost.
#include <array>
#include <benchmark/benchmark.h>
#include <cstdint>
#include <string>
#include <vector>
#include "base/hash.hpp"
#include "base/hash_index.hpp"
#include "base/token.hpp"
#include "base/slot_table.hpp"
#include "base/timer_wheel.hpp"

using namespace tandem;

namespace {

// Random numbers drawn beforehand: the generator would cost as much as what is measured.
class Dice {
public:
    Dice() {
        SeededRandom random(1);
        for (std::uint64_t &number : numbers_) number = random.next();
    }
    std::uint64_t next() {
        const std::uint64_t lap = used_ / numbers_.size() * 0x9e3779b97f4a7c15;
        return numbers_[used_++ % numbers_.size()] ^ lap;
    }
    std::size_t below(std::size_t limit) { return static_cast<std::size_t>((next() >> 32) * limit >> 32); }

private:
    std::array<std::uint64_t, 65536> numbers_;
    std::uint64_t used_ = 0;
};

void thousand_and_million(benchmark::internal::Benchmark *bench) { bench->Arg(1000)->Arg(1000000); }

std::size_t live(const benchmark::State &state) { return static_cast<std::size_t>(state.range(0)); }

// Deadlines as SIP has them: within 32 s (RFC 3261 section 17, 64 * T1).
struct Timers {
    explicit Timers(std::size_t size) {
        for (std::size_t i = 0; i < size; ++i) ids.push_back(wheel.schedule(deadline(), i));
    }
    Instant deadline() { return now + std::chrono::microseconds(1 + dice.below(32000000)); }

    Dice dice;
    Instant now = at_ms(1000);
    TimerWheel<std::uint64_t> wheel{now};
    std::vector<TimerId> ids;
};

void wheel_schedule_cancel(benchmark::State &state) {
    Timers timers(live(state));
    for (auto _ : state) {
        const TimerId id = timers.wheel.schedule(timers.deadline(), 1);
        benchmark::DoNotOptimize(timers.wheel.cancel(id));
    }
}
BENCHMARK(wheel_schedule_cancel)->Apply(thousand_and_million);

// Replaces a random one of the live timers, as transactions end and begin.
void wheel_replace(benchmark::State &state) {
    Timers timers(live(state));
    for (auto _ : state) {
        TimerId &id = timers.ids[timers.dice.below(timers.ids.size())];
        timers.wheel.cancel(id);
        id = timers.wheel.schedule(timers.deadline(), 1);
    }
}
BENCHMARK(wheel_replace)->Apply(thousand_and_million);

void wheel_rearm(benchmark::State &state) {
    Timers timers(live(state));
    for (auto _ : state) timers.wheel.rearm(timers.ids[timers.dice.below(timers.ids.size())], timers.deadline());
}
BENCHMARK(wheel_rearm)->Apply(thousand_and_million);

// Every timer that fires is scheduled anew, so their number stays. An iteration is one millisecond; the time of an
// item is that of one timer on its whole way down the levels.
void wheel_advance(benchmark::State &state) {
    Timers timers(live(state));
    std::size_t fired = 0;
    for (auto _ : state) {
        timers.now += std::chrono::milliseconds(1);
        fired += timers.wheel.advance(
            timers.now, [&](std::uint64_t payload) { timers.wheel.schedule(timers.deadline(), payload); });
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(fired));
}
BENCHMARK(wheel_advance)->Apply(thousand_and_million);

void wheel_next_deadline(benchmark::State &state) {
    Timers timers(live(state));
    for (auto _ : state) benchmark::DoNotOptimize(timers.wheel.next_deadline());
}
BENCHMARK(wheel_next_deadline)->Apply(thousand_and_million);

struct Element {
    std::array<std::uint64_t, 16> words{};
};
using ElementId = Id<struct ElementTag>;

struct Elements {
    explicit Elements(std::size_t size) : table(static_cast<std::uint32_t>(size) + 1) {
        for (std::size_t i = 0; i < size; ++i) ids.push_back(*table.emplace());
    }

    Dice dice;
    SlotTable<Element, ElementTag> table;
    std::vector<ElementId> ids;
};

void slot_table_emplace_erase(benchmark::State &state) {
    Elements elements(live(state));
    for (auto _ : state) {
        ElementId &id = elements.ids[elements.dice.below(elements.ids.size())];
        elements.table.erase(id);
        id = *elements.table.emplace();
    }
}
BENCHMARK(slot_table_emplace_erase)->Apply(thousand_and_million);

void slot_table_find(benchmark::State &state) {
    Elements elements(live(state));
    for (auto _ : state)
        benchmark::DoNotOptimize(elements.table.find(elements.ids[elements.dice.below(elements.ids.size())])->words[0]);
}
BENCHMARK(slot_table_find)->Apply(thousand_and_million);

struct Hashes {
    explicit Hashes(std::size_t size) {
        SeededRandom random(2);
        for (std::size_t i = 0; i < size; ++i) {
            hashes.push_back(random.next());
            index.insert(hashes.back(), ElementId(i + 1));
        }
    }
    std::uint64_t &any() { return hashes[dice.below(hashes.size())]; }

    Dice dice;
    HashIndex<ElementId> index;
    std::vector<std::uint64_t> hashes;
};

void hash_index_insert_erase(benchmark::State &state) {
    Hashes hashes(live(state));
    for (auto _ : state) {
        const std::size_t i = hashes.dice.below(hashes.hashes.size());
        hashes.index.erase(hashes.hashes[i], ElementId(i + 1));
        hashes.hashes[i] = hashes.dice.next();
        hashes.index.insert(hashes.hashes[i], ElementId(i + 1));
    }
}
BENCHMARK(hash_index_insert_erase)->Apply(thousand_and_million);

void hash_index_find(benchmark::State &state) {
    Hashes hashes(live(state));
    for (auto _ : state) benchmark::DoNotOptimize(hashes.index.find(hashes.any(), [](ElementId) { return true; }));
}
BENCHMARK(hash_index_find)->Apply(thousand_and_million);

void hash_index_miss(benchmark::State &state) {
    Hashes hashes(live(state));
    for (auto _ : state)
        benchmark::DoNotOptimize(hashes.index.find(hashes.dice.next(), [](ElementId) { return true; }));
}
BENCHMARK(hash_index_miss)->Apply(thousand_and_million);

// From nothing to all, with every doubling on the way: the time of an item is the mean, growth included.
void hash_index_fill(benchmark::State &state) {
    Hashes hashes(live(state));
    for (auto _ : state) {
        HashIndex<ElementId> index;
        for (const std::uint64_t hash : hashes.hashes) index.insert(hash, ElementId(1));
        benchmark::DoNotOptimize(index.size());
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(hash_index_fill)->Apply(thousand_and_million);

void keyed_hash(benchmark::State &state) {
    SeededRandom random(1);
    const KeyedHash hash(random);
    const std::string text(live(state), 'x');
    for (auto _ : state) {
        benchmark::DoNotOptimize(text.data());
        benchmark::DoNotOptimize(hash(text));
    }
    state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(keyed_hash)->Arg(8)->Arg(19)->Arg(36)->Arg(64)->Arg(256);

// The key of a dialog: Call-ID and both tags.
void keyed_hash_pieces(benchmark::State &state) {
    SeededRandom random(1);
    const KeyedHash hash(random);
    const std::string call_id = make_token(random) + "@192.0.2.17", local = make_token(random), remote = "1928301774";
    for (auto _ : state) {
        benchmark::DoNotOptimize(call_id.data());
        benchmark::DoNotOptimize(hash(call_id, local, remote));
    }
}
BENCHMARK(keyed_hash_pieces);

} // namespace

BENCHMARK_MAIN();
