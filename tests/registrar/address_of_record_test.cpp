#include <doctest/doctest.h>
#include "registrar/address_of_record.hpp"

using namespace tandem;

TEST_CASE("address-of-record: user and host of a URI and nothing else (RFC 3261 section 10.3 step 5)") {
    for (std::string_view uri : {"sip:alice@example.com", "sips:alice@EXAMPLE.com:5061;transport=tcp",
                                 "sip:al%69ce:secret@example.com?subject=x"}) {
        CAPTURE(uri);
        CHECK(address_of_record(uri) == "alice@example.com");
    }
    CHECK(address_of_record("sip:Alice@example.com") == "Alice@example.com");
    CHECK(address_of_record("sip:alice@[2001:DB8::1]:5060") == "alice@[2001:db8::1]");
}

TEST_CASE("address-of-record: none of what names no user of a SIP domain, or names one with control bytes") {
    for (std::string_view uri :
         {"", "*", "sip:example.com", "tel:+442079460123", "mailto:alice@example.com", "sip:al%0d%0aice@example.com",
          "sip:al%00ice@example.com", "sip:%7f@example.com", "sip::secret@example.com"}) {
        CAPTURE(uri);
        CHECK_FALSE(address_of_record(uri));
    }
    CHECK_FALSE(address_of_record("sip:" + std::string(aor_size_max, 'a') + "@example.com"));
}

TEST_CASE("address-of-record: the last @ parts user and host, so that an escaped one moves no user to another host") {
    const auto aor = address_of_record("sip:alice%40example.com@example.org");
    REQUIRE(aor == "alice@example.com@example.org");
    CHECK(aor_user(*aor) == "alice@example.com");
    CHECK(aor_host(*aor) == "example.org");
}
