#include <doctest/doctest.h>
#include <string>
#include <vector>
#include "registrar/home.hpp"

using namespace tandem;
using test::aor;
using test::Home;

namespace {

const std::string contact = "Contact: <sip:alice@192.0.2.9>\r\n";
const std::string edges = "<sip:edge1.example.com;lr>, <sip:token@192.0.2.7;lr;ob>;x=1";

} // namespace

TEST_CASE(
    "registrar: a Path is kept with the binding, sent back, and is the route to the phone (RFC 3327 section 5.3)") {
    Home home;
    const auto answer = home.put(test::by_edge_line + contact +
                                 "Path: \"Edge, <one>\" <sip:edge1.example.com;lr>\r\n"
                                 "Supported: path\r\nRequire: path\r\n"
                                 "Path: <sip:token@192.0.2.7;lr;ob>;x=1\r\n");
    REQUIRE(answer.status == 200);
    CHECK(answer.headers ==
          "Contact: <sip:alice@192.0.2.9>;expires=3600\r\nPath: " + edges + "\r\n" + test::supported_line);
    REQUIRE(answer.changes.size() == 1);
    CHECK(answer.changes[0].path == edges);
    const auto targets = home.registrar.find(aor, home.now);
    REQUIRE(targets.size() == 1);
    CHECK(targets[0].route.path == edges);
    CHECK_FALSE(targets[0].route.is_direct);
}

TEST_CASE("registrar: a Path is that of the last REGISTER, also of a phone that does not say it knows one") {
    Home home;
    REQUIRE(home.put(contact + "Path: <sip:192.0.2.7;lr>\r\n").status == 200);
    CHECK(home.bindings().at(0).path == "<sip:192.0.2.7;lr>");
    CHECK_FALSE(home.registrar.is_flow_of(aor, test::flow, home.now)); // it speaks for many
    REQUIRE(home.put(contact).status == 200);
    CHECK(home.bindings().at(0).path.empty());
    CHECK(home.registrar.is_flow_of(aor, test::flow, home.now));
    REQUIRE(home.put(test::by_edge_line + contact).status == 200); // a proxy that adds none
    CHECK_FALSE(home.registrar.is_flow_of(aor, test::flow, home.now));
}

TEST_CASE("registrar: a malformed Path is refused, and nothing is bound") {
    Home home;
    const std::vector<std::string> values = {"sip:192.0.2.7;lr",
                                             "<sip:192.0.2.7;lr",
                                             "<tel:+1>",
                                             "<sip:192.0.2.7> x",
                                             "<sip:192.0.2.7>;x=\"a\"",
                                             "<sip:a<b@192.0.2.7>",
                                             "<sip:" + std::string(1024, 'a') + "@192.0.2.7>",
                                             "<sip:192.0.2.7>, <sip:b c@192.0.2.7>"};
    for (const std::string &value : values) {
        CAPTURE(value);
        const auto answer = home.put(contact + "Path: " + value + "\r\n");
        CHECK(answer.status == 400);
        CHECK(answer.reason == "Bad Path");
    }
    CHECK(home.bindings().empty());
}

TEST_CASE("registrar: a Path of many proxies has a limit in all") {
    Home home;
    std::string lines;
    for (int i = 0; i < 60; ++i) lines += "Path: <sip:192.0.2.7;lr>\r\n";
    CHECK(home.put(contact + lines).status == 400);
    CHECK(home.put(contact + lines.substr(0, lines.size() / 2)).status == 200);
}
