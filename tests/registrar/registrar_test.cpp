#include <doctest/doctest.h>
#include <string>
#include <vector>
#include "registrar/home.hpp"

using namespace tandem;
using test::aor;
using test::flow;
using test::Home;

using Kind = BindingEventKind;

TEST_CASE("registrar: a REGISTER is challenged, and only the user himself registers (RFC 3261 section 10.3)") {
    Home home;
    const std::string contact = "Contact: <sip:alice@192.0.2.1>\r\n";
    const auto challenged = home.send(contact, "", "sip:alice@example.com");
    CHECK(challenged.status == 401);
    CHECK(challenged.headers.find("WWW-Authenticate: Digest") == 0);
    CHECK(home.put(contact, "sip:alice@example.com", "wrong").status == 401);
    const auto other = home.put(contact, "sip:bob@example.com");
    CHECK(other.status == 403);
    CHECK(other.is_suspect);
    CHECK(home.put(contact, "sip:alice@example.org").status == 403);
    CHECK(home.put("Require: gruu\r\n" + contact).headers == "Unsupported: gruu\r\n");
    CHECK(home.registrar.statistics().bindings == 0);
    CHECK(home.events().empty());
}

TEST_CASE("registrar: bindings are added, refreshed, fetched and removed, each with its change and event") {
    Home home;
    auto answer = home.put("Contact: <sip:alice@192.0.2.1>;expires=100;q=0.5, <sip:alice@192.0.2.2>\r\n");
    REQUIRE(answer.status == 200);
    CHECK(answer.headers == "Contact: <sip:alice@192.0.2.1>;expires=100;q=0.500\r\n"
                            "Contact: <sip:alice@192.0.2.2>;expires=3600\r\n" +
                                test::supported_line);
    REQUIRE(answer.changes.size() == 2);
    const auto targets = home.registrar.find(aor, home.now);
    REQUIRE(targets.size() == 2);
    CHECK(targets[0].route.contact == "sip:alice@192.0.2.2");
    CHECK(home.registrar.is_flow_of(aor, flow, home.now));

    const auto refreshed = home.put("Contact: <sip:%61lice@192.0.2.1>\r\nExpires: 60\r\n");
    REQUIRE(refreshed.changes.size() == 1);
    CHECK(refreshed.changes[0].id == answer.changes[0].id);
    CHECK(refreshed.changes[0].version == 2);
    CHECK(home.put("").changes.empty());
    CHECK(home.put("Contact: *\r\nExpires: 0\r\n").changes.size() == 2);
    CHECK(home.registrar.find(aor, home.now).empty());
    CHECK(home.events() == std::vector{Kind::added, Kind::added, Kind::refreshed, Kind::removed, Kind::removed});
}

TEST_CASE("registrar: what is refused changes nothing") {
    RegistrarOptions options;
    options.contacts_max = 2;
    Home home(options);
    REQUIRE(home.put("Contact: <sip:alice@192.0.2.1>\r\n").status == 200);
    CHECK(home.put("Contact: *\r\n").status == 400);
    CHECK(home.put("Contact: *, <sip:a@b>\r\nExpires: 0\r\n").status == 400);
    CHECK(home.put("Contact: <sip:a@b>, <tel:+1>\r\n").status == 400);
    CHECK(home.put("Contact: <sip:a@b>, <sip:a@c>\r\n").status == 403);
    const auto brief = home.put("Contact: <sip:a@b>;expires=59\r\n");
    CHECK(brief.status == 423);
    CHECK(brief.headers == "Min-Expires: 60\r\n");
    home.cseq = 1;
    CHECK(home.put("Contact: <sip:alice@192.0.2.1>;expires=0, <sip:a@b>\r\n").status == 500);
    CHECK(home.registrar.bindings_of(aor, home.now).size() == 1);
    CHECK(home.events().size() == 1);
}

TEST_CASE("registrar: a binding ends at its expiry and not before, and the store is told") {
    Home home;
    const auto answer = home.put("Contact: <sip:alice@192.0.2.1>;expires=60\r\n");
    REQUIRE(answer.changes.size() == 1);
    CHECK(home.registrar.next_deadline() == at_ms(61000));
    CHECK(home.registrar.is_flow_of(aor, flow, at_ms(60999)));
    CHECK(home.registrar.find(aor, at_ms(60999)).size() == 1);
    CHECK_FALSE(home.registrar.is_flow_of(aor, flow, at_ms(61000))); // also before advance() has noticed
    CHECK(home.registrar.find(aor, at_ms(61000)).empty());
    home.registrar.advance(at_ms(60999));
    CHECK(home.registrar.statistics().bindings == 1);
    home.registrar.advance(at_ms(61000));
    CHECK(home.registrar.statistics().bindings == 0);
    std::vector<BindingRecord> changes;
    home.registrar.drain_changes([&](const BindingRecord &record) { changes.push_back(record); });
    REQUIRE(changes.size() == 1);
    CHECK(changes[0].is_over);
    CHECK(changes[0].version == 2);
    CHECK(home.events() == std::vector{Kind::added, Kind::expired});
}

TEST_CASE("registrar: a loaded binding is there unless it is over or its user is gone") {
    Home home;
    BindingRecord record = home.put("Contact: <sip:alice@192.0.2.1>\r\n").changes.at(0);
    Home next;
    next.registrar.load(record, next.now);
    CHECK(next.registrar.find(aor, next.now).size() == 1);
    CHECK(next.bindings().at(0).expires == record.expires);
    record.aor = "carol@example.com";
    next.registrar.load(record, next.now);
    CHECK(next.registrar.find(record.aor, next.now).empty());
    CHECK(next.events() == std::vector{Kind::removed});
}

TEST_CASE("registrar: a loaded binding lives no longer than one that is made now, whatever the clock has done") {
    Home home;
    BindingRecord record = home.put("Contact: <sip:alice@192.0.2.1>\r\n").changes.at(0);
    record.expires += std::chrono::hours(24);
    Home next;
    next.registrar.load(record, next.now);
    CHECK(next.bindings().at(0).expires == next.now + std::chrono::seconds(3600));
}

TEST_CASE("registrar: an instance that moves to the Contact of a phone without one stays one binding") {
    Home home;
    const std::string instance = ";+sip.instance=\"<urn:uuid:1>\"";
    REQUIRE(home.put("Contact: <sip:alice@192.0.2.9>\r\n").status == 200);
    REQUIRE(home.put("Contact: <sip:alice@192.0.2.1>" + instance + "\r\n").status == 200);
    REQUIRE(home.put("Contact: <sip:alice@192.0.2.9>" + instance + "\r\n").status == 200);
    const auto bindings = home.bindings();
    REQUIRE(bindings.size() == 2);
    CHECK(bindings[0].instance.empty());
    CHECK(bindings[1].instance == "<urn:uuid:1>");
    CHECK(bindings[1].contact == "sip:alice@192.0.2.9");
}

TEST_CASE("registrar: an instance has one binding, wherever its phone has moved (RFC 5626 section 6)") {
    Home home;
    const std::string instance = ";+sip.instance=\"<urn:uuid:1>\"";
    REQUIRE(home.put("Contact: <sip:alice@192.0.2.1>" + instance + "\r\n").status == 200);
    CHECK(home.put("Contact: <sip:alice@192.0.2.9>" + instance + "\r\n").headers ==
          "Contact: <sip:alice@192.0.2.9>;expires=3600" + instance + "\r\n" + test::supported_line);
}

TEST_CASE("registrar: all bindings come by pages of whole users, each of them once") {
    Home home;
    for (const char *port : {"5061", "5062", "5063"}) {
        REQUIRE(home.put("Contact: <sip:alice@192.0.2.1:" + std::string(port) + ">\r\n").status == 200);
    }
    BindingRecord bob = home.registrar.bindings_of(aor, home.now).front();
    bob.aor = "bob@example.com";
    home.registrar.load(bob, home.now);
    const auto first = home.registrar.list("", 2);
    REQUIRE(first.size() == 3);
    CHECK(first.back().aor == aor);
    const auto second = home.registrar.list(first.back().aor, 2);
    REQUIRE(second.size() == 1);
    CHECK(second[0].aor == "bob@example.com");
    CHECK(home.registrar.list(second[0].aor, 2).empty());
}
