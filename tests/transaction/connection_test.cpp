// Client transactions and the connections that their answers come over.
#include <algorithm>
#include <doctest/doctest.h>
#include "transaction/harness.hpp"

using namespace tandem;
using test::Harness;
using Kind = TransactionEventKind;
using Times = std::vector<std::int64_t>;

namespace {

void lose(Harness &h, const Endpoint &peer) {
    h.table.on_connection_lost({.peer = peer, .at = at_ms(h.now_ms)}, at_ms(h.now_ms));
    h.collect();
}

} // namespace

TEST_CASE("connection: its end fails what waits for an answer over it, at once") {
    Harness h(test::tcp());
    h.send("OPTIONS", {.call_id = "a"}, 1);
    h.send("INVITE", {.call_id = "b"}, 2);
    h.send("INFO", {.call_id = "c"}, 3);
    h.receive(h.answer(100, "INFO", {.to_tag = "bob", .call_id = "c"}));
    const auto before = h.told.size();
    h.run_to(1000);
    lose(h, h.peer);
    REQUIRE(h.told.size() == before + 3);
    std::vector<std::uint64_t> owners;
    for (std::size_t i = before; i < h.told.size(); ++i) {
        CHECK(h.told[i].event.kind == Kind::transport_failed);
        CHECK(h.told[i].at_ms == 1000);
        owners.push_back(h.told[i].event.owner);
    }
    CHECK(owners == std::vector<std::uint64_t>{1, 2, 3});
    CHECK(h.is_over());
    lose(h, h.peer); // nothing more
    CHECK(h.told.size() == before + 3);
}

TEST_CASE("connection: a loss that is told late leaves alone what has begun on the next connection") {
    Harness h(test::tcp());
    h.send("INVITE", {.call_id = "a"}, 1);
    h.run_to(10);
    h.send("INVITE", {.call_id = "b"}, 2); // in the millisecond of the loss: nobody knows by which one
    h.run_to(15);
    const auto third = h.send("INVITE", {.call_id = "c"}, 3);
    h.run_to(20);
    h.table.on_connection_lost({.peer = h.peer, .at = at_ms(10)}, at_ms(20));
    h.collect();
    REQUIRE(h.told.size() == 2);
    for (const auto &told : h.told) CHECK(told.event.kind == Kind::transport_failed);
    CHECK(h.told[0].event.owner == 1);
    CHECK(h.told[1].event.owner == 2);
    h.receive(h.answer(180, "INVITE", {.to_tag = "bob", .call_id = "c"}));
    REQUIRE(h.told.size() == 3);
    CHECK(h.told[2].event.kind == Kind::response);
    CHECK(h.told[2].event.owner == 3);

    lose(h, h.peer); // that one ends as well
    CHECK(h.told.back().event.kind == Kind::transport_failed);
    CHECK(h.told.back().event.owner == 3);
    CHECK(h.table.state(third) == std::nullopt);
    CHECK(h.times("CANCEL") == Times{20});
}

TEST_CASE("connection: another peer, port, transport or listener, and UDP, are not concerned") {
    Harness h(test::tcp());
    h.send("OPTIONS");
    for (int i = 0; i < 4; ++i) {
        Endpoint other = h.peer;
        if (i == 0) other.ip = *IpAddress::parse("192.0.2.2");
        if (i == 1) other.port = 5061;
        if (i == 2) other.transport = Transport::tls;
        if (i == 3) other.listener = 1;
        lose(h, other);
    }
    CHECK(h.told.empty());
    Harness udp;
    udp.send("OPTIONS");
    lose(udp, udp.peer);
    CHECK(udp.told.empty());
}

TEST_CASE("connection: what has its final response is over already, and nothing is told") {
    Harness h(test::tcp());
    h.send("INVITE");
    h.receive(h.answer(200, "INVITE"));
    h.send("BYE", {.call_id = "b"});
    h.receive(h.answer(200, "BYE", {.to_tag = "bob", .call_id = "b"}));
    h.send("INVITE", {.call_id = "c"});
    h.receive(h.answer(486, "INVITE", {.to_tag = "bob", .call_id = "c"}));
    lose(h, h.peer);
    CHECK(h.count(Kind::transport_failed) == 0);
    CHECK(h.table.size() == 1); // the first one, which answers repeated 2xx
}

TEST_CASE("connection: a server transaction stays, and takes the peer's next one (RFC 6026 section 8.8)") {
    Harness h(test::tcp());
    h.receive(test::request("INVITE"));
    lose(h, h.peer);
    CHECK(h.count(Kind::transport_failed) == 0);
    CHECK(h.respond(h.last_request(), 200).ok());
}

TEST_CASE("connection: an INVITE that rings is cancelled by a new connection, and its transaction ends at once") {
    Harness h(test::tcp());
    const auto id = h.send("INVITE");
    h.receive(h.answer(180, "INVITE"));
    h.run_to(5000);
    lose(h, h.peer);
    CHECK(h.told.back().event.kind == Kind::transport_failed);
    CHECK(h.table.state(id) == std::nullopt);
    CHECK(h.times("CANCEL") == Times{5000});
    lose(h, h.peer); // nor can that be made
    CHECK(h.count(Kind::transport_failed) == 1);
    CHECK(h.is_over());
}

TEST_CASE("connection: of one that was cancelled already no second CANCEL goes out") {
    Harness h(test::tcp());
    const auto id = h.send("INVITE");
    h.receive(h.answer(180, "INVITE"));
    CHECK(h.table.cancel(id, {}, at_ms(0)).ok());
    lose(h, h.peer);
    CHECK(h.times("CANCEL") == Times{0});
    CHECK(h.count(Kind::transport_failed) == 1);
    CHECK(h.is_over());
}

TEST_CASE("connection: many transactions end in any order, and the rest is found") {
    Harness h(test::tcp());
    std::vector<std::string> branches;
    for (int i = 0; i < 200; ++i) {
        h.send("OPTIONS", {.call_id = std::to_string(i)}, static_cast<std::uint64_t>(i));
        branches.push_back(h.branch);
    }
    for (int i = 0; i < 200; i += 2) { // from both ends, and the last ones last
        const int n = i % 4 == 0 ? i : 200 - i;
        h.receive(test::response(
            200, "OPTIONS",
            {.branch = branches[static_cast<std::size_t>(n)], .to_tag = "bob", .call_id = std::to_string(n)}));
    }
    CHECK(h.count(Kind::response) == 100);
    lose(h, h.peer);
    CHECK(h.count(Kind::transport_failed) == 100);
    CHECK(std::none_of(h.told.begin(), h.told.end(), [](const auto &told) {
        return told.event.kind == Kind::transport_failed && told.event.owner % 2 == 0;
    }));
    CHECK(h.is_over());
}
