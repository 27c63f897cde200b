// Requests inside a dialog whose next hop is a name (RFC 3263, RFC 3261 section 12.2.1.1).
#include "call/two_phones.hpp"

using namespace tandem;
using test::TwoPhones;

namespace {

// Bob says where he is by name; Alice's call is answered.
struct Named : TwoPhones {
    // `headers` are whole lines of Bob's 200.
    explicit Named(std::string_view contact, std::string_view headers = {}) {
        send(alice, invite());
        bobs_invite = take(bob, "INVITE");
        send(bob, with_contact(answer(bobs_invite, "200 OK", "bob", headers, "v=0 answer"), contact));
        our_tag = take(alice, "SIP/2.0 200").to_tag();
    }
    static std::string with_contact(std::string message, std::string_view uri) {
        const std::size_t at = message.find("Contact: <") + 10;
        return message.replace(at, message.find('>', at) - at, uri);
    }
    void acknowledge() { send(alice, request("ACK", our_tag, 1)); }
    bool asks_nothing() {
        std::vector<Lookup> lookups;
        engine().take_lookups(lookups);
        return lookups.empty();
    }
    // Where Alice's next request comes out.
    Message info_at(const Endpoint &phone) {
        send(alice, request("INFO", our_tag, ++cseq));
        return take(phone, "INFO");
    }
    const Endpoint elsewhere = test::endpoint("192.0.2.77", 5070);
    std::uint32_t cseq = 10;
};

} // namespace

TEST_CASE("next hop: a Contact that is a name is looked up when the call is answered, once") {
    Named phones("sip:bob@pbx.example;x=1");
    const Lookup lookup = phones.lookup();
    CHECK(lookup.uri == "sip:bob@pbx.example;x=1");
    phones.resolve(lookup, {phones.elsewhere, phones.carol});
    phones.acknowledge();
    CHECK(phones.take(phones.elsewhere, "ACK").request_uri() == "sip:bob@pbx.example;x=1");
    phones.info_at(phones.elsewhere);
    CHECK(phones.asks_nothing());
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, 30));
    phones.send(phones.elsewhere, TwoPhones::answer(phones.take(phones.elsewhere, "BYE"), "200 OK"));
    phones.finish();
}

TEST_CASE("next hop: nothing waits for a name: until it is known requests go the way of the INVITE") {
    Named phones("sip:bob@pbx.example");
    const Lookup lookup = phones.lookup();
    phones.acknowledge();
    CHECK(phones.got(phones.bob, "ACK"));
    phones.info_at(phones.bob);
    SUBCASE("it is known") {
        phones.resolve(lookup, {phones.elsewhere});
        phones.info_at(phones.elsewhere);
    }
    SUBCASE("nobody knows it") {
        phones.resolve(lookup, {});
        phones.info_at(phones.bob);
    }
    SUBCASE("it is where we have no listener") {
        Endpoint tls = phones.elsewhere;
        tls.transport = Transport::tls;
        phones.resolve(lookup, {tls});
        phones.info_at(phones.bob);
    }
    SUBCASE("the call ends before") {
        phones.send(phones.alice, phones.request("BYE", phones.our_tag, 30));
        phones.send(phones.bob, TwoPhones::answer(phones.take(phones.bob, "BYE"), "200 OK"));
        phones.finish();
        phones.resolve(lookup, {phones.elsewhere});
    }
    CHECK(phones.asks_nothing());
}

TEST_CASE("next hop: the first Record-Route counts, not the Contact behind it") {
    Named phones("sip:bob@pbx.example", "Record-Route: <sip:edge.example;lr>,<sip:192.0.2.50;lr>\r\n");
    CHECK(phones.asks_nothing()); // for the caller of the INVITE the last one is the first (section 12.1.2)
    phones.acknowledge();
    CHECK(phones.got(test::endpoint("192.0.2.50", 5060), "ACK"));

    Named turned("sip:192.0.2.2:5062", "Record-Route: <sip:192.0.2.50;lr>,<sip:edge.example;lr>\r\n");
    const Lookup lookup = turned.lookup();
    CHECK(lookup.uri == "sip:edge.example;lr");
    turned.resolve(lookup, {turned.elsewhere});
    turned.acknowledge();
    const Message ack = turned.take(turned.elsewhere, "ACK");
    CHECK(ack.request_uri() == "sip:192.0.2.2:5062");
    CHECK(ack.values(Header::route) == "<sip:edge.example;lr>,<sip:192.0.2.50;lr>");
}

TEST_CASE("next hop: another name that a re-INVITE brings is looked up when a request needs it") {
    Named phones("sip:bob@pbx.example");
    phones.resolve(phones.lookup(), {phones.elsewhere});
    phones.acknowledge();
    const std::string invite = TwoPhones::from_bob(phones.bobs_invite, "INVITE", 4, {}, "v=0 again");
    phones.send(phones.bob, Named::with_contact(invite, "sip:bob@other.example"));
    phones.send(phones.alice, TwoPhones::answer(phones.take(phones.alice, "INVITE"), "200 OK", "", {}, "v=0 yes"));
    phones.info_at(phones.bob);
    const Lookup lookup = phones.lookup();
    CHECK(lookup.uri == "sip:bob@other.example");
    phones.resolve(lookup, {phones.carol});
    phones.info_at(phones.carol);
    CHECK(phones.asks_nothing());
}

TEST_CASE("next hop: a name that begins like an address is looked up by the first request") {
    Named phones("sip:bob@3com.example");
    CHECK(phones.asks_nothing());
    phones.acknowledge();
    const Lookup lookup = phones.lookup();
    CHECK(lookup.uri == "sip:bob@3com.example");
    phones.resolve(lookup, {phones.elsewhere});
    phones.info_at(phones.elsewhere);
}

TEST_CASE("next hop: the caller's names count as well") {
    TwoPhones phones;
    phones.send(phones.alice, Named::with_contact(phones.invite(), "sip:alice@home.example"));
    const Message bobs = phones.take(phones.bob, "INVITE");
    phones.send(phones.bob, TwoPhones::answer(bobs, "200 OK", "bob", {}, "v=0 answer"));
    const Lookup lookup = phones.lookup();
    CHECK(lookup.uri == "sip:alice@home.example");
    phones.resolve(lookup, {phones.dave});
    phones.send(phones.bob, TwoPhones::from_bob(bobs, "INFO", 4));
    CHECK(phones.got(phones.dave, "INFO"));
}
