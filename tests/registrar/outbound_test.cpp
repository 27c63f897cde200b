#include <doctest/doctest.h>
#include <string>
#include <vector>
#include "registrar/home.hpp"

using namespace tandem;
using test::aor;
using test::Home;

namespace {

const std::string outbound = "Supported: path, outbound\r\n";

std::string contact(const std::string &uri, const std::string &instance, int reg_id, const std::string &params = "") {
    return "Contact: <sip:alice@" + uri + ">" + params + ";+sip.instance=\"<urn:uuid:" + instance +
           ">\";reg-id=" + std::to_string(reg_id) + "\r\n";
}

const Endpoint over_tls{*IpAddress::parse("192.0.2.1"), 40000, Transport::tls, 1};

} // namespace

TEST_CASE("registrar: a flow is bound by instance and reg-id, and the answer says so (RFC 5626 section 6)") {
    Home home;
    const auto answer = home.put(outbound + contact("192.0.2.1", "1", 1));
    CHECK(answer.status == 200);
    CHECK(answer.headers == "Contact: <sip:alice@192.0.2.1>;expires=3600;+sip.instance=\"<urn:uuid:1>\";reg-id=1\r\n"
                            "Require: outbound\r\n" +
                                test::supported_line);
    REQUIRE(home.put(outbound + contact("192.0.2.1", "1", 2)).status == 200); // the same Contact over another flow
    REQUIRE(home.put(outbound + contact("192.0.2.9", "1", 1)).status == 200); // the first one from elsewhere
    const auto bindings = home.bindings();
    REQUIRE(bindings.size() == 2);
    CHECK(bindings[0].contact == "sip:alice@192.0.2.9");
    CHECK(bindings[0].id == answer.changes.at(0).id);
    CHECK(bindings[1].reg_id == 2);
    REQUIRE(home.put(outbound + contact("192.0.2.9", "1", 2, ";expires=0")).status == 200);
    REQUIRE(home.bindings().size() == 1);
    CHECK(home.bindings()[0].reg_id == 1);
    CHECK(home.put("Require: outbound\r\n" + contact("192.0.2.9", "1", 2)).status == 200);
    REQUIRE(home.bindings().size() == 2);
    CHECK(home.bindings()[1].reg_id == 2);
}

TEST_CASE(
    "registrar: a reg-id without an instance, or of a phone that does not know outbound, is left out of account") {
    Home home;
    for (const std::string &lines :
         {contact("192.0.2.1", "1", 1), outbound + "Contact: <sip:alice@192.0.2.1>;reg-id=1\r\n"}) {
        const auto answer = home.put(lines);
        CHECK(answer.status == 200);
        CHECK(answer.headers.find("Require") == std::string::npos);
        CHECK(answer.headers.find("reg-id") == std::string::npos);
        CHECK(home.bindings().at(0).reg_id == 0);
        REQUIRE(home.put("Contact: *\r\nExpires: 0\r\n").status == 200);
    }
}

TEST_CASE("registrar: behind a proxy that does not keep the flow outbound is refused with 439 (RFC 5626 section 6)") {
    Home home;
    const std::string register_lines = test::by_edge_line + outbound + contact("192.0.2.1", "1", 1);
    for (const char *path : {"", "Path: <sip:192.0.2.7;lr>\r\n", "Path: <sip:192.0.2.8;lr;ob>, <sip:192.0.2.7;lr>\r\n",
                             "Path: <sip:ob@192.0.2.7;lr;obs>\r\n"}) {
        CAPTURE(path);
        const auto answer = home.put(register_lines + path);
        CHECK(answer.status == 439);
        CHECK(answer.reason == "First Hop Lacks Outbound Support");
    }
    CHECK(home.bindings().empty());
    CHECK(home.put(register_lines + "Path: <sip:192.0.2.8;lr>, <sip:192.0.2.7;lr;ob>\r\n").status == 200);
    const auto targets = home.registrar.find(aor, home.now);
    REQUIRE(targets.size() == 1);
    CHECK_FALSE(targets[0].route.is_outbound); // the flow is the edge proxy's
    // Without outbound any proxy will do, and what is there can be removed through any.
    CHECK(home.put(test::by_edge_line + contact("192.0.2.1", "2", 1)).status == 200);
    CHECK(home.put(test::by_edge_line + outbound + contact("192.0.2.1", "1", 1, ";expires=0")).status == 200);
    CHECK(home.bindings().size() == 1);
}

TEST_CASE("registrar: one REGISTER binds one flow, and a reg-id is a number from 1 on") {
    Home home;
    CHECK(home.put(outbound + contact("192.0.2.1", "1", 1) + contact("192.0.2.1", "1", 2)).status == 400);
    CHECK(home.put(outbound + contact("192.0.2.1", "1", 0)).status == 400);
    CHECK(home.put(outbound + contact("192.0.2.1", "1", 1, ";reg-id=1")).status == 400);
    for (const char *number : {"", "-1", "x", "2147483648", "99999999999999999999999"}) {
        CAPTURE(number);
        CHECK(home.put(outbound + "Contact: <sip:a@b>;+sip.instance=\"<x>\";reg-id=" + number + "\r\n").status == 400);
    }
    CHECK(home.bindings().empty());
    CHECK(home.put(outbound + contact("192.0.2.1", "1", 2147483647)).status == 200);
    CHECK(home.put(outbound + contact("192.0.2.1", "1", 1) + contact("192.0.2.1", "1", 2147483647, ";expires=0"))
              .status == 200);
    CHECK(home.bindings().size() == 1);
}

TEST_CASE("registrar: an instance is one target, by the flow that registered last; its others are spare ones") {
    Home home;
    home.source = over_tls;
    for (const int reg_id : {1, 2, 3}) {
        home.source.port = static_cast<std::uint16_t>(40000 + reg_id);
        home.now += std::chrono::seconds(1);
        REQUIRE(home.put(outbound + contact("192.0.2.1", "1", reg_id, ";q=0.5")).status == 200);
    }
    home.source.port = 40001; // the first flow again: it is the newest now
    home.now += std::chrono::seconds(1);
    REQUIRE(home.put(outbound + contact("192.0.2.1", "1", 1, ";q=0.4")).status == 200);
    REQUIRE(home.put("Contact: <sip:alice@192.0.2.2>;q=0.3, <sip:alice@192.0.2.3>;q=0.6\r\n").status == 200);
    const auto targets = home.registrar.find(aor, home.now);
    REQUIRE(targets.size() == 3);
    CHECK(targets[0].route.contact == "sip:alice@192.0.2.3");
    CHECK_FALSE(targets[0].route.is_outbound);
    CHECK(targets[1].q == 400);
    CHECK(targets[1].route.flow.port == 40001);
    CHECK(targets[1].route.is_outbound);
    REQUIRE(targets[1].spares.size() == 2);
    CHECK(targets[1].spares[0].flow.port == 40003);
    CHECK(targets[1].spares[1].flow.port == 40002);
    CHECK(targets[2].route.contact == "sip:alice@192.0.2.2");
    CHECK(targets[2].spares.empty());
}

TEST_CASE("registrar: with a connection the flows of outbound over it end, and nothing else does") {
    Home home;
    home.source = over_tls;
    const auto lost = home.put(outbound + contact("192.0.2.1", "1", 1)).changes.at(0);
    REQUIRE(home.put("Contact: <sip:alice@192.0.2.2>\r\n").status == 200); // may open another
    REQUIRE(home.put(test::by_edge_line + outbound + "Path: <sip:192.0.2.7;ob>\r\n" + contact("192.0.2.1", "1", 2))
                .status == 200);
    home.source.transport = Transport::udp; // no connection
    REQUIRE(home.put(outbound + contact("192.0.2.1", "1", 3)).status == 200);
    home.source = over_tls;
    home.source.port = 40001; // another one
    REQUIRE(home.put(outbound + contact("192.0.2.1", "1", 4)).status == 200);
    home.events();

    Endpoint foreign = over_tls;
    foreign.listener = 2;
    home.registrar.on_flow_lost(foreign, home.now);
    CHECK(home.bindings().size() == 5);
    home.registrar.on_flow_lost(over_tls, home.now);
    home.registrar.on_flow_lost(over_tls, home.now);
    CHECK(home.bindings().size() == 4);
    const auto changes = home.changes();
    REQUIRE(changes.size() == 1);
    CHECK(changes[0].id == lost.id);
    CHECK(changes[0].is_over);
    CHECK(changes[0].version == 2);
    CHECK(home.events() == std::vector{BindingEventKind::lost});
    CHECK(home.registrar.statistics().lost == 1);
    Endpoint datagrams = over_tls;
    datagrams.transport = Transport::udp;
    home.registrar.on_flow_lost(datagrams, home.now);
    CHECK(home.bindings().size() == 4);
}

TEST_CASE("registrar: what arrived over the next connection of a port outlives the one before") {
    Home home;
    home.source = over_tls;
    const Instant lost_at = home.now;
    home.now += std::chrono::milliseconds(1);
    REQUIRE(home.put(outbound + contact("192.0.2.1", "1", 1)).status == 200);
    home.registrar.on_flow_lost(over_tls, lost_at);
    CHECK(home.bindings().size() == 1);
    home.registrar.on_flow_lost(over_tls, home.now);
    CHECK(home.bindings().empty());
}

TEST_CASE("registrar: a flow that was registered anew elsewhere outlives its first connection") {
    Home home;
    home.source = over_tls;
    REQUIRE(home.put(outbound + contact("192.0.2.1", "1", 1)).status == 200);
    home.source.port = 40001;
    REQUIRE(home.put(outbound + contact("192.0.2.1", "1", 1)).status == 200);
    home.registrar.on_flow_lost(over_tls, home.now);
    CHECK(home.bindings().size() == 1);
    home.registrar.on_flow_lost(home.source, home.now);
    CHECK(home.bindings().empty());
}

TEST_CASE("registrar: a flow over a connection to the process before is over, any other binding is not") {
    Home home;
    home.source = over_tls;
    BindingRecord lost = home.put(outbound + contact("192.0.2.1", "1", 1)).changes.at(0);
    const BindingRecord plain = home.put("Contact: <sip:alice@192.0.2.2>\r\n").changes.at(0);
    BindingRecord datagrams = lost;
    datagrams.id = 1;
    datagrams.flow.transport = Transport::udp;
    BindingRecord of_edge = lost;
    of_edge.id = 2;
    of_edge.path = "<sip:192.0.2.7;lr;ob>";
    Home next;
    for (const BindingRecord &record : {lost, plain, datagrams, of_edge}) next.registrar.load(record, next.now);
    CHECK(next.registrar.statistics().bindings == 3);
    const auto changes = next.changes();
    REQUIRE(changes.size() == 1);
    CHECK(changes[0].id == lost.id);
    CHECK(changes[0].is_over);
    CHECK(next.events() == std::vector{BindingEventKind::lost});
}

TEST_CASE("registrar: a binding that is no flow of outbound outlives its connection, and forgets where that was") {
    Home home;
    home.source = over_tls;
    const BindingRecord kept = home.put("Contact: <sip:alice@192.0.2.1;transport=tls>\r\n").changes.at(0);
    REQUIRE(home.registrar.is_flow_of("alice@example.com", over_tls, home.now));
    SUBCASE("its connection ends") {
        home.events();
        home.registrar.on_flow_lost(over_tls, home.now);
        home.registrar.on_flow_lost(over_tls, home.now);
        REQUIRE(home.bindings().size() == 1);
        CHECK(home.changes().empty());
        CHECK(home.events().empty());
        CHECK_FALSE(home.registrar.is_flow_of("alice@example.com", over_tls, home.now)); // anybody may be there
        const auto targets = home.registrar.find("alice@example.com", home.now);
        REQUIRE(targets.size() == 1);
        CHECK(targets[0].route.contact == kept.contact);
        CHECK(targets[0].route.flow.port == 0);
        // The next REGISTER brings another one, which ends as well.
        home.source.port = 40001;
        REQUIRE(home.put("Contact: <sip:alice@192.0.2.1;transport=tls>\r\n").status == 200);
        CHECK(home.registrar.is_flow_of("alice@example.com", home.source, home.now));
        home.registrar.on_flow_lost(home.source, home.now);
        CHECK_FALSE(home.registrar.is_flow_of("alice@example.com", home.source, home.now));
    }
    SUBCASE("it was one to the process before") {
        Home next;
        next.registrar.load(kept, next.now);
        CHECK(next.registrar.statistics().bindings == 1);
        CHECK_FALSE(next.registrar.is_flow_of("alice@example.com", over_tls, next.now));
        CHECK(next.registrar.find("alice@example.com", next.now).at(0).route.id == kept.id);
    }
}
