#include <doctest/doctest.h>
#include <string>
#include <string_view>
#include "node/invite.hpp"
#include "node/outbox.hpp"

using namespace tandem;

namespace {

const Endpoint alice = test::endpoint("192.0.2.1");
const Endpoint bob = test::endpoint("192.0.2.2");

struct Fixture {
    void add(std::initializer_list<std::pair<Endpoint, std::string_view>> messages, bool is_change) {
        std::vector<Outgoing> outgoing;
        for (const auto &[to, text] : messages) outgoing.push_back({to, SharedBytes(text), {}});
        outbox.add(outgoing, is_change, at_ms(0));
        CHECK(outgoing.empty());
    }

    // What may leave now, of all listeners.
    std::string ready() {
        std::string all;
        for (auto &batch : outbox.ready()) {
            for (const OutDatagram &datagram : batch) all += std::string(datagram.bytes.view()) + " ";
            batch.clear();
        }
        return all;
    }

    Outbox outbox{2};
};

} // namespace

TEST_CASE("outbox: what no change has caused leaves at once, the rest with its ticket and in its order") {
    Fixture node;
    node.add({{alice, "a"}}, true);
    node.add({{bob, "b"}}, false);
    node.outbox.end_round(1, at_ms(0));
    node.add({{alice, "c"}}, true);
    node.outbox.end_round(2, at_ms(0));
    CHECK(node.ready() == "b ");
    CHECK(node.outbox.waiting() == 2);
    CHECK(node.outbox.waiting_bytes() == 2);
    node.outbox.release(1);
    CHECK(node.ready() == "a ");
    node.outbox.release(2);
    CHECK(node.ready() == "c ");
    CHECK(node.outbox.waiting() == 0);
    CHECK(node.outbox.waiting_bytes() == 0);
}

TEST_CASE("outbox: a peer for whom something waits gets nothing before it") {
    Fixture node;
    node.add({{alice, "a"}}, true);
    node.add({{alice, "b"}}, false); // in the same round
    node.outbox.end_round(7, at_ms(0));
    node.add({{alice, "c"}}, false); // in one without a change
    node.outbox.end_round(0, at_ms(0));
    node.outbox.release(6);
    CHECK(node.ready().empty());
    node.outbox.release(7);
    CHECK(node.ready() == "a b c ");
    node.add({{alice, "d"}}, false);
    CHECK(node.ready() == "d ");
}

TEST_CASE("outbox: a change of which nobody waits leaves with its round") {
    Fixture node;
    node.add({{alice, "a"}, {bob, "b"}}, true);
    node.outbox.end_round(0, at_ms(0));
    node.outbox.release(0);
    CHECK(node.ready() == "a b ");
}

TEST_CASE("outbox: messages are kept apart by listener") {
    Fixture node;
    Endpoint other = alice;
    other.listener = 1;
    node.add({{alice, "a"}, {other, "b"}}, false);
    REQUIRE(node.outbox.ready()[0].size() == 1);
    REQUIRE(node.outbox.ready()[1].size() == 1);
    CHECK(node.outbox.ready()[1][0].to == other);
}

TEST_CASE("outbox: a retransmission is left out where it would wait behind what waits for long") {
    Fixture node;
    node.add({{alice, "a"}}, true);
    node.outbox.end_round(1, at_ms(0));
    const auto again = [&](const Endpoint &to, std::int64_t ms) {
        std::vector<Outgoing> outgoing = {{.to = to, .bytes = SharedBytes("again"), .is_again = true}};
        node.outbox.add(outgoing, false, at_ms(ms));
        CHECK(outgoing.empty());
    };
    again(alice, 249);
    CHECK(node.outbox.waiting() == 2);
    again(alice, 250);
    CHECK(node.outbox.waiting() == 2);
    again(bob, 250); // for whom nothing waits
    CHECK(node.ready() == "again ");
    node.outbox.end_round(2, at_ms(250));
    node.outbox.release(2);
    CHECK(node.ready() == "a again ");
    again(alice, 500);
    CHECK(node.ready() == "again ");
}
