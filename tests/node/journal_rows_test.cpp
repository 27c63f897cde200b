// What the store is told beside calls: bindings of the registrar, and how trunks stand.
#include <doctest/doctest.h>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include "auth/digest_server.hpp"
#include "node/failing_store.hpp"
#include "node/journal_calls.hpp"
#include "node/trunk_states.hpp"
#include "registrar/registrar.hpp"

using namespace tandem;
using test::FailingStore;
using Calls = test::JournalCalls;

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
    using Failing = FailingStore::OnFailure;
    for (const Failing on_failure : {Failing::rolls_back, Failing::refuses_batch}) {
        test::for_each_outage(on_failure, {1, 3, 40}, [](FailingStore &store) {
            Bindings bindings(store, {.slice = 2});
            bindings.run();
            const bool has_failed = store.has_failed();
            REQUIRE(bindings.calls.settle());
            CHECK(bindings.living().size() == 4);
            CHECK(living_in(store) == bindings.living());
            CHECK(bindings.calls.journal.statistics().bindings_lost == 0);
            return has_failed;
        });
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
    using Failing = FailingStore::OnFailure;
    for (const Failing on_failure : {Failing::rolls_back, Failing::refuses_batch}) {
        test::for_each_outage(on_failure, {1, 3, 40}, [](FailingStore &store) {
            Trunks trunks(store, {});
            trunks.run();
            const bool has_failed = store.has_failed();
            REQUIRE(trunks.calls.settle());
            CHECK(trunks.known().size() == 3);
            CHECK(store.trunks == trunks.known());
            return has_failed;
        });
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
