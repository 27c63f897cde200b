// A full table: nothing is lost that was there, and what is new is told so.
#include <doctest/doctest.h>
#include "base/text.hpp"
#include "transaction/harness.hpp"

namespace tandem {
using test::Harness;
using Kind = TransactionEventKind;
using State = TransactionState;
using Times = std::vector<std::int64_t>;

TEST_CASE("limit: beyond transaction_max a request gets 503 with Retry-After and leaves nothing") {
    Harness h(test::udp(), {.transaction_max = 1});
    h.receive(test::request("INVITE"));
    const auto first = h.last_request();
    h.receive(test::request("INVITE", {.branch = "z9hG4bK2", .call_id = "2"}));
    h.receive(test::request("INVITE", {.branch = "z9hG4bK2", .call_id = "2"}));
    REQUIRE(h.sent.size() == 2);
    const auto answer = Message::parse(h.sent[0].bytes);
    REQUIRE(answer.ok());
    CHECK(answer->status() == 503);
    const auto retry_after = parse_number(answer->value(Header::retry_after));
    REQUIRE(retry_after.has_value());
    CHECK(*retry_after >= 5);
    CHECK(*retry_after <= 15);
    CHECK(h.sent[0].bytes == h.sent[1].bytes);
    CHECK(h.table.size() == 1);
    CHECK(h.table.statistics().refused_full == 1);
    CHECK(h.table.statistics().absorbed == 1);
    CHECK(h.count(Kind::request) == 1);

    // The ACK for it goes no further.
    h.receive(test::request("ACK", {.branch = "z9hG4bK2", .to_tag = std::string(answer->to_tag()), .call_id = "2"}));
    CHECK(h.count(Kind::ack) == 0);
    CHECK(h.sent.size() == 2);

    // What was there goes on as ever.
    h.receive(test::request("INVITE"));
    CHECK(h.table.statistics().absorbed == 3);
    CHECK(h.respond(first, 486).ok());
    h.receive(test::request("ACK", {.to_tag = "bob"}));
    h.run_to(5000);
    h.receive(test::request("INVITE", {.branch = "z9hG4bK3", .call_id = "2", .cseq = 2}));
    CHECK(h.count(Kind::request) == 2);
}

namespace {

struct FakeGate final : Gate {
    Admission admit(const Message &request, const Endpoint &, Instant) override {
        asked.push_back(request.method());
        return says;
    }
    GateAnswer judge(const Message &, const Endpoint &, Instant) override { return answer; }
    Admission says = Admission::accept;
    GateAnswer answer;
    std::vector<Method> asked;
};

} // namespace

TEST_CASE("limit: who may not pass the gate is answered 503 or not at all, and leaves nothing") {
    Harness h;
    FakeGate gate;
    h.table.set_gate(&gate);
    gate.says = Admission::refuse;
    h.receive(test::request("INVITE"));
    REQUIRE(h.sent.size() == 1);
    const auto answer = Message::parse(h.sent[0].bytes);
    REQUIRE(answer.ok());
    CHECK(answer->status() == 503);
    CHECK(answer->has(Header::retry_after));
    h.receive(test::request("ACK", {.to_tag = std::string(answer->to_tag())}));
    CHECK(h.count(Kind::ack) == 0);
    gate.says = Admission::drop;
    h.receive(test::request("INVITE", {.branch = "z9hG4bK2", .call_id = "2"}));
    CHECK(h.sent.size() == 1);
    CHECK(h.count(Kind::request) == 0);
    CHECK(h.table.size() == 0);
    CHECK(h.table.statistics().refused_at_gate == 1);
    CHECK(h.table.statistics().dropped_at_gate == 1);
}

TEST_CASE("limit: whom the gate answers itself hears that each time, and leaves nothing") {
    Harness h;
    FakeGate gate;
    h.table.set_gate(&gate);
    gate.answer = {403, "Not You", "X-Why: 1\r\n"};
    for (std::size_t count = 1; count <= 2; ++count) {
        h.receive(test::request("INVITE"));
        REQUIRE(h.sent.size() == count);
    }
    CHECK(h.sent[0].bytes == h.sent[1].bytes);
    const auto answer = Message::parse(h.sent[0].bytes);
    REQUIRE(answer.ok());
    CHECK(answer->status() == 403);
    CHECK(std::string(h.sent[0].bytes).find("403 Not You\r\n") != std::string::npos);
    CHECK(std::string(h.sent[0].bytes).find("\r\nX-Why: 1\r\n") != std::string::npos);
    h.receive(test::request("ACK", {.to_tag = std::string(answer->to_tag())}));
    CHECK(h.count(Kind::ack) == 0);
    CHECK(h.count(Kind::request) == 0);
    CHECK(h.table.size() == 0);
    CHECK(h.table.statistics().refused_at_gate == 2);
    gate.answer = {}; // other than after a 503 he may come with the very same request
    h.receive(test::request("INVITE"));
    CHECK(h.count(Kind::request) == 1);
}

TEST_CASE("limit: who was refused hears the same when the request comes again, and may try anew") {
    Harness h;
    FakeGate gate;
    h.table.set_gate(&gate);
    gate.says = Admission::refuse;
    h.receive(test::request("INVITE"));
    gate.says = Admission::accept;
    h.receive(test::request("INVITE")); // it was on its way before the answer
    REQUIRE(h.sent.size() == 2);
    CHECK(h.sent[1].bytes == h.sent[0].bytes);
    CHECK(h.count(Kind::request) == 0);
    gate.says = Admission::drop;
    h.receive(test::request("INVITE"));
    CHECK(h.sent.size() == 2);
    gate.says = Admission::accept;
    h.receive(test::request("INVITE", {.branch = "z9hG4bKagain", .cseq = 2}));
    CHECK(h.count(Kind::request) == 1);
    h.run_to(64'000); // twice as long as a request is repeated
    gate.says = Admission::refuse;
    h.receive(test::request("INVITE", {.branch = "z9hG4bKother", .call_id = "2"}));
    gate.says = Admission::accept;
    h.receive(test::request("INVITE"));
    CHECK(h.count(Kind::request) == 2);
}

TEST_CASE("limit: the gate is asked for what is new and outside of a dialog, and for nothing else") {
    Harness h;
    FakeGate gate;
    h.table.set_gate(&gate);
    h.receive(test::request("INVITE"));
    CHECK(gate.asked == std::vector{Method::invite});
    gate.says = Admission::drop;
    h.receive(test::request("INVITE")); // again
    h.receive(test::request("CANCEL"));
    h.receive(test::request("ACK")); // of no answer
    h.receive(test::request("BYE", {.branch = "z9hG4bK2", .to_tag = "bob"}));
    h.receive(test::request("INVITE", {.branch = "z9hG4bK3", .to_tag = "bob"}));
    CHECK(gate.asked == std::vector{Method::invite});
    CHECK(h.count(Kind::request) == 3);
    CHECK(h.count(Kind::cancel) == 1);
    CHECK(h.table.statistics().absorbed == 2);
    h.receive(test::request("OPTIONS", {.branch = "z9hG4bK4"}));
    CHECK(gate.asked == std::vector{Method::invite, Method::options});
}

TEST_CASE("limit: a full table takes no request of the user") {
    Harness h(test::udp(), {.transaction_max = 1});
    h.send("BYE");
    std::string branch;
    h.table.append_branch(branch);
    const auto id = h.table.send_request(
        {.method = Method::bye, .branch = branch, .bytes = SharedBytes(test::request("BYE")), .to = h.peer}, at_ms(0));
    CHECK(id.error() == Error::full);
    h.collect();
    CHECK(h.sent.size() == 1);
}

TEST_CASE("limit: a CANCEL finds room nowhere and is sent once all the same") {
    Harness h(test::udp(), {.transaction_max = 1});
    const auto id = h.send("INVITE");
    h.receive(h.answer(180, "INVITE"));
    CHECK(h.table.cancel(id, {}, at_ms(0)).ok());
    h.collect();
    h.run_to(31999);
    CHECK(h.times("CANCEL") == Times{0});
    CHECK(h.table.size() == 1);
    h.run_to(32000);
    CHECK(h.count(Kind::timeout) == 1);
    CHECK(h.is_over());
}

TEST_CASE("limit: a CANCEL that comes to a full table is answered and told once") {
    Harness h(test::udp(), {.transaction_max = 1});
    h.receive(test::request("INVITE"));
    h.receive(test::request("CANCEL"));
    h.receive(test::request("CANCEL"));
    CHECK(h.times("SIP/2.0 200") == Times{0, 0});
    CHECK(h.sent[0].bytes == h.sent[1].bytes);
    CHECK(h.count(Kind::cancel) == 1);
    CHECK(h.table.size() == 1);
}

TEST_CASE("limit: a lingering transaction is small and holds no message") {
    CHECK(sizeof(Transaction) <= 160);
    for (const auto status : test::Statuses{200, 486}) {
        Harness h;
        h.receive(test::request("INVITE"));
        const auto id = h.last_request();
        CHECK(h.table.request(id));
        CHECK(h.respond(id, status).ok());
        CHECK_FALSE(h.table.request(id));
    }
}

TEST_CASE("user: may send and respond between any two events, and events keep their order") {
    Harness h;
    const auto arrive = [&](std::uint32_t cseq) {
        auto message =
            Message::parse(test::request("OPTIONS", {.branch = "z9hG4bK" + std::to_string(cseq), .cseq = cseq}));
        REQUIRE(message.ok());
        h.table.receive(*message, h.peer, at_ms(0));
    };
    const SharedBytes bytes(test::request("MESSAGE"));
    for (std::uint32_t i = 0; i < 100; ++i) arrive(i);
    TransactionEvent event;
    std::uint32_t next = 0;
    while (h.table.next_event(event)) {
        CHECK(event.message.cseq() == next++);
        CHECK(h.table.respond(event.transaction, 200, SharedBytes("SIP/2.0 200 OK"), at_ms(0)).ok());
        std::string branch;
        h.table.append_branch(branch);
        CHECK(h.table.send_request({.method = Method::message, .branch = branch, .bytes = bytes}, at_ms(0)).ok());
        if (next <= 50) arrive(99 + next);
    }
    CHECK(next == 150);
    std::vector<Outgoing> outgoing;
    h.table.take_outgoing(outgoing);
    CHECK(outgoing.size() == 300);
    CHECK(h.table.size() == 300);
}

TEST_CASE("user: outgoing messages are appended behind what the worker still has") {
    Harness h;
    h.table.acknowledge({}, {}, test::udp("192.0.2.5", 1), SharedBytes("one"));
    std::vector<Outgoing> outgoing;
    h.table.take_outgoing(outgoing);
    h.table.acknowledge({}, {}, test::udp("192.0.2.5", 2), SharedBytes("two"));
    h.table.take_outgoing(outgoing);
    REQUIRE(outgoing.size() == 2);
    CHECK(outgoing[0].bytes.view() == "one");
    CHECK(outgoing[1].bytes.view() == "two");
    CHECK(outgoing[1].to.port == 2);
    CHECK_FALSE(outgoing[1].transaction);
    std::vector<Outgoing> none;
    h.table.take_outgoing(none);
    CHECK(none.empty());
}

TEST_CASE("user: when every timer has run, nothing is left") {
    for (const Endpoint &peer : {test::udp(), test::tcp()}) {
        Harness h(peer);
        std::uint32_t cseq = 0;
        for (const auto status : test::Statuses{200, 404}) {
            for (const char *method : {"INVITE", "OPTIONS"}) {
                const std::string call_id = std::to_string(++cseq);
                h.send(method);
                h.receive(h.answer(100, method));
                h.receive(h.answer(status, method));
                h.receive(test::request(method, {.branch = "z9hG4bK" + call_id, .call_id = call_id}));
                CHECK(h.respond(h.last_request(), 100).ok());
                CHECK(h.respond(h.last_request(), status).ok());
            }
        }
        h.run_to(32000);
        CHECK(h.table.size() == 0);
        CHECK_FALSE(h.table.next_deadline());
    }
}

} // namespace tandem
