#include <doctest/doctest.h>
#include <string>
#include <string_view>
#include <vector>
#include "auth/digest_client.hpp"
#include "base/text.hpp"

using namespace tandem;

namespace {

constexpr std::string_view uri = "sip:bob@trunk.example";

std::string challenge(std::string_view realm, std::string_view nonce, std::string_view more = ", qop=\"auth\"") {
    return "Digest realm=\"" + std::string(realm) + "\", nonce=\"" + std::string(nonce) + "\"" + std::string(more);
}

struct Line {
    bool is_proxy = false;
    DigestCredentials credentials;
};

struct Client {
    explicit Client(Account account = {"alice", "wonderland", ""}) : client(std::move(account), random) {}

    // One request, and the credentials in it.
    std::vector<Line> send(DigestAttempt &attempt, std::string_view method = "INVITE", std::string_view body = "") {
        text = client.authorize(method, uri, body, attempt);
        std::vector<Line> lines;
        for (std::string_view rest = text; !rest.empty();) {
            const std::size_t end = rest.find("\r\n");
            REQUIRE(end != std::string_view::npos);
            std::string_view line = rest.substr(0, end);
            rest.remove_prefix(end + 2);
            const std::size_t colon = line.find(": ");
            const std::string_view name = line.substr(0, colon);
            CHECK((name == "Authorization" || name == "Proxy-Authorization"));
            auto read = read_credentials(line.substr(colon + 2));
            REQUIRE(read.ok());
            lines.push_back({name == "Proxy-Authorization", *read});
        }
        return lines;
    }

    ChallengeOutcome www(DigestAttempt &attempt, const std::vector<std::string> &values) {
        const std::vector<std::string_view> views(values.begin(), values.end());
        return client.on_challenge(views, {}, attempt);
    }
    ChallengeOutcome proxy(DigestAttempt &attempt, const std::vector<std::string> &values) {
        const std::vector<std::string_view> views(values.begin(), values.end());
        return client.on_challenge({}, views, attempt);
    }

    SeededRandom random{1};
    DigestClient client;
    std::string text;
};

// As the server computes it.
std::string expected(const DigestCredentials &c, std::string_view password = "wonderland",
                     std::string_view method = "INVITE", std::string_view body = "") {
    return digest_response({.algorithm = c.algorithm,
                            .ha1 = digest_ha1(c.algorithm, "alice", c.realm, password),
                            .nonce = c.nonce,
                            .cnonce = c.cnonce,
                            .nc = c.nc,
                            .qop = c.qop,
                            .method = method,
                            .uri = uri,
                            .body = body});
}

constexpr auto retry = ChallengeOutcome::retry;
constexpr auto refused = ChallengeOutcome::refused;
constexpr auto unusable = ChallengeOutcome::unusable;

} // namespace

TEST_CASE("client: nothing is sent before a challenge, and its answer after one") {
    Client alice;
    DigestAttempt attempt;
    CHECK(alice.send(attempt).empty());
    CHECK_FALSE(alice.client.knows_challenge());

    CHECK(alice.www(attempt, {challenge("trunk", "n1", ", opaque=\"op\", qop=\"auth,auth-int\"")}) == retry);
    CHECK(alice.client.knows_challenge());
    const auto lines = alice.send(attempt);
    REQUIRE(lines.size() == 1);
    const DigestCredentials &sent = lines[0].credentials;
    CHECK_FALSE(lines[0].is_proxy);
    CHECK(sent.username == "alice");
    CHECK(sent.realm == "trunk");
    CHECK(sent.nonce == "n1");
    CHECK(sent.opaque == "op");
    CHECK(sent.uri == uri);
    CHECK(sent.qop == Qop::auth);
    CHECK(sent.nc == 1);
    CHECK(sent.cnonce.size() >= 8);
    CHECK(sent.response == expected(sent));
    CHECK(attempt.rounds() == 1);
}

TEST_CASE("client: the nonce is sent ahead in later requests, and its count rises (RFC 3261 section 22.3)") {
    Client alice;
    DigestAttempt first;
    alice.send(first);
    REQUIRE(alice.proxy(first, {challenge("trunk", "n1")}) == retry);
    alice.send(first);
    for (std::uint32_t nc = 2; nc < 6; ++nc) {
        DigestAttempt later;
        const auto lines = alice.send(later, "BYE");
        REQUIRE(lines.size() == 1);
        CHECK(lines[0].is_proxy);
        CHECK(lines[0].credentials.nonce == "n1");
        CHECK(lines[0].credentials.nc == nc);
        CHECK(lines[0].credentials.response == expected(lines[0].credentials, "wonderland", "BYE"));
    }
}

TEST_CASE("client: every algorithm, with auth-int where the server insists, and in the way of RFC 2069") {
    for (int i = 0; i < 6; ++i) {
        const std::string name(name_of(static_cast<DigestAlgorithm>(i)));
        for (const std::string qop : {", qop=\"auth\"", ", qop=\"auth-int\"", ""}) {
            Client alice;
            DigestAttempt attempt;
            alice.send(attempt, "INVITE", "v=0\r\n");
            REQUIRE(alice.www(attempt, {challenge("trunk", "n1", ", algorithm=" + name + qop)}) == retry);
            const auto lines = alice.send(attempt, "INVITE", "v=0\r\n");
            CAPTURE(alice.text);
            REQUIRE(lines.size() == 1);
            CHECK(lines[0].credentials.algorithm == static_cast<DigestAlgorithm>(i));
            CHECK(lines[0].credentials.response == expected(lines[0].credentials, "wonderland", "INVITE", "v=0\r\n"));
            CHECK((alice.text.find("nc=") != std::string::npos) == !qop.empty());
        }
    }
}

TEST_CASE("client: user names are hidden where the server asks for it (RFC 7616 section 3.4.4)") {
    Client alice;
    DigestAttempt attempt;
    REQUIRE(alice.www(attempt, {challenge("trunk", "n1", ", algorithm=SHA-256, qop=\"auth\", userhash=true")}) ==
            retry);
    const auto lines = alice.send(attempt);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].credentials.is_username_hashed);
    CHECK(lines[0].credentials.username == digest_userhash(DigestAlgorithm::sha_256, "alice", "trunk"));
    CHECK(lines[0].credentials.response == expected(lines[0].credentials));
    CHECK(alice.text.find("alice") == std::string::npos);
}

TEST_CASE("client: of one realm the strongest algorithm is answered, of several realms each") {
    Client alice;
    DigestAttempt attempt;
    REQUIRE(alice.www(attempt, {challenge("a", "1", ", algorithm=MD5"), challenge("a", "2", ", algorithm=SHA-512-256"),
                                challenge("a", "3", ", algorithm=SHA-256") + ", " + challenge("b", "4")}) == retry);
    const auto lines = alice.send(attempt);
    REQUIRE(lines.size() == 2);
    CHECK(lines[0].credentials.nonce == "2");
    CHECK(lines[0].credentials.algorithm == DigestAlgorithm::sha_512_256);
    CHECK(lines[1].credentials.nonce == "4");
}

TEST_CASE("client: several proxies on the way, one after the other, and the far end behind them") {
    Client alice;
    DigestAttempt attempt;
    alice.send(attempt);
    CHECK(alice.proxy(attempt, {challenge("p1", "n1")}) == retry);
    alice.send(attempt);
    CHECK(alice.proxy(attempt, {challenge("p2", "n2")}) == retry);
    CHECK(alice.send(attempt).size() == 2);
    CHECK(alice.www(attempt, {challenge("p1", "n3")}) == retry); // the same name, another role
    const auto lines = alice.send(attempt);
    REQUIRE(lines.size() == 3);
    CHECK(lines[0].is_proxy);
    CHECK(lines[1].is_proxy);
    CHECK_FALSE(lines[2].is_proxy);
}

TEST_CASE("client: credentials that are challenged again are refused, and not sent ahead after that") {
    Client alice;
    DigestAttempt attempt;
    alice.send(attempt);
    REQUIRE(alice.www(attempt, {challenge("trunk", "n1")}) == retry);
    alice.send(attempt);
    CHECK(alice.www(attempt, {challenge("trunk", "n2")}) == refused);
    DigestAttempt later;
    CHECK(alice.send(later).empty());
    CHECK(alice.www(later, {challenge("trunk", "n3")}) == retry); // a later request has a chance of its own
}

TEST_CASE("client: stale=true is no refusal: the new nonce is taken (RFC 7616 section 3.3)") {
    Client alice;
    DigestAttempt attempt;
    alice.send(attempt);
    REQUIRE(alice.www(attempt, {challenge("trunk", "n1")}) == retry);
    alice.send(attempt);
    REQUIRE(alice.www(attempt, {challenge("trunk", "n2", ", stale=true, qop=\"auth\"")}) == retry);
    const auto lines = alice.send(attempt);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].credentials.nonce == "n2");
    CHECK(lines[0].credentials.nc == 1);
    CHECK(lines[0].credentials.response == expected(lines[0].credentials));
}

TEST_CASE("client: what was sent ahead may be answered once with a new nonce, though the server does not say stale") {
    Client alice;
    DigestAttempt first;
    alice.www(first, {challenge("trunk", "n1")});
    alice.send(first);

    DigestAttempt later;
    CHECK(alice.send(later).size() == 1);
    CHECK(alice.www(later, {challenge("trunk", "n2")}) == retry);
    CHECK(alice.send(later)[0].credentials.nonce == "n2");
    CHECK(alice.www(later, {challenge("trunk", "n3")}) == refused);
}

TEST_CASE("client: the nonce that was sent ahead and comes back as a challenge is a refusal") {
    Client alice;
    DigestAttempt first;
    alice.www(first, {challenge("trunk", "n1")});
    alice.send(first);
    DigestAttempt later;
    alice.send(later);
    CHECK(alice.www(later, {challenge("trunk", "n1")}) == refused);
}

TEST_CASE("client: two requests that are challenged with one nonce never send the same count") {
    Client alice;
    DigestAttempt one;
    DigestAttempt other;
    alice.send(one);
    alice.send(other);
    REQUIRE(alice.www(one, {challenge("trunk", "n1")}) == retry);
    CHECK(alice.send(one)[0].credentials.nc == 1);
    REQUIRE(alice.www(other, {challenge("trunk", "n1")}) == retry);
    CHECK(alice.send(other)[0].credentials.nc == 2);
}

TEST_CASE("client: a refusal of old credentials leaves alone the nonce that another request has learned since") {
    Client alice;
    DigestAttempt one;
    alice.send(one);
    REQUIRE(alice.www(one, {challenge("trunk", "n1")}) == retry);
    alice.send(one);
    DigestAttempt other;
    alice.send(other);
    REQUIRE(alice.www(other, {challenge("trunk", "n2")}) == retry);
    alice.send(other);
    CHECK(alice.www(one, {challenge("trunk", "n3")}) == refused);
    DigestAttempt later;
    REQUIRE(alice.send(later).size() == 1);
}

TEST_CASE("client: a server that never has enough gets a bounded number of retries") {
    for (const std::string more : {", stale=true", ""}) {
        Client alice;
        DigestAttempt attempt;
        alice.send(attempt);
        int retries = 0;
        for (int i = 0; i < 100; ++i) { // the realm changes for ever, or the nonce is for ever stale
            const std::string realm = more.empty() ? "realm" + std::to_string(i) : "realm";
            if (alice.www(attempt, {challenge(realm, "n" + std::to_string(i), more)}) != retry) break;
            ++retries;
            CHECK(alice.send(attempt).size() <= digest_realms_max);
        }
        CHECK(retries == digest_rounds_max);
        CHECK_FALSE(alice.client.knows_challenge());
    }
}

TEST_CASE("client: more realms than it keeps displace the oldest") {
    Client alice;
    for (int i = 0; i < 20; ++i) {
        DigestAttempt attempt;
        REQUIRE(alice.www(attempt, {challenge("realm" + std::to_string(i), "n")}) == retry);
        const auto lines = alice.send(attempt);
        CHECK(lines.size() == std::min<std::size_t>(static_cast<std::size_t>(i) + 1, digest_realms_max));
        bool is_answered = false;
        for (const Line &line : lines) is_answered |= line.credentials.realm == "realm" + std::to_string(i);
        CHECK(is_answered);
    }
}

TEST_CASE("client: an account of one realm answers no other") {
    Client alice({"alice", "wonderland", "trunk"});
    DigestAttempt attempt;
    CHECK(alice.www(attempt, {challenge("evil", "n1")}) == unusable);
    CHECK(alice.send(attempt).empty());
    CHECK(alice.www(attempt, {challenge("evil", "n1"), challenge("trunk", "n2")}) == retry);
    CHECK(alice.send(attempt).size() == 1);
    CHECK(alice.client.unusable_challenges() == 2);
}

TEST_CASE("client: a request that was challenged by SHA-256 is not answered by MD5 any more (RFC 8760)") {
    Client alice;
    DigestAttempt attempt;
    REQUIRE(alice.www(attempt, {challenge("trunk", "n1", ", algorithm=SHA-256")}) == retry);
    alice.send(attempt);
    CHECK(alice.www(attempt, {challenge("trunk", "n2", ", algorithm=MD5, stale=true")}) == unusable);
    CHECK(alice.proxy(attempt, {challenge("trunk", "n3", ", algorithm=MD5-sess")}) == unusable); // as a proxy neither
    CHECK(alice.www(attempt, {challenge("trunk", "n4", ", algorithm=SHA-512-256, stale=true")}) == retry);
    CHECK(alice.www(attempt, {challenge("other", "n5", ", algorithm=MD5")}) == retry); // another realm may
}

TEST_CASE("client: who is called behind a trunk can not shut us out of it by an algorithm that it does not know") {
    Client alice;
    DigestAttempt first;
    REQUIRE(alice.proxy(first, {challenge("trunk", "n1", ", algorithm=MD5")}) == retry);
    alice.send(first);
    REQUIRE(alice.www(first, {challenge("trunk", "evil", ", algorithm=SHA-512-256")}) == retry);
    alice.send(first);
    DigestAttempt later;
    alice.send(later);
    REQUIRE(alice.proxy(later, {challenge("trunk", "n2", ", algorithm=MD5, stale=true")}) == retry);
    CHECK(alice.send(later).front().credentials.nonce == "n2");
    DigestAttempt plain; // and where the trunk itself asks by WWW-Authenticate
    alice.send(plain);
    REQUIRE(alice.www(plain, {challenge("trunk", "n3", ", algorithm=MD5")}) == retry);
}

TEST_CASE("client: what goes ahead of a challenge is bounded, what answers one is not") {
    Client alice;
    const std::string huge(800, 'n');
    DigestAttempt first;
    for (const std::string_view realm : {"a", "b"}) {
        REQUIRE(alice.www(first, {challenge(realm, huge + std::string(realm))}) == retry);
    }
    CHECK(alice.send(first).size() == 2);
    DigestAttempt later;
    const auto ahead = alice.send(later);
    REQUIRE(ahead.size() == 1);
    CHECK(ahead.front().credentials.realm == "a");
    CHECK(alice.www(later, {challenge("b", "n2")}) == retry);
    CHECK(alice.send(later).size() == 2);
}

TEST_CASE("client: the next nonce of Authentication-Info is used, and counted anew (RFC 7616 section 3.5)") {
    Client alice;
    DigestAttempt first;
    alice.www(first, {challenge("trunk", "n1")});
    alice.send(first);
    alice.client.on_info("nextnonce=\"n2\", qop=auth, rspauth=\"00\", cnonce=\"c\", nc=00000001", false);
    DigestAttempt later;
    const auto lines = alice.send(later);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].credentials.nonce == "n2");
    CHECK(lines[0].credentials.nc == 1);
    CHECK(lines[0].credentials.response == expected(lines[0].credentials));

    for (const std::string_view odd :
         {"nextnonce=\"n3\r\n\"", "nextnonce=\"\"", "nextnonce=\"n3", "", "qop=auth", "nextnonce=\"n2\""}) {
        alice.client.on_info(odd, false);
    }
    alice.client.on_info("nextnonce=\"" + std::string(9000, 'x') + "\"", false);
    alice.client.on_info("nextnonce=\"n4\"", true); // no proxy is known
    CHECK(alice.send(later)[0].credentials.nonce == "n2");
    CHECK(alice.send(later)[0].credentials.nc == 3);
}

TEST_CASE("client: with two realms nobody can say whose the next nonce is") {
    Client alice;
    DigestAttempt attempt;
    alice.www(attempt, {challenge("a", "n1"), challenge("b", "n2")});
    alice.client.on_info("nextnonce=\"n3\"", false);
    const auto lines = alice.send(attempt);
    CHECK(lines[0].credentials.nonce == "n1");
    CHECK(lines[1].credentials.nonce == "n2");
}

TEST_CASE("client: no line end of a challenge or an account reaches a header") {
    Client alice;
    DigestAttempt attempt;
    for (const std::string_view value : {"r\r\nX-Evil: 1", "r\\\r\\\nX-Evil: 1", "r\n", "r\\\n", "\r", "\\\r"}) {
        const std::string text(value);
        CHECK(alice.www(attempt, {challenge(text, "n")}) == unusable);
        CHECK(alice.www(attempt, {challenge("r", text)}) == unusable);
        CHECK(alice.www(attempt, {challenge("r", "n", ", opaque=\"" + text + "\"")}) == unusable);
    }
    CHECK(alice.send(attempt).empty());

    for (const std::string_view name : {"al\r\nX-Evil: 1", "", "al\nice"}) {
        Client mallory({std::string(name), "wonderland", ""});
        CHECK(mallory.www(attempt, {challenge("trunk", "n1")}) == unusable);
        CHECK(mallory.send(attempt).empty());
    }
}

TEST_CASE("client: quotes in a name or realm are escaped where they are sent, and hashed as they are") {
    Client alice({R"(a"l\ice)", "wonderland", ""});
    DigestAttempt attempt;
    REQUIRE(alice.www(attempt, {challenge(R"(tr\"unk, \\)", "n1")}) == retry);
    const auto lines = alice.send(attempt);
    CHECK(alice.text.find(R"(username="a\"l\\ice", realm="tr\"unk, \\")") != std::string::npos);
    REQUIRE(lines.size() == 1);
    const DigestCredentials &c = lines[0].credentials;
    CHECK(c.response == digest_response({.ha1 = digest_ha1(c.algorithm, R"(a"l\ice)", R"(tr"unk, \)", "wonderland"),
                                         .nonce = "n1",
                                         .cnonce = c.cnonce,
                                         .nc = 1,
                                         .qop = Qop::auth,
                                         .method = "INVITE",
                                         .uri = uri}));
}

TEST_CASE("client: no challenge at all is nothing to answer") {
    Client alice;
    DigestAttempt attempt;
    CHECK(alice.www(attempt, {}) == unusable);
    CHECK(alice.www(attempt, {"", "Basic realm=\"x\"", "Digest"}) == unusable);
    CHECK(attempt.rounds() == 0);
}

TEST_CASE("client: the password and what is as good as it are in no header") {
    Client alice;
    DigestAttempt attempt;
    alice.www(attempt, {challenge("trunk", "n1")});
    alice.send(attempt);
    CHECK(alice.text.find("wonderland") == std::string::npos);
    CHECK(alice.text.find(digest_ha1(DigestAlgorithm::md5, "alice", "trunk", "wonderland")) == std::string::npos);
}
