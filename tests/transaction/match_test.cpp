// What finds which transaction: RFC 3261 sections 17.1.3 and 17.2.3.
#include <doctest/doctest.h>
#include <set>
#include "base/token.hpp"
#include "transaction/harness.hpp"

namespace tandem {
using test::Harness;
using test::Text;
using Kind = TransactionEventKind;
using State = TransactionState;
using Times = std::vector<std::int64_t>;

TEST_CASE("match: branch and sent-by name a server transaction, whatever else changes (section 17.2.3)") {
    Harness h;
    h.receive(test::request("INVITE"));
    h.receive(test::request("INVITE", {.uri = "sip:other@example.com", .call_id = "other", .cseq = 2}));
    CHECK(h.count(Kind::request) == 1);
    CHECK(h.table.statistics().absorbed == 1);
}

TEST_CASE("match: sent-by is compared without case, and a port left out is the default one") {
    Harness h;
    h.receive(test::request("INVITE", {.sent_by = "Host.Example.COM:5060"}));
    h.receive(test::request("INVITE", {.sent_by = "host.example.com:5060"}));
    h.receive(test::request("INVITE", {.sent_by = "HOST.EXAMPLE.COM"}));
    CHECK(h.count(Kind::request) == 1);
}

TEST_CASE("match: another sent-by, port, branch or method is another transaction") {
    Harness h;
    h.receive(test::request("INVITE"));
    h.receive(test::request("INVITE", {.sent_by = "192.0.2.2:5060", .call_id = "2"}));
    h.receive(test::request("INVITE", {.sent_by = "192.0.2.1:5061", .call_id = "3"}));
    h.receive(test::request("INVITE", {.branch = "z9hG4bKnashds9", .call_id = "4"}));
    h.receive(test::request("OPTIONS", {.call_id = "5"}));
    CHECK(h.count(Kind::request) == 5);
    CHECK(h.table.size() == 5);
}

TEST_CASE("match: two methods that tandem does not know are two") {
    Harness h;
    h.receive(test::request("FOO"));
    h.receive(test::request("BAR"));
    h.receive(test::request("FOO"));
    CHECK(h.count(Kind::request) == 2);
}

TEST_CASE("match: a sent-by longer than any host is handled like another") {
    Harness h;
    const std::string host(1000, 'A');
    h.receive(test::request("OPTIONS", {.sent_by = host}));
    h.receive(test::request("OPTIONS", {.sent_by = host}));
    CHECK(h.count(Kind::request) == 1);
}

TEST_CASE("match: an ACK finds its INVITE by the branch alone, not by its tags") {
    Harness h;
    h.receive(test::request("INVITE"));
    CHECK(h.respond(h.last_request(), 486).ok());
    h.receive(test::request("ACK", {.to_tag = "wrong"}));
    CHECK(h.table.state(h.last_request()) == State::confirmed);
}

namespace {

// Via without a cookie: what a client of RFC 2543 sends.
const Text old{.branch = "", .to_tag = ""};

Text old_but(auto change) {
    Text text = old;
    change(text);
    return text;
}

} // namespace

TEST_CASE("match: without a cookie a request is known by URI, tags, Call-ID, CSeq and top Via") {
    for (const char *branch : {"", "1", "z9hG4bK"}) { // the last one: RFC 4475 section 3.2.1
        CAPTURE(branch);
        const auto but = [branch](auto change) {
            return old_but([&](Text &text) {
                text.branch = branch;
                change(text);
            });
        };
        Harness h;
        h.receive(test::request("OPTIONS", but([](Text &) {})));
        h.receive(test::request("OPTIONS", but([](Text &) {})));
        CHECK(h.count(Kind::request) == 1);
        h.receive(
            test::request("OPTIONS", but([](Text &text) { text.uri = "sip:carol@example.com", text.to_tag = "x"; })));
        h.receive(test::request("OPTIONS", but([](Text &text) { text.from_tag = "2"; })));
        h.receive(test::request("OPTIONS", but([](Text &text) { text.to_tag = "2"; })));
        h.receive(test::request("OPTIONS", but([](Text &text) { text.call_id = "2"; })));
        h.receive(test::request("OPTIONS", but([](Text &text) { text.cseq = 2; })));
        h.receive(test::request("OPTIONS", but([](Text &text) { text.sent_by = "192.0.2.2", text.to_tag = "y"; })));
        CHECK(h.count(Kind::request) == 7);
        h.receive(test::request("OPTIONS", but([](Text &text) { text.to_tag = "2"; })));
        CHECK(h.count(Kind::request) == 7);
    }
}

TEST_CASE("match: without a cookie an ACK is known by the To tag of the response") {
    Harness h;
    h.receive(test::request("INVITE", old));
    const auto id = h.last_request();
    CHECK(h.respond(id, 486, {.to_tag = "busy"}).ok());
    h.receive(test::request("ACK", old_but([](Text &text) { text.to_tag = "other"; })));
    CHECK(h.table.state(id) == State::completed);
    CHECK(h.count(Kind::ack) == 1); // of a 2xx that is nobody's here
    h.receive(test::request("ACK", old_but([](Text &text) { text.to_tag = "busy"; })));
    CHECK(h.table.state(id) == State::confirmed);
    CHECK(h.count(Kind::ack) == 1);
    h.receive(test::request("INVITE", old)); // still known by the tag it came with
    CHECK(h.count(Kind::request) == 1);
}

TEST_CASE("match: without a cookie an ACK for a 2xx goes up") {
    Harness h;
    h.receive(test::request("INVITE", old));
    CHECK(h.respond(h.last_request(), 200, {.to_tag = "bob"}).ok());
    h.receive(test::request("ACK", old_but([](Text &text) { text.to_tag = "bob"; })));
    h.receive(test::request("ACK", old_but([](Text &text) { text.to_tag = "bob", text.uri = "sip:bob@192.0.2.4"; })));
    CHECK(h.count(Kind::ack) == 2);
}

TEST_CASE("match: without a cookie an ACK before any final response goes up, and the INVITE stays") {
    Harness h;
    h.receive(test::request("INVITE", old));
    h.receive(test::request("ACK", old));
    CHECK(h.table.state(h.last_request()) == State::proceeding);
}

TEST_CASE("match: a response needs our branch and the method of its CSeq (section 17.1.3)") {
    Harness h;
    const auto id = h.send("INVITE");
    h.receive(test::response(180, "INVITE", {.branch = "z9hG4bKstranger"}));
    h.receive(test::response(180, "INVITE", {.branch = ""}));
    h.receive(h.answer(200, "CANCEL"));
    h.receive(h.answer(200, "BYE"));
    CHECK(h.told.empty());
    CHECK(h.table.statistics().stray_responses == 4);
    CHECK(h.table.state(id) == State::calling);
    h.receive(h.answer(180, "INVITE"), test::udp("203.0.113.9", 1)); // wherever it comes from
    CHECK(h.table.state(id) == State::proceeding);
}

TEST_CASE("match: a response with a second Via is somebody else's (section 8.1.3.3)") {
    Harness h;
    h.send("BYE");
    h.receive(h.answer(200, "BYE", {.extra = "Via: SIP/2.0/UDP 192.0.2.99;branch=z9hG4bKsecond\r\n"}));
    CHECK(h.told.empty());
    CHECK(h.table.statistics().stray_responses == 1);
}

TEST_CASE("match: our own request that comes back to us is a server transaction of its own") {
    Harness h;
    h.send("OPTIONS");
    h.receive(h.sent[0].bytes);
    CHECK(h.count(Kind::request) == 1);
    CHECK(h.table.size() == 2);
}

TEST_CASE("match: branches have the cookie and do not repeat") {
    Harness h;
    std::set<std::string> seen;
    for (int i = 0; i < 10000; ++i) {
        std::string branch;
        h.table.append_branch(branch);
        CHECK(branch.starts_with("z9hG4bK"));
        CHECK(seen.insert(branch).second);
    }
}

TEST_CASE("match: a branch and the tag of an answer without a transaction carry the shard") {
    SeededRandom random(1, 77);
    TransactionTable table({}, random, at_ms(0));
    std::string branch;
    table.append_branch(branch);
    CHECK(shard_of_token(branch) == 77);

    CHECK(table.receive(*Message::parse(test::request("CANCEL")), test::udp("192.0.2.1"), at_ms(0)));
    std::vector<Outgoing> sent;
    table.take_outgoing(sent);
    REQUIRE(sent.size() == 1);
    CHECK(shard_of_token(Message::parse(sent[0].bytes.view())->to_tag()) == 77);
}

TEST_CASE("match: an owner is carried by every event of its transaction") {
    Harness h;
    h.receive(test::request("INVITE"));
    const auto server = h.last_request();
    CHECK(h.told.back().event.owner == 0);
    CHECK(h.table.set_owner(server, 21));
    h.receive(test::request("CANCEL"));
    CHECK(h.told.back().event.owner == 21);

    const auto client = h.send("INVITE", {}, 22);
    h.receive(h.answer(180, "INVITE"));
    CHECK(h.told.back().event.owner == 22);
    CHECK(h.table.set_owner(client, 23));
    h.receive(h.answer(200, "INVITE"));
    CHECK(h.told.back().event.owner == 23);
    CHECK_FALSE(h.table.set_owner(TransactionId(), 1));
}

} // namespace tandem
