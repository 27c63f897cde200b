#include <algorithm>
#include <doctest/doctest.h>
#include "base/random.hpp"
#include "net/dns/dns_message.hpp"
#include "net/dns/dns_response.hpp"

using namespace tandem;
using std::chrono::seconds;
using test::DnsResponse;

namespace {

const DnsQuestion a_question{"example.com", DnsType::a};
const DnsQuestion srv_question{"_sip._udp.example.com", DnsType::srv};
const DnsQuestion naptr_question{"example.com", DnsType::naptr};

std::vector<std::string> texts(const std::vector<IpAddress> &addresses) {
    std::vector<std::string> out;
    for (const IpAddress &ip : addresses) out.push_back(ip.to_string());
    return out;
}

} // namespace

TEST_CASE("dns message: addresses come in the order of the answer, with the smallest of their TTLs") {
    DnsResponse response(a_question);
    response.a("EXAMPLE.com", 300, "192.0.2.1");
    response.a("example.com", 60, "192.0.2.2");
    response.a("other.example", 1, "192.0.2.3"); // nobody asked for it
    response.a("example.com", 1, "2001:db8::1");
    const DnsAnswer answer = read_dns_answer(response.bytes, a_question);
    CHECK(answer.status == DnsStatus::ok);
    CHECK(texts(answer.addresses) == std::vector<std::string>{"192.0.2.1", "192.0.2.2"});
    CHECK(answer.ttl == seconds(60));

    const DnsAnswer six = read_dns_answer(response.bytes, {"example.com", DnsType::aaaa});
    CHECK(texts(six.addresses) == std::vector<std::string>{"2001:db8::1"});
}

TEST_CASE("dns message: aliases are followed in any order, and their TTL counts") {
    DnsResponse response(a_question);
    response.a("c.example.com", 300, "192.0.2.1");
    response.cname("b.example.com", 20, "c.example.com");
    response.cname("example.com", 100, "b.example.com");
    const DnsAnswer answer = read_dns_answer(response.bytes, a_question);
    CHECK(texts(answer.addresses) == std::vector<std::string>{"192.0.2.1"});
    CHECK(answer.ttl == seconds(20));
}

TEST_CASE("dns message: aliases in a circle, or too many, are a failure") {
    DnsResponse circle(a_question);
    circle.cname("example.com", 100, "b.example.com");
    circle.cname("b.example.com", 100, "example.com");
    circle.a("example.com", 300, "192.0.2.1");
    CHECK(read_dns_answer(circle.bytes, a_question).status == DnsStatus::failed);

    for (const int steps : {8, 9}) {
        DnsResponse chain({"n0", DnsType::a});
        for (int i = 0; i < steps; ++i) chain.cname("n" + std::to_string(i), 9, "n" + std::to_string(i + 1));
        chain.a("n" + std::to_string(steps), 9, "192.0.2.1");
        CHECK(read_dns_answer(chain.bytes, {"n0", DnsType::a}).status ==
              (steps == 8 ? DnsStatus::ok : DnsStatus::failed));
    }
}

TEST_CASE("dns message: SRV records, with the root for a service that is not there (RFC 2782)") {
    DnsResponse response(srv_question);
    const std::vector<SrvRecord> records = {
        {10, 60, 5060, "a.example.com"}, {20, 0, 5070, "b.example.com"}, {0, 0, 0, ""}};
    for (const SrvRecord &record : records) response.srv(srv_question.name, 30, record);
    response.srv(srv_question.name, 30, {1, 2, 3, "not a host"});
    const DnsAnswer answer = read_dns_answer(response.bytes, srv_question);
    CHECK(answer.status == DnsStatus::ok);
    CHECK(answer.srv == records);
    CHECK(answer.ttl == seconds(30));
}

TEST_CASE("dns message: NAPTR records, without those that have an expression (RFC 3263 section 4.1)") {
    DnsResponse response(naptr_question);
    const NaptrRecord udp{10, 20, "s", "SIP+D2U", "_sip._udp.example.com"};
    response.naptr("example.com", 30, udp);
    response.naptr("example.com", 30, {10, 20, "u", "E2U+sip", "example.com"}, "!^.*$!sip:info@example.com!");
    response.naptr("example.com", 30, {10, 20, "s", "SIP+D2T", ""}); // to the root
    const DnsAnswer answer = read_dns_answer(response.bytes, naptr_question);
    CHECK(answer.status == DnsStatus::ok);
    CHECK(answer.naptr == std::vector<NaptrRecord>{udp});
}

TEST_CASE("dns message: nothing is believed as long as the SOA says (RFC 2308 section 5)") {
    struct Case {
        int rcode;
        DnsStatus status;
        std::uint32_t ttl;
        std::uint32_t minimum;
        seconds believed;
    };
    for (const Case &c :
         {Case{3, DnsStatus::no_name, 900, 60, seconds(60)}, Case{0, DnsStatus::no_data, 30, 60, seconds(30)}}) {
        DnsResponse response(a_question, c.rcode);
        response.soa("example.com", c.ttl, c.minimum);
        const DnsAnswer answer = read_dns_answer(response.bytes, a_question);
        CHECK(answer.status == c.status);
        CHECK(answer.ttl == c.believed);
    }
    CHECK(read_dns_answer(DnsResponse(a_question, 3).bytes, a_question).ttl == seconds(0));
}

TEST_CASE("dns message: an alias to a name that does not exist is no name") {
    DnsResponse response(a_question, 3);
    response.cname("example.com", 10, "gone.example.com");
    response.soa("example.com", 900, 60);
    const DnsAnswer answer = read_dns_answer(response.bytes, a_question);
    CHECK(answer.status == DnsStatus::no_name);
    CHECK(answer.ttl == seconds(10));
}

TEST_CASE("dns message: what is no response, or refuses, is a failure") {
    for (const int rcode : {1, 2, 4, 5, 15})
        CHECK(read_dns_answer(DnsResponse(a_question, rcode).bytes, a_question).status == DnsStatus::failed);
    CHECK(read_dns_answer({}, a_question).status == DnsStatus::failed);

    DnsResponse query(a_question);
    query.bytes[2] &= 0x7f; // the question itself
    CHECK(read_dns_answer(query.bytes, a_question).status == DnsStatus::failed);

    DnsResponse more(a_question);
    more.a("example.com", 300, "192.0.2.1");
    ++more.bytes[7]; // and there is no second one
    CHECK(read_dns_answer(more.bytes, a_question).status == DnsStatus::failed);
}

TEST_CASE("dns message: every cut of a response is a failure, and every changed byte is survived") {
    DnsResponse response(srv_question);
    response.cname(srv_question.name, 30, "x.example.com");
    response.srv("x.example.com", 30, {10, 60, 5060, "a.example.com"});
    response.soa("example.com", 900, 60);
    for (std::size_t size = 0; size + 1 < response.bytes.size(); ++size) {
        // On a heap block of its own, so that a sanitizer sees a byte read behind it.
        const std::vector<std::uint8_t> cut(response.bytes.begin(),
                                            response.bytes.begin() + static_cast<std::ptrdiff_t>(size));
        const DnsAnswer answer = read_dns_answer(cut, srv_question);
        CHECK((answer.status == DnsStatus::failed || answer.srv.size() == 1)); // the cut may be behind the answers
    }
    SeededRandom random(7);
    for (int i = 0; i < 20000; ++i) {
        std::vector<std::uint8_t> changed = response.bytes;
        for (int n = 0; n < 3; ++n) changed[random.next() % changed.size()] = static_cast<std::uint8_t>(random.next());
        CHECK(read_dns_answer(changed, srv_question).srv.size() <= 1);
    }
}

TEST_CASE("dns message: of ten thousand records the first 64 are taken") {
    DnsResponse response({"a", DnsType::a});
    response.bytes.reserve(60000);
    for (int i = 0; i < 3000; ++i) response.a("a", 9, "192.0.2." + std::to_string(i % 250));
    response.bytes[6] = 0x27; // 10000, and the response has no more than 3000
    response.bytes[7] = 0x10;
    const DnsAnswer answer = read_dns_answer(response.bytes, {"a", DnsType::a});
    CHECK(answer.status == DnsStatus::ok);
    CHECK(answer.addresses.size() == dns_record_max);
}

TEST_CASE("dns name: letters in lower case, digits, '-' and '_'; labels of 63, names of 253 (RFC 1035)") {
    CHECK(canonical_dns_name("SIP.Example.COM.") == "sip.example.com");
    CHECK(canonical_dns_name("_sip._udp.a-1") == "_sip._udp.a-1");
    CHECK(canonical_dns_name(std::string(63, 'a')).has_value());
    const std::string label = std::string(62, 'a') + ".";
    CHECK(canonical_dns_name(label + label + label + label + "b").has_value()); // 253
    CHECK_FALSE(canonical_dns_name(label + label + label + label + "bc").has_value());
    for (const std::string_view bad : {"", ".", "..", "a..b", ".a", "a b", "a\\.b", "a/b", "ä", "a:b"})
        CHECK_MESSAGE(!canonical_dns_name(bad), bad);
    CHECK_FALSE(canonical_dns_name(std::string(64, 'a')).has_value());
    CHECK_FALSE(canonical_dns_name(std::string_view("a\0b", 3)).has_value());
}
