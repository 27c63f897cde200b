#include <doctest/doctest.h>
#include "dialog/route_set.hpp"

using namespace tandem;

TEST_CASE("route set: without one the request goes to the target") {
    const RequestRoute route = make_request_route("sip:bob@h", "");
    CHECK(route.request_uri == "sip:bob@h");
    CHECK(route.route == "");
    CHECK(route.next_hop == "sip:bob@h");
}

TEST_CASE("route set: a loose router in front leaves the target in the Request-URI (RFC 3261 section 12.2.1.1)") {
    const RequestRoute route = make_request_route("sip:bob@h", "<sip:p1;transport=udp;LR>, \"x, y\" <sip:p2;lr>;a=b");
    CHECK(route.request_uri == "sip:bob@h");
    CHECK(route.route == "<sip:p1;transport=udp;LR>,\"x, y\" <sip:p2;lr>;a=b");
    CHECK(route.next_hop == "sip:p1;transport=udp;LR");
}

TEST_CASE("route set: a strict router gets the Request-URI, and the target goes to the end") {
    const RequestRoute route = make_request_route("sip:bob@h;x=1", "<sip:p1;lrx=lr?lr=1>,<sip:p2;lr>");
    CHECK(route.request_uri == "sip:p1;lrx=lr");
    CHECK(route.route == "<sip:p2;lr>,<sip:bob@h;x=1>");
    CHECK(route.next_hop == "sip:p1;lrx=lr?lr=1");
}

TEST_CASE("route set: brackets in a display name are no URI (RFC 3261 section 25.1)") {
    CHECK(make_request_route("sip:bob@h", "\"a<b\"<sip:p1;lr>").next_hop == "sip:p1;lr");
    CHECK(make_request_route("sip:bob@h", "\"\\\"<b\" <sip:p1;lr>").next_hop == "sip:p1;lr");
}

TEST_CASE("route set: the reverse is the route of the other side") {
    CHECK(reverse_route_set("<sip:a;lr>, <sip:b;lr>,<sip:c>") == "<sip:c>,<sip:b;lr>,<sip:a;lr>");
    CHECK(reverse_route_set("") == "");
}
