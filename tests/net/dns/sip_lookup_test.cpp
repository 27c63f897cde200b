// RFC 3263 section 4, branch by branch: what is asked, and what comes out.
#include <algorithm>
#include <doctest/doctest.h>
#include "net/dns/zone.hpp"

using namespace tandem;
using namespace tandem::test;

namespace {

const Reach all = reach({Transport::udp, Transport::tcp, Transport::tls});

struct Outcome {
    std::string result;
    std::vector<std::string> asked;
};

Outcome look_up(const SipLookup &what, const Zone &zone, const Reach &listeners = all, std::uint64_t seed = 1) {
    SeededRandom random(seed);
    SipLookupChain chain(what, listeners, random);
    Outcome out;
    for (auto questions = chain.take_questions(); !questions.empty(); questions = chain.take_questions()) {
        CHECK_FALSE(chain.is_done());
        for (const DnsQuestion &question : questions) {
            out.asked.push_back(to_text(question));
            chain.answer(question, zone.find(question));
        }
    }
    CHECK(chain.is_done());
    out.result = to_text(chain.result());
    return out;
}

Zone example() {
    Zone zone;
    zone.naptr("example.com", {50, 50, "s", "SIPS+D2T", "_sips._tcp.example.com"});
    zone.naptr("example.com", {90, 50, "s", "SIP+D2T", "_sip._tcp.example.com"});
    zone.naptr("example.com", {100, 50, "S", "sip+d2u", "_sip._udp.other.example"});
    zone.srv("_sips._tcp.example.com", {0, 1, 5071, "tls.example.com"});
    zone.srv("_sip._tcp.example.com", {0, 1, 5072, "tcp.example.com"});
    zone.srv("_sip._udp.other.example", {0, 1, 5073, "udp.example.com"});
    zone.srv("_sip._udp.example.com", {0, 1, 5074, "udp.example.com"});
    zone.a("tls.example.com", {"192.0.2.1"});
    zone.a("tcp.example.com", {"192.0.2.2"});
    zone.a("udp.example.com", {"192.0.2.3"});
    zone.a("example.com", {"192.0.2.9"});
    return zone;
}

} // namespace

TEST_CASE("sip lookup: an address asks nothing; its transport and port are those of the URI or the usual ones") {
    struct Case {
        SipLookup what;
        std::string result;
    };
    const std::vector<Case> cases = {
        {{false, "192.0.2.1", 0, {}}, "UDP 192.0.2.1:5060"},
        {{false, "192.0.2.1", 5070, {}}, "UDP 192.0.2.1:5070"},
        {{false, "192.0.2.1", 0, Transport::tcp}, "TCP 192.0.2.1:5060"},
        {{false, "192.0.2.1", 0, Transport::tls}, "TLS 192.0.2.1:5061"},
        {{true, "192.0.2.1", 0, {}}, "TLS 192.0.2.1:5061"},
        {{true, "192.0.2.1", 5070, {}}, "TLS 192.0.2.1:5070"},
        {{true, "192.0.2.1", 0, Transport::tcp}, "TLS 192.0.2.1:5061"},
        {{true, "192.0.2.1", 0, Transport::udp}, "no listener for this transport"},
        {{false, "192.0.2.1", 0, Transport::ws}, "no listener for this transport"},
        {{false, "[2001:db8::1]", 5070, {}}, "no listener for this transport"}, // all of them are IPv4
    };
    for (const Case &c : cases) {
        const Outcome outcome = look_up(c.what, {});
        CHECK(outcome.result == c.result);
        CHECK(outcome.asked.empty());
    }
    const Reach both = reach({Transport::udp, Transport::ws}, true);
    CHECK(look_up({false, "[2001:db8::1]", 0, {}}, {}, both).result == "UDP [2001:db8::1]:5060");
    CHECK(look_up({false, "192.0.2.1", 0, Transport::ws}, {}, both).result == "WS 192.0.2.1:80");
    CHECK(look_up({true, "192.0.2.1", 0, {}}, {}, both).result == "no listener for this transport");
    CHECK(look_up({false, "192.0.2.1", 0, {}}, {}, reach({Transport::tcp})).result == "TCP 192.0.2.1:5060");
}

TEST_CASE("sip lookup: what is no name fails, and asks nothing") {
    for (const std::string &bad :
         {std::string(), std::string("a b"), std::string("-.."), std::string(300, 'a'), std::string("example.com/")}) {
        const Outcome outcome = look_up({false, bad, 0, {}}, {});
        CHECK(outcome.result == "no valid host name");
        CHECK(outcome.asked.empty());
    }
}

TEST_CASE("sip lookup: NAPTR says transports in the domain's order (RFC 3263 section 4.1)") {
    const Outcome outcome = look_up({false, "Example.com", 0, {}}, example());
    CHECK(outcome.result == "TLS 192.0.2.1:5071, TCP 192.0.2.2:5072, UDP 192.0.2.3:5073");
    CHECK(outcome.asked == std::vector<std::string>{"example.com NAPTR", "_sips._tcp.example.com SRV",
                                                    "_sip._tcp.example.com SRV", "_sip._udp.other.example SRV",
                                                    "tls.example.com A", "tcp.example.com A", "udp.example.com A"});
}

TEST_CASE("sip lookup: of NAPTR only what there is a listener for is taken, and of a SIPS URI only SIPS") {
    CHECK(look_up({false, "example.com", 0, {}}, example(), reach({Transport::udp})).result == "UDP 192.0.2.3:5073");
    CHECK(look_up({false, "example.com", 0, {}}, example(), reach({Transport::udp, Transport::tcp})).result ==
          "TCP 192.0.2.2:5072, UDP 192.0.2.3:5073");
    CHECK(look_up({true, "example.com", 0, {}}, example()).result == "TLS 192.0.2.1:5071");
}

TEST_CASE("sip lookup: equal orders of NAPTR go by preference, and other flags and services are not for SIP") {
    Zone zone;
    zone.naptr("x", {1, 1, "a", "SIP+D2U", "direct.x"});
    zone.naptr("x", {1, 2, "s", "SIP+D2S", "_sip._sctp.x"});
    zone.naptr("x", {1, 3, "s", "E2U+sip", "_sip._udp.e"});
    zone.naptr("x", {1, 20, "s", "SIP+D2U", "_sip._udp.x"});
    zone.naptr("x", {1, 10, "s", "SIP+D2T", "_sip._tcp.x"});
    zone.srv("_sip._udp.x", {0, 0, 1, "h.x"});
    zone.srv("_sip._tcp.x", {0, 0, 2, "h.x"});
    zone.a("h.x", {"192.0.2.1"});
    const Outcome outcome = look_up({false, "x", 0, {}}, zone);
    CHECK(outcome.result == "TCP 192.0.2.1:2, UDP 192.0.2.1:1");
    CHECK(outcome.asked ==
          std::vector<std::string>{"x NAPTR", "_sip._tcp.x SRV", "_sip._udp.x SRV", "h.x A"}); // each once
}

TEST_CASE("sip lookup: without NAPTR every transport is asked for (RFC 3263 section 4.1)") {
    for (const DnsStatus none : {DnsStatus::no_name, DnsStatus::no_data, DnsStatus::failed, DnsStatus::timeout}) {
        Zone zone = example();
        zone = Zone();
        zone.fail({"example.com", DnsType::naptr}, none); // some servers do not know the type
        zone.srv("_sip._udp.example.com", {0, 0, 1, "h.example.com"});
        zone.srv("_sip._tcp.example.com", {0, 0, 2, "h.example.com"});
        zone.srv("_sips._tcp.example.com", {0, 0, 3, "h.example.com"});
        zone.a("h.example.com", {"192.0.2.1"});
        CHECK(look_up({false, "example.com", 0, {}}, zone).result == "UDP 192.0.2.1:1, TCP 192.0.2.1:2");
        CHECK(look_up({true, "example.com", 0, {}}, zone).result == "TLS 192.0.2.1:3");
        CHECK(look_up({false, "example.com", 0, {}}, zone, reach({Transport::tls})).result == "TLS 192.0.2.1:3");
        CHECK(look_up({false, "example.com", 0, {}}, zone, reach({Transport::tcp})).result == "TCP 192.0.2.1:2");
    }
}

TEST_CASE("sip lookup: a transport parameter leaves NAPTR out (RFC 3263 section 4.1)") {
    struct Case {
        bool is_sips;
        Transport transport;
        std::string result;
        std::string asked;
    };
    const std::vector<Case> cases = {
        {false, Transport::udp, "UDP 192.0.2.3:5074", "_sip._udp.example.com SRV"},
        {false, Transport::tcp, "TCP 192.0.2.2:5072", "_sip._tcp.example.com SRV"},
        {false, Transport::tls, "TLS 192.0.2.1:5071", "_sips._tcp.example.com SRV"},
        {true, Transport::tcp, "TLS 192.0.2.1:5071", "_sips._tcp.example.com SRV"},
    };
    for (const Case &c : cases) {
        const Outcome outcome = look_up({c.is_sips, "example.com", 0, c.transport}, example());
        CHECK(outcome.result == c.result);
        CHECK(outcome.asked.front() == c.asked);
        CHECK(outcome.asked.size() == 2);
    }
    CHECK(look_up({false, "example.com", 0, Transport::tls}, example(), reach({Transport::udp})).result ==
          "no listener for this transport");
}

TEST_CASE("sip lookup: a port leaves NAPTR and SRV out (RFC 3263 sections 4.1, 4.2)") {
    struct Case {
        SipLookup what;
        std::string result;
    };
    for (const Case &c : {Case{{false, "example.com", 5080, {}}, "UDP 192.0.2.9:5080"},
                          Case{{true, "example.com", 5080, {}}, "TLS 192.0.2.9:5080"},
                          Case{{false, "example.com", 5080, Transport::tcp}, "TCP 192.0.2.9:5080"}}) {
        const Outcome outcome = look_up(c.what, example());
        CHECK(outcome.result == c.result);
        CHECK(outcome.asked == std::vector<std::string>{"example.com A"});
    }
}

TEST_CASE("sip lookup: without SRV the host itself is asked, on the usual port (RFC 3263 section 4.2)") {
    Zone zone;
    zone.a("example.com", {"192.0.2.9"});
    CHECK(look_up({false, "example.com", 0, {}}, zone).result == "UDP 192.0.2.9:5060");
    CHECK(look_up({true, "example.com", 0, {}}, zone).result == "TLS 192.0.2.9:5061");
    CHECK(look_up({false, "example.com", 0, Transport::tcp}, zone).result == "TCP 192.0.2.9:5060");
    CHECK(look_up({false, "example.com", 0, Transport::tls}, zone).result == "TLS 192.0.2.9:5061");
    zone.naptr("example.com", {1, 1, "s", "SIP+D2T", "_sip._tcp.example.com"}); // leads nowhere
    CHECK(look_up({false, "example.com", 0, {}}, zone).result == "TCP 192.0.2.9:5060");

    const Outcome ws = look_up({false, "example.com", 0, Transport::ws}, zone, reach({Transport::ws}));
    CHECK(ws.result == "WS 192.0.2.9:80");
    CHECK(ws.asked == std::vector<std::string>{"example.com A"});
}

TEST_CASE("sip lookup: a service that the domain does not offer is not tried elsewhere (RFC 2782)") {
    Zone zone;
    zone.a("example.com", {"192.0.2.9"});
    zone.srv("_sip._udp.example.com", {0, 0, 0, ""});
    CHECK(look_up({false, "example.com", 0, {}}, zone).result == "no such name");
    CHECK(look_up({false, "example.com", 0, Transport::udp}, zone).result == "no such name");
    zone.srv("_sip._tcp.example.com", {0, 0, 5060, "example.com"});
    CHECK(look_up({false, "example.com", 0, {}}, zone).result == "TCP 192.0.2.9:5060");
}

TEST_CASE("sip lookup: targets come by priority and with all their addresses, drawn anew each time") {
    Zone zone;
    zone.srv("_sip._udp.x", {20, 0, 3, "last.x"});
    zone.srv("_sip._udp.x", {10, 50, 1, "one.x"});
    zone.srv("_sip._udp.x", {10, 50, 2, "two.x"});
    zone.a("one.x", {"192.0.2.1"});
    zone.a("two.x", {"192.0.2.2", "192.0.2.3"});
    zone.a("last.x", {"192.0.2.4"});
    std::map<std::string, int> seen;
    for (std::uint64_t seed = 0; seed < 400; ++seed)
        ++seen[look_up({false, "x", 0, Transport::udp}, zone, all, seed).result];
    CHECK(seen.size() == 4); // which target is first, and which address of two.x
    for (const auto &[result, times] : seen) {
        CHECK(times > 60);
        CHECK(result.ends_with("UDP 192.0.2.4:3"));
    }
    CHECK(seen.contains("UDP 192.0.2.1:1, UDP 192.0.2.2:2, UDP 192.0.2.3:2, UDP 192.0.2.4:3"));
}

TEST_CASE("sip lookup: IPv6 comes before IPv4, and only what there is a listener for is asked") {
    Zone zone;
    zone.a("h", {"192.0.2.1", "2001:db8::1"});
    const Outcome both = look_up({false, "h", 5070, {}}, zone, reach({Transport::udp}, true));
    CHECK(both.result == "UDP [2001:db8::1]:5070, UDP 192.0.2.1:5070");
    CHECK(both.asked == std::vector<std::string>{"h A", "h AAAA"});
    CHECK(look_up({false, "h", 5070, {}}, zone).result == "UDP 192.0.2.1:5070");

    Reach mixed = reach({Transport::udp}); // UDP by IPv4, TCP by IPv6
    mixed.add(Transport::tcp, true);
    CHECK(look_up({false, "h", 5070, Transport::tcp}, zone, mixed).result == "TCP [2001:db8::1]:5070");
}

TEST_CASE("sip lookup: what may have records is not passed over because it failed") {
    Zone zone;
    zone.a("example.com", {"192.0.2.9"});
    const std::vector<std::pair<DnsStatus, std::string>> failures = {{DnsStatus::failed, "the DNS servers failed"},
                                                                     {DnsStatus::timeout, "no answer from DNS in time"},
                                                                     {DnsStatus::full, "too many lookups"}};
    for (const auto &[status, result] : failures) {
        zone.fail({"_sip._udp.example.com", DnsType::srv}, status);
        CHECK(look_up({false, "example.com", 0, {}}, zone).result == result);
        zone.fail({"example.com", DnsType::a}, status);
        CHECK(look_up({false, "example.com", 5060, {}}, zone).result == result);
        zone = Zone();
        zone.a("example.com", {"192.0.2.9"});
    }
    // One transport failed, the other is there; one target has no address, the other has.
    zone.fail({"_sip._udp.example.com", DnsType::srv}, DnsStatus::timeout);
    zone.srv("_sip._tcp.example.com", {1, 0, 5070, "gone.example.com"});
    zone.srv("_sip._tcp.example.com", {2, 0, 5070, "example.com"});
    CHECK(look_up({false, "example.com", 0, {}}, zone).result == "TCP 192.0.2.9:5070");
    CHECK(look_up({false, "gone.example.com", 5060, {}}, zone).result == "no such name");
}

TEST_CASE("sip lookup: before the end there is what is known by then, and whether the first target is") {
    Zone zone;
    zone.srv("_sip._udp.x", {1, 0, 5060, "one.x"});
    zone.srv("_sip._udp.x", {2, 0, 5060, "two.x"});
    zone.a("one.x", {"192.0.2.1"});
    zone.a("two.x", {"192.0.2.2"});
    for (const bool is_first_missing : {false, true}) {
        SeededRandom random(1);
        SipLookupChain chain({false, "x", 0, Transport::udp}, all, random);
        const auto service = chain.take_questions();
        CHECK(to_text(chain.result()) == "no answer from DNS in time");
        chain.answer(service.at(0), zone.find(service.at(0)));
        const auto addresses = chain.take_questions();
        REQUIRE(addresses.size() == 2);

        chain.answer(addresses[1], zone.find(addresses[1]));
        CHECK_FALSE(chain.has_first()); // it is the second
        CHECK(to_text(chain.result()) == "UDP 192.0.2.2:5060");
        chain.answer(addresses[0], is_first_missing ? Zone().find(addresses[0]) : zone.find(addresses[0]));
        CHECK(chain.has_first());
        CHECK(chain.is_done());
    }
}

TEST_CASE("sip lookup: hosts and endpoints are bounded, whatever the records say") {
    Zone zone;
    for (std::uint16_t i = 0; i < 64; ++i) {
        const std::string host = "h" + std::to_string(i) + ".x";
        zone.srv("_sip._udp.x", {i, 0, 5060, host});
        zone.srv("_sip._udp.x", {i, 0, 0, "portless.x"});
        zone.a(host, {"192.0.2." + std::to_string(i), "198.51.100." + std::to_string(i), "203.0.113.1"});
        zone.naptr("x", {1, i, "s", "SIP+D2U", "_sip._udp.x" + std::to_string(i)});
    }
    const Outcome direct = look_up({false, "x", 0, Transport::udp}, zone);
    CHECK(direct.asked.size() == 1 + lookup_target_max);
    CHECK(static_cast<std::size_t>(std::count(direct.result.begin(), direct.result.end(), ',')) ==
          lookup_endpoint_max - 1);
    CHECK(look_up({false, "x", 0, {}}, zone).asked.size() == 1 + 8 + 1); // and the host itself
}
