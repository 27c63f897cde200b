// Every arc of RFC 3261 figure 6.
#include <doctest/doctest.h>
#include "transaction/harness.hpp"

namespace tandem {
using test::Harness;
using Kind = TransactionEventKind;
using State = TransactionState;
using Times = std::vector<std::int64_t>;

TEST_CASE("client non-INVITE: Timer E doubles up to T2, Timer F ends it at 64*T1 and not a millisecond before") {
    Harness h;
    const auto id = h.send("BYE", {}, 3);
    CHECK(h.table.state(id) == State::trying);
    h.run_to(31999);
    CHECK(h.times("BYE") == Times{0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500});
    CHECK(h.told.empty());
    h.run_to(32000);
    REQUIRE(h.told.size() == 1);
    CHECK(h.told[0].event.kind == Kind::timeout);
    CHECK(h.told[0].event.transaction == id);
    CHECK(h.told[0].event.owner == 3);
    CHECK(h.is_over());
}

TEST_CASE("client non-INVITE: over TCP nothing is retransmitted and Timer F still runs, in both states") {
    for (const bool provisional : {false, true}) {
        Harness h(test::tcp());
        h.send("OPTIONS");
        if (provisional) h.receive(h.answer(100, "OPTIONS"));
        h.run_to(31999);
        CHECK(h.times("OPTIONS") == Times{0});
        CHECK(h.count(Kind::timeout) == 0);
        h.run_to(32000);
        CHECK(h.count(Kind::timeout) == 1);
        CHECK(h.is_over());
    }
}

TEST_CASE("client non-INVITE: a transport error in trying or proceeding is told and ends it") {
    for (const bool provisional : {false, true}) {
        Harness h;
        const auto id = h.send("INFO", {}, 4);
        if (provisional) h.receive(h.answer(100, "INFO"));
        h.table.on_transport_failure(id, at_ms(0));
        h.collect();
        CHECK(h.told.back().event.kind == Kind::transport_failed);
        CHECK(h.told.back().event.owner == 4);
        CHECK(h.is_over());
    }
}

TEST_CASE("client non-INVITE: a 1xx in trying goes up; Timer E fires when it would have, and then at every T2") {
    Harness h;
    const auto id = h.send("OPTIONS");
    h.run_to(600);
    h.receive(h.answer(100, "OPTIONS"));
    CHECK(h.table.state(id) == State::proceeding);
    CHECK(h.count(Kind::response) == 1);
    h.run_to(31999);
    CHECK(h.times("OPTIONS") == Times{0, 500, 1500, 5500, 9500, 13500, 17500, 21500, 25500, 29500});
    CHECK(h.count(Kind::timeout) == 0);
    h.run_to(32000);
    CHECK(h.count(Kind::timeout) == 1); // Timer F
    CHECK(h.is_over());
}

TEST_CASE("client non-INVITE: a further 1xx in proceeding goes up") {
    Harness h;
    const auto id = h.send("OPTIONS");
    h.receive(h.answer(100, "OPTIONS"));
    h.receive(h.answer(183, "OPTIONS"));
    CHECK(h.count(Kind::response) == 2);
    CHECK(h.table.state(id) == State::proceeding);
}

TEST_CASE("client non-INVITE: a final response in trying or proceeding goes up once; Timer K ends it after T4") {
    for (const auto status : test::Statuses{200, 302, 481, 503, 603}) {
        for (const bool provisional : {false, true}) {
            Harness h;
            const auto id = h.send("BYE");
            if (provisional) h.receive(h.answer(100, "BYE"));
            h.run_to(100);
            h.receive(h.answer(status, "BYE"));
            CHECK(h.table.state(id) == State::completed);
            CHECK(h.told.back().event.message.status() == status);
            const auto told = h.told.size();
            h.receive(h.answer(status, "BYE"));
            h.receive(h.answer(100, "BYE"));
            h.table.on_transport_failure(id, at_ms(h.now_ms));
            h.collect();
            CHECK(h.told.size() == told);
            CHECK(h.table.statistics().absorbed == 2);
            h.run_to(5099);
            CHECK(h.table.state(id) == State::completed);
            h.run_to(5100);
            CHECK(h.is_over());
            CHECK(h.times("BYE") == Times{0});
            CHECK(h.times("ACK").empty());
        }
    }
}

TEST_CASE("client non-INVITE: over TCP Timer K is zero: a final response ends it") {
    Harness h(test::tcp());
    h.send("BYE");
    h.receive(h.answer(200, "BYE"));
    CHECK(h.count(Kind::response) == 1);
    CHECK(h.is_over());
}

TEST_CASE("client: a user's timers are used as given") {
    using std::chrono::milliseconds;
    Harness h(test::udp(), {.t1 = milliseconds(100), .t2 = milliseconds(300), .t4 = milliseconds(700)});
    h.send("BYE");
    h.run_to(1000);
    CHECK(h.times("BYE") == Times{0, 100, 300, 600, 900});
    h.receive(h.answer(200, "BYE"));
    h.run_to(1699);
    CHECK(h.table.size() == 1);
    h.run_to(1700);
    CHECK(h.is_over());
}

TEST_CASE("client: a worker that slept sends once, not once for each retransmission it missed") {
    Harness h;
    h.send("BYE");
    h.now_ms = 10000;
    h.table.advance(at_ms(10000));
    h.collect();
    CHECK(h.times("BYE") == Times{0, 10000});
    h.run_to(40000);
    CHECK(h.count(Kind::timeout) == 1);
    CHECK(h.is_over());
}

TEST_CASE("client: what is no request of a user is refused") {
    Harness h;
    const SharedBytes bytes(test::request("ACK"));
    CHECK(h.table.send_request({.method = Method::ack, .branch = "z9hG4bKx", .bytes = bytes}, at_ms(0)).error() ==
          Error::invalid);
    CHECK(h.table.send_request({.method = Method::cancel, .branch = "z9hG4bKx", .bytes = bytes}, at_ms(0)).error() ==
          Error::invalid);
    CHECK(h.table.send_request({.method = Method::bye, .branch = "", .bytes = bytes}, at_ms(0)).error() ==
          Error::invalid);
    CHECK(h.table.send_request({.method = Method::bye, .branch = "z9hG4bKx"}, at_ms(0)).error() == Error::invalid);
    CHECK(h.is_over());
}

} // namespace tandem
