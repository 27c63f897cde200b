// Every arc of RFC 3261 figure 5, with RFC 6026 section 7.2.
#include <doctest/doctest.h>
#include "transaction/harness.hpp"

namespace tandem {
using test::Harness;
using Kind = TransactionEventKind;
using State = TransactionState;
using Times = std::vector<std::int64_t>;

TEST_CASE("client INVITE: is sent at once, to where the user says, and waits in calling (figure 5)") {
    Harness h(test::udp("192.0.2.7", 5070));
    const auto id = h.send("INVITE");
    REQUIRE(h.sent.size() == 1);
    CHECK(h.sent[0].to == test::udp("192.0.2.7", 5070));
    CHECK(h.sent[0].transaction == id);
    CHECK(h.table.state(id) == State::calling);
}

TEST_CASE("client INVITE: Timer A doubles without bound, Timer B ends it at 64*T1 and not a millisecond before") {
    Harness h;
    const auto id = h.send("INVITE", {}, 7);
    h.run_to(31999);
    CHECK(h.times("INVITE") == Times{0, 500, 1500, 3500, 7500, 15500, 31500});
    CHECK(h.told.empty());
    CHECK(h.table.state(id) == State::calling);
    h.run_to(32000);
    REQUIRE(h.told.size() == 1);
    CHECK(h.told[0].at_ms == 32000);
    CHECK(h.told[0].event.kind == Kind::timeout);
    CHECK(h.told[0].event.transaction == id);
    CHECK(h.told[0].event.owner == 7);
    CHECK(h.is_over());
    CHECK(h.table.statistics().timeouts == 1);
    CHECK(h.table.statistics().retransmitted == 6);
}

TEST_CASE("client INVITE: a retransmission is the same bytes") {
    Harness h;
    h.send("INVITE");
    h.run_to(500);
    REQUIRE(h.sent.size() == 2);
    CHECK(h.sent[0].bytes == h.sent[1].bytes);
}

TEST_CASE("client INVITE: over TCP nothing is retransmitted and Timer B still runs") {
    Harness h(test::tcp());
    h.send("INVITE");
    h.run_to(31999);
    CHECK(h.times("INVITE") == Times{0});
    CHECK(h.told.empty());
    h.run_to(32000);
    CHECK(h.count(Kind::timeout) == 1);
    CHECK(h.is_over());
}

TEST_CASE("client INVITE: a transport error in calling is told and ends it") {
    Harness h;
    const auto id = h.send("INVITE", {}, 9);
    h.table.on_transport_failure(id, at_ms(10));
    h.collect();
    REQUIRE(h.told.size() == 1);
    CHECK(h.told[0].event.kind == Kind::transport_failed);
    CHECK(h.told[0].event.owner == 9);
    CHECK(h.is_over());
}

TEST_CASE("client INVITE: a 1xx in calling goes up and stops Timers A and B") {
    Harness h;
    const auto id = h.send("INVITE");
    h.run_to(700);
    h.receive(h.answer(100, "INVITE"));
    CHECK(h.table.state(id) == State::proceeding);
    REQUIRE(h.told.size() == 1);
    CHECK(h.told[0].event.kind == Kind::response);
    CHECK(h.told[0].event.message.status() == 100);
    CHECK_FALSE(h.table.next_deadline());
    h.run_to(180000);
    CHECK(h.times("INVITE") == Times{0, 500});
    CHECK(h.table.state(id) == State::proceeding);
}

TEST_CASE("client INVITE: each 1xx in proceeding goes up") {
    Harness h;
    h.send("INVITE");
    h.receive(h.answer(100, "INVITE"));
    h.receive(h.answer(180, "INVITE"));
    h.receive(h.answer(180, "INVITE"));
    CHECK(h.count(Kind::response) == 3);
}

TEST_CASE("client INVITE: a transport error in proceeding changes nothing") {
    Harness h;
    const auto id = h.send("INVITE");
    h.receive(h.answer(100, "INVITE"));
    h.table.on_transport_failure(id, at_ms(0));
    h.collect();
    CHECK(h.table.state(id) == State::proceeding);
    CHECK(h.told.size() == 1);
}

TEST_CASE("client INVITE: a 2xx in calling or proceeding is accepted; Timer M ends it (RFC 6026 section 7.2)") {
    for (const bool rings : {false, true}) {
        for (const Endpoint &peer : {test::udp(), test::tcp()}) {
            Harness h(peer);
            const auto id = h.send("INVITE");
            if (rings) h.receive(h.answer(180, "INVITE"));
            h.run_to(1000);
            h.receive(h.answer(200, "INVITE"));
            CHECK(h.table.state(id) == State::accepted);
            CHECK(h.times("ACK").empty()); // the user's
            const auto sent = h.sent.size();
            h.run_to(32999);
            CHECK(h.table.state(id) == State::accepted);
            h.run_to(33000);
            CHECK(h.is_over());
            CHECK(h.sent.size() == sent);
            CHECK(h.count(Kind::timeout) == 0);
        }
    }
}

TEST_CASE("client INVITE: a 2xx in accepted goes up again, also of another fork; all else is absorbed") {
    Harness h;
    const auto id = h.send("INVITE", {}, 5);
    h.receive(h.answer(200, "INVITE", {.to_tag = "one"}));
    h.receive(h.answer(200, "INVITE", {.to_tag = "one"}));
    h.receive(h.answer(200, "INVITE", {.to_tag = "two"}));
    REQUIRE(h.told.size() == 3);
    CHECK(h.told[2].event.message.to_tag() == "two");
    CHECK(h.told[2].event.owner == 5);
    h.receive(h.answer(180, "INVITE"));
    h.receive(h.answer(486, "INVITE"));
    CHECK(h.told.size() == 3);
    CHECK(h.table.state(id) == State::accepted);
    CHECK(h.table.statistics().absorbed == 2);
    CHECK(h.times("ACK").empty());
}

TEST_CASE("client INVITE: the user's ACK goes where it is told, as its host, again for each 2xx that comes again") {
    Harness h;
    const auto id = h.send("INVITE");
    h.receive(h.answer(200, "INVITE"));
    const Endpoint to = test::udp("192.0.2.77", 5070);
    h.table.acknowledge(id, "bob", to, SharedBytes("ack"), SharedBytes("carrier.example"));
    auto again = Message::parse(h.answer(200, "INVITE"));
    h.table.receive(std::move(*again), h.peer, at_ms(0));
    std::vector<Outgoing> outgoing;
    h.table.take_outgoing(outgoing);
    REQUIRE(outgoing.size() == 2);
    for (const Outgoing &ack : outgoing) {
        CHECK(ack.to == to);
        CHECK(ack.bytes.view() == "ack");
        CHECK(ack.host.view() == "carrier.example");
    }
}

TEST_CASE("client INVITE: a transport error in accepted changes nothing") {
    Harness h;
    const auto id = h.send("INVITE");
    h.receive(h.answer(200, "INVITE"));
    h.table.on_transport_failure(id, at_ms(0));
    CHECK(h.table.state(id) == State::accepted);
}

TEST_CASE("client INVITE: a refusal in calling or proceeding is acknowledged and told; Timer D ends it") {
    for (const auto status : test::Statuses{300, 404, 503, 603}) {
        for (const bool rings : {false, true}) {
            Harness h;
            const auto id = h.send("INVITE");
            if (rings) h.receive(h.answer(180, "INVITE"));
            h.run_to(400);
            h.receive(h.answer(status, "INVITE"));
            CHECK(h.table.state(id) == State::completed);
            CHECK(h.times("ACK") == Times{400});
            CHECK(h.told.back().event.kind == Kind::response);
            CHECK(h.told.back().event.message.status() == status);
            h.run_to(400 + 31999);
            CHECK(h.table.state(id) == State::completed);
            h.run_to(400 + 32000);
            CHECK(h.is_over());
            CHECK(h.times("INVITE") == Times{0});
            CHECK(h.count(Kind::timeout) == 0);
        }
    }
}

TEST_CASE("client INVITE: a refusal that comes again in completed gets the same ACK again and is not told") {
    Harness h;
    const auto id = h.send("INVITE");
    h.receive(h.answer(486, "INVITE"));
    h.run_to(500);
    h.receive(h.answer(486, "INVITE"));
    h.receive(h.answer(180, "INVITE")); // late: absorbed
    h.receive(h.answer(200, "INVITE")); // later: absorbed
    CHECK(h.table.state(id) == State::completed);
    CHECK(h.times("ACK") == Times{0, 500});
    CHECK(h.sent.back().bytes == h.sent[h.sent.size() - 2].bytes);
    CHECK(h.count(Kind::response) == 1);
    h.run_to(31999);
    CHECK(h.table.state(id) == State::completed);
    h.run_to(32000); // Timer D runs from the first one
    CHECK(h.is_over());
}

TEST_CASE("client INVITE: a transport error in completed is told and ends it") {
    Harness h;
    const auto id = h.send("INVITE");
    h.receive(h.answer(486, "INVITE"));
    h.table.on_transport_failure(id, at_ms(0));
    h.collect();
    CHECK(h.told.back().event.kind == Kind::transport_failed);
    CHECK(h.is_over());
}

TEST_CASE("client INVITE: over TCP Timer D is zero: the ACK goes, and it is over") {
    Harness h(test::tcp());
    h.send("INVITE");
    h.receive(h.answer(486, "INVITE"));
    CHECK(h.times("ACK") == Times{0});
    CHECK(h.count(Kind::response) == 1);
    CHECK(h.is_over());
}

TEST_CASE("client INVITE: the ACK for a refusal is made of the INVITE and the response's To (section 17.1.1.3)") {
    Harness h(test::udp("192.0.2.9", 5080));
    h.send("INVITE", {.uri = "sip:bob@192.0.2.4",
                      .extra = "Route: <sip:p1.example.com;lr>\r\nRoute: <sip:p2.example.com;lr>\r\n"
                               "Contact: <sip:alice@192.0.2.1>\r\n"
                               "Proxy-Authorization: Digest username=\"alice\"\r\n"
                               "Require: 100rel\r\nSubject: no\r\n"});
    h.receive(h.answer(486, "INVITE", {.to_tag = "busy"}));
    const test::Sent &ack = h.sent.back();
    CHECK(ack.first_line() == "ACK sip:bob@192.0.2.4 SIP/2.0");
    CHECK(ack.to == test::udp("192.0.2.9", 5080));
    CHECK(ack.has("Via: SIP/2.0/UDP 192.0.2.1:5060;branch=" + h.branch + ";rport"));
    CHECK(ack.has("Route: <sip:p1.example.com;lr>\r\nRoute: <sip:p2.example.com;lr>"));
    CHECK(ack.has("From: Alice <sip:alice@example.com>;tag=1928301774"));
    CHECK(ack.has("To: Bob <sip:bob@example.com>;tag=busy"));
    CHECK(ack.has("Call-ID: a84b4c76e66710"));
    CHECK(ack.has("CSeq: 314159 ACK"));
    CHECK(ack.has("Max-Forwards: 70"));
    CHECK(ack.has("Proxy-Authorization: Digest username=\"alice\"")); // section 22.1
    CHECK(ack.has("Content-Length: 0"));
    CHECK(ack.bytes.find("Contact") == std::string::npos);
    CHECK(ack.bytes.find("Require") == std::string::npos);
    CHECK(ack.bytes.find("Subject") == std::string::npos);
    const auto parsed = Message::parse(ack.bytes);
    REQUIRE(parsed.ok());
    CHECK(parsed->defect_status() == 0);
    CHECK(parsed->via_count() == 1);
}

TEST_CASE("client INVITE: one whose bytes nobody can read is told of its refusal all the same") {
    Harness h;
    h.table.append_branch(h.branch);
    const ClientRequest bad{.method = Method::invite, .branch = h.branch, .bytes = SharedBytes("?"), .to = h.peer};
    CHECK(h.table.send_request(bad, at_ms(0)).ok());
    h.receive(h.answer(486, "INVITE"));
    h.receive(h.answer(486, "INVITE"));
    CHECK(h.count(Kind::response) == 1);
    CHECK(h.times("ACK").empty());
    h.run_to(32000);
    CHECK(h.is_over());
}

} // namespace tandem
