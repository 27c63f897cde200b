// The store's share of a call: what is asked of it while a B2BUA's call with two legs comes, rings, is answered,
// acknowledged, hung up and gone. Six commits. Beside it live calls that began before. Calls that are counted are in
// two profiles and have a variable.
#include <benchmark/benchmark.h>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <string>
#include "base/wall_clock.hpp"
#include "storage/sqlite/sqlite_store.hpp"

using namespace tandem;

namespace {

struct Call {
    explicit Call(std::uint64_t number) {
        const std::string tail = std::to_string(1'000'000 + number);
        call_ids[0] = "a84b4c76e66710f1c6d2e8b0a5@192-0-2-" + tail;
        call_ids[1] = "0h5kq2v8m3n1r7t9c4b6d0f1s8@198-51-" + tail;
        for (std::size_t i = 0; i < 2; ++i) {
            DialogRecord &leg = legs[i];
            leg.id = {1'763'700'000'000'000, (2 * number + i + 1) << 24 | 0x5a5a5a};
            leg.local_side = i == 0 ? Side::callee : Side::caller;
            leg.call_id = call_ids[i];
            leg.callee_call_id = call_ids[1];
            leg.from_tag = "6d2e8b0a5c4f1";
            leg.from_uri = "sip:+442079460123@gw1.example.com";
            leg.to_uri = "sip:+442079460987@pbx.example.com";
            leg.request_uri = "sip:+442079460987@192.0.2.15:5060";
            leg.caller_target = "sip:+442079460123@192.0.2.15:5060";
            leg.source = "192.0.2.15:5060";
            leg.invite_cseq = 1;
            leg.created = at_ms(static_cast<std::int64_t>(number));
            leg.deadline = leg.created + std::chrono::seconds(181);
        }
        legs[1].leg_of = legs[0].id;
    }
    void count() {
        legs[0].profiles = {{.profile = "total"}, {.profile = "user", .value = "+442079460123", .has_value = true}};
        legs[0].variables = {{"tenant", VariableValue::of_text("blue")}};
    }
    void ring() {
        for (DialogRecord &leg : legs) {
            leg.state = DialogState::early;
            leg.ringing = leg.created + std::chrono::milliseconds(50);
            leg.forks = {{.to_tag = "9t3c7v1b5n8m2",
                          .state = DialogState::early,
                          .callee_target = "sip:+442079460987@192.0.2.16:5060",
                          .last_cseq = {1, 0}}};
        }
    }
    void answer() {
        for (DialogRecord &leg : legs) {
            leg.state = leg.forks[0].state = DialogState::confirmed;
            leg.answered = leg.created + std::chrono::milliseconds(2050);
            leg.sip_code = 200;
            leg.deadline = leg.created + std::chrono::hours(12);
        }
    }
    void acknowledge() {
        for (DialogRecord &leg : legs) leg.forks[0].is_acked = true;
    }
    void hang_up() {
        for (DialogRecord &leg : legs) {
            leg.end_reason = EndReason::caller_bye;
            leg.forks[0].last_cseq[0] = 2;
            leg.ended = leg.created + std::chrono::minutes(2);
        }
    }

    std::string call_ids[2];
    DialogRecord legs[2];
};

void check(const Result<void, Failure> &result) {
    if (result) return;
    std::fprintf(stderr, "%s\n", result.error().detail.c_str());
    std::abort();
}

void save(SqliteStore &store, Call &call) {
    for (DialogRecord &leg : call.legs) {
        check(store.save(leg));
        leg.has_changed_variables = leg.has_changed_profiles = false;
    }
    check(store.commit());
}

void end(SqliteStore &store, const Call &call, const WallClock &wall) {
    check(store.insert(make_cdr(call.legs[0], wall)));
    for (const DialogRecord &leg : call.legs) check(store.erase(leg.id));
    check(store.commit());
}

// Argument: calls that live at a time. Calls of 2 s at 200 a second are 400.
void whole_call(benchmark::State &state, Durability durability, bool is_counted) {
    const auto folder = std::filesystem::temp_directory_path() / "tandem_storage_bench";
    std::filesystem::remove_all(folder);
    std::filesystem::create_directory(folder);
    const WallClock wall(at_ms(0), 1'763'700'000'000'000);
    auto store = SqliteStore::open({.path = folder / "tandem.db", .durability = durability, .vfs = {}}, wall);
    if (!store) return state.SkipWithError(store.error().detail.c_str());

    std::deque<Call> calls;
    std::uint64_t number = 0;
    const auto live = static_cast<std::size_t>(state.range(0));
    const auto begin = [&]() -> Call & {
        Call &call = calls.emplace_back(number++);
        if (is_counted) call.count();
        save(**store, call);
        return call;
    };
    while (calls.size() < live) {
        begin().ring();
        calls.back().answer();
        calls.back().acknowledge();
        save(**store, calls.back());
    }
    for (auto _ : state) {
        Call &young = begin();
        young.ring();
        save(**store, young);
        young.answer();
        save(**store, young);
        young.acknowledge();
        save(**store, young);
        Call &old = calls.front();
        old.hang_up();
        save(**store, old);
        end(**store, old, wall);
        calls.pop_front();
    }
    store->reset();
    std::filesystem::remove_all(folder);
}

} // namespace

BENCHMARK_CAPTURE(whole_call, none, Durability::none, false)->Arg(400)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(whole_call, process, Durability::process, false)
    ->Arg(400)
    ->Arg(20'000)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(whole_call, process_counted, Durability::process, true)
    ->Arg(400)
    ->Arg(20'000)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(whole_call, power, Durability::power, false)->Arg(400)->Unit(benchmark::kMicrosecond);

BENCHMARK_MAIN();
