// What the table answers itself: merged and malformed requests, and what it has no room for.
#include <doctest/doctest.h>
#include "transaction/harness.hpp"

namespace tandem {
using test::Harness;
using Kind = TransactionEventKind;
using State = TransactionState;

namespace {

std::string_view to_tag_of(const Message &message) { return message.to_tag(); }

Message parsed(const test::Sent &sent) {
    auto message = Message::parse(sent.bytes);
    REQUIRE(message.ok());
    CHECK(message->defect_status() == 0);
    return *message;
}

} // namespace

TEST_CASE("merged: the same request by another way is answered 482 without a transaction (section 8.2.2.2)") {
    Harness h;
    h.receive(test::request("INVITE"));
    h.receive(test::request("INVITE", {.branch = "z9hG4bKother"}));
    REQUIRE(h.sent.size() == 1);
    const Message answer = parsed(h.sent[0]);
    CHECK(answer.status() == 482);
    CHECK(answer.top_via().branch == "z9hG4bKother");
    CHECK_FALSE(answer.to_tag().empty());
    CHECK(h.count(Kind::request) == 1);
    CHECK(h.table.size() == 1);
    CHECK(h.table.statistics().merged == 1);

    h.receive(test::request("INVITE", {.branch = "z9hG4bKother"}));
    CHECK(h.sent[1].bytes == h.sent[0].bytes);

    // The ACK for the 482 belongs to nobody above.
    h.receive(test::request("ACK", {.branch = "z9hG4bKother", .to_tag = std::string(to_tag_of(answer))}));
    CHECK(h.count(Kind::ack) == 0);
    CHECK(h.table.state(h.last_request()) == State::proceeding);
}

TEST_CASE("merged: another Call-ID, From tag, CSeq or method is another request") {
    Harness h;
    h.receive(test::request("INVITE"));
    h.receive(test::request("INVITE", {.branch = "z9hG4bK2", .call_id = "2"}));
    h.receive(test::request("INVITE", {.branch = "z9hG4bK3", .from_tag = "3"}));
    h.receive(test::request("INVITE", {.branch = "z9hG4bK4", .cseq = 4}));
    h.receive(test::request("OPTIONS", {.branch = "z9hG4bK5"}));
    CHECK(h.count(Kind::request) == 5);
    CHECK(h.table.statistics().merged == 0);
}

TEST_CASE("merged: a request with a To tag, a CANCEL and an ACK are never merged") {
    Harness h;
    h.receive(test::request("INVITE"));
    h.receive(test::request("INVITE", {.branch = "z9hG4bK2", .to_tag = "in-dialog"}));
    h.receive(test::request("INVITE", {.branch = "z9hG4bK3", .to_tag = "in-dialog"}));
    CHECK(h.count(Kind::request) == 3);
    h.receive(test::request("CANCEL", {.branch = "z9hG4bK4"}));
    CHECK(parsed(h.sent.back()).status() == 481);
    h.receive(test::request("ACK", {.branch = "z9hG4bK5"}));
    CHECK(h.count(Kind::ack) == 1);
    CHECK(h.table.statistics().merged == 0);
}

TEST_CASE("merged: one that succeeds stays known until it ends, one that is refused is known no longer") {
    Harness h;
    h.receive(test::request("OPTIONS"));
    CHECK(h.respond(h.last_request(), 200).ok());
    h.receive(test::request("OPTIONS", {.branch = "z9hG4bK2"}));
    CHECK(h.table.statistics().merged == 1);
    h.run_to(32000);
    h.receive(test::request("OPTIONS", {.branch = "z9hG4bK3"}));
    CHECK(h.table.statistics().merged == 1);
    CHECK(h.count(Kind::request) == 2);

    // A proxy that hunts may come back to us with the request that we refused.
    h.receive(test::request("INVITE"));
    CHECK(h.respond(h.last_request(), 503).ok());
    h.receive(test::request("INVITE", {.branch = "z9hG4bK4"}));
    CHECK(h.table.statistics().merged == 1);
    CHECK(h.count(Kind::request) == 4);
}

TEST_CASE("malformed: a request is answered with its defect, each time alike, and leaves nothing") {
    Harness h;
    const std::string bad = test::request("INVITE", {.extra = "Max-Forwards: many\r\n"});
    h.receive(bad);
    h.receive(bad);
    REQUIRE(h.sent.size() == 2);
    const Message answer = parsed(h.sent[0]);
    CHECK(answer.status() == 400);
    CHECK(answer.reason_phrase() != "Bad Request"); // it says what is bad
    CHECK_FALSE(answer.to_tag().empty());
    CHECK(answer.call_id() == "a84b4c76e66710");
    CHECK(h.sent[0].bytes == h.sent[1].bytes);
    CHECK(h.told.empty());
    CHECK(h.is_over());
    CHECK(h.table.statistics().malformed == 2);
    h.receive(test::request("ACK", {.to_tag = std::string(answer.to_tag())}));
    CHECK(h.told.empty());
}

TEST_CASE("malformed: a CANCEL is answered 400 and cancels nothing") {
    Harness h;
    h.receive(test::request("INVITE"));
    h.receive(test::request("CANCEL", {.extra = "Max-Forwards: many\r\n"}));
    CHECK(parsed(h.sent.back()).status() == 400);
    CHECK(h.count(Kind::cancel) == 0);
}

TEST_CASE("malformed: ACKs and responses are dropped and counted") {
    Harness h;
    const auto id = h.send("INVITE");
    h.sent.clear();
    h.receive(test::request("ACK", {.extra = "Max-Forwards: many\r\n"}));
    h.receive(h.answer(200, "INVITE", {.extra = "Contact: <sip:\r\n"}));
    CHECK(h.told.empty());
    CHECK(h.sent.empty());
    CHECK(h.table.state(id) == State::calling);
    CHECK(h.table.statistics().malformed == 2);
}

TEST_CASE("stateless: an answer goes where a transaction's would (section 18.2.2, RFC 3581)") {
    Harness h;
    h.receive(test::request("CANCEL"), test::udp("198.51.100.1", 40000));
    CHECK(h.sent[0].to == test::udp("198.51.100.1", 40000));
    CHECK(h.sent[0].bytes.find("received=198.51.100.1") != std::string::npos);
    CHECK(h.sent[0].bytes.find("rport=40000") != std::string::npos);
    CHECK_FALSE(h.sent[0].transaction);
    h.receive(test::request("CANCEL", {.via_params = ""}), test::udp("198.51.100.1", 40000));
    CHECK(h.sent[1].to == test::udp("198.51.100.1", 5060));
}

TEST_CASE("stateless: a request with a To tag keeps it") {
    Harness h;
    h.receive(test::request("CANCEL", {.to_tag = "theirs"}));
    CHECK(parsed(h.sent[0]).to_tag() == "theirs");
}

} // namespace tandem
