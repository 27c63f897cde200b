#include <doctest/doctest.h>
#include "node/cidr.hpp"

using namespace tandem;

namespace {

bool contains(std::string_view block, std::string_view ip) {
    return Cidr::parse(block).value().contains(IpAddress::parse(ip).value());
}

} // namespace

TEST_CASE("cidr: a block contains its addresses and no others") {
    CHECK(contains("192.0.2.0/24", "192.0.2.0"));
    CHECK(contains("192.0.2.0/24", "192.0.2.255"));
    CHECK(!contains("192.0.2.0/24", "192.0.3.0"));
    CHECK(contains("192.0.2.128/25", "192.0.2.129"));
    CHECK(!contains("192.0.2.128/25", "192.0.2.127"));
    CHECK(contains("0.0.0.0/0", "255.255.255.255"));
    CHECK(contains("192.0.2.7", "192.0.2.7"));
    CHECK(!contains("192.0.2.7", "192.0.2.8"));
    CHECK(contains("2001:db8::/33", "2001:db8:7fff::1"));
    CHECK(!contains("2001:db8::/33", "2001:db8:8000::1"));
    CHECK(contains("::/0", "2001:db8::1"));
}

TEST_CASE("cidr: the families are apart, except for IPv4 that came over an IPv6 socket") {
    CHECK(!contains("0.0.0.0/0", "2001:db8::1"));
    CHECK(!contains("::/0", "192.0.2.1"));
    CHECK(contains("192.0.2.0/24", "::ffff:192.0.2.1"));
    CHECK(!contains("192.0.2.0/24", "::ffff:192.0.3.1"));
}

TEST_CASE("cidr: what is no block is refused") {
    for (std::string_view text : {"", "/", "/8", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/8/8", "a/8",
                                  "192.0.2/24", "2001:db8::/129", "[2001:db8::]/32", "192.0.2.0 /24"}) {
        CAPTURE(text);
        CHECK(!Cidr::parse(text));
    }
    CHECK(!Cidr::parse("10.0.0.1/8")->is_exact());
    CHECK(Cidr::parse("10.0.0.1/8")->network() == "10.0.0.0/8");
    CHECK(Cidr::parse("10.0.0.0/8")->is_exact());
}
