// What one call costs in the pure machine: INVITE 180 200 ACK BYE 200, no socket and no store.
#include <benchmark/benchmark.h>
#include <chrono>
#include <string>
#include <vector>
#include "base/random.hpp"
#include "bench/call_messages.hpp"
#include "call/engine.hpp"

namespace tandem {
namespace {

using namespace bench;

// The time inside the engine alone: what the two phones take to write their messages is left out.
class Stopwatch {
public:
    explicit Stopwatch(Engine &engine) : engine_(engine) {}

    std::vector<Outgoing> receive(const std::string &bytes, const Endpoint &source, Instant now) {
        std::vector<Outgoing> outgoing;
        const auto start = std::chrono::steady_clock::now();
        engine_.receive(bytes, source, now);
        engine_.drain_changes(nullptr, nullptr);
        engine_.take_outgoing(outgoing);
        seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        return outgoing;
    }
    void advance(Instant now) {
        const auto start = std::chrono::steady_clock::now();
        engine_.advance(now);
        seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
    double seconds = 0;

private:
    Engine &engine_;
};

Message message(const std::vector<Outgoing> &outgoing, std::size_t i) {
    return *Message::parse(outgoing[i].bytes.view());
}

void whole_call(benchmark::State &state) {
    ToCallee router;
    SeededRandom random(1);
    ProfileTable profiles(random);
    EngineOptions options;
    options.listeners.push_back({endpoint(15060), "127.0.0.1:15060"});
    options.transactions.transaction_max = 4'000'000;
    Instant now = at_ms(0);
    Engine engine(options, router, profiles, random, now);
    std::uint64_t call = 0;
    for (auto _ : state) {
        Stopwatch watch(engine);
        ++call;
        now += std::chrono::milliseconds(2); // 500 calls a second
        const Message invite = message(watch.receive(request("INVITE", call, 1, {}, sdp), caller, now), 1);
        watch.receive(answer(invite, "180 Ringing", {}), callee, now);
        const Message ok = message(watch.receive(answer(invite, "200 OK", sdp), callee, now), 0);
        watch.receive(request("ACK", call, 1, ok.to_tag(), {}), caller, now);
        const std::vector<Outgoing> out = watch.receive(request("BYE", call, 2, ok.to_tag(), {}), caller, now);
        watch.receive(answer(message(out, 1), "200 OK", {}), callee, now);
        watch.advance(now);
        state.SetIterationTime(watch.seconds);
    }
    if (engine.dialogs() != 0) state.SkipWithError("a dialog is left");
}
BENCHMARK(whole_call)->UseManualTime()->Unit(benchmark::kMicrosecond);

} // namespace
} // namespace tandem

BENCHMARK_MAIN();
