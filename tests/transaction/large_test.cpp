// Requests beyond 1300 bytes: by TCP where there is one, by UDP after all where the peer has none.
#include <doctest/doctest.h>
#include "transaction/harness.hpp"

using namespace tandem;
using test::Harness;
using Kind = TransactionEventKind;
using State = TransactionState;
using Times = std::vector<std::int64_t>;

namespace {

const Endpoint by_tcp{.ip = *IpAddress::parse("192.0.2.1"), .port = 5060, .transport = Transport::tcp, .listener = 1};

TransactionOptions with_tcp() {
    TransactionOptions options;
    options.twins.push_back({0, 1, "192.0.2.9:5070"});
    return options;
}

// Of exactly this size, with a branch of the usual length.
std::string of_size(std::string_view method, std::size_t size, std::string_view branch) {
    const auto text = [&](std::size_t filler) {
        return test::request(method,
                             {.branch = std::string(branch), .extra = "X: " + std::string(filler, 'x') + "\r\n"});
    };
    return text(size - text(0).size());
}

struct Large : Harness {
    explicit Large(TransactionOptions options = with_tcp()) : Harness(test::udp(), options) {}

    TransactionId send(std::string_view method, std::size_t size = 1301, std::uint64_t owner = 7) {
        branch.clear();
        table.append_branch(branch);
        const auto id = table.send_request({.method = parse_method(method),
                                            .branch = branch,
                                            .bytes = SharedBytes(of_size(method, size, branch)),
                                            .to = peer,
                                            .owner = owner},
                                           at_ms(now_ms));
        REQUIRE(id.ok());
        collect();
        return *id;
    }
    // The connection could not be made, or has ended.
    void lose(bool is_made = false) {
        table.on_connection_lost({.peer = by_tcp, .at = at_ms(now_ms), .is_made = is_made}, at_ms(now_ms));
        collect();
    }
    std::string via() const { return "Via: SIP/2.0/TCP 192.0.2.9:5070;branch=" + branch + ";rport"; }
    std::string udp_via() const { return "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=" + branch + ";rport"; }
};

} // namespace

TEST_CASE("large: from 1301 bytes on a request goes by TCP to the same address (RFC 3261 section 18.1.1)") {
    Large h;
    h.send("MESSAGE", 1300);
    CHECK(h.sent.back().to == h.peer);
    CHECK(h.sent.back().has(h.udp_via()));
    h.send("MESSAGE", 1301);
    CHECK(h.sent.back().to == by_tcp);
    CHECK(h.sent.back().has(h.via()));
    CHECK(Message::parse(h.sent.back().bytes)->via_count() == 1);
    h.receive(h.answer(200, "MESSAGE"), by_tcp);
    CHECK(h.told.back().event.kind == Kind::response);
    CHECK(h.told.back().event.owner == 7);
    CHECK(h.table.statistics().by_tcp == 1);
}

TEST_CASE("large: over TCP nothing is retransmitted, and no answer in 64*T1 is a timeout") {
    Large h;
    h.send("INVITE");
    h.run_to(31'999);
    CHECK(h.times("INVITE") == Times{0});
    h.run_to(32'000);
    CHECK(h.count(Kind::timeout) == 1);
    CHECK(h.is_over());
}

TEST_CASE("large: without a TCP listener of ours it stays on UDP, and so does what goes by TCP anyway") {
    Large without{TransactionOptions()};
    without.send("MESSAGE", 5000);
    CHECK(without.sent.back().to == without.peer);
    Large other;
    other.peer.listener = 2; // has no twin
    other.send("MESSAGE", 5000);
    CHECK(other.sent.back().to == other.peer);
    Large tcp;
    tcp.peer = test::tcp();
    tcp.send("MESSAGE", 5000);
    CHECK(tcp.sent.back().to == tcp.peer);
}

TEST_CASE("large: where no connection can be made it goes by UDP after all, as if from the beginning") {
    for (const bool is_lost : {true, false}) {
        for (const char *method : {"INVITE", "MESSAGE"}) {
            CAPTURE(method);
            Large h;
            const auto id = h.send(method);
            h.run_to(100);
            if (is_lost) {
                h.lose();
            } else {
                h.table.on_not_connected(id, at_ms(100)); // told of the message
                h.collect();
                h.lose();
            }
            CHECK(h.told.empty());
            REQUIRE(h.sent.size() == 2);
            CHECK(h.sent[1].to == h.peer);
            CHECK(h.sent[1].has(h.udp_via()));
            h.run_to(1'600);
            CHECK(h.times(method) == Times{0, 100, 600, 1600}); // retransmitted, as UDP is
            h.receive(h.answer(200, method));
            CHECK(h.count(Kind::response) == 1);
            CHECK(h.table.statistics().back_to_udp == 1);
        }
    }
}

TEST_CASE("large: a peer without TCP is not asked for it again within a minute") {
    Large h;
    h.send("MESSAGE");
    h.lose();
    h.run_to(59'000);
    h.send("MESSAGE");
    CHECK(h.sent.back().to == h.peer);
    h.run_to(60'000);
    h.send("MESSAGE");
    CHECK(h.sent.back().to == by_tcp);
    Large other;
    other.send("MESSAGE");
    other.lose();
    other.peer = test::udp("192.0.2.2");
    other.send("MESSAGE");
    CHECK(other.sent.back().to.transport == Transport::tcp); // that was another peer
}

TEST_CASE("large: after a response the end of the connection is a failure, as for all that went by TCP") {
    Large h;
    h.send("INVITE");
    h.receive(h.answer(180, "INVITE"), by_tcp);
    h.lose(true);
    CHECK(h.told.back().event.kind == Kind::transport_failed);
    CHECK(h.sent.back().to == by_tcp); // the CANCEL
    CHECK(h.sent.back().bytes.starts_with("CANCEL"));
}

TEST_CASE("large: a connection that was made and broke is a failure: the peer has TCP (RFC 3261 section 18.1.1)") {
    for (const bool is_lost : {true, false}) {
        for (const char *method : {"INVITE", "MESSAGE"}) {
            CAPTURE(method);
            Large h;
            const auto id = h.send(method);
            if (is_lost) {
                h.lose(true);
            } else {
                h.table.on_transport_failure(id, at_ms(0)); // it waited in the queue
                h.collect();
            }
            CHECK(h.count(Kind::transport_failed) == 1);
            CHECK(h.is_over());
            h.send(method);
            CHECK(h.sent.size() == 2);
            CHECK(h.sent.back().to == by_tcp); // and is tried again
            CHECK(h.table.statistics().back_to_udp == 0);
        }
    }
    Large ack;
    const auto id = ack.send("INVITE", 1000);
    ack.receive(ack.answer(200, "INVITE"));
    ack.branch.clear();
    ack.table.append_branch(ack.branch);
    ack.table.acknowledge(id, "bob", ack.peer, SharedBytes(of_size("ACK", 1400, ack.branch)));
    ack.collect();
    ack.lose(true);
    CHECK(ack.times("ACK") == Times{0}); // where it did not arrive the 2xx comes again
}

TEST_CASE("large: CANCEL and the ACK of a refusal go the way of their INVITE") {
    Large h;
    const auto id = h.send("INVITE");
    h.receive(h.answer(180, "INVITE"), by_tcp);
    REQUIRE(h.table.cancel(id, {}, at_ms(0)).ok());
    h.collect();
    CHECK(h.sent.back().to == by_tcp);
    CHECK(h.sent.back().has(h.via()));
    h.receive(h.answer(487, "INVITE"), by_tcp);
    CHECK(h.sent.back().bytes.starts_with("ACK"));
    CHECK(h.sent.back().to == by_tcp);
    CHECK(h.sent.back().has(h.via()));
}

TEST_CASE("large: a CANCEL that waits goes back to UDP with its INVITE") {
    Large h;
    const auto id = h.send("INVITE");
    REQUIRE(h.table.cancel(id, "Reason: SIP;cause=200\r\n", at_ms(0)).ok());
    h.lose();
    h.receive(h.answer(180, "INVITE"));
    CHECK(h.sent.back().bytes.starts_with("CANCEL"));
    CHECK(h.sent.back().to == h.peer);
    CHECK(h.sent.back().has(h.udp_via()));
    CHECK(h.sent.back().has("Reason: SIP;cause=200"));
}

TEST_CASE("large: the ACK of a 2xx goes by TCP, by UDP after all, and stays there when the 2xx comes again") {
    Large h;
    const auto id = h.send("INVITE", 1000);
    h.receive(h.answer(200, "INVITE"));
    const std::string invite_branch = h.branch;
    h.branch.clear();
    h.table.append_branch(h.branch);
    h.table.acknowledge(id, "bob", h.peer, SharedBytes(of_size("ACK", 1400, h.branch)));
    h.collect();
    CHECK(h.sent.back().to == by_tcp);
    CHECK(h.sent.back().has(h.via()));
    h.lose();
    CHECK(h.sent.back().to == h.peer);
    CHECK(h.sent.back().has(h.udp_via()));
    CHECK(h.times("ACK") == Times{0, 0});
    h.receive(test::response(200, "INVITE", {.branch = invite_branch, .to_tag = "bob"}));
    CHECK(h.times("ACK") == Times{0, 0, 0});
    CHECK(h.sent.back().to == h.peer);
    h.run_to(40'000);
    h.lose(); // nobody waits for it any more
    CHECK(h.times("ACK") == Times{0, 0, 0});
}
