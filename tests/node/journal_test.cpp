#include <doctest/doctest.h>
#include <set>
#include <sstream>
#include <string>
#include "node/failing_store.hpp"
#include "node/inline_queue.hpp"
#include "node/journal.hpp"

using namespace tandem;
using test::FailingStore;
using test::InlineQueue;

namespace {

// Calls through a tracker, as a B2BUA has them: two sets each, of which the caller's has a record.
class Calls {
public:
    explicit Calls(FailingStore &store, const JournalOptions &options = {}, const Registrar *registrar = nullptr,
                   const TrunkStates *trunks = nullptr)
        : queue(store), log_({LogLevel::debug, LogFormat::text}, lines_),
          journal(queue, wall_, log_, options, {}, registrar, trunks) {}

    // Each step is one batch, a millisecond apart.
    void invite(int call) {
        LegOptions caller;
        const auto fed = tracker.feed_invite(view(Method::invite, 0, call, "a"), caller, now);
        LegOptions callee;
        callee.leg_of = tracker.find(fed.value().dialog)->record;
        (void)tracker.feed_invite(view(Method::invite, 0, call, "b"), callee, now);
        step();
    }
    void answer(int call) {
        for (const char *leg : {"a", "b"}) (void)tracker.feed(view(Method::invite, 200, call, leg), now);
        step();
        for (const char *leg : {"a", "b"}) (void)tracker.feed(view(Method::ack, 0, call, leg), now);
        step();
    }
    void refuse(int call) {
        for (const char *leg : {"b", "a"}) (void)tracker.feed(view(Method::invite, 486, call, leg), now);
        ended_.insert(call);
        step();
    }
    void hang_up(int call) {
        for (const char *leg : {"a", "b"}) {
            (void)tracker.feed(view(Method::bye, 0, call, leg, 2), now);
            (void)tracker.feed(view(Method::bye, 200, call, leg, 2), now);
        }
        ended_.insert(call);
        step();
    }

    void step() {
        now += std::chrono::milliseconds(1);
        if (journal.next_deadline() && *journal.next_deadline() <= now) journal.advance(tracker, now);
        tracker.drain_changes([this](const DialogRecord &record) { journal.changed(record); },
                              [this](const DialogRecord &record) { journal.ended(record); });
        ticket = journal.commit(now);
    }

    // Lets the journal try until it is done. False: it never is.
    bool settle() {
        for (int turn = 0; turn < 100'000; ++turn) {
            if (!journal.next_deadline()) return true;
            if (*journal.next_deadline() > now) now = *journal.next_deadline();
            step();
        }
        return false;
    }

    // The state of every living set.
    std::map<RecordId, DialogState> living() const {
        std::map<RecordId, DialogState> states;
        for (DialogId id : tracker.dialogs()) {
            if (const auto record = tracker.record(id)) states[record->id] = record->state;
        }
        return states;
    }
    const std::set<int> &ended() const { return ended_; }
    std::string log() const { return lines_.str(); }

    StoreTicket ticket = 0; // of the last step
    InlineQueue queue;
    Instant now = at_ms(1'000'000);
    SeededRandom random{7};
    ProfileTable profiles{random};
    TrackerShared shared{random, profiles};
    Tracker tracker{{.epoch = 1}, shared, random, now};

private:
    // All text lives in the object until the next call.
    MessageView view(Method method, std::uint16_t status, int call, std::string_view leg, std::uint32_t cseq = 1) {
        call_id_ = std::string(leg) + std::to_string(call);
        MessageView made;
        made.method = method;
        made.status = status;
        made.cseq = cseq;
        made.call_id = call_id_;
        made.from_tag = "f";
        made.to_tag = method == Method::invite && status == 0 ? "" : "t";
        made.from_uri = "sip:alice@a";
        made.to_uri = "sip:bob@b";
        made.request_uri = "sip:bob@b";
        made.contact_uri = "sip:x@192.0.2.1";
        return made;
    }

    std::string call_id_;
    std::set<int> ended_;
    std::ostringstream lines_;
    WallClock wall_{at_ms(1'000'000), 1'800'000'000'000'000};
    Log log_;

public:
    Journal journal; // last: it refers to the others
};

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
    for (const auto on_failure : {FailingStore::OnFailure::rolls_back, FailingStore::OnFailure::keeps,
                                  FailingStore::OnFailure::refuses_batch}) {
        for (const std::uint64_t outage : {1U, 2U, 7U, 40U}) {
            for (std::uint64_t first = 1;; ++first) {
                CAPTURE(outage);
                CAPTURE(first);
                FailingStore store(on_failure);
                store.fails = [=](std::uint64_t operation) { return operation >= first && operation < first + outage; };
                Calls calls(store, {.slice = 2});
                run(calls);
                const bool has_failed = store.operations >= first;
                REQUIRE(calls.settle());
                check_all_is_written(calls, store);
                CHECK(calls.journal.statistics().lost == 0);
                CHECK(calls.journal.statistics().pending == 0);
                CHECK(!calls.journal.statistics().is_behind);
                if (!has_failed) break;
                CHECK(calls.journal.statistics().failures >= 1);
                CHECK(count(calls.log(), "calls go on") == count(calls.log(), "store: back"));
            }
        }
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

namespace {

// Bindings that come and go, each change a batch of its own.
struct Bindings {
    Bindings(FailingStore &store, const JournalOptions &options) : calls(store, options, &registrar) {
        digest.replace_users({{"u0", "p"}, {"u1", "p"}, {"u2", "p"}, {"u3", "p"}});
    }

    void add(std::uint64_t id, int user, Duration expires) {
        BindingRecord record;
        record.id = id;
        record.version = 1;
        record.aor = "u" + std::to_string(user) + "@example.com";
        record.contact = "sip:phone@192.0.2.1";
        record.expires = calls.now + expires;
        registrar.load(record, calls.now);
        calls.journal.changed(record);
        calls.step();
    }
    void expire(Duration span) {
        calls.now += span;
        registrar.advance(calls.now);
        registrar.drain_changes([this](const BindingRecord &record) { calls.journal.changed(record); });
        calls.step();
    }
    void run() {
        for (std::uint64_t id = 1; id <= 6; ++id) {
            add(id, static_cast<int>(id % 4), std::chrono::milliseconds(id % 2 == 0 ? 50 : 100'000'000));
        }
        expire(std::chrono::milliseconds(60));
        add(7, 0, std::chrono::hours(1));
    }
    std::set<std::uint64_t> living() const {
        std::set<std::uint64_t> ids;
        for (const BindingRecord &record : registrar.list("", 1000)) ids.insert(record.id);
        return ids;
    }

    SeededRandom random{1};
    DigestServer digest{{.realm = "r"}, random};
    Registrar registrar{{.domains = {"example.com"}}, digest, random};
    Calls calls;
};

std::set<std::uint64_t> living_in(const FailingStore &store) {
    std::set<std::uint64_t> ids;
    for (const auto &[id, record] : store.bindings) {
        if (!record.is_over) ids.insert(id);
    }
    return ids;
}

} // namespace

TEST_CASE("journal: whichever operation fails, the bindings that live are in the store, and no other") {
    for (const auto on_failure : {FailingStore::OnFailure::rolls_back, FailingStore::OnFailure::refuses_batch}) {
        for (const std::uint64_t outage : {1U, 3U, 40U}) {
            for (std::uint64_t first = 1;; ++first) {
                CAPTURE(outage);
                CAPTURE(first);
                FailingStore store(on_failure);
                store.fails = [=](std::uint64_t operation) { return operation >= first && operation < first + outage; };
                Bindings bindings(store, {.slice = 2});
                bindings.run();
                const bool has_failed = store.operations >= first;
                REQUIRE(bindings.calls.settle());
                CHECK(bindings.living().size() == 4);
                CHECK(living_in(store) == bindings.living());
                CHECK(bindings.calls.journal.statistics().bindings_lost == 0);
                if (!has_failed) break;
            }
        }
    }
}

TEST_CASE("journal: a store that begins anew is given every binding again") {
    FailingStore store;
    Bindings bindings(store, {.slice = 2});
    bindings.run();
    store.fails = [](std::uint64_t) { return true; };
    bindings.add(8, 1, std::chrono::hours(1));
    store.bindings.clear(); // a damaged file was set aside
    store.fails = [](std::uint64_t) { return false; };
    REQUIRE(bindings.calls.settle());
    CHECK(bindings.living().size() == 5);
    CHECK(living_in(store) == bindings.living());
    CHECK(bindings.calls.log().find("0 living dialogs and 5 bindings, lost 0") != std::string::npos);
}

TEST_CASE("journal: bindings that end in an outage are bounded, and what is lost of them is counted") {
    FailingStore store;
    Bindings bindings(store, {.ended_max = 1});
    bindings.run();
    for (std::uint64_t id = 11; id < 15; ++id) bindings.add(id, 2, std::chrono::seconds(1));
    store.fails = [](std::uint64_t) { return true; };
    bindings.expire(std::chrono::seconds(2));
    CHECK(bindings.calls.journal.statistics().bindings_lost == 3);
    store.fails = [](std::uint64_t) { return false; };
    REQUIRE(bindings.calls.settle());
    CHECK(living_in(store).size() == bindings.living().size() + 3); // until they expire there
}

TEST_CASE("journal: a message that a binding causes waits until it is in the store") {
    FailingStore store;
    Bindings bindings(store, {});
    bindings.calls.queue.is_stuck = true;
    bindings.add(1, 1, std::chrono::hours(1));
    CHECK(bindings.calls.ticket > bindings.calls.journal.settled());
    bindings.calls.queue.work();
    bindings.calls.journal.collect(bindings.calls.now);
    CHECK(bindings.calls.ticket == bindings.calls.journal.settled());
    CHECK(living_in(store) == std::set<std::uint64_t>{1});
}

namespace {

// Trunks that come, change and go, each change a batch of its own.
struct Trunks {
    Trunks(FailingStore &store, const JournalOptions &options) : calls(store, options, nullptr, &states) {}

    void set(const std::string &trunk, RegistrationState state, bool is_gone = false) {
        TrunkStatus status;
        status.trunk = trunk;
        status.registration.state = state;
        status.is_gone = is_gone;
        states.note(status, calls.now);
        calls.journal.changed(status);
        calls.step();
    }
    void run() {
        using State = RegistrationState;
        for (const std::string trunk : {"a", "b", "c", "d"}) set(trunk, State::trying);
        set("b", State::registered);
        set("a", State::failed);
        set("c", State::registered, true);
        set("d", State::registered);
        set("a", State::registered);
        set("b", State::failed);
    }
    std::map<std::string, RegistrationState> known() const {
        std::map<std::string, RegistrationState> all;
        for (const TrunkStatus &status : states.list()) all[status.trunk] = status.registration.state;
        return all;
    }

    std::ostringstream lines;
    Log log{{LogLevel::off, LogFormat::text}, lines};
    TrunkStates states{log};
    Calls calls;
};

} // namespace

TEST_CASE("journal: whichever operation fails, the store knows how the trunks stand, and none that is gone") {
    for (const auto on_failure : {FailingStore::OnFailure::rolls_back, FailingStore::OnFailure::refuses_batch}) {
        for (const std::uint64_t outage : {1U, 3U, 40U}) {
            for (std::uint64_t first = 1;; ++first) {
                CAPTURE(outage);
                CAPTURE(first);
                FailingStore store(on_failure);
                store.fails = [=](std::uint64_t operation) { return operation >= first && operation < first + outage; };
                Trunks trunks(store, {});
                trunks.run();
                const bool has_failed = store.operations >= first;
                REQUIRE(trunks.calls.settle());
                CHECK(trunks.known().size() == 3);
                CHECK(store.trunks == trunks.known());
                if (!has_failed) break;
            }
        }
    }
}

TEST_CASE("journal: a store that begins anew is told of every trunk again") {
    FailingStore store;
    Trunks trunks(store, {});
    trunks.run();
    store.fails = [](std::uint64_t) { return true; };
    trunks.set("a", RegistrationState::failed);
    trunks.set("b", RegistrationState::registered, true);
    store.trunks = {{"b", RegistrationState::registered}, {"x", RegistrationState::registered}};
    store.fails = [](std::uint64_t) { return false; };
    REQUIRE(trunks.calls.settle());
    CHECK(trunks.known().size() == 2);
    CHECK(store.trunks == trunks.known());
}
