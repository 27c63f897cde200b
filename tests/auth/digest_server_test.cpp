#include <atomic>
#include <doctest/doctest.h>
#include <string>
#include <string_view>
#include <thread>
#include <vector>
#include "auth/challenge.hpp"
#include "auth/credentials.hpp"
#include "auth/digest_client.hpp"
#include "auth/digest_server.hpp"

using namespace tandem;

namespace {

constexpr std::string_view uri = "sip:example.com";

std::vector<std::string_view> values_of(std::string_view lines) {
    std::vector<std::string_view> values;
    for (std::size_t end = lines.find("\r\n"); end != std::string_view::npos; end = lines.find("\r\n")) {
        values.push_back(lines.substr(lines.find(':') + 1, end - lines.find(':') - 1));
        lines.remove_prefix(end + 2);
    }
    return values;
}

struct Server {
    Server() { server.replace_users({{"alice", "wonderland"}, {"a\"l, \\ice", "glass"}}); }

    Challenge challenged(DigestAlgorithm algorithm, Instant now = at_ms(0)) {
        const std::string lines = server.challenge(false, false, now);
        Challenges all;
        for (const std::string_view value : values_of(lines)) read_challenges(value, false, all);
        for (const Challenge &challenge : all.usable) {
            if (challenge.algorithm == algorithm) return challenge;
        }
        FAIL("not offered");
        return {};
    }

    AuthResult check(const DigestCredentials &credentials, Instant now = at_ms(1), std::string_view target = uri,
                     std::string_view body = "") {
        std::string value;
        append_credentials(credentials, value);
        const std::string_view values[] = {value};
        return server.check(values, "REGISTER", target, body, now);
    }
    AuthVerdict check_text(std::string_view value) {
        const std::string_view values[] = {value};
        return server.check(values, "REGISTER", uri, "", at_ms(1)).verdict;
    }

    SeededRandom random{1};
    DigestServer server{{.realm = "example.com", .nonce_max = 100}, random};
};

DigestCredentials answer(const Challenge &challenge, std::string_view user = "alice",
                         std::string_view password = "wonderland", std::uint32_t nc = 1, Qop qop = Qop::auth,
                         std::string_view body = "") {
    DigestCredentials c;
    c.username = user;
    c.realm = challenge.realm;
    c.nonce = challenge.nonce;
    c.uri = uri;
    c.cnonce = "c1";
    c.algorithm = challenge.algorithm;
    c.qop = qop;
    c.nc = nc;
    const std::string ha1 = digest_ha1(c.algorithm, user, c.realm, password);
    c.response = digest_response({.algorithm = c.algorithm,
                                  .ha1 = ha1,
                                  .nonce = c.nonce,
                                  .cnonce = c.cnonce,
                                  .nc = nc,
                                  .qop = qop,
                                  .method = "REGISTER",
                                  .uri = c.uri,
                                  .body = body});
    return c;
}

} // namespace

TEST_CASE("server: SHA-256 is offered first and MD5 after it, with one nonce (RFC 8760 section 2.3)") {
    Server server;
    for (const bool is_proxy : {false, true}) {
        const std::string lines = server.server.challenge(is_proxy, is_proxy, at_ms(0));
        CAPTURE(lines);
        Challenges all;
        for (const std::string_view value : values_of(lines)) read_challenges(value, is_proxy, all);
        REQUIRE(all.usable.size() == 2);
        CHECK(all.unusable == 0);
        CHECK(all.usable[0].algorithm == DigestAlgorithm::sha_256);
        CHECK(all.usable[1].algorithm == DigestAlgorithm::md5);
        CHECK(all.usable[0].nonce == all.usable[1].nonce);
        CHECK(all.usable[0].realm == "example.com");
        CHECK(all.usable[0].has_auth);
        CHECK(all.usable[0].is_stale == is_proxy);
        CHECK(lines.starts_with(is_proxy ? "Proxy-Authenticate: Digest " : "WWW-Authenticate: Digest "));
    }
}

TEST_CASE("server: right credentials are taken, of both algorithms, once for each count") {
    for (const DigestAlgorithm algorithm : {DigestAlgorithm::sha_256, DigestAlgorithm::md5}) {
        Server server;
        const Challenge challenge = server.challenged(algorithm);
        const AuthResult first = server.check(answer(challenge));
        CHECK(first.verdict == AuthVerdict::ok);
        CHECK(first.user == "alice");
        CHECK(server.check(answer(challenge)).verdict == AuthVerdict::replayed);
        CHECK(server.check(answer(challenge, "alice", "wonderland", 2)).verdict == AuthVerdict::ok);
    }
}

TEST_CASE("server: the count of a nonce is the same for both algorithms") {
    Server server;
    Challenge challenge = server.challenged(DigestAlgorithm::sha_256);
    CHECK(server.check(answer(challenge)).verdict == AuthVerdict::ok);
    challenge.algorithm = DigestAlgorithm::md5;
    CHECK(server.check(answer(challenge)).verdict == AuthVerdict::replayed);
}

TEST_CASE("server: without qop a nonce is good for one request") {
    Server server;
    const Challenge challenge = server.challenged(DigestAlgorithm::md5);
    CHECK(server.check(answer(challenge, "alice", "wonderland", 0, Qop::none)).verdict == AuthVerdict::ok);
    CHECK(server.check(answer(challenge, "alice", "wonderland", 0, Qop::none)).verdict == AuthVerdict::replayed);
}

TEST_CASE("server: auth-int covers the body") {
    Server server;
    const Challenge challenge = server.challenged(DigestAlgorithm::sha_256);
    const auto credentials = answer(challenge, "alice", "wonderland", 1, Qop::auth_int, "body");
    CHECK(server.check(credentials, at_ms(1), uri, "another").verdict == AuthVerdict::wrong);
    CHECK(server.check(credentials, at_ms(1), uri, "body").verdict == AuthVerdict::ok);
}

TEST_CASE("server: a wrong password and an unknown user are the same, and say nothing") {
    Server server;
    const Challenge challenge = server.challenged(DigestAlgorithm::sha_256);
    for (const auto &credentials : {answer(challenge, "alice", "Wonderland"), answer(challenge, "bob", "wonderland"),
                                    answer(challenge, "", ""), answer(challenge, "Alice", "wonderland")}) {
        const AuthResult result = server.check(credentials);
        CHECK(result.verdict == AuthVerdict::wrong);
        CHECK(result.user.empty());
    }
    auto changed = answer(challenge);
    changed.nc = 2; // what was overheard does not serve for another count
    CHECK(server.check(changed).verdict == AuthVerdict::wrong);
    changed = answer(challenge);
    changed.nonce = server.challenged(DigestAlgorithm::sha_256).nonce;
    CHECK(server.check(changed).verdict == AuthVerdict::wrong);
}

TEST_CASE("server: an old nonce, one of another server and one from before a restart are stale") {
    Server server;
    const Challenge challenge = server.challenged(DigestAlgorithm::sha_256);
    const AuthResult old = server.check(answer(challenge), at_ms(300'001));
    CHECK(old.verdict == AuthVerdict::stale);
    CHECK(old.user.empty());
    Challenge foreign = challenge;
    foreign.nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093";
    CHECK(server.check(answer(foreign)).verdict == AuthVerdict::stale);
    // Of the password and the user nothing is said (RFC 7616 section 3.3): neither is looked at.
    CHECK(server.check(answer(foreign, "alice", "x")).verdict == AuthVerdict::stale);
    CHECK(server.check(answer(foreign, "nobody", "x")).verdict == AuthVerdict::stale);
    CHECK(server.check(answer(challenge, "alice", "x"), at_ms(300'001)).verdict == AuthVerdict::stale);
    CHECK(server.check(answer(challenge, "alice", "x")).verdict == AuthVerdict::wrong);
}

TEST_CASE("server: wrong credentials do not use up a nonce, so nobody spends that of another") {
    Server server;
    const Challenge challenge = server.challenged(DigestAlgorithm::sha_256);
    for (std::uint32_t nc = 1; nc < 200; ++nc) server.check(answer(challenge, "alice", "x", nc));
    CHECK(server.check(answer(challenge)).verdict == AuthVerdict::ok);
}

TEST_CASE("server: credentials for another URI are malformed (RFC 7616 section 3.4.6)") {
    Server server;
    const Challenge challenge = server.challenged(DigestAlgorithm::sha_256);
    CHECK(server.check(answer(challenge), at_ms(1), "sip:example.org").verdict == AuthVerdict::malformed);
    CHECK(server.check(answer(challenge), at_ms(1), "sip:EXAMPLE.com:5060;transport=tcp").verdict == AuthVerdict::ok);
}

TEST_CASE("server: offers what it is told, in that order, and takes nothing else") {
    SeededRandom random(2);
    DigestServer server({.realm = "r", .algorithms = {DigestAlgorithm::md5, DigestAlgorithm::sha_512_256}}, random);
    server.replace_users({{"alice", "wonderland"}});
    Challenges all;
    const std::string lines = server.challenge(false, false, at_ms(0));
    for (const std::string_view value : values_of(lines)) read_challenges(value, false, all);
    REQUIRE(all.usable.size() == 2);
    CHECK(all.usable[0].algorithm == DigestAlgorithm::md5);
    CHECK(all.usable[1].algorithm == DigestAlgorithm::sha_512_256);

    const auto verdict = [&](DigestAlgorithm algorithm, std::uint32_t nc) {
        Challenge challenge = all.usable[0];
        challenge.algorithm = algorithm;
        std::string value;
        append_credentials(answer(challenge, "alice", "wonderland", nc), value);
        const std::string_view values[] = {value};
        return server.check(values, "REGISTER", uri, "", at_ms(1)).verdict;
    };
    CHECK(verdict(DigestAlgorithm::md5, 1) == AuthVerdict::ok);
    CHECK(verdict(DigestAlgorithm::sha_512_256, 2) == AuthVerdict::ok);
    CHECK(verdict(DigestAlgorithm::sha_256, 3) == AuthVerdict::malformed);
}

TEST_CASE("server: other schemes and realms are none; what cannot be read or was not offered is malformed") {
    Server server;
    CHECK(server.server.check({}, "REGISTER", uri, "", at_ms(1)).verdict == AuthVerdict::none);
    CHECK(server.check_text("Basic YWxpY2U6d29uZGVybGFuZA==") == AuthVerdict::none);
    CHECK(server.check_text("") == AuthVerdict::none);
    CHECK(server.check_text("Digest") == AuthVerdict::malformed);
    CHECK(server.check_text("Digest username=\"alice\r\nX-Evil: 1\"") == AuthVerdict::malformed);
    CHECK(server.check_text("Digest " + std::string(100'000, 'x')) == AuthVerdict::malformed);

    Challenge challenge = server.challenged(DigestAlgorithm::sha_256);
    for (const DigestAlgorithm algorithm :
         {DigestAlgorithm::md5_sess, DigestAlgorithm::sha_256_sess, DigestAlgorithm::sha_512_256}) {
        challenge.algorithm = algorithm;
        CHECK(server.check(answer(challenge)).verdict == AuthVerdict::malformed);
    }
    challenge.algorithm = DigestAlgorithm::sha_256;
    auto hashed = answer(challenge);
    hashed.is_username_hashed = true;
    CHECK(server.check(hashed).verdict == AuthVerdict::malformed);
    challenge.realm = "elsewhere.com";
    CHECK(server.check(answer(challenge)).verdict == AuthVerdict::none);
}

TEST_CASE("server: credentials for others beside ours do not matter") {
    Server server;
    std::string other;
    Challenge foreign = server.challenged(DigestAlgorithm::md5);
    foreign.realm = "elsewhere.com";
    append_credentials(answer(foreign), other);
    std::string ours;
    append_credentials(answer(server.challenged(DigestAlgorithm::sha_256)), ours);
    const std::string_view values[] = {"Basic x", other, ours};
    CHECK(server.server.check(values, "REGISTER", uri, "", at_ms(1)).verdict == AuthVerdict::ok);
}

TEST_CASE("server: users may be replaced; those before are gone") {
    Server server;
    CHECK(server.server.has_users());
    CHECK(server.server.has_user("alice"));
    CHECK_FALSE(server.server.has_user("bob"));
    const Challenge challenge = server.challenged(DigestAlgorithm::sha_256);
    server.server.replace_users({{"bob", "builder"}});
    CHECK(server.check(answer(challenge)).verdict == AuthVerdict::wrong);
    CHECK(server.check(answer(challenge, "bob", "builder")).verdict == AuthVerdict::ok);
    server.server.replace_users({});
    CHECK_FALSE(server.server.has_users());
    CHECK(server.check(answer(challenge, "bob", "builder", 2)).verdict == AuthVerdict::wrong);
}

TEST_CASE("server: our client answers it, with a name full of quotes too, and by SHA-256") {
    for (const Account &account :
         {Account{"alice", "wonderland", ""}, Account{"a\"l, \\ice", "glass", "example.com"}}) {
        Server server;
        DigestClient client(account, server.random);
        DigestAttempt attempt;
        const std::string challenge = server.server.challenge(true, false, at_ms(0));
        CHECK(client.on_challenge({}, values_of(challenge), attempt) == ChallengeOutcome::retry);
        for (int i = 0; i < 3; ++i) {
            const std::string lines = client.authorize("REGISTER", uri, "", attempt);
            CHECK(lines.find("SHA-256") != std::string::npos);
            const AuthResult result = server.server.check(values_of(lines), "REGISTER", uri, "", at_ms(1));
            CHECK(result.verdict == AuthVerdict::ok);
            CHECK(result.user == account.username);
        }
        // And goes on with the nonce that it is told instead of a stale one.
        const std::string late = client.authorize("REGISTER", uri, "", attempt);
        CHECK(server.server.check(values_of(late), "REGISTER", uri, "", at_ms(400'000)).verdict == AuthVerdict::stale);
        const std::string renewed = server.server.challenge(true, true, at_ms(400'000));
        CHECK(client.on_challenge({}, values_of(renewed), attempt) == ChallengeOutcome::retry);
        const std::string lines = client.authorize("REGISTER", uri, "", attempt);
        CHECK(server.server.check(values_of(lines), "REGISTER", uri, "", at_ms(400'001)).verdict == AuthVerdict::ok);
    }
}

TEST_CASE("server: of several threads that bring the same count one passes, while users are replaced") {
    Server server;
    const Challenge challenge = server.challenged(DigestAlgorithm::sha_256);
    std::atomic<int> passed = 0;
    std::atomic<int> replayed = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (std::uint32_t nc = 1; nc <= 50; ++nc) {
                const AuthVerdict verdict = server.check(answer(challenge, "alice", "wonderland", nc)).verdict;
                passed += verdict == AuthVerdict::ok;
                replayed += verdict == AuthVerdict::replayed;
                server.server.challenge(false, false, at_ms(1));
            }
        });
    }
    for (int i = 0; i < 20; ++i) server.server.replace_users({{"alice", "wonderland"}});
    for (std::thread &thread : threads) thread.join();
    CHECK(passed == 50);
    CHECK(replayed == 150);
}
