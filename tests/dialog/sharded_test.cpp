// The tracker of several threads: what is promised of one shard holds for all of them together, whoever calls.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <doctest/doctest.h>
#include <map>
#include <random>
#include <set>
#include <thread>
#include "dialog/sharded_tracker.hpp"

using namespace tandem;
using std::chrono::milliseconds;

namespace {

constexpr int thread_count = 4;

struct Message {
    Method method = Method::invite;
    std::uint16_t status = 0;
    std::uint32_t cseq = 1;
    Side asker = Side::caller;
    std::string_view to_tag = "b1"; // the callee's
};

MessageView view_of(const Message &message, std::string_view call_id) {
    MessageView view;
    view.method = message.method;
    view.status = message.status;
    view.cseq = message.cseq;
    view.call_id = call_id;
    const bool is_first = message.method == Method::cancel ||
                          (message.method == Method::invite && message.status == 0 && message.cseq == 1);
    view.from_tag = message.asker == Side::caller ? "a1" : message.to_tag;
    view.to_tag = message.asker == Side::caller ? (is_first ? std::string_view() : message.to_tag) : "a1";
    return view;
}

class Shards {
public:
    explicit Shards(ShardedTrackerOptions options = {}) : tracker(options, random, at_ms(0)) {
        static_cast<void>(tracker.profiles().declare({"total", false, 20, {}}));
        static_cast<void>(tracker.profiles().declare({"user", true, 3, {}}));
    }

    Result<Fed> feed(std::string_view call_id, const Message &message = {}, Instant now = at_ms(0)) {
        return tracker.feed(view_of(message, call_id), now);
    }
    DialogId confirm(std::string_view call_id) {
        const auto fed = feed(call_id);
        static_cast<void>(feed(call_id, {.status = 200}));
        static_cast<void>(feed(call_id, {.method = Method::ack}));
        return fed ? fed->dialog : DialogId();
    }
    Result<void> reserve(DialogId dialog, std::span<const ProfileRequest> requests) {
        return tracker.with(dialog, [&](Tracker &shard, DialogId id) { return shard.reserve(id, requests, at_ms(0)); });
    }
    void end(DialogId dialog) {
        tracker.with(dialog, [](Tracker &shard, DialogId id) { shard.end(id, EndReason::admin, at_ms(0)); });
    }
    void forget(DialogId dialog) {
        tracker.with(dialog, [](Tracker &shard, DialogId id) { shard.forget(id); });
    }
    std::vector<DialogId> all(std::size_t page) const {
        std::vector<DialogId> ids;
        std::uint64_t cursor = 0;
        do {
            const std::size_t before = ids.size();
            tracker.list(cursor, page, ids);
            CHECK(ids.size() - before <= page);
        } while (cursor != 0);
        return ids;
    }

    SeededRandom random{1};
    ShardedTracker tracker;
};

template <class F>
void in_threads(F f) {
    std::vector<std::thread> threads;
    for (int i = 0; i < thread_count; ++i) threads.emplace_back([&f, i] { f(i); });
    for (std::thread &thread : threads) thread.join();
}

std::string call_id_of(int i) { return "call-" + std::to_string(i); }

} // namespace

TEST_CASE("sharded: an id names one dialog of all shards, in every function that gives or takes one") {
    Shards shards({.tracker = {}, .shards = 8, .profiles = {}, .indexed_variables = {}});
    std::set<DialogId> ids;
    std::set<std::uint8_t> used;
    for (int i = 0; i < 200; ++i) {
        const DialogId id = shards.confirm(call_id_of(i));
        REQUIRE(ids.insert(id).second);
        used.insert(id.shard());
        CHECK(shards.tracker.find(call_id_of(i), "a1", "b1") == id);
        CHECK(shards.feed(call_id_of(i), {.method = Method::info, .cseq = 2})->dialog == id);
        const bool is_it = shards.tracker.with(id, [&](const Tracker &shard, DialogId local) {
            const DialogSet *set = shard.find(local);
            return set && set->view(DialogSet::call_id) == call_id_of(i);
        });
        CHECK(is_it);
    }
    CHECK(used.size() == 8);
    CHECK_FALSE(shards.tracker.find("call-5", "a1", "b2"));
    std::set<DialogId> seen;
    for (DialogEvent event; shards.tracker.next_event(event);) seen.insert(event.dialog);
    CHECK(seen == ids);
}

TEST_CASE("sharded: an id of a shard that is not there, or of another one, finds nothing") {
    Shards shards({.tracker = {}, .shards = 4, .profiles = {}, .indexed_variables = {}});
    const DialogId id = shards.confirm("call");
    const auto is_found = [&](DialogId wrong) {
        return shards.tracker.with(wrong,
                                   [](const Tracker &shard, DialogId local) { return shard.find(local) != nullptr; });
    };
    CHECK(is_found(id));
    for (unsigned shard = 0; shard < 256; ++shard) {
        if (shard != id.shard()) CHECK_FALSE(is_found(id.with_shard(static_cast<std::uint8_t>(shard))));
    }
    CHECK_FALSE(is_found(DialogId()));
}

TEST_CASE("sharded: list() gives each live set once, whatever the size of the page") {
    Shards shards({.tracker = {}, .shards = 16, .profiles = {}, .indexed_variables = {}});
    CHECK(shards.all(10).empty());
    std::set<DialogId> live;
    for (int i = 0; i < 300; ++i) {
        const DialogId id = shards.confirm(call_id_of(i));
        if (i % 3 == 0) shards.end(id);
        if (i % 3 != 0) live.insert(id);
    }
    for (std::size_t page : {1, 2, 7, 16, 100, 200, 1000}) {
        CAPTURE(page);
        const auto ids = shards.all(page);
        CHECK(ids.size() == live.size());
        CHECK(std::set(ids.begin(), ids.end()) == live);
    }
    std::uint64_t nonsense = ~std::uint64_t{0};
    std::vector<DialogId> ids;
    shards.tracker.list(nonsense, 10, ids);
    CHECK(ids.empty());
    CHECK(nonsense == 0);
}

TEST_CASE("sharded: what is there from the first page to the last comes once, while others come and go") {
    Shards shards({.tracker = {}, .shards = 8, .profiles = {}, .indexed_variables = {}});
    std::set<DialogId> lasting;
    for (int i = 0; i < 200; ++i) lasting.insert(shards.confirm("lasting-" + std::to_string(i)));
    std::atomic<bool> is_done{false};
    std::thread busy([&] {
        for (int i = 0; !is_done; ++i) {
            const DialogId id = shards.confirm(call_id_of(i));
            shards.end(id);
            shards.forget(id);
        }
    });
    bool is_right = true;
    for (int round = 0; round < 100; ++round) {
        const auto ids = shards.all(13);
        std::multiset<DialogId> seen(ids.begin(), ids.end());
        for (DialogId id : lasting) is_right = is_right && seen.count(id) == 1;
    }
    is_done = true;
    busy.join();
    CHECK(is_right);
}

TEST_CASE("sharded: dialogs are found by an indexed variable over all shards, by page; other names are not indexed") {
    Shards shards({.tracker = {}, .shards = 8, .profiles = {}, .indexed_variables = {"tenant"}});
    std::set<DialogId> ids;
    const auto set = [&](DialogId dialog, const VariableValue &value) {
        return shards.tracker.with(
            dialog, [&](Tracker &shard, DialogId id) { return shard.set_variable(id, "tenant", value, at_ms(0)); });
    };
    for (int i = 0; i < 100; ++i) {
        const DialogId id = shards.confirm(call_id_of(i));
        REQUIRE(set(id, VariableValue::of_integer(i % 4)));
        if (i % 4 == 1) ids.insert(id);
    }
    std::set<DialogId> found;
    std::uint64_t cursor = 0;
    do {
        const auto page = shards.tracker.find_by_variable("tenant", VariableValue::of_integer(1), cursor, 4);
        REQUIRE(page);
        CHECK(page->items.size() <= 4);
        found.insert(page->items.begin(), page->items.end());
        cursor = page->next;
    } while (cursor != 0);
    CHECK(found == ids);
    CHECK(shards.tracker.find_by_variable("tenant", VariableValue::of_text("1"), 0, 4)->items.empty());
    CHECK(shards.tracker.find_by_variable("user", VariableValue::of_integer(1), 0, 4).error() == Error::not_found);
    shards.end(*ids.begin());
    const auto left = shards.tracker.find_by_variable("tenant", VariableValue::of_integer(1), 0, 100);
    CHECK(left->items.size() == ids.size() - 1);
}

TEST_CASE("sharded: the next deadline is that of the shard that comes first, and each fires to the millisecond") {
    Shards shards({.tracker = {}, .shards = 8, .profiles = {}, .indexed_variables = {}});
    CHECK_FALSE(shards.tracker.next_deadline());
    for (int i = 0; i < 40; ++i) REQUIRE(shards.feed(call_id_of(i), {}, at_ms(i * 10)));
    std::size_t ended = 0;
    for (Instant now = at_ms(0); const auto next = shards.tracker.next_deadline();) {
        REQUIRE(*next >= now);
        now = *next;
        CHECK(shards.tracker.watchdog(now, Duration::zero()).empty());
        shards.tracker.advance(now);
        for (DialogEvent event; shards.tracker.next_event(event);) {
            if (event.kind != DialogEventKind::ended) continue;
            CHECK(event.at == at_ms(213'000 + 10 * static_cast<int>(ended++)));
        }
    }
    CHECK(ended == 40);
}

TEST_CASE("sharded: the watchdog names what nobody called advance() for, by its id") {
    Shards shards({.tracker = {}, .shards = 4, .profiles = {}, .indexed_variables = {}});
    std::set<DialogId> ids;
    for (int i = 0; i < 20; ++i) ids.insert(shards.feed(call_id_of(i))->dialog);
    CHECK(shards.tracker.watchdog(at_ms(182'000), milliseconds(1000)).empty());
    const auto overdue = shards.tracker.watchdog(at_ms(182'001), milliseconds(1000));
    CHECK(std::set(overdue.begin(), overdue.end()) == ids);
}

TEST_CASE("sharded: without events ended sets are gone at once, and make room") {
    ShardedTrackerOptions options;
    options.tracker.dialog_max = 10;
    options.is_silent = true;
    Shards shards(options);
    for (int i = 0; i < 1000; ++i) {
        const DialogId id = shards.confirm(call_id_of(i));
        REQUIRE(id);
        const bool is_left = shards.tracker.with(id, [](Tracker &shard, DialogId local) {
            shard.end(local, EndReason::admin, at_ms(0));
            return shard.find(local) != nullptr; // until the shard is left
        });
        CHECK(is_left);
        REQUIRE_FALSE(shards.tracker.with(id, [](const Tracker &shard, DialogId local) { return shard.find(local); }));
    }
    CHECK_FALSE(shards.tracker.has_events());
}

TEST_CASE("sharded: dialog_max is of all shards together, exactly, between threads too") {
    ShardedTrackerOptions options;
    options.tracker.dialog_max = 100;
    Shards shards(options);
    std::atomic<int> admitted{0};
    in_threads([&](int thread) {
        for (int i = 0; i < 200; ++i) admitted += shards.feed(call_id_of(1000 * thread + i)) ? 1 : 0;
    });
    CHECK(admitted == 100);
    CHECK(shards.tracker.statistics().refused == 700);
    CHECK(shards.all(1000).size() == 100);
}

TEST_CASE("sharded: there is no moment at which limit + 1 calls are up, and no place is lost [22]") {
    Shards shards;
    REQUIRE(shards.tracker.profiles().declare({"user", true, 1, {}}));
    std::array<std::atomic<int>, 2> up{}; // of each user
    std::atomic<int> most{0};
    std::atomic<int> admitted{0};
    // Until calls have been admitted and refused: how the threads meet is the machine's.
    in_threads([&](int thread) {
        const std::size_t user = static_cast<std::size_t>(thread) % 2;
        const std::array<ProfileRequest, 2> requests = {{{"total"}, {"user", user == 0 ? "alice" : "bob"}}};
        const auto has_met = [&] { return admitted > 0 && shards.tracker.statistics().limited > 0; };
        for (int i = 0; i < 5000 || (!has_met() && i < 5'000'000); ++i) {
            const DialogId id = shards.confirm(call_id_of(10'000'000 * thread + i));
            if (shards.reserve(id, requests)) {
                const int now = ++up[user];
                for (int before = most; before < now && !most.compare_exchange_weak(before, now);) {
                }
                ++admitted;
                if (i % 3 != 0) std::this_thread::yield();
                --up[user];
            }
            shards.end(id);
            shards.forget(id);
        }
    });
    CHECK(admitted > 0);
    CHECK(shards.tracker.statistics().limited > 0);
    CHECK(most == 1);
    CHECK(*shards.tracker.profiles().size("total") == 0);
    CHECK(*shards.tracker.profiles().size("user") == 0);
    const ProfileAudit audit = shards.tracker.audit();
    CHECK(audit.checked + audit.removed + audit.added + audit.misplaced == 0);
}

TEST_CASE("sharded: four threads with all messages and all that a host does: every number equals what is there") {
    ShardedTrackerOptions options;
    options.tracker.dialog_max = 200;
    options.tracker.fork_max = 3;
    options.tracker.event_max = 50;
    options.shards = 4;
    options.indexed_variables = {"tenant"};
    Shards shards(options);
    std::atomic<std::int64_t> clock_ms{0};
    std::atomic<bool> is_done{false};
    std::atomic<bool> is_right{true};
    std::map<DialogId, int> ended;
    std::thread host([&] { // takes events, and lets ended sets go
        for (bool is_last = false; !is_last;) {
            is_last = is_done;
            for (DialogEvent event; shards.tracker.next_event(event);) {
                if (event.kind != DialogEventKind::ended) continue;
                ++ended[event.dialog];
                shards.forget(event.dialog);
            }
            shards.tracker.advance(at_ms(clock_ms));
            for (const char *value : {"alice", "bob"}) {
                if (*shards.tracker.profiles().size("user", value) > 3) is_right = false;
            }
            if (*shards.tracker.profiles().size("total") > 20) is_right = false;
            const ProfileAudit audit = shards.tracker.audit();
            if (audit.removed + audit.added + audit.misplaced != 0) is_right = false;
            std::this_thread::yield();
        }
    });
    in_threads([&](int thread) {
        std::mt19937 random(static_cast<unsigned>(thread) + 7);
        const auto pick = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
        static constexpr std::array methods = {Method::ack, Method::bye, Method::bye, Method::update, Method::invite};
        static constexpr std::array<std::uint16_t, 7> statuses = {180, 183, 200, 200, 407, 481, 487};
        static constexpr std::array<std::string_view, 3> tags = {"b1", "b2", "b3"};
        for (int i = 0; i < 40'000; ++i) {
            if (pick(2000) == 0) clock_ms += pick(40'000);
            const Instant now = at_ms(clock_ms);
            const std::string call_id = call_id_of(static_cast<int>(pick(60)));
            const Side side = pick(2) ? Side::caller : Side::callee;
            const std::string_view tag = tags[pick(3)];
            const DialogId dialog = shards.tracker.find(call_id, "a1", "");
            switch (pick(9)) {
            case 0:
            case 1: static_cast<void>(shards.feed(call_id, {}, now)); break;
            case 2: static_cast<void>(shards.feed(call_id, {.status = statuses[pick(7)], .to_tag = tag}, now)); break;
            case 3: static_cast<void>(shards.feed(call_id, {methods[pick(5)], 0, 2 + pick(4), side, tag}, now)); break;
            case 4:
                static_cast<void>(
                    shards.feed(call_id, {methods[pick(5)], statuses[pick(7)], 2 + pick(4), side, tag}, now));
                break;
            case 5: {
                const std::array<ProfileRequest, 2> requests = {{{"total"}, {"user", pick(2) ? "alice" : "bob"}}};
                static_cast<void>(shards.reserve(dialog, requests));
                break;
            }
            case 6:
                shards.tracker.with(dialog, [&](Tracker &shard, DialogId id) {
                    static_cast<void>(shard.add_to_variable(id, "tenant", pick(3), now));
                    if (pick(3) == 0) static_cast<void>(shard.erase_variable(id, "tenant", now));
                });
                break;
            case 7:
                shards.tracker.with(dialog, [&](Tracker &shard, DialogId id) {
                    if (pick(2)) shard.request_end(id, EndReason::probe, now);
                    static_cast<void>(shard.set_timeout(id, DialogTimer::early, milliseconds(1 + pick(50'000))));
                    static_cast<void>(shard.leave(id, "total", "", now));
                });
                break;
            default: static_cast<void>(shards.feed(call_id, {.method = Method::cancel}, now));
            }
        }
    });
    for (int i = 0; i < 10'000; ++i) { // nobody sends any more
        const auto next = shards.tracker.next_deadline();
        if (!next) break;
        shards.tracker.advance(*next);
    }
    is_done = true;
    host.join();
    CHECK(is_right);
    CHECK(shards.all(64).empty());
    CHECK(shards.tracker.statistics().early == 0);
    CHECK(shards.tracker.statistics().active == 0);
    CHECK(shards.tracker.statistics().processed == ended.size());
    for (const auto &[id, times] : ended) REQUIRE(times == 1);
    CHECK(*shards.tracker.profiles().size("total") == 0);
    CHECK(*shards.tracker.profiles().size("user") == 0);
    CHECK(shards.tracker.find_by_variable("tenant", VariableValue::of_integer(1), 0, 1)->items.empty());
    const ProfileAudit audit = shards.tracker.audit();
    CHECK(audit.checked + audit.removed + audit.added + audit.misplaced == 0);
}

TEST_CASE("sharded: events of one dialog come in their order, though several threads make them") {
    ShardedTrackerOptions options;
    options.shards = 4;
    Shards shards(options);
    std::atomic<bool> is_done{false};
    std::map<DialogId, std::vector<DialogEventKind>> seen;
    std::thread host([&] {
        for (bool is_last = false; !is_last;) {
            is_last = is_done;
            for (DialogEvent event; shards.tracker.next_event(event);) seen[event.dialog].push_back(event.kind);
        }
    });
    in_threads([&](int thread) {
        for (int i = 0; i < 3000; ++i) shards.end(shards.confirm(call_id_of(10'000 * thread + i)));
    });
    is_done = true;
    host.join();
    CHECK(seen.size() == 3000 * thread_count);
    using Kind = DialogEventKind;
    const std::vector order = {Kind::created, Kind::confirmed, Kind::acked, Kind::ended};
    CHECK(std::all_of(seen.begin(), seen.end(), [&](const auto &dialog) { return dialog.second == order; }));
}

TEST_CASE("sharded: no wake-up is lost: an event that waits shows in has_events()") {
    ShardedTrackerOptions options;
    options.shards = 2;
    options.tracker.events = mask_of(DialogEventKind::request);
    Shards shards(options);
    const std::array<std::string, 2> calls = {"call-0", "call-1"};
    for (const std::string &call_id : calls) shards.confirm(call_id);
    // The maker waits until its event was taken, so that each one meets a consumer that is about to sleep.
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::chrono::seconds(1);
    std::atomic<std::uint32_t> taken{0};
    std::atomic<bool> is_lost{false};
    std::atomic<bool> is_done{false};
    std::thread maker([&] {
        for (std::uint32_t made = 0; !is_lost && Clock::now() < end;) {
            static_cast<void>(shards.feed(calls[made % 2], {.method = Method::info, .cseq = 2 + made}));
            ++made;
            const auto start = Clock::now();
            for (std::uint32_t spins = 1; taken != made && !is_lost; ++spins) {
                if (spins % 1024 == 0) std::this_thread::yield();
                is_lost = Clock::now() - start > std::chrono::seconds(5);
            }
        }
        is_done = true;
    });
    std::uint32_t spins = 0;
    for (DialogEvent event; !is_done;) {
        if (!shards.tracker.has_events()) { // asleep
            if (++spins % 1024 == 0) std::this_thread::yield();
            continue;
        }
        while (shards.tracker.next_event(event)) ++taken;
    }
    maker.join();
    CHECK_FALSE(is_lost);
    CHECK(taken > 0);
    CHECK_FALSE(shards.tracker.has_events());
}
