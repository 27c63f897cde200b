#include <doctest/doctest.h>
#include <string>
#include <string_view>
#include "auth/challenge.hpp"

using namespace tandem;

namespace {

Challenges read(std::string_view value, bool is_proxy = false) {
    Challenges out;
    read_challenges(value, is_proxy, out);
    return out;
}

std::string written(const Challenge &challenge) {
    std::string out;
    append_challenge(challenge, out);
    return out;
}

} // namespace

TEST_CASE("challenge: the one of RFC 3261 section 22.4") {
    const Challenges found = read("Digest realm=\"biloxi.com\",qop=\"auth,auth-int\","
                                  "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\","
                                  "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"");
    REQUIRE(found.usable.size() == 1);
    CHECK(found.unusable == 0);
    const Challenge &challenge = found.usable[0];
    CHECK(challenge.realm == "biloxi.com");
    CHECK(challenge.nonce == "dcd98b7102dd2f0e8b11d0f600bfb0c093");
    CHECK(challenge.opaque == "5ccc069c403ebaf9f0171e9517f40e41");
    CHECK(challenge.algorithm == DigestAlgorithm::md5);
    CHECK(challenge.has_auth);
    CHECK(challenge.has_auth_int);
    CHECK_FALSE(challenge.is_stale);
    CHECK_FALSE(challenge.is_proxy);
    CHECK_FALSE(challenge.wants_userhash);
}

TEST_CASE("challenge: names, scheme and words count in any case of letters, and blanks where the grammar has them") {
    const Challenges found = read("  DIGEST\tRealm = \"r\" ,, NONCE=\"n\" ,\r\n ALGORITHM = sha-256-SESS, "
                                  "Stale=TRUE,qop=\"AUTH-INT\",UserHash=True,",
                                  true);
    REQUIRE(found.usable.size() == 1);
    const Challenge &challenge = found.usable[0];
    CHECK(challenge.algorithm == DigestAlgorithm::sha_256_sess);
    CHECK(challenge.is_stale);
    CHECK(challenge.is_proxy);
    CHECK(challenge.wants_userhash);
    CHECK_FALSE(challenge.has_auth);
    CHECK(challenge.has_auth_int);
}

TEST_CASE("challenge: commas, escapes and UTF-8 inside quoted strings are text (RFC 3261 section 25.1)") {
    const Challenges found =
        read(R"(Digest realm="a, b=\"c\\d\", Digest x", nonce="n\,1", opaque="=", domain="sip:x,sip:y")"
             ", description=\"K\xc3\xb6ln\"");
    REQUIRE(found.usable.size() == 1);
    CHECK(found.usable[0].realm == R"(a, b="c\d", Digest x)");
    CHECK(found.usable[0].nonce == "n,1");
    CHECK(found.usable[0].opaque == "=");
}

TEST_CASE("challenge: what some servers write against the grammar: quotes where none belong, none where they do") {
    const Challenges found = read("Digest realm=r, nonce=abc/+==, algorithm=\"SHA-512-256\", stale=\"true\", qop=auth");
    REQUIRE(found.usable.size() == 1);
    CHECK(found.usable[0].realm == "r");
    CHECK(found.usable[0].nonce == "abc/+==");
    CHECK(found.usable[0].algorithm == DigestAlgorithm::sha_512_256);
    CHECK(found.usable[0].is_stale);
    CHECK(found.usable[0].has_auth);
}

TEST_CASE("challenge: several in one value, other schemes between them") {
    const Challenges found = read("Basic realm=\"x\", Digest realm=\"a\", nonce=\"1\", Negotiate, NTLM TlRM/w==, "
                                  "Digest realm=\"b\", nonce=\"2\", Bearer");
    REQUIRE(found.usable.size() == 2);
    CHECK(found.usable[0].realm == "a");
    CHECK(found.usable[1].realm == "b");
    CHECK(found.unusable == 4);
}

TEST_CASE("challenge: what is malformed or unknown is left out and counted, and hides nothing behind it") {
    for (const std::string_view bad : {
             "Digest nonce=\"n\"",                                   // no realm
             "Digest realm=\"r\"",                                   // no nonce
             "Digest realm=\"r\", nonce=\"\"",                       // an empty one
             "Digest realm=\"r\", nonce=\"n\", algorithm=MD4",       // unknown
             "Digest realm=\"r\", nonce=\"n\", algorithm=AKAv1-MD5", // unknown
             "Digest realm=\"r\", nonce=\"n\", qop=\"auth-conf\"",   // none that we know
             "Digest realm=\"r\", nonce=\"n\", realm=\"q\"",         // twice
             "Digest realm=\"r\" nonce=\"n\"",                       // no comma
             "Digest realm=\"r\", nonce=\"n\"x",                     // text behind a quoted string
             "Digest realm=\"r\", nonce=",                           // no value
             "Digest realm=\"r\", nonce=\"n\", =x",                  // no name
             "Digest realm=\"r\", nonce=\"n\", a b=\"c\"",           // a scheme of one word, without realm and nonce
             "Digest realm=\"r\r\nX-Evil: 1\", nonce=\"n\"",         // a line end
             "Digest realm=\"r\\\r\nX-Evil: 1\", nonce=\"n\"",       // an escaped one
             "Digest realm=\"r\", nonce=\"n\\\n\"",                  // in the nonce
             "Digest realm=\"r\", nonce=\"n\", opaque=\"\x01\"",     // a control character
             "Digest realm=\"r\", nonce=\"n\x7f\"",                  // another
             "Digest",                                               // nothing
             "realm=\"r\", nonce=\"n\"",                             // no scheme
         }) {
        CAPTURE(bad);
        const Challenges alone = read(bad);
        CHECK(alone.unusable >= 1);
        const bool is_only_extended = bad.find("a b=") != std::string_view::npos;
        CHECK(alone.usable.size() == (is_only_extended ? 1 : 0));
        const Challenges followed = read(std::string(bad) + ", Digest realm=\"good\", nonce=\"n\"");
        REQUIRE(followed.usable.size() >= 1);
        CHECK(followed.usable.back().realm == "good");
    }
}

TEST_CASE("challenge: a quoted string that does not end takes the rest with it") {
    for (const std::string_view bad : {"Digest realm=\"r\", nonce=\"n, Digest realm=\"good", "Digest realm=\"r\\",
                                       "Digest realm=\"r\", nonce=\"n\\\""}) {
        CAPTURE(bad);
        CHECK(read(bad).usable.empty());
        CHECK(read(bad).unusable == 1);
    }
}

TEST_CASE("challenge: what is enormous is left out: a value, a text, the number of them") {
    const std::string good = "Digest realm=\"r\", nonce=\"n\"";
    std::string parts = good;
    while (parts.size() <= 8192) parts += ", x=\"" + std::string(1000, 'x') + "\"";
    CHECK(read(parts).usable.empty());
    CHECK(read(parts).unusable == 1);
    CHECK(read(good + ", x=\"" + std::string(9000, 'x') + "\"").usable.empty());
    CHECK(read(good + ", opaque=\"" + std::string(2100, 'x') + "\"").usable.empty());
    CHECK(read(good + ", opaque=\"" + std::string(challenge_size_max - 1, 'x') + "\"").usable.empty());
    CHECK(read(good + ", opaque=\"" + std::string(challenge_size_max - 2, 'x') + "\"").usable.size() == 1);

    Challenges many;
    for (int i = 0; i < 100; ++i) read_challenges(good, false, many);
    CHECK(many.usable.size() == challenges_max);
    CHECK(many.unusable == 100 - challenges_max);
}

TEST_CASE("challenge: what is written reads back") {
    for (int i = 0; i < 64; ++i) {
        Challenge challenge;
        challenge.realm = R"(a "realm", with \ and commas)";
        challenge.nonce = "n\"1";
        if (i % 2 == 0) challenge.opaque = "o";
        challenge.algorithm = static_cast<DigestAlgorithm>(i % 6);
        challenge.is_stale = (i & 4) != 0;
        challenge.has_auth = (i & 8) != 0;
        challenge.has_auth_int = (i & 16) != 0;
        challenge.wants_userhash = (i & 32) != 0;
        CAPTURE(written(challenge));
        const Challenges found = read(written(challenge));
        REQUIRE(found.usable.size() == 1);
        CHECK(found.usable[0].realm == challenge.realm);
        CHECK(found.usable[0].nonce == challenge.nonce);
        CHECK(found.usable[0].opaque == challenge.opaque);
        CHECK(found.usable[0].algorithm == challenge.algorithm);
        CHECK(found.usable[0].is_stale == challenge.is_stale);
        CHECK(found.usable[0].has_auth == challenge.has_auth);
        CHECK(found.usable[0].has_auth_int == challenge.has_auth_int);
        CHECK(found.usable[0].wants_userhash == challenge.wants_userhash);
    }
}
