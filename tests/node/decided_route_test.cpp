// What a decision of call control makes of a route.
#include <doctest/doctest.h>
#include <string>
#include "node/config_reader.hpp"
#include "node/decided_route.hpp"
#include "node/invite.hpp"
#include "node/route_table.hpp"

using namespace tandem;

namespace {

constexpr const char *text = "[sip]\nlisten = [\"udp:127.0.0.1:5060\"]\n"
                             "[control]\nurl = [\"http://127.0.0.1\"]\n"
                             "[[trunk]]\nname = \"uk\"\nuri = \"sip:127.0.0.1:1\"\n"
                             "[[trunk]]\nname = \"de\"\nuri = \"sip:127.0.0.1:2\"\n"
                             "[[route]]\nmatch = '^44(.*)'\nto = [\"uk\"]\nuser = \"0$1\"\ncontrol = true\n"
                             "headers = { \"X-Tenant\" = \"blue\", \"X-Line\" = \"{request.user}\" }\n"
                             "[[route]]\nto = [\"sip:127.0.0.1:9\"]\n";

const Endpoint caller = test::endpoint("127.0.0.1");
Message call() { return test::invite("sip:44123@127.0.0.1"); }

RouteTable table() {
    auto config = parse_config(text, "f");
    REQUIRE(config);
    return RouteTable(std::move(config->routes), {}, {.listen = config->sip.listen}, {}, std::move(config->trunks));
}

Result<Route> decided(const Decision &decision, const Message &invite = call()) {
    return table().route_decided(invite, caller, false, decision);
}

std::string first_uri(const Decision &decision) {
    const auto route = decided(decision);
    REQUIRE(route);
    REQUIRE_FALSE(route->targets.empty());
    return route->targets[0].request_uri;
}

bool is_wrong(const std::string &target) {
    Decision decision;
    decision.targets = {{target}};
    return !decided(decision);
}

} // namespace

TEST_CASE("decided route: a route with control says that it asks, and nothing else") {
    const Route route = table().route(call(), caller);
    CHECK(route.is_controlled);
    CHECK(route.refuse == 0);
    CHECK(route.targets.empty());
    CHECK_FALSE(table().route(test::invite("sip:bob@127.0.0.1"), caller).is_controlled);
    CHECK(table().route(call(), test::endpoint("198.51.100.1")).refuse == 403); // nobody is asked about strangers
}

TEST_CASE("decided route: a decision that changes nothing lets the call go by its route") {
    const auto route = decided({});
    REQUIRE(route);
    CHECK_FALSE(route->is_controlled);
    CHECK(route->targets[0].request_uri == "sip:0123@127.0.0.1:1");
    CHECK(route->targets[0].trunk == "uk");
    CHECK(route->targets[0].headers == "X-Tenant: blue\r\nX-Line: 44123\r\n");
}

TEST_CASE("decided route: its targets are trunks, URIs and phones, as those of a route") {
    Decision decision;
    decision.targets = {
        {"de"}, {"sip:127.0.0.1:7"}, {"sip:600@127.0.0.1:8;transport=udp", true}, {"sip:a.example.com"}};
    const auto route = decided(decision);
    REQUIRE(route);
    REQUIRE(route->targets.size() == 4);
    CHECK(route->targets[0].trunk == "de");
    CHECK(route->targets[0].request_uri == "sip:0123@127.0.0.1:2");
    CHECK(route->targets[1].request_uri == "sip:0123@127.0.0.1:7");
    CHECK(route->targets[1].to.port == 7);
    CHECK(route->targets[1].trunk.empty());
    CHECK(route->targets[2].request_uri == "sip:600@127.0.0.1:8;transport=udp");
    CHECK(route->targets[2].is_parallel);
    CHECK(route->targets[3].lookup == "sip:a.example.com");
    CHECK(route->hunt_on == std::vector<std::uint16_t>{408, 500, 503}); // there are several now

    decision.targets = {{"registered"}};
    CHECK(decided(decision)->refuse == 404); // there is no such user
}

TEST_CASE("decided route: what is no target, or nowhere that we can send to, is refused as a whole") {
    for (const char *target : {"", "fr", "UK", "sip:", "sip:@", "http://a", "tel:+1", "sip:a b", "sip:[::1]:5060",
                               "sip:127.0.0.1;transport=tcp", "sips:127.0.0.1", "sip:127.0.0.1;transport=sctp",
                               "sip:127.0.0.1?Subject=x", "sip:a..b", "sip:a.example.com;transport=tls", "uk,de"}) {
        CAPTURE(target);
        CHECK(is_wrong(target));
    }
}

TEST_CASE("decided route: the user that it names is called, whatever the route makes of numbers") {
    Decision decision;
    decision.to_user = "+44999$1{from.user}";
    CHECK(decided(decision)->refuse == 400); // no user, and no template either
    decision.to_user = "+44999";
    CHECK(first_uri(decision) == "sip:+44999@127.0.0.1:1");
}

TEST_CASE("decided route: its headers stand in place of those of the route, and are no templates") {
    Decision decision;
    decision.headers = {{"x-tenant", "{from.user}"}, {"X-New", "$0"}};
    const auto route = decided(decision);
    REQUIRE(route);
    CHECK(route->targets[0].headers == "X-Line: 44123\r\nx-tenant: {from.user}\r\nX-New: $0\r\n");
}

TEST_CASE("decided route: who comes by no route any more is refused as before") {
    CHECK(table().route_decided(test::invite("http://x"), caller, false, {})->refuse == 416);
    CHECK(table().route_decided(call(), test::endpoint("198.51.100.1"), false, {})->refuse == 403);
    CHECK(table().route_decided(call(), test::endpoint("198.51.100.1"), true, {})->refuse == 0);
}
