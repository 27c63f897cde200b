#include <doctest/doctest.h>
#include <string>
#include "auth/digest_server.hpp"
#include "node/binding_keeper.hpp"
#include "node/failing_store.hpp"
#include "node/inline_queue.hpp"
#include "node/lines.hpp"

using namespace tandem;

namespace {

struct Fixture {
    Fixture() { digest.replace_users({{"alice", "p"}}); }

    BindingRecord phone(std::uint64_t id, Duration expires) const {
        BindingRecord record;
        record.id = id;
        record.version = 1;
        record.aor = "alice@example.com";
        record.contact = "sip:phone@192.0.2.1";
        record.flow.ip = *IpAddress::parse("192.0.2.7");
        record.flow.port = 5062;
        record.registered = now;
        record.expires = now + expires;
        return record;
    }
    void add(std::uint64_t id, Duration expires) {
        registrar.load(phone(id, expires), now);
        journal.changed(phone(id, expires));
    }
    void turn(Duration span) {
        now += span;
        keeper.advance(&journal, nullptr, now);
        journal.commit(now);
    }

    test::Lines lines;
    test::FailingStore store;
    test::InlineQueue queue{store};
    Instant now = at_ms(1'000'000);
    WallClock wall{now, 1'800'000'000'000'000};
    SeededRandom random{1};
    DigestServer digest{{.realm = "r"}, random};
    Registrar registrar{{.domains = {"example.com"}}, digest, random};
    Journal journal{queue, wall, lines.log, {}, {}, &registrar};
    BindingKeeper keeper{registrar, wall, lines.log};
};

} // namespace

TEST_CASE("binding keeper: what expires is ended in the store, told once, and forgotten there later") {
    Fixture f;
    f.add(1, std::chrono::seconds(60));
    f.turn({});
    CHECK(f.store.bindings.size() == 1);
    CHECK(f.lines.text.str().empty());
    f.turn(std::chrono::seconds(61));
    REQUIRE(f.store.bindings.size() == 1);
    CHECK(f.store.bindings.at(1).is_over);
    CHECK(f.lines.has("info registrar: expired alice@example.com sip:phone@192.0.2.1, from udp:192.0.2.7:5062\n"));
    f.turn(std::chrono::minutes(8));
    CHECK(f.store.bindings.size() == 1);
    f.turn(std::chrono::minutes(2));
    CHECK(f.store.bindings.empty());
    CHECK(f.lines.count("\n") == 1);
}

TEST_CASE("binding keeper: of a Contact the log has neither its password nor its parameters and headers") {
    Fixture f;
    BindingRecord record = f.phone(1, std::chrono::seconds(60));
    record.contact = "sips:alice:geheim@192.0.2.1:5071;transport=tcp;x=geheim?Subject=geheim";
    f.registrar.load(record, f.now);
    f.turn(std::chrono::seconds(61));
    CHECK(f.lines.has("expired alice@example.com sips:alice@192.0.2.1:5071, from"));
    CHECK_FALSE(f.lines.has("geheim"));
}

TEST_CASE(
    "binding keeper: it comes when the next binding ends, never at once again, and at its poll for those of others") {
    Fixture f;
    f.turn({});
    CHECK(f.keeper.next_deadline() == f.now + std::chrono::seconds(1));
    f.add(1, std::chrono::milliseconds(400));
    CHECK(f.keeper.next_deadline() == f.now + std::chrono::milliseconds(400));
    f.add(2, std::chrono::milliseconds(1));
    CHECK(f.keeper.next_deadline() == f.now + std::chrono::milliseconds(100));
}

TEST_CASE("binding keeper: bindings by the hundred are twenty lines a second, and one that counts the rest") {
    Fixture f;
    for (std::uint64_t id = 1; id <= 300; ++id) f.add(id, std::chrono::seconds(60));
    f.turn(std::chrono::seconds(61));
    CHECK(f.lines.count("registrar: expired") == 20);
    CHECK(f.lines.count("\n") == 20);
    f.turn(std::chrono::seconds(1));
    CHECK(f.lines.has("info registrar: 280 more bindings have come or gone"));
    f.turn(std::chrono::seconds(1));
    CHECK(f.lines.count("\n") == 21);
}
