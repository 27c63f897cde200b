#include <array>
#include <doctest/doctest.h>
#include <memory>
#include "node/invite.hpp"
#include "node/known_peers.hpp"

using namespace tandem;

namespace {

TargetConfig at_address(std::string_view ip) {
    TargetConfig trunk;
    trunk.to = test::endpoint(ip);
    return trunk;
}

TargetConfig at_name(std::string name) {
    TargetConfig trunk;
    trunk.lookup = std::move(name);
    return trunk;
}

IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

} // namespace

TEST_CASE("known peers: an address is known at once, a name by what it leads to") {
    KnownPeers peers({at_address("192.0.2.1"), at_name("sip:a.example")});
    CHECK(peers.contains(ip("192.0.2.1")));
    CHECK(peers.contains(ip("::ffff:192.0.2.1")));
    CHECK_FALSE(peers.contains(ip("192.0.2.2")));
    CHECK(peers.names() == std::vector<std::string>{"sip:a.example"});

    CHECK(peers.is_incomplete());
    CHECK(peers.unknown_names() == peers.names());
    const std::array found{test::endpoint("192.0.2.2"), test::endpoint("2001:db8::2")};
    peers.learn("sip:a.example", found);
    CHECK_FALSE(peers.is_incomplete());
    CHECK(peers.unknown_names().empty());
    CHECK(peers.names().size() == 1);
    CHECK(peers.contains(ip("192.0.2.2")));
    CHECK(peers.contains(ip("2001:db8::2")));
    peers.learn("sip:other.example", std::array{test::endpoint("192.0.2.9")});
    CHECK_FALSE(peers.contains(ip("192.0.2.9")));
}

TEST_CASE("known peers: a lookup that fails changes nothing, another answer takes the place of the former one") {
    KnownPeers peers({at_name("sip:a.example")});
    peers.learn("sip:a.example", std::array{test::endpoint("192.0.2.2")});
    peers.learn("sip:a.example", {});
    CHECK(peers.contains(ip("192.0.2.2")));
    peers.learn("sip:a.example", std::array{test::endpoint("192.0.2.3")});
    CHECK_FALSE(peers.contains(ip("192.0.2.2")));
    CHECK(peers.contains(ip("192.0.2.3")));
}

TEST_CASE("known peers: a reload keeps what names have led to, of those that are still there") {
    KnownPeers peers({at_name("sip:a.example"), at_name("sip:b.example"), at_address("192.0.2.1")});
    peers.learn("sip:a.example", std::array{test::endpoint("192.0.2.2")});
    peers.learn("sip:b.example", std::array{test::endpoint("192.0.2.3")});
    peers.replace({at_name("sip:b.example")});
    CHECK_FALSE(peers.contains(ip("192.0.2.1")));
    CHECK_FALSE(peers.contains(ip("192.0.2.2")));
    CHECK(peers.contains(ip("192.0.2.3")));
}

TEST_CASE("known peers: an account is known by the address and the port that the trunk listens at") {
    const auto account = std::make_shared<const Account>(Account{"tandem", SecretText("geheim"), ""});
    TargetConfig named = at_name("sip:a.example");
    named.trunk = "a";
    named.account = account;
    const KnownPeers without({at_address("192.0.2.1")});
    CHECK_FALSE(without.account_at(test::endpoint("192.0.2.1")));

    KnownPeers peers({at_address("192.0.2.2"), named});
    const Endpoint there = test::endpoint("192.0.2.2");
    CHECK_FALSE(peers.account_at(there));
    peers.learn("sip:a.example", std::array{there});
    REQUIRE(peers.account_at(there));
    CHECK(peers.account_at(there)->trunk == "a");
    CHECK(peers.account_at(there)->account == account);
    Endpoint neighbour = there;
    ++neighbour.port;
    CHECK_FALSE(peers.account_at(neighbour));
    CHECK_FALSE(peers.account_at(test::endpoint("192.0.2.3")));
}

TEST_CASE("known peers: a trunk listens where its name has led to, by every transport, and at the usual ports") {
    KnownPeers peers({at_name("sip:a.example")});
    CHECK_FALSE(peers.listens_at(test::endpoint("192.0.2.2", 5070)));
    peers.learn("sip:a.example", std::array{test::endpoint("192.0.2.2", 5070)});
    Endpoint by_tcp = test::endpoint("::ffff:192.0.2.2", 5070);
    by_tcp.transport = Transport::tcp;
    CHECK(peers.listens_at(by_tcp));
    CHECK(peers.listens_at(test::endpoint("192.0.2.2", 5060)));
    CHECK(peers.listens_at(test::endpoint("192.0.2.2", 5061)));
    CHECK_FALSE(peers.listens_at(test::endpoint("192.0.2.2", 5071)));
    CHECK_FALSE(peers.listens_at(test::endpoint("192.0.2.3", 5070)));
}
