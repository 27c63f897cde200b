#include <doctest/doctest.h>
#include "auth/same_target.hpp"

using namespace tandem;

TEST_CASE("target: parameters, headers, a port left out and the case of scheme and host do not matter") {
    for (const char *same : {"sip:bob@biloxi.com", "SIP:bob@BILOXI.com", "sip:bob@biloxi.com:5060",
                             "sip:bob@biloxi.com;transport=tcp", "sip:bob@biloxi.com:5060;lr?Subject=x"}) {
        CAPTURE(same);
        CHECK(is_same_target(same, "sip:bob@biloxi.com"));
        CHECK(is_same_target("sip:bob@biloxi.com:5060", same));
    }
    CHECK(is_same_target("sip:biloxi.com", "sip:biloxi.com;transport=udp"));
    CHECK(is_same_target("sip:[2001:DB8::1]", "sip:[2001:db8::1]:5060"));
    CHECK(is_same_target("tel:+1", "tel:+1"));
}

TEST_CASE("target: another scheme, user, host or port is another one") {
    for (const char *other :
         {"sips:bob@biloxi.com:5060", "sip:Bob@biloxi.com:5060", "sip:biloxi.com:5060", "sip:bob@biloxi.org:5060",
          "sip:bob@biloxi.com:5061", "", "bob", "sip:", "sip:bob@", "sip:bob@[::1]:5060"}) {
        CAPTURE(other);
        CHECK_FALSE(is_same_target(other, "sip:bob@biloxi.com:5060"));
    }
}
