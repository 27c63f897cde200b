// Every arc of RFC 3261 figure 8, with RFC 6026 section 8.8.
#include <doctest/doctest.h>
#include "transaction/harness.hpp"

namespace tandem {
using test::Harness;
using Kind = TransactionEventKind;
using State = TransactionState;
using Times = std::vector<std::int64_t>;

TEST_CASE("server non-INVITE: a new one goes up and waits in trying; one that comes again is absorbed") {
    Harness h;
    h.receive(test::request("OPTIONS"));
    const auto id = h.last_request();
    CHECK(h.table.state(id) == State::trying);
    h.receive(test::request("OPTIONS"));
    h.table.on_transport_failure(id, at_ms(0));
    h.collect();
    CHECK(h.told.size() == 1);
    CHECK(h.sent.empty());
    CHECK(h.table.state(id) == State::trying);
}

TEST_CASE("server non-INVITE: a 1xx is sent from trying and from proceeding, and again for one that comes again") {
    Harness h;
    h.receive(test::request("OPTIONS"));
    const auto id = h.last_request();
    CHECK(h.respond(id, 100).ok());
    CHECK(h.table.state(id) == State::proceeding);
    CHECK(h.respond(id, 183).ok());
    h.run_to(500);
    h.receive(test::request("OPTIONS"));
    CHECK(h.times("SIP/2.0 100") == Times{0});
    CHECK(h.times("SIP/2.0 183") == Times{0, 500});
    CHECK(h.count(Kind::request) == 1);
    CHECK(h.table.statistics().retransmitted == 1);
}

TEST_CASE("server non-INVITE: a final response from trying or proceeding stays for 64*T1 (Timer J)") {
    for (const auto status : test::Statuses{200, 302, 404, 500, 600}) {
        for (const bool provisional : {false, true}) {
            Harness h;
            h.receive(test::request("OPTIONS"));
            const auto id = h.last_request();
            if (provisional) CHECK(h.respond(id, 100).ok());
            h.run_to(250);
            CHECK(h.respond(id, status).ok());
            CHECK(h.table.state(id) == State::completed);
            CHECK_FALSE(h.table.request(id));
            h.run_to(32249);
            const auto sent = h.sent.size();
            h.receive(test::request("OPTIONS"));
            REQUIRE(h.sent.size() == sent + 1);
            CHECK(h.sent.back().bytes == h.sent[sent - 1].bytes);
            CHECK(h.respond(id, status).error() == Error::wrong_state);
            h.run_to(32250);
            CHECK(h.is_over());
            CHECK(h.count(Kind::timeout) == 0);
            CHECK(h.count(Kind::request) == 1);
        }
    }
}

TEST_CASE("server non-INVITE: over TCP Timer J is zero: the final response ends it") {
    Harness h(test::tcp());
    h.receive(test::request("OPTIONS"));
    CHECK(h.respond(h.last_request(), 200).ok());
    CHECK(h.sent.size() == 1);
    CHECK(h.sent[0].to == test::tcp());
    CHECK(h.is_over());
}

TEST_CASE("server non-INVITE: a transport error is told and changes nothing (RFC 6026 section 8.8)") {
    for (const auto status : test::Statuses{100, 200}) {
        Harness h;
        h.receive(test::request("OPTIONS"));
        const auto id = h.last_request();
        CHECK(h.respond(id, status).ok());
        const auto before = h.table.state(id);
        h.table.on_transport_failure(id, at_ms(0));
        h.collect();
        CHECK(h.told.back().event.kind == Kind::transport_failed);
        CHECK(h.table.state(id) == before);
    }
}

TEST_CASE("server: what is no response is refused") {
    Harness h;
    h.receive(test::request("OPTIONS"));
    const auto id = h.last_request();
    CHECK(h.respond(id, 99).error() == Error::invalid);
    CHECK(h.respond(id, 700).error() == Error::invalid);
    CHECK(h.table.respond(id, 200, {}, at_ms(0)).error() == Error::invalid);
    CHECK(h.respond(TransactionId(), 200).error() == Error::not_found);
    CHECK(h.respond(h.send("BYE"), 200).error() == Error::not_found);
    CHECK(h.table.state(id) == State::trying);
}

TEST_CASE("server: responses go where the top Via says, whoever repeats the request (section 18.2.2, RFC 3581)") {
    Harness h(test::udp("198.51.100.1", 40000));
    h.receive(test::request("OPTIONS"));
    CHECK(h.respond(h.last_request(), 100).ok());
    h.receive(test::request("OPTIONS"), test::udp("203.0.113.5", 9));
    CHECK(h.sent[0].to == test::udp("198.51.100.1", 40000)); // rport
    CHECK(h.sent[1].to == test::udp("198.51.100.1", 40000));

    h.receive(test::request("OPTIONS", {.branch = "z9hG4bKother", .via_params = "", .cseq = 2}));
    CHECK(h.respond(h.last_request(), 200).ok());
    CHECK(h.sent[2].to == test::udp("198.51.100.1", 5060)); // received, and the port of sent-by
}

TEST_CASE("transaction: ends that nobody hears of share a wake-up, what is told comes on time") {
    TransactionOptions options;
    options.linger_slack = std::chrono::milliseconds(250);
    Harness h(test::udp(), options);
    for (const std::int64_t at : {10, 120}) {
        h.run_to(at);
        h.receive(test::request("OPTIONS",
                                {.branch = "z9hG4bK" + std::to_string(at), .cseq = static_cast<std::uint32_t>(at)}));
        CHECK(h.respond(h.last_request(), 200).ok());
    }
    h.run_to(32249);
    CHECK(h.table.size() == 2);
    CHECK(h.table.next_deadline() == at_ms(32250));
    h.run_to(32250);
    CHECK(h.is_over());

    h.send("OPTIONS");
    h.run_to(64249);
    CHECK(h.count(Kind::timeout) == 0);
    h.run_to(64250);
    CHECK(h.count(Kind::timeout) == 1);
}

} // namespace tandem
