#include "sip/uri.hpp"
#include <doctest/doctest.h>
#include <random>
#include <string>
#include "sip/limits.hpp"

using namespace tandem;

TEST_CASE("uri: every part is read and printed back") {
    const auto uri = Uri::parse("SIP:al%20ice:pw@[2001:db8::1]:5070;transport=tcp;lr?subject=x");
    REQUIRE(uri);
    CHECK(uri->scheme == "sip");
    CHECK(uri->user == "al%20ice:pw");
    CHECK(uri->host == "[2001:db8::1]");
    CHECK(uri->port == 5070);
    CHECK(uri->param("TRANSPORT") == "tcp");
    CHECK(uri->param("lr") == "");
    CHECK_FALSE(uri->param("maddr"));
    CHECK(uri->headers == "subject=x");
    CHECK(uri->to_string() == "sip:al%20ice:pw@[2001:db8::1]:5070;transport=tcp;lr?subject=x");
}

TEST_CASE("uri: a SIPS URI is known by its scheme, in any case (RFC 3986 section 3.1)") {
    CHECK(is_sips("sips:a@b"));
    CHECK(is_sips("SIPS:b"));
    for (const char *other : {"sip:sips@b", "sip:b", "sips", "", "tel:+1", "xsips:a@b"}) CHECK_FALSE(is_sips(other));
}

TEST_CASE("uri: a tel URI is printed as it was read (RFC 3966 section 3)") {
    const auto uri = Uri::parse("tel:+4912345;phone-context=example.com");
    REQUIRE(uri);
    CHECK(uri->scheme == "tel");
    CHECK(uri->user == "+4912345");
    CHECK(uri->to_string() == "tel:+4912345;phone-context=example.com");
}

TEST_CASE("uri: an address is an endpoint, with the port of the transport if none is given") {
    const auto endpoint = [](std::string_view text) { return Uri::parse(text)->endpoint(); };
    CHECK(endpoint("sip:bob@192.0.2.1")->to_string() == "192.0.2.1:5060");
    CHECK(endpoint("sips:bob@192.0.2.1")->port == 5061);
    CHECK(endpoint("sips:bob@192.0.2.1")->transport == Transport::tls);
    CHECK(endpoint("sip:192.0.2.1:5070;transport=TCP")->transport == Transport::tcp);
    CHECK(endpoint("sip:bob@[::1]:5070")->to_string() == "[::1]:5070");
    CHECK(endpoint("sip:bob@name;maddr=192.0.2.7")->to_string() == "192.0.2.7:5060");
    CHECK_FALSE(endpoint("sip:bob@example.com"));
    CHECK_FALSE(endpoint("sip:192.0.2.1;transport=carrier-pigeon"));
}

TEST_CASE("uri: what the grammar forbids fails") {
    CHECK(Uri::parse("").error() == Error::invalid);
    CHECK(Uri::parse("bob").error() == Error::invalid);
    CHECK(Uri::parse("sip:@@b").error() == Error::invalid);
    CHECK(Uri::parse("sip:@b;c@").error() == Error::invalid); // read back it would have the user "b;c"
    CHECK(Uri::parse("sip:@b?c@d").error() == Error::invalid);
    CHECK(Uri::parse("*").error() == Error::invalid);
    CHECK(Uri::parse("<sip:bob@b>").error() == Error::invalid);
    CHECK(Uri::parse("sip:a@b\r\nEvil: x").error() == Error::invalid);
    CHECK(Uri::parse("sip:a@b:0").error() == Error::invalid);
    CHECK(Uri::parse("sip:a@b:65536").error() == Error::invalid);
    CHECK(Uri::parse("sip:" + std::string(uri_size_max, 'a')).error() == Error::too_large);
}

TEST_CASE("uri: what is read without sofia reads as it does there") {
    std::mt19937 random(20261128);
    static constexpr std::string_view bytes = ";:@=.-_+~*!?&%[]\"<> aZ09/,'()";
    const std::string whole = "sip:al-i_ce+1@host.example.com:5070;transport=tcp;lr;ftag=a.b~1";
    for (int round = 0; round < 20000; ++round) {
        std::string text = round % 2 == 0 ? whole : "sip:192.0.2.1";
        for (std::size_t changes = random() % 3; changes > 0; --changes) {
            const std::size_t at = random() % text.size();
            switch (random() % 3) {
            case 0: text[at] = bytes[random() % bytes.size()]; break;
            case 1: text.erase(at, 1 + random() % 5); break;
            default: text.insert(at, 1, bytes[random() % bytes.size()]); break;
            }
            if (text.empty()) text = whole;
        }
        CAPTURE(text);
        const auto quick = Uri::parse(text);
        const auto thorough = Uri::parse_any(text);
        REQUIRE(quick.ok() == thorough.ok());
        if (quick) REQUIRE(*quick == *thorough);
    }
}
