// How long a start takes to have the calls of a former process again: from its file into an engine, all of them in a
// profile. What is in the file was written by an engine.
#include <benchmark/benchmark.h>
#include <filesystem>
#include <string>
#include <vector>
#include "base/wall_clock.hpp"
#include "bench/call_messages.hpp"
#include "call/engine.hpp"
#include "dialog/profile_table.hpp"
#include "storage/sqlite/sqlite_store.hpp"

namespace tandem {
namespace {

using namespace bench;

constexpr std::uint64_t commit_calls = 1000;
constexpr std::int64_t start_us = 1'763'700'000'000'000;

class Counted final : public Router {
public:
    Route route(const Message &invite, const Endpoint &source) override {
        Route route = to_callee_.route(invite, source);
        route.profiles = {{"total", {}}};
        return route;
    }

private:
    ToCallee to_callee_;
};

// A process, without sockets.
struct Process {
    explicit Process(std::uint32_t dialogs) : engine(options(dialogs), router, profiles, random, at_ms(0)) {
        static_cast<void>(profiles.declare({.name = "total", .has_values = false, .limit = 0, .limits = {}}));
    }
    static EngineOptions options(std::uint32_t dialogs) {
        EngineOptions options;
        options.listeners.push_back({endpoint(15060), "127.0.0.1:15060"});
        options.transactions.transaction_max = 4'000'000;
        options.call_max = dialogs;
        options.dialogs.dialog_max = dialogs;
        return options;
    }
    std::vector<Outgoing> receive(const std::string &bytes, const Endpoint &source, Instant now) {
        std::vector<Outgoing> outgoing;
        engine.receive(bytes, source, now);
        engine.take_outgoing(outgoing);
        return outgoing;
    }
    static Message message(const std::vector<Outgoing> &outgoing, std::size_t i) {
        return *Message::parse(outgoing[i].bytes.view());
    }
    void establish(std::uint64_t call, Instant now) {
        const Message invite = message(receive(request("INVITE", call, 1, {}, sdp), caller, now), 1);
        const Message ok = message(receive(answer(invite, "200 OK", sdp), callee, now), 0);
        receive(request("ACK", call, 1, ok.to_tag(), {}), caller, now);
        engine.advance(now);
    }

    Counted router;
    SeededRandom random{1};
    ProfileTable profiles{random};
    Engine engine;
};

template <class Result>
void check(const Result &result) {
    if (!result) std::abort();
}

void write_calls(SqliteStore &store, std::uint32_t dialogs) {
    Process former(dialogs);
    const auto save = [&](const DialogRecord &record) { check(store.save(record)); };
    for (std::uint64_t call = 1; call <= dialogs / 2; ++call) {
        former.establish(call, at_ms(static_cast<std::int64_t>(call)));
        former.engine.drain_changes(save, nullptr);
        if (call % commit_calls == 0) check(store.commit());
    }
    check(store.commit());
}

// Argument: dialogs.
void recovery(benchmark::State &state) {
    const auto folder = std::filesystem::temp_directory_path() / "tandem_recovery_bench";
    std::filesystem::remove_all(folder);
    std::filesystem::create_directory(folder);
    const WallClock wall(at_ms(0), start_us);
    const auto dialogs = static_cast<std::uint32_t>(state.range(0));
    const SqliteOptions options{.path = folder / "tandem.db", .durability = Durability::none, .vfs = {}};
    write_calls(**SqliteStore::open(options, wall), dialogs);

    for (auto _ : state) {
        const auto store = SqliteStore::open(options, wall);
        Process next(dialogs);
        const Instant now = at_ms(2'000'000);
        const auto take = [&](const DialogRecord &record) { return next.engine.restore(record, now).ok(); };
        const auto load = (*store)->load_dialogs(start_us + 2'000'000'000, take);
        next.engine.go_on(now);
        state.PauseTiming(); // its end is not part of it
        if (!load || load->taken != dialogs || next.engine.calls() != dialogs / 2) {
            state.SkipWithError("a call is lost");
            break;
        }
        if (*next.profiles.size("total") != dialogs / 2) state.SkipWithError("a place is lost");
        state.counters["file_MB"] = static_cast<double>(std::filesystem::file_size(options.path)) / 1e6;
        state.ResumeTiming();
    }
    state.counters["dialogs/s"] = benchmark::Counter(
        static_cast<double>(dialogs) * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
    std::filesystem::remove_all(folder);
}
BENCHMARK(recovery)->Arg(10'000)->Arg(100'000)->Arg(1'000'000)->Iterations(1)->Unit(benchmark::kMillisecond);

} // namespace
} // namespace tandem

BENCHMARK_MAIN();
