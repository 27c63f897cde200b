// Every arc of RFC 3261 figure 7, with RFC 6026 sections 7.1 and 8.8.
#include <doctest/doctest.h>
#include "transaction/harness.hpp"

namespace tandem {
using test::Harness;
using Kind = TransactionEventKind;
using State = TransactionState;
using Times = std::vector<std::int64_t>;

TEST_CASE("server INVITE: a new one goes up, waits in proceeding and keeps the request") {
    Harness h;
    h.receive(test::request("INVITE"));
    REQUIRE(h.told.size() == 1);
    CHECK(h.told[0].event.kind == Kind::request);
    CHECK(h.told[0].event.source == h.peer);
    CHECK(h.told[0].event.message.method() == Method::invite);
    const auto id = h.last_request();
    CHECK(h.table.state(id) == State::proceeding);
    REQUIRE(h.table.request(id));
    CHECK(h.table.request(id)->call_id() == "a84b4c76e66710");
    CHECK_FALSE(h.table.next_deadline());
}

TEST_CASE("server INVITE: one that comes again before any response is absorbed") {
    Harness h;
    h.receive(test::request("INVITE"));
    h.receive(test::request("INVITE"));
    CHECK(h.told.size() == 1);
    CHECK(h.sent.empty());
    CHECK(h.table.statistics().absorbed == 1);
    CHECK(h.table.statistics().retransmitted == 0);
}

TEST_CASE("server INVITE: provisional responses are sent; one that comes again gets the last of them") {
    Harness h;
    h.receive(test::request("INVITE"));
    const auto id = h.last_request();
    CHECK(h.respond(id, 100).ok());
    CHECK(h.respond(id, 180).ok());
    h.receive(test::request("INVITE"));
    REQUIRE(h.sent.size() == 3);
    CHECK(h.sent[0].first_line() == "SIP/2.0 100 Whatever");
    CHECK(h.sent[2].first_line() == "SIP/2.0 180 Whatever");
    CHECK(h.sent[2].transaction == id);
    CHECK(h.table.state(id) == State::proceeding);
    CHECK(h.count(Kind::request) == 1);
    h.run_to(600000); // a provisional response is not repeated, and proceeding has no end of its own
    CHECK(h.sent.size() == 3);
}

TEST_CASE("server INVITE: a transport error in proceeding is told and changes nothing (RFC 6026 section 8.8)") {
    Harness h;
    h.receive(test::request("INVITE"));
    const auto id = h.last_request();
    h.table.set_owner(id, 11);
    CHECK(h.respond(id, 180).ok());
    h.table.on_transport_failure(id, at_ms(0));
    h.collect();
    CHECK(h.told.back().event.kind == Kind::transport_failed);
    CHECK(h.told.back().event.owner == 11);
    CHECK(h.table.state(id) == State::proceeding);
}

TEST_CASE("server INVITE: a refusal is repeated by Timer G up to T2; without ACK Timer H ends it at 64*T1") {
    for (const auto status : test::Statuses{302, 486, 500, 603}) {
        Harness h;
        h.receive(test::request("INVITE"));
        const auto id = h.last_request();
        h.table.set_owner(id, 12);
        CHECK(h.respond(id, status).ok());
        CHECK(h.table.state(id) == State::completed);
        CHECK_FALSE(h.table.request(id));
        h.run_to(31999);
        CHECK(h.times("SIP/2.0") == Times{0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500});
        CHECK(h.count(Kind::timeout) == 0);
        h.run_to(32000);
        CHECK(h.told.back().event.kind == Kind::timeout);
        CHECK(h.told.back().event.owner == 12);
        CHECK(h.is_over());
    }
}

TEST_CASE("server INVITE: over TCP Timer G does not run and Timer H does") {
    Harness h(test::tcp());
    h.receive(test::request("INVITE"));
    CHECK(h.respond(h.last_request(), 486).ok());
    h.run_to(31999);
    CHECK(h.sent.size() == 1);
    CHECK(h.count(Kind::timeout) == 0);
    h.run_to(32000);
    CHECK(h.count(Kind::timeout) == 1);
    CHECK(h.is_over());
}

TEST_CASE("server INVITE: one that comes again in completed gets the refusal again, apart from Timer G") {
    Harness h;
    h.receive(test::request("INVITE"));
    CHECK(h.respond(h.last_request(), 486).ok());
    h.run_to(300);
    h.receive(test::request("INVITE"));
    h.run_to(1600);
    CHECK(h.times("SIP/2.0 486") == Times{0, 300, 500, 1500});
    CHECK(h.count(Kind::request) == 1);
}

TEST_CASE("server INVITE: the ACK for a refusal stops Timer G; Timer I ends it after T4 and absorbs more ACKs") {
    Harness h;
    h.receive(test::request("INVITE"));
    const auto id = h.last_request();
    CHECK(h.respond(id, 486).ok());
    h.run_to(200);
    h.receive(test::request("ACK", {.to_tag = "bob"}));
    CHECK(h.table.state(id) == State::confirmed);
    h.run_to(700);
    h.receive(test::request("ACK", {.to_tag = "bob"}));
    h.receive(test::request("INVITE")); // late: absorbed
    h.table.on_transport_failure(id, at_ms(h.now_ms));
    h.run_to(5199);
    CHECK(h.table.state(id) == State::confirmed);
    h.run_to(5200);
    CHECK(h.is_over());
    CHECK(h.sent.size() == 1);
    CHECK(h.told.size() == 1); // the INVITE alone
    CHECK(h.table.statistics().absorbed == 3);
}

TEST_CASE("server INVITE: over TCP Timer I is zero: the ACK ends it") {
    Harness h(test::tcp());
    h.receive(test::request("INVITE"));
    CHECK(h.respond(h.last_request(), 486).ok());
    h.receive(test::request("ACK", {.to_tag = "bob"}));
    CHECK(h.is_over());
    CHECK(h.count(Kind::ack) == 0);
}

TEST_CASE("server INVITE: a transport error in completed is told and changes nothing (RFC 6026 section 8.8)") {
    Harness h;
    h.receive(test::request("INVITE"));
    const auto id = h.last_request();
    CHECK(h.respond(id, 486).ok());
    h.table.on_transport_failure(id, at_ms(0));
    h.collect();
    CHECK(h.told.back().event.kind == Kind::transport_failed);
    CHECK(h.table.state(id) == State::completed);
}

TEST_CASE("server INVITE: a 2xx is accepted; Timer L ends it at 64*T1, over TCP too (RFC 6026 section 7.1)") {
    for (const Endpoint &peer : {test::udp(), test::tcp()}) {
        Harness h(peer);
        h.receive(test::request("INVITE"));
        const auto id = h.last_request();
        CHECK(h.respond(id, 200).ok());
        CHECK(h.table.state(id) == State::accepted);
        CHECK_FALSE(h.table.request(id));
        h.run_to(31999);
        CHECK(h.table.state(id) == State::accepted);
        h.run_to(32000);
        CHECK(h.is_over());
        CHECK(h.sent.size() == 1); // the user repeats a 2xx, nobody else
        CHECK(h.count(Kind::timeout) == 0);
    }
}

TEST_CASE("server INVITE: one that comes again in accepted is absorbed") {
    Harness h;
    h.receive(test::request("INVITE"));
    CHECK(h.respond(h.last_request(), 200).ok());
    h.receive(test::request("INVITE"));
    CHECK(h.sent.size() == 1);
    CHECK(h.count(Kind::request) == 1);
    CHECK(h.table.statistics().absorbed == 1);
}

TEST_CASE("server INVITE: the user sends its 2xx again in accepted, and another final response is refused") {
    Harness h;
    h.receive(test::request("INVITE"));
    const auto id = h.last_request();
    CHECK(h.respond(id, 200).ok());
    h.run_to(500);
    CHECK(h.respond(id, 200).ok());
    CHECK(h.times("SIP/2.0 200") == Times{0, 500});
    CHECK(h.respond(id, 486).error() == Error::wrong_state);
    CHECK(h.respond(id, 180).error() == Error::wrong_state);
    CHECK(h.sent.size() == 2);
    h.run_to(32000); // Timer L runs from the first 2xx
    CHECK(h.is_over());
    CHECK(h.respond(id, 200).error() == Error::not_found);
}

TEST_CASE("server INVITE: an ACK with the INVITE's branch in accepted goes up") {
    Harness h;
    h.receive(test::request("INVITE"));
    const auto id = h.last_request();
    CHECK(h.respond(id, 200).ok());
    h.receive(test::request("ACK", {.to_tag = "bob"}));
    CHECK(h.count(Kind::ack) == 1);
    CHECK_FALSE(h.told.back().event.transaction);
    CHECK(h.table.state(id) == State::accepted);
}

TEST_CASE("server INVITE: an ACK with another branch goes up, with or without a transaction") {
    Harness h;
    h.receive(test::request("INVITE"));
    CHECK(h.respond(h.last_request(), 200).ok());
    h.receive(test::request("ACK", {.branch = "z9hG4bKack", .to_tag = "bob"}));
    h.run_to(40000);
    h.receive(test::request("ACK", {.branch = "z9hG4bKack", .to_tag = "bob"}));
    CHECK(h.count(Kind::ack) == 2);
    CHECK(h.sent.size() == 1);
    CHECK(h.is_over());
}

TEST_CASE("server INVITE: a transport error in accepted is told and changes nothing (RFC 6026 section 8.8)") {
    Harness h;
    h.receive(test::request("INVITE"));
    const auto id = h.last_request();
    CHECK(h.respond(id, 200).ok());
    h.table.on_transport_failure(id, at_ms(0));
    h.collect();
    CHECK(h.told.back().event.kind == Kind::transport_failed);
    CHECK(h.table.state(id) == State::accepted);
}

TEST_CASE("server INVITE: an ACK before any final response is absorbed") {
    Harness h;
    h.receive(test::request("INVITE"));
    h.receive(test::request("ACK", {.to_tag = "bob"}));
    CHECK(h.count(Kind::ack) == 0);
    CHECK(h.table.state(h.last_request()) == State::proceeding);
}

TEST_CASE("server INVITE: after a refusal no other response is sent") {
    Harness h;
    h.receive(test::request("INVITE"));
    const auto id = h.last_request();
    CHECK(h.respond(id, 486).ok());
    CHECK(h.respond(id, 200).error() == Error::wrong_state);
    CHECK(h.respond(id, 486).error() == Error::wrong_state);
    CHECK(h.respond(id, 180).error() == Error::wrong_state);
    h.receive(test::request("ACK", {.to_tag = "bob"}));
    CHECK(h.respond(id, 486).error() == Error::wrong_state);
    CHECK(h.sent.size() == 1);
}

} // namespace tandem
