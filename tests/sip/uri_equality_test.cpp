#include <doctest/doctest.h>
#include <string_view>
#include "sip/uri_equality.hpp"

using namespace tandem;

namespace {

// Both ways round, as the relation is symmetric.
bool is_same(std::string_view a, std::string_view b) {
    const auto one = Uri::parse(a);
    const auto other = Uri::parse(b);
    REQUIRE(one);
    REQUIRE(other);
    const bool same = is_same_uri(*one, *other);
    CHECK(is_same_uri(*other, *one) == same);
    return same;
}

} // namespace

TEST_CASE("uri: the same by RFC 3261 section 19.1.4") {
    const std::string_view pairs[][2] = {
        {"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"},
        {"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"},
        {"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"},
        {"sip:b@biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
         "sip:b@biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com"},
        {"sip:alice@atlanta.com?subject=project%20x&priority=urgent",
         "sip:alice@atlanta.com?priority=urgent&subject=project%20x"},
    };
    for (const auto &pair : pairs) {
        CAPTURE(pair[0]);
        CHECK(is_same(pair[0], pair[1]));
    }
}

TEST_CASE("uri: not the same by RFC 3261 section 19.1.4") {
    const std::string_view pairs[][2] = {
        {"SIP:ALICE@atlanta.com", "sip:alice@atlanta.com"},
        {"sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"},
        {"sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"},
        {"sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"},
        {"sip:bob@biloxi.com", "sips:bob@biloxi.com"},
        {"sip:bob@biloxi.com", "sip:biloxi.com"},
        {"sip:bob@biloxi.com;user=ip", "sip:bob@biloxi.com"},
        {"sip:bob@biloxi.com;maddr=192.0.2.1", "sip:bob@biloxi.com"},
        {"sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"},
        {"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"},
        {"sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"},
    };
    for (const auto &pair : pairs) {
        CAPTURE(pair[0]);
        CHECK_FALSE(is_same(pair[0], pair[1]));
    }
}
