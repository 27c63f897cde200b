#include <doctest/doctest.h>
#include <string>
#include <string_view>
#include "auth/credentials.hpp"

using namespace tandem;

namespace {

constexpr std::string_view good = "Digest username=\"bob\", realm=\"biloxi.com\", nonce=\"dcd98b71\", "
                                  "uri=\"sip:bob@biloxi.com\", qop=auth, nc=0000000a, cnonce=\"0a4f113b\", "
                                  "response=\"6629fae49393a05397450978507c4ef1\", opaque=\"5ccc\"";

std::string without(std::string_view part) {
    std::string text(good);
    const std::size_t begin = text.find(part);
    REQUIRE(begin != std::string::npos);
    return text.erase(begin, part.size());
}

std::string with(std::string_view part, std::string_view other) {
    std::string text(good);
    const std::size_t begin = text.find(part);
    REQUIRE(begin != std::string::npos);
    return text.replace(begin, part.size(), other);
}

} // namespace

TEST_CASE("credentials: the ones of RFC 3261 section 22.4") {
    const auto read = read_credentials(good);
    REQUIRE(read.ok());
    CHECK(read->username == "bob");
    CHECK(read->realm == "biloxi.com");
    CHECK(read->nonce == "dcd98b71");
    CHECK(read->uri == "sip:bob@biloxi.com");
    CHECK(read->qop == Qop::auth);
    CHECK(read->nc == 10);
    CHECK(read->cnonce == "0a4f113b");
    CHECK(read->response == "6629fae49393a05397450978507c4ef1");
    CHECK(read->opaque == "5ccc");
    CHECK(read->algorithm == DigestAlgorithm::md5);
    CHECK_FALSE(read->is_username_hashed);
}

TEST_CASE("credentials: without qop neither count nor cnonce are needed (RFC 2069)") {
    const auto read = read_credentials(without("qop=auth, nc=0000000a, cnonce=\"0a4f113b\", "));
    REQUIRE(read.ok());
    CHECK(read->qop == Qop::none);
    CHECK(read_credentials(without("qop=auth, "))->nc == 0); // it is covered by nothing
    CHECK_FALSE(read_credentials(with("qop=auth, nc=0000000a, cnonce=\"0a4f113b\"", "algorithm=MD5-sess")).ok());
}

TEST_CASE("credentials: what phones write: qop and count in quotes, hex in upper case") {
    CHECK(read_credentials(with("qop=auth", "qop=\"AUTH\""))->qop == Qop::auth);
    CHECK(read_credentials(with("nc=0000000a", "nc=\"0000000A\""))->nc == 10);
    CHECK(read_credentials(with("6629fae49393a05397450978507c4ef1", "6629FAE49393A05397450978507C4EF1"))->response ==
          "6629fae49393a05397450978507c4ef1");
}

TEST_CASE("credentials: a quoted user name is a value: commas and escapes in it mean themselves") {
    CHECK(read_credentials(with("\"bob\"", R"("b\"o, b\\")"))->username == R"(b"o, b\)");
}

TEST_CASE("credentials: the count has eight hex digits, no more, no less, nothing else") {
    for (const char *nc : {"nc=1", "nc=000000001", "nc=0000000g", "nc=-0000001", "nc=0x000001", "nc=\" 0000001\"",
                           "nc=\"\"", "nc=+0000001"}) {
        CAPTURE(nc);
        CHECK(read_credentials(with("nc=0000000a", nc)).error() == Error::invalid);
    }
    CHECK(read_credentials(with("nc=0000000a", "nc=ffffffff"))->nc == 0xffffffff);
}

TEST_CASE("credentials: what is malformed, incomplete, unknown or enormous is invalid") {
    CHECK(read_credentials("").error() == Error::invalid);
    CHECK(read_credentials("Basic Ym9iOnBhc3M=").error() == Error::invalid);
    for (const std::string_view part :
         {"username=\"bob\", ", "realm=\"biloxi.com\", ", "nonce=\"dcd98b71\", ", "uri=\"sip:bob@biloxi.com\", ",
          "response=\"6629fae49393a05397450978507c4ef1\", ", "nc=0000000a, ", "cnonce=\"0a4f113b\", "}) {
        CAPTURE(part);
        CHECK(read_credentials(without(part)).error() == Error::invalid);
    }
    for (const std::string_view more :
         {", username=\"eve\"", ", nonce=\"2\"", ", algorithm=MD4", ", algorithm=SHA-256" /* of another size */,
          ", userhash=maybe", ", Digest username=\"eve\"", ", Digest", ", x=\"", ", x=\"a\"b", ", x=\"\r\nX-Evil: 1\"",
          ", \"", ", x=\"\\\r\""}) {
        CAPTURE(more);
        CHECK(read_credentials(std::string(good) + std::string(more)).error() == Error::invalid);
    }
    CHECK(read_credentials(with("qop=auth", "qop=auth-conf")).error() == Error::invalid);
    CHECK(read_credentials(with("6629", "zz29")).error() == Error::invalid);
    CHECK(read_credentials(with("6629", "")).error() == Error::invalid);
    CHECK(read_credentials(with("bob", std::string(3000, 'b'))).error() == Error::invalid);
    CHECK(read_credentials(std::string(good) + std::string(9000, ',')).error() == Error::invalid);
}

TEST_CASE("credentials: the scheme is told by its whole name") {
    CHECK(is_digest(" digest realm=\"x\""));
    CHECK(is_digest("Digest"));
    CHECK_FALSE(is_digest("Digestive x=\"y\""));
    CHECK_FALSE(is_digest("Basic Ym9iOnBhc3M="));
    CHECK_FALSE(is_digest(""));
}

TEST_CASE("credentials: what is written reads back") {
    for (int i = 0; i < 36; ++i) {
        DigestCredentials credentials;
        credentials.username = R"(a "name", with \)";
        credentials.realm = "r\"";
        credentials.nonce = "n\\";
        credentials.uri = "sip:bob@biloxi.com;x=\"y\"";
        credentials.cnonce = "c";
        credentials.opaque = i % 2 == 0 ? "o" : "";
        credentials.algorithm = static_cast<DigestAlgorithm>(i % 6);
        credentials.qop = static_cast<Qop>(i / 6 % 3);
        credentials.nc = credentials.qop == Qop::none ? 0 : 0xfedcba98;
        credentials.is_username_hashed = i >= 18;
        credentials.response = std::string(i % 6 < 2 ? 32 : 64, 'e');
        std::string text;
        append_credentials(credentials, text);
        CAPTURE(text);
        const auto read = read_credentials(text);
        REQUIRE(read.ok());
        CHECK(read->username == credentials.username);
        CHECK(read->realm == credentials.realm);
        CHECK(read->nonce == credentials.nonce);
        CHECK(read->uri == credentials.uri);
        CHECK(read->response == credentials.response);
        CHECK(read->opaque == credentials.opaque);
        CHECK(read->algorithm == credentials.algorithm);
        CHECK(read->qop == credentials.qop);
        CHECK(read->nc == credentials.nc);
        CHECK(read->is_username_hashed == credentials.is_username_hashed);
    }
}
