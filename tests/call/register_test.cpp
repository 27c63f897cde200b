#include <string>
#include <vector>
#include "auth/digest_client.hpp"
#include "call/two_phones.hpp"

using namespace tandem;
using test::TwoPhones;

namespace {

constexpr std::string_view contact = "Contact: <sip:alice@192.0.2.1:5061>\r\n";

// An engine with a registrar, and Alice, who knows her password.
struct Home {
    explicit Home(bool has_registrar = true, bool asks = false) : phones(options(has_registrar, asks)) {
        digest.replace_users({{"alice", "wonderland"}});
    }

    EngineOptions options(bool has_registrar, bool asks) {
        EngineOptions options;
        options.asks_registers = asks;
        options.registrar = has_registrar ? &registrar : nullptr;
        options.failing = &failing;
        options.sources = &sources;
        return options;
    }

    static std::string request(std::uint32_t cseq, std::string_view lines, std::string_view to = "alice@example.com") {
        const std::string number = std::to_string(cseq);
        const std::string uri = "<sip:" + std::string(to) + ">";
        return "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5061;branch=z9hG4bK-r" + number +
               "\r\nMax-Forwards: 70\r\nFrom: " + uri + ";tag=r\r\nTo: " + uri + "\r\nCall-ID: reg\r\nCSeq: " + number +
               " REGISTER\r\n" + std::string(lines) + "Content-Length: 0\r\n\r\n";
    }
    // The answer to a REGISTER with these credentials, after the challenge.
    Message put(std::uint32_t cseq, const std::string &password = "wonderland",
                std::string_view to = "alice@example.com") {
        show(cseq, password, to);
        return phones.take(phones.alice, "SIP/2.0 ");
    }
    void show(std::uint32_t cseq, const std::string &password = "wonderland",
              std::string_view to = "alice@example.com") {
        phones.send(phones.alice, request(cseq, contact, to));
        const Message challenged = phones.take(phones.alice, "SIP/2.0 401");
        DigestClient client({"alice", SecretText(password), {}}, random);
        DigestAttempt attempt;
        std::vector<std::string_view> values;
        for (const HeaderLine &line : challenged.headers()) {
            if (line.name == "WWW-Authenticate") values.push_back(line.value);
        }
        client.on_challenge(values, {}, attempt);
        sent =
            request(cseq + 1, std::string(contact) + client.authorize("REGISTER", "sip:example.com", "", attempt), to);
        phones.send(phones.alice, sent);
    }
    // Her INVITE, from this address, with a Contact that names another one.
    std::string call(std::string_view from = "alice@example.com") {
        std::string invite = phones.invite();
        const auto put = [&](std::string_view what, std::string_view with) {
            invite.replace(invite.find(what), what.size(), with);
        };
        put("sip:alice@a>", "sip:" + std::string(from) + ">");
        put("Contact: <sip:alice@192.0.2.1:5061>", "Contact: <sip:alice@10.0.0.7:5061>");
        return invite;
    }
    std::size_t changes() {
        std::vector<BindingRecord> bindings;
        phones.engine().take_bindings(bindings);
        return bindings.size();
    }

    SeededRandom random{1};
    DigestServer digest{{.realm = "example.com"}, random};
    Registrar registrar{{.domains = {"example.com"}}, digest, random};
    FailingSources failing{{.burst = 3}, random};
    SourceLimiter sources{{}, random};
    TwoPhones phones;
    std::string sent; // the last one with credentials
};

} // namespace

TEST_CASE("register: who shows no credentials is challenged, and nothing is kept of it") {
    Home home;
    for (std::uint32_t cseq = 1; cseq <= 100; ++cseq) {
        home.phones.send(home.phones.alice, Home::request(cseq, contact));
        const Message challenged = home.phones.take(home.phones.alice, "SIP/2.0 401");
        CHECK(challenged.has(Header::www_authenticate));
    }
    CHECK(home.phones.engine().transactions() == 0);
    CHECK(home.registrar.statistics().challenged == 100);
    CHECK(home.registrar.statistics().bindings == 0);
    CHECK(home.changes() == 0);
}

TEST_CASE("register: a user is registered once, however often his REGISTER comes, and the change is for the store") {
    Home home;
    const Message answer = home.put(1);
    CHECK(answer.status() == 200);
    CHECK(answer.contact_uri() == "sip:alice@192.0.2.1:5061");
    CHECK(home.changes() == 1);
    home.phones.send(home.phones.alice, home.sent);
    CHECK(home.phones.take(home.phones.alice, "SIP/2.0 ").status() == 200);
    CHECK(home.changes() == 0);
    CHECK(home.registrar.statistics().accepted == 1);
    const auto targets = home.registrar.find("alice@example.com", home.phones.now);
    REQUIRE(targets.size() == 1);
    CHECK(targets[0].route.flow == home.phones.alice);
    CHECK(home.phones.engine().calls() == 0);
}

TEST_CASE("register: wrong credentials, and a REGISTER for somebody else, slow down their source") {
    for (const bool is_password : {true, false}) {
        CAPTURE(is_password);
        Home home;
        for (std::uint32_t cseq = 1; cseq <= 8; cseq += 2) {
            const Message answer =
                is_password ? home.put(cseq, "wrong") : home.put(cseq, "wonderland", "bob@example.com");
            CHECK(answer.status() == (is_password ? 401 : 403));
        }
        home.phones.send(home.phones.alice, Home::request(11, contact));
        CHECK(home.phones.is_silent());
        CHECK(home.phones.engine().statistics().dropped_failing == 1);
        CHECK(home.phones.engine().transactions() == 0);
    }
}

TEST_CASE("register: what fails in somebody's name does not shut out whom we expect, nor the phone of a user") {
    Home home;
    REQUIRE(home.put(1).status() == 200);
    const Endpoint neighbour = {home.phones.alice.ip, 6000};
    // All of it could be forged.
    for (int i = 0; i < 9; ++i) home.failing.fail(neighbour.ip, SourceFailure::stranger, home.phones.now);
    std::uint32_t cseq = 10;
    const auto is_heard = [&](const Endpoint &from) {
        home.phones.send(from, Home::request(++cseq, contact));
        return home.phones.got(from == neighbour ? home.phones.alice : from, "SIP/2.0 401"); // by its Via
    };
    CHECK_FALSE(is_heard(neighbour));
    CHECK(is_heard(home.phones.alice)); // the flow of her binding
    CHECK_FALSE(is_heard(neighbour));
    CHECK(home.phones.engine().statistics().dropped_failing == 2);
    CHECK(home.failing.report(home.phones.now)->unheard == 2);
    SUBCASE("this machine, a trunk") { home.phones.router.known = {neighbour.ip}; }
    SUBCASE("source_exempt") {
        home.sources.change({.is_exempt = [&](const IpAddress &ip) { return ip == neighbour.ip; }});
    }
    CHECK(is_heard(neighbour));
}

TEST_CASE("register: made-up nonces are no wrong passwords") {
    Home home;
    for (std::uint32_t cseq = 1; cseq <= 10; ++cseq) {
        home.phones.send(home.phones.alice,
                         Home::request(cseq, "Authorization: Digest username=\"alice\", realm=\"example.com\", "
                                             "nonce=\"made-up\", uri=\"sip:example.com\", response=\"" +
                                                 std::string(32, '0') + "\", algorithm=MD5\r\n"));
        const Message answer = home.phones.take(home.phones.alice, "SIP/2.0 401");
        CHECK(answer.value(Header::www_authenticate).find("stale=true") != std::string_view::npos);
    }
    CHECK_FALSE(home.failing.report(home.phones.now));
}

TEST_CASE("calls: while nobody knows where a trunk is, a stranger may be that one: he is to come again soon") {
    Home home;
    home.phones.router.is_closed = true;
    home.phones.router.is_waiting = true;
    for (std::uint32_t cseq = 1; cseq <= 10; ++cseq) {
        home.phones.send(home.phones.alice, home.phones.invite({}, "v=0 offer", {}, cseq));
        CHECK(home.phones.take(home.phones.alice, "SIP/2.0 503").value(Header::retry_after) == "2");
    }
    CHECK_FALSE(home.failing.report(home.phones.now));
    home.phones.router.is_waiting = false;
    home.phones.send(home.phones.alice, home.phones.invite({}, "v=0 offer", {}, 11));
    CHECK(home.phones.got(home.phones.alice, "SIP/2.0 403"));
    CHECK(home.failing.report(home.phones.now));
}

TEST_CASE("register: nobody registers in a domain that is not ours, nor where there is no registrar") {
    Home home;
    for (std::uint32_t cseq = 1; cseq <= 4; ++cseq) {
        home.phones.send(home.phones.alice, Home::request(cseq, contact, "alice@example.org"));
        home.phones.take(home.phones.alice, "SIP/2.0 403");
    }
    CHECK(home.phones.engine().statistics().refused_registers == 4);
    home.phones.send(home.phones.alice, Home::request(5, contact));
    CHECK(home.phones.is_silent());

    Home without(false);
    without.phones.send(without.phones.alice, Home::request(1, contact));
    without.phones.take(without.phones.alice, "SIP/2.0 403");
}

TEST_CASE("register: a user calls over the flow that he has opened by registering, and from nowhere else") {
    Home home;
    home.phones.router.is_closed = true;
    const auto calls_from = [&](const Endpoint &source, std::string_view from = "alice@example.com") {
        home.phones.send(source, home.call(from));
        return home.phones.try_take(home.phones.bob, "INVITE");
    };
    CHECK_FALSE(calls_from(home.phones.alice)); // she has not registered
    home.phones.forget();
    REQUIRE(home.put(1).status() == 200);
    SUBCASE("from there, and inside the call she is reached there, wherever her Contact says that she is") {
        const auto invite = calls_from(home.phones.alice);
        REQUIRE(invite);
        home.phones.send(home.phones.bob, TwoPhones::answer(*invite, "200 OK", "bob", {}, "v=0 answer"));
        const std::string tag(home.phones.take(home.phones.alice, "SIP/2.0 200").to_tag());
        home.phones.send(home.phones.alice, home.phones.request("ACK", tag, 1));
        home.phones.send(home.phones.bob, TwoPhones::from_bob(*invite, "BYE", 7));
        const Message bye = home.phones.take(home.phones.alice, "BYE");
        CHECK(bye.request_uri() == "sip:alice@10.0.0.7:5061");
        home.phones.send(home.phones.alice, TwoPhones::answer(bye, "200 OK"));
    }
    SUBCASE("from another port, another address or by another transport") {
        Endpoint other = home.phones.alice;
        ++other.port;
        CHECK_FALSE(calls_from(other));
        CHECK_FALSE(calls_from(home.phones.carol));
        other = home.phones.alice;
        other.transport = Transport::tcp;
        CHECK_FALSE(calls_from(other));
    }
    SUBCASE("as somebody else") {
        CHECK_FALSE(calls_from(home.phones.alice, "bob@example.com"));
        CHECK_FALSE(calls_from(home.phones.alice, "alice@elsewhere.example"));
    }
    SUBCASE("when the binding is over") {
        home.phones.wait(3'600'000);
        CHECK_FALSE(calls_from(home.phones.alice));
    }
    SUBCASE("when she is no user any more") {
        home.digest.replace_users({{"carol", "other"}});
        CHECK_FALSE(calls_from(home.phones.alice));
    }
}

TEST_CASE("register: one that somebody decides about waits for him when its credentials are right") {
    Home home(true, true);
    TwoPhones &phones = home.phones;
    CHECK(home.put(1, "wrong").status() == 401);
    home.show(3);
    CHECK(phones.is_silent());
    const Question question = phones.question();
    CHECK(question.method == "REGISTER");
    CHECK(question.from.user == "alice");
    phones.send(phones.alice, home.sent); // comes again
    CHECK(phones.is_silent());
    CHECK(phones.decide(question, {}) == DecisionOutcome::allowed);
    CHECK(phones.take(phones.alice, "SIP/2.0 200").contact_uri() == "sip:alice@192.0.2.1:5061");
    CHECK(home.changes() == 1);

    Decision refusal;
    refusal.code = 403;
    refusal.reason = "Not From There";
    home.show(5);
    CHECK(phones.decide(phones.question(), refusal) == DecisionOutcome::refused);
    CHECK(phones.take(phones.alice, "SIP/2.0 403").reason_phrase() == "Not From There");
    home.show(7);
    CHECK(phones.leave_undecided(phones.question()) == DecisionOutcome::wrong);
    CHECK(phones.take(phones.alice, "SIP/2.0 503").has(Header::retry_after));
    refusal.code = 302; // no REGISTER is redirected
    refusal.targets = {{"sip:carol@192.0.2.3:5063"}};
    home.show(9);
    CHECK(phones.decide(phones.question(), refusal) == DecisionOutcome::wrong);
    CHECK(home.changes() == 0);
}

TEST_CASE("register: one whose connection ends while it waits changes nothing") {
    Home home(true, true);
    home.show(1);
    const Question question = home.phones.question();
    home.phones.lose(home.phones.alice);
    std::vector<Question> none;
    home.phones.engine().take_questions(none, home.phones.withdrawn);
    REQUIRE(home.phones.withdrawn.size() == 1);
    CHECK(home.phones.decide(question, {}) == DecisionOutcome::gone);
    CHECK(home.changes() == 0);
    CHECK(home.phones.is_silent());
    CHECK(home.registrar.statistics().bindings == 0);
}
