// The tracker as a host meets it, through the C interface: messages a second, bytes a dialog, profiles, statistics.
// A whole call is INVITE 100 180 200 ACK BYE 200, seven messages. N calls are up all the time: each turn ends the
// oldest one, which nothing has touched since, and begins a new one.
#include <benchmark/benchmark.h>
#include <array>
#include <atomic>
#include <cstdint>
#include <malloc.h>
#include <memory>
#include <string_view>
#include <tandem/tandem.h>

namespace {

constexpr std::uint32_t dialog_max = 4'000'000;

tandem_str str(std::string_view text) { return {text.data(), text.size()}; }

// The texts of one call, as long as those of usual phones, made from its number without a table.
class Call {
public:
    explicit Call(std::uint64_t number) {
        write(call_id_, number * 0x9e3779b97f4a7c15, 0);
        write(call_id_, number, 16);
        write(caller_tag_, number ^ 0x5bd1e995, 0);
        write(callee_tag_, number * 31, 0);
        write(caller_, number, 4);
    }

    tandem_message make(std::uint32_t method, std::uint32_t status, std::uint32_t cseq) const {
        tandem_message message = TANDEM_MESSAGE_INIT;
        message.method = method;
        message.status = status;
        message.cseq = cseq;
        message.call_id = {call_id_.data(), call_id_.size()};
        message.from_tag = {caller_tag_.data(), caller_tag_.size()};
        if (status != 100) message.to_tag = {callee_tag_.data(), callee_tag_.size()};
        return message;
    }

    tandem_message invite() const {
        tandem_message message = make(TANDEM_METHOD_INVITE, 0, 1);
        message.to_tag = {nullptr, 0};
        message.from_uri = {caller_.data(), caller_.size()};
        message.to_uri = str("sip:+442071234567@carrier.example.net");
        message.request_uri = str("sip:+442071234567@carrier.example.net;transport=udp");
        message.contact_uri = str("sip:phone@192.0.2.17:5062;ob");
        message.record_route = str("<sip:192.0.2.200;lr>");
        return message;
    }

    tandem_message answer(std::uint32_t status) const {
        tandem_message message = make(TANDEM_METHOD_INVITE, status, 1);
        message.contact_uri = str("sip:gw@198.51.100.9:5060");
        message.record_route = str("<sip:192.0.2.200;lr>");
        return message;
    }

private:
    template <std::size_t n>
    static void write(std::array<char, n> &text, std::uint64_t number, std::size_t from) {
        for (std::size_t i = from; i < n && i < from + 16; ++i, number >>= 4) text[i] = "0123456789abcdef"[number & 15];
    }

    std::array<char, 32> call_id_{};
    std::array<char, 12> caller_tag_{};
    std::array<char, 12> callee_tag_{};
    std::array<char, 32> caller_ = {'s', 'i', 'p', ':', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0',
                                    '0', '0', '0', '0', '@', 'e', 'x', 'a', 'm', 'p', 'l', 'e', '.', 'n', 'e', 't'};
};

struct TrackerFree {
    void operator()(tandem_tracker *tracker) const { tandem_tracker_free(tracker); }
};
using TrackerPointer = std::unique_ptr<tandem_tracker, TrackerFree>;

TrackerPointer make_tracker(std::uint32_t events) {
    tandem_tracker_options options = TANDEM_TRACKER_OPTIONS_INIT;
    options.dialog_max = dialog_max;
    options.profile_value_max = dialog_max;
    options.events = events;
    tandem_tracker *tracker = nullptr;
    if (tandem_tracker_new(&options, 0, &tracker) != TANDEM_OK) std::abort();
    tandem_profile_options user = TANDEM_PROFILE_OPTIONS_INIT;
    user.has_values = 1;
    user.limit = 1'000'000;
    if (tandem_profile_declare(tracker, tandem_str_of("total"), nullptr) != TANDEM_OK) std::abort();
    if (tandem_profile_declare(tracker, tandem_str_of("user"), &user) != TANDEM_OK) std::abort();
    return TrackerPointer(tracker);
}

void feed(tandem_tracker *tracker, const tandem_message &message, std::uint64_t now_us,
          tandem_dialog_id *id = nullptr) {
    if (tandem_tracker_feed(tracker, &message, now_us, id) != TANDEM_OK) std::abort();
}

void drain(tandem_tracker *tracker) {
    tandem_event event = TANDEM_EVENT_INIT;
    while (tandem_event_next(tracker, &event) == TANDEM_OK) tandem_event_free(&event);
}

// Five of the seven messages.
tandem_dialog_id begin(tandem_tracker *tracker, std::uint64_t number, std::uint64_t now_us) {
    const Call call(number);
    tandem_dialog_id id = 0;
    feed(tracker, call.invite(), now_us, &id);
    feed(tracker, call.answer(100), now_us);
    feed(tracker, call.answer(180), now_us);
    feed(tracker, call.answer(200), now_us);
    feed(tracker, call.make(TANDEM_METHOD_ACK, 0, 1), now_us);
    return id;
}

void end(tandem_tracker *tracker, std::uint64_t number, std::uint64_t now_us) {
    const Call call(number);
    feed(tracker, call.make(TANDEM_METHOD_BYE, 0, 2), now_us);
    feed(tracker, call.make(TANDEM_METHOD_BYE, 200, 2), now_us);
}

void run_calls(benchmark::State &state, std::uint32_t events) {
    const auto live = static_cast<std::uint64_t>(state.range(0));
    const TrackerPointer tracker = make_tracker(events);
    std::uint64_t now_us = 0;
    for (std::uint64_t i = 0; i < live; ++i) begin(tracker.get(), i, now_us += 100);
    drain(tracker.get());
    std::uint64_t next = live;
    for (auto _ : state) {
        end(tracker.get(), next - live, now_us += 100);
        begin(tracker.get(), next++, now_us);
        if (events != TANDEM_EVENTS_NONE) drain(tracker.get());
    }
    state.SetItemsProcessed(state.iterations() * 7);
}

void messages(benchmark::State &state) { run_calls(state, TANDEM_EVENTS_NONE); }
void messages_and_all_events(benchmark::State &state) { run_calls(state, 0); }
void messages_and_cdrs(benchmark::State &state) { run_calls(state, TANDEM_EVENT_MASK(TANDEM_EVENT_CDR)); }
BENCHMARK(messages)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(messages_and_cdrs)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(messages_and_all_events)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);

// Every message of another call than the one before it: the worst that a cache can meet.
void messages_of_calls_in_turn(benchmark::State &state) {
    const auto live = static_cast<std::uint64_t>(state.range(0));
    const TrackerPointer tracker = make_tracker(TANDEM_EVENTS_NONE);
    for (std::uint64_t i = 0; i < live; ++i) begin(tracker.get(), i, i);
    std::uint64_t i = 0;
    std::uint32_t cseq = 2;
    for (auto _ : state) {
        feed(tracker.get(), Call(i * 7919 % live).make(TANDEM_METHOD_INFO, 0, cseq), live);
        if (++i % live == 0) ++cseq;
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(messages_of_calls_in_turn)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);

// Threads with calls of their own: 10 000 of each are up. `has_shards`: each thread has the calls of its own shards, as
// a host arranges it by tandem_tracker_shard_of(); else calls of one thread lie beside those of the other.
void run_by_thread(benchmark::State &state, bool has_shards) {
    static TrackerPointer tracker;
    if (state.thread_index() == 0) tracker = make_tracker(TANDEM_EVENTS_NONE);
    const auto thread = static_cast<std::uint32_t>(state.thread_index());
    const auto threads = static_cast<std::uint32_t>(state.threads());
    const auto is_mine = [&](std::uint64_t number) {
        const Call call(number);
        const tandem_str call_id = call.make(TANDEM_METHOD_INVITE, 0, 1).call_id;
        return tandem_tracker_shard_of(tracker.get(), call_id) % threads == thread;
    };
    std::vector<std::uint64_t> up(10'000, 0);
    std::uint64_t number = std::uint64_t{thread} << 40;
    std::uint64_t turn = 0;
    for (auto _ : state) {
        std::uint64_t &oldest = up[turn % up.size()];
        if (turn >= up.size()) end(tracker.get(), oldest, turn);
        do ++number;
        while (has_shards && !is_mine(number));
        oldest = number;
        begin(tracker.get(), oldest, turn++);
    }
    state.SetItemsProcessed(state.iterations() * 7);
    if (state.thread_index() == 0) tracker.reset();
}
void messages_by_thread_with_shards(benchmark::State &state) { run_by_thread(state, true); }
void messages_by_thread(benchmark::State &state) { run_by_thread(state, false); }
BENCHMARK(messages_by_thread_with_shards)->Threads(1)->Threads(2)->UseRealTime();
BENCHMARK(messages_by_thread)->Threads(1)->Threads(2)->UseRealTime();

// What a whole call costs with two profiles and one variable, as a host would use it.
void calls_with_profiles_and_variable(benchmark::State &state) {
    const auto live = static_cast<std::uint64_t>(state.range(0));
    const TrackerPointer tracker = make_tracker(TANDEM_EVENT_MASK(TANDEM_EVENT_CDR));
    const auto begin_counted = [&](std::uint64_t number) {
        const tandem_dialog_id id = begin(tracker.get(), number, number);
        std::array<char, 12> user{};
        for (std::size_t i = 0; i < user.size(); ++i) user[i] = static_cast<char>('a' + (number >> 2 * i) % 4);
        const tandem_profile_request requests[] = {
            {tandem_str_of("total"), tandem_str_of(""), TANDEM_LIMIT_DECLARED},
            {tandem_str_of("user"), {user.data(), user.size()}, TANDEM_LIMIT_DECLARED}};
        const tandem_value value = tandem_value_text(tandem_str_of("blue"));
        if (tandem_profile_reserve(tracker.get(), id, requests, 2, number, nullptr) != TANDEM_OK) std::abort();
        if (tandem_variable_set(tracker.get(), id, tandem_str_of("tenant"), &value, number) != TANDEM_OK) std::abort();
    };
    for (std::uint64_t i = 0; i < live; ++i) begin_counted(i);
    std::uint64_t next = live;
    for (auto _ : state) {
        end(tracker.get(), next - live, next);
        begin_counted(next++);
        drain(tracker.get());
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(calls_with_profiles_and_variable)->Arg(1'000)->Arg(1'000'000);

// One plain profile of N members: join and leave of one more.
void reserve_and_release(benchmark::State &state) {
    const auto live = static_cast<std::uint64_t>(state.range(0));
    const TrackerPointer tracker = make_tracker(TANDEM_EVENTS_NONE);
    tandem_dialog_id id = 0;
    for (std::uint64_t i = 0; i < live; ++i) {
        id = begin(tracker.get(), i, i);
        const tandem_str total = tandem_str_of("total");
        if (tandem_profile_join(tracker.get(), id, total, tandem_str_of(""), i) != TANDEM_OK) std::abort();
    }
    id = begin(tracker.get(), live, live);
    const tandem_profile_request request = {tandem_str_of("total"), tandem_str_of(""), TANDEM_LIMIT_DECLARED};
    for (auto _ : state) {
        if (tandem_profile_reserve(tracker.get(), id, &request, 1, live, nullptr) != TANDEM_OK) std::abort();
        if (tandem_profile_leave(tracker.get(), id, request.profile, request.value, live) != TANDEM_OK) std::abort();
    }
}
BENCHMARK(reserve_and_release)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);

void statistics(benchmark::State &state) {
    const TrackerPointer tracker = make_tracker(TANDEM_EVENTS_NONE);
    for (std::uint64_t i = 0; i < 100'000; ++i) begin(tracker.get(), i, i);
    tandem_statistics now = TANDEM_STATISTICS_INIT;
    for (auto _ : state) {
        if (tandem_tracker_statistics(tracker.get(), &now) != TANDEM_OK) std::abort();
        benchmark::DoNotOptimize(now.active);
    }
}
BENCHMARK(statistics);

// Bytes of the heap for each live dialog with one variable, when N are up.
void memory(benchmark::State &state) {
    const auto live = static_cast<std::uint64_t>(state.range(0));
    for (auto _ : state) {
        const auto used = [] {
            const auto info = mallinfo2();
            return static_cast<double>(info.uordblks + info.hblkhd);
        };
        const TrackerPointer tracker = make_tracker(TANDEM_EVENTS_NONE);
        const double before = used();
        const tandem_value value = tandem_value_text(tandem_str_of("blue"));
        for (std::uint64_t i = 0; i < live; ++i) {
            const tandem_dialog_id id = begin(tracker.get(), i, i);
            if (tandem_variable_set(tracker.get(), id, tandem_str_of("tenant"), &value, i) != TANDEM_OK) std::abort();
        }
        state.counters["bytes_per_dialog"] = (used() - before) / static_cast<double>(live);
    }
}
BENCHMARK(memory)->Arg(100'000)->Arg(1'000'000)->Iterations(1);

} // namespace

BENCHMARK_MAIN();
