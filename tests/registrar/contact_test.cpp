#include <doctest/doctest.h>
#include <limits>
#include <string>
#include "registrar/contact.hpp"

using namespace tandem;

TEST_CASE("contact: the URI and the parameters of the header are read") {
    const auto contact =
        read_contact("\"A; <b>\" <sip:a@192.0.2.1;transport=tcp>;Q=0.75;expires=60;+sip.instance=\"<urn:uuid:1>\"");
    REQUIRE(contact);
    CHECK(contact->text == "sip:a@192.0.2.1;transport=tcp");
    CHECK(contact->uri.user == "a");
    CHECK(contact->q == 750);
    CHECK(contact->expires == 60u);
    CHECK(contact->instance == "<urn:uuid:1>");
}

TEST_CASE("contact: without <> the parameters are those of the header (RFC 3261 section 20)") {
    const auto contact = read_contact("sip:a@192.0.2.1;expires=0");
    REQUIRE(contact);
    CHECK(contact->text == "sip:a@192.0.2.1");
    CHECK(contact->expires == 0u);
}

TEST_CASE("contact: what is malformed is refused") {
    for (const char *value :
         {"", "*", "<sip:a@b", "<sip:a@b>x", "tel:+1", "<sip:a@b>;q=1.1", "<sip:a@b>;q=0.1234", "<sip:a@b>;q=.5",
          "<sip:a@b>;q=1;q=1", "<sip:a@b>;expires=1;expires=2", "<sip:a@b>;+sip.instance=x",
          "<sip:a@b>;+sip.instance=\"a\\\"b\"", "<sip:a@b>;+sip.instance=\"\""}) {
        CAPTURE(value);
        CHECK_FALSE(read_contact(value));
    }
    CHECK(read_contact("<sip:" + std::string(contact_size_max, 'a') + "@b>").error() == Error::too_large);
}

TEST_CASE("contact: its host is a name or an address (RFC 3261 section 25.1)") {
    for (const char *host : {"pc33.example.com", "PC-33", "my_phone.local", "192.0.2.1:5062", "[2001:db8::1]:5062",
                             "df7jal23ls0d.invalid;transport=ws"}) {
        CAPTURE(host);
        CHECK(read_contact("<sip:a@" + std::string(host) + ">"));
    }
    for (const char *host :
         {"b%0d%0ax", "b%00", "b!c", "b$", "a,b", "[::1", "[::1]x", "[::g]", "[]", ".", ".1", "b..c"}) {
        CAPTURE(host);
        CHECK_FALSE(read_contact("<sip:a@" + std::string(host) + ">"));
    }
}

TEST_CASE("contact: a malformed expiry is an hour, one too large the greatest (RFC 3261 sections 20.10 and 20.19)") {
    CHECK(read_expires("0") == 0);
    CHECK(read_expires("-1") == 3600);
    CHECK(read_expires("") == 3600);
    CHECK(read_expires("99999999999999999999999") == std::numeric_limits<std::uint32_t>::max());
}

TEST_CASE("contact: a thousand parameters are read") {
    std::string value = "<sip:a@b>";
    for (int i = 0; i < 1000; ++i) value += ";p" + std::to_string(i) + "=\"x;q=2\"";
    CHECK(read_contact(value + ";q=0.5")->q == 500);
}
