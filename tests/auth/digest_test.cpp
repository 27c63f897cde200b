// The published vectors, and the names.
#include <doctest/doctest.h>
#include <string>
#include "auth/digest.hpp"

using namespace tandem;

namespace {

// The user of RFC 7616 section 3.9.1.
std::string mufasa(DigestAlgorithm algorithm) {
    const std::string ha1 = digest_ha1(algorithm, "Mufasa", "http-auth@example.org", "Circle of Life");
    return digest_response({.algorithm = algorithm,
                            .ha1 = ha1,
                            .nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
                            .cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
                            .nc = 1,
                            .qop = Qop::auth,
                            .method = "GET",
                            .uri = "/dir/index.html"});
}

// H of nothing: that of an empty body.
std::string covers_empty_body(DigestAlgorithm algorithm, std::string_view body_hash) {
    const std::string a2 = digest_ha1(algorithm, "INVITE", "sip:bob@example.com", body_hash);
    return digest_ha1(algorithm, "ha1", "nonce:00000001:cnonce:auth-int", a2);
}

} // namespace

TEST_CASE("digest: the example of RFC 2617 section 3.5") {
    const std::string ha1 = digest_ha1(DigestAlgorithm::md5, "Mufasa", "testrealm@host.com", "Circle Of Life");
    CHECK(ha1 == "939e7578ed9e3c518a452acee763bce9");
    CHECK(digest_response({.ha1 = ha1,
                           .nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093",
                           .cnonce = "0a4f113b",
                           .nc = 1,
                           .qop = Qop::auth,
                           .method = "GET",
                           .uri = "/dir/index.html"}) == "6629fae49393a05397450978507c4ef1");
}

TEST_CASE("digest: the same without qop is that of RFC 2069") {
    const std::string ha1 = digest_ha1(DigestAlgorithm::md5, "Mufasa", "testrealm@host.com", "CircleOfLife");
    CHECK(digest_response(
              {.ha1 = ha1, .nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093", .method = "GET", .uri = "/dir/index.html"}) ==
          "1949323746fe6a43ef61f9606e7febea"); // its erratum 749
}

TEST_CASE("digest: the examples of RFC 7616 section 3.9.1") {
    CHECK(mufasa(DigestAlgorithm::md5) == "8ca523f5e9506fed4657c9700eebdbec");
    CHECK(mufasa(DigestAlgorithm::sha_256) == "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
}

// The numbers printed in the RFC are those of SHA-512 cut short; its erratum 4897 has these.
TEST_CASE("digest: the example of RFC 7616 section 3.9.2, SHA-512-256 and a hashed user name") {
    const DigestAlgorithm algorithm = DigestAlgorithm::sha_512_256;
    const std::string name = "J\xc3\xa4s\xc3\xb8n Doe";
    CHECK(digest_userhash(algorithm, name, "api@example.org") ==
          "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b");
    const std::string ha1 = digest_ha1(algorithm, name, "api@example.org", "Secret, or not?");
    CHECK(digest_response({.algorithm = algorithm,
                           .ha1 = ha1,
                           .nonce = "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
                           .cnonce = "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
                           .nc = 1,
                           .qop = Qop::auth,
                           .method = "GET",
                           .uri = "/doe.json"}) == "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5");
}

TEST_CASE("digest: an empty body has the hash that RFC 8760 section 2.6 prints for auth-int") {
    struct Vector {
        DigestAlgorithm algorithm;
        std::string_view hash;
    };
    for (const Vector &vector : {
             Vector{DigestAlgorithm::md5, "d41d8cd98f00b204e9800998ecf8427e"},
             Vector{DigestAlgorithm::sha_256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
             Vector{DigestAlgorithm::sha_512_256, "c672b8d1ef56ed28ab87c3622c5114069bdd3ad7b8f9737498d0c01ecef0967a"},
         }) {
        CAPTURE(name_of(vector.algorithm));
        CHECK(digest_response({.algorithm = vector.algorithm,
                               .ha1 = "ha1",
                               .nonce = "nonce",
                               .cnonce = "cnonce",
                               .nc = 1,
                               .qop = Qop::auth_int,
                               .method = "INVITE",
                               .uri = "sip:bob@example.com"}) == covers_empty_body(vector.algorithm, vector.hash));
    }
}

// Computed with Python's hashlib.
TEST_CASE("digest: the key of a session comes of nonce and cnonce (RFC 7616 section 3.4.2)") {
    CHECK(mufasa(DigestAlgorithm::md5_sess) == "e783283f46242139c486a698fec7211d");
    CHECK(mufasa(DigestAlgorithm::sha_256_sess) == "2fd51b3a77ad75bad6afad6003e818d767133c46d9e2749e7f5232ae1ea3efd7");
    CHECK(mufasa(DigestAlgorithm::sha_512_256_sess) ==
          "3f2a34f923c38b0fb26dce2fdfc2ce326c23cecf86fbb1444f3e51fbbc2cb92e");
}

TEST_CASE("digest: auth-int covers the body (RFC 7616 section 3.4.3)") {
    CHECK(digest_response({.algorithm = DigestAlgorithm::sha_256,
                           .ha1 = digest_ha1(DigestAlgorithm::sha_256, "alice", "atlanta", "wonderland"),
                           .nonce = "n1",
                           .cnonce = "c1",
                           .nc = 0xabc,
                           .qop = Qop::auth_int,
                           .method = "INVITE",
                           .uri = "sip:bob@biloxi.example",
                           .body = "v=0\r\n"}) == "219bac11abb9dedbe27cc46fd9186e931a78ab808c4c4009320a2faf75ac36de");
}

TEST_CASE("digest: algorithms are named in any case of letters, and by no other name") {
    for (int i = 0; i < 6; ++i) {
        const auto algorithm = static_cast<DigestAlgorithm>(i);
        CHECK(parse_digest_algorithm(name_of(algorithm)) == algorithm);
        CHECK(is_available(algorithm));
    }
    CHECK(parse_digest_algorithm("sHa-512-256-SESS") == DigestAlgorithm::sha_512_256_sess);
    for (const char *name : {"", "SHA", "SHA256", "SHA-512", "SHA-1", "MD5-sess ", "AKAv1-MD5"}) {
        CAPTURE(name);
        CHECK_FALSE(parse_digest_algorithm(name));
    }
    CHECK(strength_of(DigestAlgorithm::sha_256) == strength_of(DigestAlgorithm::sha_256_sess));
    CHECK(strength_of(DigestAlgorithm::sha_512_256) > strength_of(DigestAlgorithm::sha_256));
    CHECK(strength_of(DigestAlgorithm::sha_256) > strength_of(DigestAlgorithm::md5_sess));
}
