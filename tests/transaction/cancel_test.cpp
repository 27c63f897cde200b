// CANCEL from both ends: RFC 3261 section 9.
#include <doctest/doctest.h>
#include "transaction/harness.hpp"

namespace tandem {
using test::Harness;
using Kind = TransactionEventKind;
using State = TransactionState;
using Times = std::vector<std::int64_t>;

TEST_CASE("CANCEL: waits for a provisional response, and goes when the first one comes (section 9.1)") {
    Harness h;
    const auto id = h.send("INVITE");
    CHECK(h.table.cancel(id, {}, at_ms(0)).ok());
    h.run_to(600);
    CHECK(h.times("CANCEL").empty());
    h.receive(h.answer(100, "INVITE"));
    CHECK(h.times("CANCEL") == Times{600});
    CHECK(h.count(Kind::response) == 1);
    h.receive(h.answer(180, "INVITE"));
    CHECK(h.times("CANCEL") == Times{600});
}

TEST_CASE("CANCEL: goes at once after a provisional response, once however often the user asks") {
    Harness h;
    const auto id = h.send("INVITE");
    h.receive(h.answer(180, "INVITE"));
    CHECK(h.table.cancel(id, {}, at_ms(0)).ok());
    CHECK(h.table.cancel(id, {}, at_ms(0)).ok());
    h.collect();
    CHECK(h.times("CANCEL") == Times{0});
}

TEST_CASE("CANCEL: is made of the INVITE (section 9.1)") {
    Harness h(test::udp("192.0.2.9", 5080));
    const auto id = h.send("INVITE", {.uri = "sip:bob@192.0.2.4",
                                      .to_tag = "dialog",
                                      .extra = "Route: <sip:p1.example.com;lr>\r\nRequire: 100rel\r\n"
                                               "Authorization: Digest username=\"alice\"\r\n"});
    h.receive(h.answer(180, "INVITE", {.to_tag = "dialog"}));
    CHECK(h.table.cancel(id, "Reason: SIP;cause=200\r\n", at_ms(0)).ok());
    h.collect();
    const test::Sent &cancel = h.sent.back();
    CHECK(cancel.first_line() == "CANCEL sip:bob@192.0.2.4 SIP/2.0");
    CHECK(cancel.to == test::udp("192.0.2.9", 5080));
    CHECK(cancel.has("Via: SIP/2.0/UDP 192.0.2.1:5060;branch=" + h.branch + ";rport"));
    CHECK(cancel.has("Route: <sip:p1.example.com;lr>"));
    CHECK(cancel.has("From: Alice <sip:alice@example.com>;tag=1928301774"));
    CHECK(cancel.has("To: Bob <sip:bob@example.com>;tag=dialog"));
    CHECK(cancel.has("Call-ID: a84b4c76e66710"));
    CHECK(cancel.has("CSeq: 314159 CANCEL"));
    CHECK(cancel.has("Max-Forwards: 70"));
    CHECK(cancel.has("Reason: SIP;cause=200"));
    CHECK(cancel.bytes.find("Require") == std::string::npos);
    CHECK(cancel.bytes.find("Authorization") == std::string::npos);
    const auto parsed = Message::parse(cancel.bytes);
    REQUIRE(parsed.ok());
    CHECK(parsed->defect_status() == 0);
}

TEST_CASE("CANCEL: is a transaction of its own that the user hears nothing of") {
    Harness h;
    const auto id = h.send("INVITE");
    h.receive(h.answer(180, "INVITE"));
    CHECK(h.table.cancel(id, {}, at_ms(0)).ok());
    h.collect();
    h.run_to(1600);
    CHECK(h.times("CANCEL") == Times{0, 500, 1500});
    const auto told = h.told.size();
    h.receive(h.answer(200, "CANCEL"));
    CHECK(h.told.size() == told);
    h.run_to(4000);
    CHECK(h.times("CANCEL") == Times{0, 500, 1500});
    CHECK(h.table.state(id) == State::proceeding);
    h.receive(h.answer(487, "INVITE"));
    CHECK(h.told.back().event.message.status() == 487);
    CHECK(h.times("ACK") == Times{4000});
    h.run_to(36000);
    CHECK(h.is_over());
    CHECK(h.count(Kind::timeout) == 0);
}

TEST_CASE("CANCEL: 64*T1 without a final response end the INVITE as timed out, answered or not") {
    for (const bool answered : {false, true}) {
        Harness h;
        const auto id = h.send("INVITE", {}, 6);
        h.receive(h.answer(180, "INVITE"));
        h.run_to(10000);
        CHECK(h.table.cancel(id, {}, at_ms(10000)).ok());
        h.collect();
        if (answered) h.receive(h.answer(200, "CANCEL"));
        h.run_to(20000);
        h.receive(h.answer(180, "INVITE")); // gives it no more time
        h.run_to(41999);
        CHECK(h.count(Kind::timeout) == 0);
        h.run_to(42000);
        CHECK(h.count(Kind::timeout) == 1);
        CHECK(h.told.back().event.transaction == id);
        CHECK(h.told.back().event.owner == 6);
        CHECK(h.is_over());
    }
}

TEST_CASE("CANCEL: while it waits, Timers A and B of the INVITE go on") {
    Harness h;
    const auto id = h.send("INVITE");
    CHECK(h.table.cancel(id, {}, at_ms(0)).ok());
    h.run_to(31999);
    CHECK(h.times("INVITE").size() == 7);
    h.run_to(32000);
    CHECK(h.count(Kind::timeout) == 1);
    CHECK(h.times("CANCEL").empty());
    CHECK(h.is_over());
}

TEST_CASE("CANCEL: one that waits is forgotten when a final response comes first") {
    for (const auto status : test::Statuses{200, 486}) {
        Harness h;
        const auto id = h.send("INVITE");
        CHECK(h.table.cancel(id, {}, at_ms(0)).ok());
        h.receive(h.answer(status, "INVITE"));
        h.receive(h.answer(180, "INVITE"));
        CHECK(h.times("CANCEL").empty());
        CHECK(h.told.back().event.message.status() == status);
        h.run_to(32000);
        CHECK(h.is_over());
    }
}

TEST_CASE("CANCEL: a 200 for the INVITE that crosses it goes up") {
    Harness h;
    const auto id = h.send("INVITE");
    h.receive(h.answer(180, "INVITE"));
    CHECK(h.table.cancel(id, {}, at_ms(0)).ok());
    h.receive(h.answer(200, "INVITE"));
    CHECK(h.told.back().event.message.status() == 200);
    CHECK(h.table.state(id) == State::accepted);
    h.run_to(32000);
    CHECK(h.is_over());
    CHECK(h.count(Kind::timeout) == 0);
}

TEST_CASE("CANCEL: a transport error of its own is nobody's business") {
    Harness h;
    const auto id = h.send("INVITE");
    h.receive(h.answer(180, "INVITE"));
    CHECK(h.table.cancel(id, {}, at_ms(0)).ok());
    h.collect();
    CHECK(h.sent.back().transaction != id);
    h.table.on_transport_failure(h.sent.back().transaction, at_ms(0));
    h.collect();
    CHECK(h.count(Kind::transport_failed) == 0);
    CHECK(h.table.size() == 1);
}

TEST_CASE("CANCEL: what cannot be cancelled is refused") {
    Harness h;
    CHECK(h.table.cancel(TransactionId(), {}, at_ms(0)).error() == Error::not_found);
    CHECK(h.table.cancel(h.send("BYE"), {}, at_ms(0)).error() == Error::not_found);
    h.receive(test::request("INVITE"));
    CHECK(h.table.cancel(h.last_request(), {}, at_ms(0)).error() == Error::not_found);
    const auto accepted = h.send("INVITE");
    h.receive(h.answer(200, "INVITE"));
    CHECK(h.table.cancel(accepted, {}, at_ms(0)).error() == Error::wrong_state);
    const auto refused = h.send("INVITE");
    h.receive(h.answer(404, "INVITE"));
    CHECK(h.table.cancel(refused, {}, at_ms(0)).error() == Error::wrong_state);
    CHECK(h.times("CANCEL").empty());
}

TEST_CASE("CANCEL: one for an INVITE without final response is answered 200 and told (section 9.2)") {
    Harness h;
    h.receive(test::request("INVITE"));
    const auto id = h.last_request();
    h.receive(test::request("CANCEL", {.extra = "Reason: Q.850;cause=16\r\n"}));
    REQUIRE(h.sent.size() == 1);
    CHECK(h.sent[0].first_line().starts_with("SIP/2.0 200"));
    CHECK(h.sent[0].has("CSeq: 314159 CANCEL"));
    CHECK(h.sent[0].to == h.peer);
    CHECK(h.told.back().event.kind == Kind::cancel);
    CHECK(h.told.back().event.transaction == id);
    CHECK(h.told.back().event.message.value(Header::reason) == "Q.850;cause=16");
    CHECK(h.table.state(id) == State::proceeding);
    CHECK(h.respond(id, 487).ok());
    CHECK(h.sent.back().first_line().starts_with("SIP/2.0 487"));
}

TEST_CASE("CANCEL: one that comes again gets the same answer, also when the INVITE is gone, and is told once") {
    Harness h;
    h.receive(test::request("INVITE"));
    h.receive(test::request("CANCEL"));
    h.receive(test::request("CANCEL"));
    CHECK(h.count(Kind::cancel) == 1);
    CHECK(h.respond(h.last_request(), 487).ok());
    h.receive(test::request("ACK", {.to_tag = "bob"}));
    h.run_to(10000);
    CHECK(h.table.size() == 1); // Timer I is over, Timer J is not
    h.receive(test::request("CANCEL"));
    CHECK(h.times("SIP/2.0 200") == Times{0, 0, 10000});
    CHECK(h.sent.back().bytes == h.sent[0].bytes);
    CHECK(h.count(Kind::cancel) == 1);
    h.run_to(32000);
    CHECK(h.is_over());
}

TEST_CASE("CANCEL: over TCP it leaves nothing behind") {
    Harness h(test::tcp());
    h.receive(test::request("INVITE"));
    h.receive(test::request("CANCEL"));
    CHECK(h.times("SIP/2.0 200") == Times{0});
    CHECK(h.table.size() == 1);
    h.receive(test::request("CANCEL")); // nobody repeats it there; answered and not told again
    CHECK(h.times("SIP/2.0 200") == Times{0, 0});
    CHECK(h.count(Kind::cancel) == 1);
}

TEST_CASE("CANCEL: after a final response it is answered 200 and changes nothing") {
    for (const auto status : test::Statuses{200, 486}) {
        Harness h;
        h.receive(test::request("INVITE"));
        const auto id = h.last_request();
        CHECK(h.respond(id, status).ok());
        const auto before = h.table.state(id);
        h.receive(test::request("CANCEL"));
        CHECK(h.sent.back().first_line().starts_with("SIP/2.0 200"));
        CHECK(h.sent.back().has("CSeq: 314159 CANCEL"));
        CHECK(h.count(Kind::cancel) == 0);
        CHECK(h.table.state(id) == before);
    }
}

TEST_CASE("CANCEL: one for another request than INVITE is answered 200 and changes nothing (section 9.2)") {
    Harness h;
    h.receive(test::request("OPTIONS"));
    h.receive(test::request("CANCEL"));
    CHECK(h.sent.back().first_line().starts_with("SIP/2.0 200"));
    CHECK(h.count(Kind::cancel) == 0);
    CHECK(h.table.state(h.last_request()) == State::trying);
}

TEST_CASE("CANCEL: one that matches nothing is left to another table if the user says so; one that matches is not") {
    Harness h;
    const auto offer = [&](std::string_view branch) {
        const auto message = Message::parse(test::request("CANCEL", {.branch = std::string(branch)}));
        return h.table.receive(*message, test::udp("192.0.2.1", 5060), at_ms(0), StrayCancel::leave);
    };
    h.receive(test::request("INVITE", {.branch = "z9hG4bKhere"}));
    CHECK_FALSE(offer("z9hG4bKelsewhere"));
    std::vector<Outgoing> sent;
    h.table.take_outgoing(sent);
    CHECK(sent.empty());
    CHECK(h.table.size() == 1);
    CHECK(h.table.statistics().stray_cancels == 0);

    CHECK(offer("z9hG4bKhere"));
    CHECK(offer("z9hG4bKhere")); // again
    h.table.take_outgoing(sent);
    CHECK(sent.size() == 2);
}

TEST_CASE("CANCEL: one that matches nothing is answered 481, each time alike, and leaves nothing") {
    Harness h;
    h.receive(test::request("INVITE"));
    h.receive(test::request("CANCEL", {.branch = "z9hG4bKother"}));
    h.receive(test::request("CANCEL", {.sent_by = "192.0.2.2:5060"}));
    h.receive(test::request("CANCEL", {.branch = "z9hG4bKother"}));
    REQUIRE(h.sent.size() == 3);
    CHECK(h.sent[0].first_line().starts_with("SIP/2.0 481"));
    CHECK(h.sent[1].first_line().starts_with("SIP/2.0 481"));
    CHECK(h.sent[2].bytes == h.sent[0].bytes);
    CHECK(h.count(Kind::cancel) == 0);
    CHECK(h.table.size() == 1);
    CHECK(h.table.statistics().stray_cancels == 3);
}

TEST_CASE("CANCEL: without a cookie it is matched by all that names the INVITE") {
    Harness h;
    h.receive(test::request("INVITE", {.branch = ""}));
    h.receive(test::request("CANCEL", {.branch = "", .cseq = 2}));
    CHECK(h.sent.back().first_line().starts_with("SIP/2.0 481"));
    h.receive(test::request("CANCEL", {.branch = ""}));
    CHECK(h.sent.back().first_line().starts_with("SIP/2.0 200"));
    CHECK(h.count(Kind::cancel) == 1);
}

} // namespace tandem
