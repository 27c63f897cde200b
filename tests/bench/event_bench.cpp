// What an event costs the bus, with nobody and with many who are about others like it.
#include <benchmark/benchmark.h>
#include <string>
#include "event/bus.hpp"
#include "event/event_names.hpp"

using namespace tandem;

namespace {

EventDraft dialog_event() {
    EventDraft draft{event_name::dialog};
    draft.fields.add(event_key::id, "0123456789abcdef0123456789abcdef");
    draft.fields.add(event_key::call_id, "a84b4c76e66710a84b4c76e66710");
    draft.fields.add(event_key::call, "a84b4c76e66710a84b4c76e66710");
    draft.fields.add(event_key::state, "confirmed");
    draft.fields.add(event_key::side, "caller");
    draft.fields.add(event_key::from, "sip:alice@atlanta.example");
    draft.fields.add(event_key::to, "sip:bob@biloxi.example");
    return draft;
}

BusOptions options() {
    BusOptions options;
    options.subscriber_max = 64;
    options.per_subscriber_max = 1000;
    return options;
}

// Subscriptions to so many other calls, by Call-ID.
struct Crowd {
    explicit Crowd(std::int64_t size) : bus(options(), random, at_ms(0)) {
        SubscriberId who;
        for (std::int64_t i = 0; i < size; ++i) {
            if (i % 1000 == 0) who = *bus.add_subscriber();
            auto filter = *EventFilter::of(event_name::dialog);
            static_cast<void>(filter.add(event_key::call_id, "call-" + std::to_string(i)));
            static_cast<void>(bus.subscribe(who, std::move(filter), {}, {}, at_ms(0)));
        }
    }

    SeededRandom random{1};
    Bus bus;
};

void bus_notify(benchmark::State &state) {
    Crowd crowd(state.range(0));
    const EventDraft draft = dialog_event();
    for (auto _ : state) benchmark::DoNotOptimize(crowd.bus.notify(draft, at_ms(0)));
}
BENCHMARK(bus_notify)->Arg(0)->Arg(1)->Arg(100)->Arg(10000);

// With one who hears it.
void bus_notify_and_take(benchmark::State &state) {
    Crowd crowd(state.range(0));
    const SubscriberId me = *crowd.bus.add_subscriber();
    auto filter = *EventFilter::of(event_name::dialog);
    static_cast<void>(filter.add(event_key::call_id, "a84b4c76e66710a84b4c76e66710"));
    static_cast<void>(crowd.bus.subscribe(me, std::move(filter), {}, {}, at_ms(0)));
    const EventDraft draft = dialog_event();
    EventPlace place;
    for (auto _ : state) {
        benchmark::DoNotOptimize(crowd.bus.notify(draft, at_ms(0)));
        if (!crowd.bus.next(me, place)) state.SkipWithError("nothing was heard");
    }
}
BENCHMARK(bus_notify_and_take)->Arg(0)->Arg(10000);

// Subscriptions to patterns alone are looked at one by one: so many there may be.
void bus_notify_walked(benchmark::State &state) {
    Crowd crowd(0);
    const SubscriberId me = *crowd.bus.add_subscriber();
    for (std::int64_t i = 0; i < state.range(0); ++i) {
        auto filter = *EventFilter::of("*");
        static_cast<void>(filter.add(event_key::from, "sip:*" + std::to_string(i) + "@*"));
        static_cast<void>(crowd.bus.subscribe(me, std::move(filter), {}, {}, at_ms(0)));
    }
    const EventDraft draft = dialog_event();
    for (auto _ : state) benchmark::DoNotOptimize(crowd.bus.notify(draft, at_ms(0)));
}
BENCHMARK(bus_notify_walked)->Arg(1)->Arg(256);

void event_made(benchmark::State &state) {
    for (auto _ : state) benchmark::DoNotOptimize(dialog_event());
}
BENCHMARK(event_made);

} // namespace

BENCHMARK_MAIN();
