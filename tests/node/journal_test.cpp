#include <doctest/doctest.h>
#include <set>
#include <string>
#include "node/failing_store.hpp"
#include "node/journal_calls.hpp"

using namespace tandem;
using test::FailingStore;
using Calls = test::JournalCalls;

namespace {

// A bit of everything, long enough for an outage in its middle.
void run(Calls &calls) {
    calls.invite(1);
    calls.answer(1);
    calls.invite(2);
    calls.refuse(2);
    calls.invite(3);
    calls.answer(3);
    calls.hang_up(1);
    calls.invite(4);
    calls.invite(5);
    calls.answer(5);
    calls.hang_up(5);
    calls.invite(6);
}

// A host that adds to each record what only it knows.
class Host final : public LivingDialogs {
public:
    explicit Host(const Tracker &tracker) : tracker_(tracker) {}

    std::vector<DialogId> dialogs() const override { return tracker_.dialogs(); }
    std::optional<DialogRecord> record(DialogId id) const override {
        auto record = tracker_.record(id);
        if (record) record->variables.push_back({"of-the-host", VariableValue::of_text("known")});
        return record;
    }

private:
    const Tracker &tracker_;
};

// The caller's set of a call.
DialogId set_of(const Calls &calls, int call) { return calls.tracker.find("a" + std::to_string(call), "f", {}); }

void check_all_is_written(const Calls &calls, const FailingStore &store) {
    CHECK(store.dialogs == calls.living());
    CHECK(store.cdrs.size() == calls.ended().size());
    std::set<std::string> call_ids;
    for (const auto &[id, cdr] : store.cdrs) call_ids.insert(cdr.caller_call_id);
    for (int call : calls.ended()) CHECK(call_ids.count("a" + std::to_string(call)) == 1);
}

std::size_t count(const std::string &text, std::string_view part) {
    std::size_t found = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
}

} // namespace

TEST_CASE("journal: variables and profiles are written when they change, late in the call too [75-82]") {
    FailingStore store;
    Calls calls(store);
    REQUIRE(calls.profiles.declare({.name = "total"}));
    calls.invite(1);
    calls.answer(1);
    const DialogId id = set_of(calls, 1);
    const RecordId record = calls.tracker.find(id)->record;
    CHECK(store.extras.at(record) == "");
    const ProfileRequest total{.profile = "total"};
    REQUIRE(calls.tracker.reserve(id, {&total, 1}, calls.now));
    REQUIRE(calls.tracker.set_variable(id, "tenant", VariableValue::of_text("blue"), calls.now));
    calls.step();
    CHECK(store.extras.at(record) == "total tenant=blue ");
    REQUIRE(calls.tracker.set_variable(id, "tenant", VariableValue::of_text("red"), calls.now));
    REQUIRE(calls.tracker.leave(id, "total", {}, calls.now));
    calls.step();
    CHECK(store.extras.at(record) == "tenant=red ");
    REQUIRE(calls.tracker.set_variable(id, "note", VariableValue::of_text("last word"), calls.now));
    calls.hang_up(1); // in one batch with it
    REQUIRE(store.cdrs.count(record) == 1);
    REQUIRE(store.cdrs.at(record).variables.size() == 2);
    CHECK(store.cdrs.at(record).variables[1].text == "last word");
    CHECK(store.extras.count(record) == 0);
}

TEST_CASE("journal: each batch is one commit, and its record appears as its dialog goes") {
    FailingStore store;
    Calls calls(store);
    calls.step(); // nothing changed: no commit
    CHECK(store.operations == 0);

    calls.invite(1);
    CHECK(calls.journal.statistics().commits == 1);
    CHECK(store.dialogs.size() == 2);
    CHECK(store.cdrs.empty());
    calls.answer(1);
    calls.hang_up(1);
    CHECK(store.dialogs.empty());
    REQUIRE(store.cdrs.size() == 1);
    CHECK(store.cdrs.begin()->second.end_reason == EndReason::caller_bye);
    CHECK(!calls.journal.next_deadline());
    CHECK(calls.log().empty());
}

TEST_CASE("journal: whichever operation fails, every dialog and every record gets into the store once") {
    using Failing = FailingStore::OnFailure;
    for (const Failing on_failure : {Failing::rolls_back, Failing::keeps, Failing::refuses_batch}) {
        test::for_each_outage(on_failure, {1, 2, 7, 40}, [](FailingStore &store) {
            Calls calls(store, {.slice = 2});
            run(calls);
            const bool has_failed = store.has_failed();
            REQUIRE(calls.settle());
            check_all_is_written(calls, store);
            CHECK(calls.journal.statistics().lost == 0);
            CHECK(calls.journal.statistics().pending == 0);
            CHECK(!calls.journal.statistics().is_behind);
            if (!has_failed) return false;
            CHECK(calls.journal.statistics().failures >= 1);
            CHECK(count(calls.log(), "calls go on") == count(calls.log(), "store: back"));
            return true;
        });
    }
}

TEST_CASE("journal: an outage is one line, not one for each call, and its end another with the counts") {
    FailingStore store;
    Calls calls(store);
    calls.invite(1);
    store.fails = [](std::uint64_t) { return true; };
    for (int call = 2; call < 50; ++call) {
        calls.invite(call);
        calls.refuse(call);
    }
    calls.now += std::chrono::seconds(60);
    for (int i = 0; i < 100; ++i) calls.step();
    CHECK(count(calls.log(), "\n") == 1);
    CHECK(calls.log().find("error store: database or disk is full; calls go on, and are written when it is back") !=
          std::string::npos);
    CHECK(calls.journal.statistics().is_behind);
    CHECK(calls.journal.statistics().pending == 96);

    store.fails = [](std::uint64_t) { return false; };
    REQUIRE(calls.settle());
    check_all_is_written(calls, store);
    CHECK(count(calls.log(), "\n") == 2);
    CHECK(calls.log().find("wrote 96 ended and 2 living dialogs and 0 bindings, lost 0") != std::string::npos);
}

TEST_CASE("journal: that the store began anew is told in the middle of an outage too") {
    FailingStore store;
    Calls calls(store);
    calls.invite(1);
    store.fails = [](std::uint64_t) { return true; };
    calls.invite(2);
    store.error = Error::store_renewed;
    REQUIRE(calls.journal.next_deadline());
    calls.now = *calls.journal.next_deadline();
    calls.step();
    CHECK(count(calls.log(), "\n") == 2);
    CHECK(calls.log().find("error store: database or disk is full\n") != std::string::npos);
    store.fails = [](std::uint64_t) { return false; };
    store.dialogs.clear(); // with what it had
    REQUIRE(calls.settle());
    check_all_is_written(calls, store);
}

TEST_CASE("journal: the waits grow from 100 ms to 5 s, and a store that keeps failing does not start them anew") {
    FailingStore store;
    Calls calls(store);
    store.fails = [](std::uint64_t) { return true; };
    calls.invite(1);
    std::vector<std::int64_t> waits;
    for (int i = 0; i < 8; ++i) {
        waits.push_back(to_ms(*calls.journal.next_deadline() - calls.now));
        calls.now = *calls.journal.next_deadline();
        calls.journal.advance(calls.tracker, calls.now);
    }
    CHECK(waits == std::vector<std::int64_t>{100, 200, 400, 800, 1600, 3200, 5000, 5000});

    store.fails = [](std::uint64_t) { return false; };
    REQUIRE(calls.settle());
    store.fails = [](std::uint64_t) { return true; };
    calls.invite(2);
    CHECK(to_ms(*calls.journal.next_deadline() - calls.now) == 5000);

    store.fails = [](std::uint64_t) { return false; };
    REQUIRE(calls.settle());
    calls.now += std::chrono::seconds(60);
    store.fails = [](std::uint64_t) { return true; };
    calls.invite(3);
    CHECK(to_ms(*calls.journal.next_deadline() - calls.now) == 100);
}

TEST_CASE("journal: while the store is down it is asked at the retries only") {
    FailingStore store;
    Calls calls(store);
    store.fails = [](std::uint64_t) { return true; };
    calls.invite(1);
    const std::uint64_t operations = store.operations;
    for (int call = 2; call < 20; ++call) calls.invite(call);
    CHECK(store.operations == operations);
}

TEST_CASE("journal: what ends beyond the bound is lost, oldest first, counted and told once") {
    FailingStore store;
    Calls calls(store, {.ended_max = 10});
    store.fails = [](std::uint64_t) { return true; };
    for (int call = 0; call < 20; ++call) {
        calls.invite(call);
        calls.refuse(call);
    }
    CHECK(calls.journal.statistics().pending == 10);
    CHECK(calls.journal.statistics().lost == 30);
    CHECK(count(calls.log(), "the oldest are lost") == 1);

    store.fails = [](std::uint64_t) { return false; };
    REQUIRE(calls.settle());
    CHECK(store.cdrs.size() == 5);
    CHECK(store.dialogs.empty());
    CHECK(calls.log().find("lost 30") != std::string::npos);
}

TEST_CASE("journal: calls that end while the rest is caught up are written at once") {
    FailingStore store;
    Calls calls(store, {.slice = 1});
    store.fails = [](std::uint64_t) { return true; };
    for (int call = 0; call < 10; ++call) {
        calls.invite(call);
        calls.answer(call);
    }
    store.fails = [](std::uint64_t) { return false; };
    calls.now += std::chrono::seconds(10);
    calls.step(); // one slice
    CHECK(calls.journal.statistics().is_behind);
    for (int call = 0; call < 10; call += 2) calls.hang_up(call);
    CHECK(store.cdrs.size() == 5);
    REQUIRE(calls.settle());
    check_all_is_written(calls, store);
}

TEST_CASE("journal: at the end of the process everything is offered once more, without waiting") {
    FailingStore store;
    Calls calls(store, {.slice = 2});
    store.fails = [](std::uint64_t operation) { return operation < 3; };
    run(calls);
    calls.journal.flush(calls.tracker, calls.now);
    check_all_is_written(calls, store);
    CHECK(!calls.journal.next_deadline());

    store.fails = [](std::uint64_t) { return true; };
    calls.hang_up(3);
    calls.journal.flush(calls.tracker, calls.now);
    CHECK(calls.log().find("store: still failing at the end; 2 ended dialogs are lost") != std::string::npos);
}

TEST_CASE("journal: a round waits until its batch is written, and one without a change for nothing") {
    FailingStore store;
    Calls calls(store);
    calls.queue.is_stuck = true;
    calls.invite(1);
    const StoreTicket first = calls.ticket;
    CHECK(first > calls.journal.settled());
    CHECK(store.dialogs.empty());
    calls.step();
    CHECK(calls.ticket == 0);

    calls.queue.work();
    CHECK(first > calls.journal.settled()); // not before it is looked at
    calls.journal.collect(calls.now);
    CHECK(first <= calls.journal.settled());
    CHECK(store.dialogs == calls.living());
    CHECK(!calls.journal.next_deadline());
}

TEST_CASE("journal: what comes while the store writes gathers in one batch") {
    FailingStore store;
    Calls calls(store);
    calls.queue.is_stuck = true;
    calls.invite(1);
    const StoreTicket first = calls.ticket;
    calls.invite(2);
    calls.answer(2);
    const StoreTicket second = calls.ticket;
    calls.invite(3);
    CHECK(calls.ticket == second);
    CHECK(first < second);
    CHECK(calls.queue.submitted == 1);

    calls.queue.answer();
    calls.journal.collect(calls.now);
    CHECK(calls.journal.settled() == first);
    CHECK(calls.queue.submitted == 2);
    calls.queue.answer();
    calls.journal.collect(calls.now);
    CHECK(calls.journal.settled() == second);
    CHECK(calls.journal.statistics().commits == 2);
    CHECK(store.dialogs == calls.living());
}

TEST_CASE("journal: a store without an answer is waited for up to wait_max and not a millisecond longer") {
    FailingStore store;
    Calls calls(store, {.wait_max = std::chrono::milliseconds(1000)});
    calls.queue.is_stuck = true;
    calls.invite(1);
    const StoreTicket first = calls.ticket;
    const Instant since = calls.now;
    calls.invite(2);
    calls.refuse(2);
    CHECK(calls.journal.next_deadline() == since + std::chrono::milliseconds(1000));
    calls.now = since + std::chrono::milliseconds(999);
    calls.journal.advance(calls.tracker, calls.now);
    CHECK(first > calls.journal.settled());

    calls.now = since + std::chrono::milliseconds(1000);
    calls.journal.advance(calls.tracker, calls.now);
    CHECK(calls.ticket <= calls.journal.settled());
    CHECK(calls.journal.statistics().stalls == 1);
    CHECK(calls.journal.statistics().is_behind);
    CHECK(calls.log().find("error store: no answer within 1000 ms; calls go on, and are written when it is back") !=
          std::string::npos);

    // Nobody waits now, and the store is not asked for more before it has answered.
    CHECK(!calls.journal.next_deadline());
    calls.invite(3);
    calls.refuse(1);
    CHECK(calls.ticket == 0);
    CHECK(calls.queue.submitted == 1);
    CHECK(count(calls.log(), "\n") == 1);

    calls.queue.work();
    calls.journal.collect(calls.now);
    REQUIRE(calls.settle());
    check_all_is_written(calls, store);
    CHECK(calls.journal.statistics().lost == 0);
    CHECK(count(calls.log(), "store: back") == 1);
    calls.invite(4);
    CHECK(calls.ticket != 0); // the rule is in force again
}

TEST_CASE("journal: a store that takes longer than wait_max catches up all the same, and is back when it is faster") {
    FailingStore store;
    Calls calls(store, {.slice = 2, .wait_max = std::chrono::milliseconds(1000)});
    Duration takes = std::chrono::milliseconds(1500);
    Instant answer_at{};
    calls.queue.on_submit = [&] {
        calls.queue.is_stuck = true;
        answer_at = calls.now + takes;
    };
    // A moment, with a call that begins and ends in it.
    int call = 1;
    const auto pass = [&] {
        calls.now += std::chrono::milliseconds(100);
        if (calls.queue.is_stuck && answer_at <= calls.now) {
            calls.queue.work();
            calls.journal.collect(calls.now);
        }
    };
    const auto turn = [&] {
        pass();
        calls.invite(call);
        calls.refuse(call++);
    };
    for (; call < 8; ++call) calls.invite(call); // live on
    while (calls.journal.statistics().stalls == 0) turn();
    for (int i = 0; i < 1000; ++i) {
        turn();
        CHECK(calls.ticket == 0); // nobody waits
    }
    for (const auto &[record, state] : calls.living()) CHECK(store.dialogs.count(record) == 1);
    CHECK(store.cdrs.size() + 40 > calls.ended().size()); // the last ones are on their way
    CHECK(calls.journal.statistics().pending == 0);
    CHECK(calls.journal.statistics().is_behind);
    CHECK(count(calls.log(), "\n") == 1);

    for (int i = 0; i < 35; ++i) pass(); // a round that is with the store, and the next: they wait for no trial
    CHECK(store.cdrs.size() == calls.ended().size());

    takes = std::chrono::milliseconds(300);
    for (int i = 0; i < 100; ++i) turn();
    CHECK(count(calls.log(), "store: back") == 1);
    CHECK(count(calls.log(), "\n") == 2);
    CHECK(!calls.journal.statistics().is_behind);
    CHECK(calls.ticket != 0);
}

TEST_CASE("journal: the bound is of each round, also if it came while the store wrote another") {
    FailingStore store;
    Calls calls(store, {.wait_max = std::chrono::milliseconds(1000)});
    calls.queue.is_stuck = true;
    calls.invite(1);
    calls.now += std::chrono::milliseconds(500);
    calls.invite(2);
    const Instant second = calls.now;
    calls.now += std::chrono::milliseconds(300);
    calls.queue.answer();
    calls.journal.collect(calls.now);
    CHECK(calls.journal.next_deadline() == second + std::chrono::milliseconds(1000));
}

TEST_CASE("journal: a store that fails what it had been given up with loses nothing either") {
    for (const bool fails : {false, true}) {
        for (int stuck_at = 1; stuck_at < 60; ++stuck_at) {
            CAPTURE(fails);
            CAPTURE(stuck_at);
            FailingStore store;
            Calls calls(store, {.slice = 2, .wait_max = std::chrono::milliseconds(3)});
            // Stuck from this submission on for as long as three steps, and again with every seventh after it.
            int until_answer = 0;
            calls.queue.on_submit = [&] {
                const auto at = static_cast<int>(calls.queue.submitted);
                if (at < stuck_at || (at - stuck_at) % 7 != 0 || at > 200) return;
                calls.queue.is_stuck = true;
                until_answer = 5;
            };
            const auto turn = [&] {
                if (!calls.queue.is_stuck || --until_answer > 0) return;
                store.fails = [=](std::uint64_t) { return fails; };
                calls.queue.work();
                store.fails = [](std::uint64_t) { return false; };
                calls.journal.collect(calls.now);
            };
            for (int call = 1; call < 9; ++call) {
                calls.invite(call);
                turn();
                if (call % 2 == 0) calls.answer(call);
                turn();
                if (call % 3 == 0 && call % 2 != 0) calls.refuse(call);
                turn();
                if (call % 4 == 0) calls.hang_up(call);
                turn();
            }
            for (int i = 0; i < 5000 && (calls.queue.is_stuck || calls.journal.next_deadline()); ++i) {
                if (const auto next = calls.journal.next_deadline(); next && *next > calls.now) calls.now = *next;
                calls.step();
                turn();
            }
            REQUIRE(!calls.journal.next_deadline());
            check_all_is_written(calls, store);
            CHECK(calls.journal.statistics().pending == 0);
            CHECK(calls.journal.statistics().lost == 0);
            CHECK(!calls.journal.statistics().is_behind);
            CHECK(count(calls.log(), "calls go on") == count(calls.log(), "store: back"));
        }
    }
}

TEST_CASE("journal: changes that wait are bounded in bytes") {
    FailingStore store;
    Calls calls(store, {.gather_max = 10'000});
    calls.queue.is_stuck = true;
    int call = 1;
    for (; call < 1000 && calls.journal.statistics().stalls == 0; ++call) calls.invite(call);
    CHECK(call > 10);
    CHECK(call < 200);
    CHECK(calls.log().find("store: more than 10000 bytes wait for it; calls go on") != std::string::npos);
    calls.queue.work();
    calls.journal.collect(calls.now);
    REQUIRE(calls.settle());
    check_all_is_written(calls, store);
}

TEST_CASE("journal: at the end of the process a store without an answer loses what it was not seen to write") {
    FailingStore store;
    Calls calls(store);
    calls.invite(1);
    calls.queue.is_stuck = true;
    calls.refuse(1);
    calls.journal.flush(calls.tracker, calls.now);
    CHECK(calls.log().find("store: still failing at the end; 2 ended dialogs are lost") != std::string::npos);
}

TEST_CASE("journal: after an outage what lives is written as the host gives it") {
    FailingStore store;
    Calls calls(store);
    const Host host(calls.tracker);
    calls.living_dialogs = &host;
    store.fails = [](std::uint64_t) { return true; };
    calls.invite(1);
    store.fails = [](std::uint64_t) { return false; };
    REQUIRE(calls.settle());
    CHECK(store.extras.size() == 2);
    for (const auto &[id, extras] : store.extras) CHECK(extras == "of-the-host=known ");
}

TEST_CASE("journal: the last word to a caller goes into the batch that ends his call, after an outage too") {
    for (const bool is_down : {false, true}) {
        CAPTURE(is_down);
        FailingStore store;
        Calls calls(store);
        calls.invite(1);
        const RecordId id = calls.tracker.find(set_of(calls, 1))->record;
        if (is_down) store.fails = [](std::uint64_t) { return true; };
        calls.last_word = R"({"status":486})";
        calls.refuse(1);
        CHECK(store.refusals.size() == (is_down ? 0 : 1));
        store.fails = [](std::uint64_t) { return false; };
        REQUIRE(calls.settle());
        REQUIRE(store.refusals.size() == 1); // the other leg has none
        CHECK(store.refusals[0].leg == calls.last_word);
        CHECK(store.refusals[0].call_id == "a1");
        CHECK(store.refusals[0].ended_us == store.cdrs.at(id).ended_us);
    }
}
