#include <doctest/doctest.h>
#include <map>
#include <string>
#include <vector>
#include "node/config_reader.hpp"
#include "node/invite.hpp"
#include "node/registered_users.hpp"
#include "node/route_table.hpp"

using namespace tandem;

namespace {

Endpoint endpoint(const char *ip, std::uint16_t port, Transport transport = Transport::udp, std::uint8_t listener = 0) {
    Endpoint endpoint = test::endpoint(ip, port);
    endpoint.transport = transport;
    endpoint.listener = listener;
    return endpoint;
}

// A phone that registered from this address.
BindingTarget phone(const std::string &contact, const Endpoint &flow, std::uint16_t q = 1000) {
    BindingTarget phone;
    phone.q = q;
    phone.route.contact = contact;
    phone.route.flow = flow;
    return phone;
}

const Endpoint alice_flow = endpoint("192.0.2.1", 5062);

RouteTarget only(const BindingTarget &phone, bool is_secure = false) {
    const auto targets = targets_of({phone}, is_secure, false);
    REQUIRE(targets.size() == 1);
    return targets[0];
}

struct KnownUsers final : RegisteredUsers {
    bool has_user(std::string_view aor) const override { return phones.contains(std::string(aor)); }
    std::vector<BindingTarget> find(std::string_view aor) const override { return phones.at(std::string(aor)); }
    std::map<std::string, std::vector<BindingTarget>> phones;
};

struct Routes {
    explicit Routes(const std::string &to, const std::string &more = {}) {
        users.phones["alice@example.com"] = {phone("sip:alice@192.0.2.1:5062", alice_flow),
                                             phone("sip:alice@192.0.2.1:5064", alice_flow),
                                             phone("sip:alice@192.0.2.1:5066", alice_flow, 500)};
        users.phones["bob@example.com"] = {};
        auto config = parse_config(
            "[[trunk]]\nname = \"t\"\nuri = \"sip:127.0.0.1:9\"\n[[route]]\nto = " + to + "\n" + more, "f");
        INFO((config.ok() ? "" : config.error().detail));
        REQUIRE(config.ok());
        table.emplace(config->routes, std::vector<Cidr>(),
                      RouteTableOptions{.users = &users, .own = {test::endpoint("192.0.2.9").ip}},
                      std::vector<std::string>{"example.com", "example.org", "127.0.0.2"});
    }
    Route route(const std::string &uri) { return table->route(test::invite(uri), endpoint("127.0.0.1", 5060)); }
    // The ports of the targets: "+" rings together with the one before it.
    std::string order(const std::string &uri) {
        std::string out;
        for (const RouteTarget &target : route(uri).targets) {
            out += (target.is_parallel ? "+" : " ") + std::to_string(target.to.port);
        }
        return out;
    }

    KnownUsers users;
    std::optional<RouteTable> table;
};

} // namespace

TEST_CASE("registered: a phone is called by its Contact, where that says if it is there") {
    const RouteTarget target = only(phone("sip:alice@192.0.2.1:5070;ob", alice_flow));
    CHECK(target.request_uri == "sip:alice@192.0.2.1:5070;ob");
    CHECK(target.to.to_string() == "192.0.2.1:5070");
    CHECK(!target.is_flow);
    CHECK(target.route_set.empty());
    CHECK(target.spares.empty());
}

TEST_CASE("registered: a phone behind a NAT is called where its REGISTER came from, by the listener that it came to") {
    const Endpoint flow = endpoint("192.0.2.1", 40000, Transport::udp, 3);
    for (const char *contact :
         {"sip:alice@10.0.0.7:5060", "sip:alice@phone.local", "sip:alice@10.0.0.7;transport=tcp"}) {
        CAPTURE(contact);
        const RouteTarget target = only(phone(contact, flow));
        CHECK(target.request_uri == contact);
        CHECK(target.to == flow);
        CHECK(target.is_flow);
        CHECK(target.is_known);
        CHECK(target.lookup.empty());
    }
}

TEST_CASE("registered: who came over a connection is called over it; where he listens is but a spare way") {
    const Endpoint flow = endpoint("192.0.2.1", 40000, Transport::tcp, 1);
    const RouteTarget there = only(phone("sip:alice@192.0.2.1:5060;transport=tcp", flow));
    CHECK(there.to == flow);
    CHECK(there.is_flow);
    REQUIRE(there.spares.size() == 1);
    CHECK(there.spares[0].to.to_string() == "192.0.2.1:5060");
    CHECK(!there.spares[0].is_flow);
    CHECK(only(phone("sip:alice@10.0.0.7:5060;transport=tcp", flow)).spares.empty());
    CHECK(only(phone("sip:alice@192.0.2.1:40000;transport=tcp", flow)).spares.empty());
    auto outbound = phone("sip:alice@192.0.2.1:5060;transport=tcp;ob", flow);
    outbound.route.is_outbound = true;
    CHECK(only(outbound).spares.empty());
}

TEST_CASE("registered: when the connection of a phone has closed it is called where it listens, or not at all") {
    const Endpoint gone = endpoint("192.0.2.1", 0, Transport::tcp, 1);
    const RouteTarget target = only(phone("sip:alice@192.0.2.1:5060;transport=tcp", gone));
    CHECK(target.to.to_string() == "192.0.2.1:5060");
    CHECK(!target.is_flow);
    CHECK(target.spares.empty());
    CHECK(targets_of({phone("sip:alice@10.0.0.7:5060;transport=tcp", gone)}, false, false).empty());
}

TEST_CASE(
    "registered: a phone that registered through proxies is called through its Path, or else by its Contact [114]") {
    auto behind = phone("sip:alice@10.0.0.7", endpoint("192.0.2.5", 5060));
    behind.route.is_direct = false;
    behind.route.path = "<sip:192.0.2.5;lr>,<sip:inner.example.com;lr>";
    const RouteTarget target = only(behind);
    CHECK(target.request_uri == "sip:alice@10.0.0.7");
    CHECK(target.route_set == "<sip:192.0.2.5;lr>,<sip:inner.example.com;lr>");
    CHECK(target.to.to_string() == "192.0.2.5:5060");
    CHECK(!target.is_flow);
    behind.route.path = "<sip:edge.example.com;transport=tcp;lr>";
    CHECK(only(behind).lookup == "sip:edge.example.com;transport=tcp;lr");
    behind.route.path.clear();
    CHECK(only(behind).to.to_string() == "10.0.0.7:5060");
    behind.route.contact = "sip:alice@phone.example.com";
    CHECK(only(behind).lookup == "sip:alice@phone.example.com");
}

TEST_CASE("registered: other flows of a phone are spare ways to it, not phones of their own [115]") {
    const Endpoint flow = endpoint("192.0.2.1", 40000, Transport::tcp, 1);
    auto two_flows = phone("sip:alice@10.0.0.7", flow);
    two_flows.spares = {two_flows.route, two_flows.route};
    two_flows.spares[0].flow.port = 40001;
    two_flows.spares[1].flow.port = 40002;
    const RouteTarget target = only(two_flows);
    REQUIRE(target.spares.size() == 2);
    CHECK(target.spares[0].to.port == 40001);
    CHECK(target.spares[1].to.port == 40002);
    CHECK(target.spares[0].is_flow);
}

TEST_CASE("registered: a call to a SIPS URI reaches phones by TLS alone (RFC 3261 section 26.2.2)") {
    const Endpoint tls = endpoint("192.0.2.1", 40000, Transport::tls, 2);
    const auto targets = targets_of({phone("sip:alice@192.0.2.1", alice_flow), phone("sip:alice@10.0.0.7", tls),
                                     phone("sips:alice@192.0.2.1:5061", tls)},
                                    true, false);
    REQUIRE(targets.size() == 2);
    CHECK(targets[0].request_uri == "sips:alice@10.0.0.7");
    CHECK(targets[1].request_uri == "sips:alice@192.0.2.1:5061");
    CHECK(targets[0].to == tls);
}

TEST_CASE("registered: phones ring by q, those of equal q at once, and then what else the route names") {
    CHECK(Routes("[\"registered\"]").order("sip:alice@example.com") == " 5062+5064 5066");
    CHECK(Routes("[\"registered\", \"t\"]").order("sip:alice@example.com") == " 5062+5064 5066 9");
    CHECK(Routes("[\"t\", \"registered\"]").order("sip:alice@example.com") == " 9 5062+5064 5066");
    CHECK(Routes("[[\"registered\", \"t\"]]").order("sip:alice@example.com") == " 5062+5064+5066+9");
    CHECK(Routes("[[\"t\", \"registered\"], \"t\"]").order("sip:alice@example.com") == " 9+5062+5064+5066 9");
}

TEST_CASE("registered: every way to a phone says that it is one") {
    auto several = phone("sip:alice@192.0.2.1:5070;transport=tcp", endpoint("192.0.2.1", 40000, Transport::tcp, 1));
    several.spares = {several.route, several.route};
    several.spares[0].path = "<sip:192.0.2.5;lr>";
    several.spares[1].path = "<sip:edge.example.com;lr>";
    several.spares[1].flow = endpoint("192.0.2.6", 5060);
    const RouteTarget target = only(several);
    CHECK(target.origin == TargetOrigin::binding);
    REQUIRE(target.spares.size() == 3);
    for (const RouteTarget &spare : target.spares) CHECK(spare.origin == TargetOrigin::binding);
    CHECK(target.registered_from == several.route.flow.ip);
    CHECK(target.spares.back().registered_from == several.spares.back().flow.ip);
}

TEST_CASE("registered: who has no phone is left out, and where nothing is left the caller hears why") {
    CHECK(Routes("[\"registered\", \"t\"]").order("sip:bob@example.com") == " 9");
    CHECK(Routes("[\"t\", [\"registered\", \"t\"]]").order("sip:bob@example.com") == " 9 9");
    Routes phones("[\"registered\"]");
    CHECK(phones.route("sip:bob@example.com").refuse == 480);
    CHECK(phones.route("sip:carol@example.com").refuse == 404);
    CHECK(phones.route("sip:alice@elsewhere.example").refuse == 404);
    CHECK(phones.route("sips:alice@example.com").refuse == 480); // none by TLS
}

TEST_CASE(
    "registered: the user is that of the route, the domain that of the call, or the first where it names us alone") {
    Routes named("[\"registered\"]", "user = \"alice\"\nheaders = { X-A = \"{request.user}\" }\n");
    const Route route = named.route("sip:+44123@192.0.2.9");
    REQUIRE(route.targets.size() == 3);
    CHECK(route.targets[2].headers == "X-A: +44123\r\n");
    CHECK(named.route("sip:+44123@127.0.0.1").targets.size() == 3);
    CHECK(named.route("tel:+44123").targets.size() == 3);
    CHECK(named.route("sip:+44123@EXAMPLE.com:5080").targets.size() == 3);
    CHECK(named.route("sip:+44123@example.org").refuse == 404); // one of ours, and not hers
    CHECK(named.route("sip:+44123@127.0.0.2").refuse == 404);   // the same: an address may be a domain
    CHECK(named.route("sip:+44123@192.0.2.10").refuse == 404);
    Routes escaped("[\"registered\"]");
    CHECK(escaped.route("sip:%61lice@example.com").targets.size() == 3);
}
