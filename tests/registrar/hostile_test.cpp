#include <doctest/doctest.h>
#include <functional>
#include <string>
#include <vector>
#include "registrar/home.hpp"

using namespace tandem;
using test::aor;
using test::Home;

namespace {

const std::string contact = "Contact: <sip:alice@192.0.2.1>\r\n";
const std::string other_contact = "Contact: <sip:mallory@192.0.2.66>\r\n";

// Alice is registered when something comes that is to be refused: nothing that was there may be lost, nothing may come.
struct Attacked : Home {
    explicit Attacked(const RegistrarOptions &options = {}) : Home(options) {
        REQUIRE(put(contact).status == 200);
        before = bindings();
        REQUIRE(before.size() == 1);
        events();
    }
    void check_unharmed(const RegisterAnswer &answer) {
        CHECK(answer.changes.empty());
        CHECK(events().empty());
        CHECK(changes().empty());
        CHECK(bindings() == before);
        CHECK(registrar.statistics().bindings == before.size());
    }

    std::vector<BindingRecord> before;
};

bool is_stale(const RegisterAnswer &answer) { return answer.headers.find("stale=true") != std::string::npos; }

std::string joined(std::size_t count, const std::function<std::string(std::size_t)> &text, const std::string &between) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out += (i == 0 ? "" : between) + text(i);
    return out;
}

} // namespace

TEST_CASE("registrar: credentials that were used are good for nothing, whoever brings them, and nobody is blamed") {
    Attacked home;
    const std::string used = home.authorization("alice", "wonderland");
    REQUIRE(home.send("", used).status == 200);
    home.source.ip = *IpAddress::parse("198.51.100.66");
    for (const char *to : {"sip:alice@example.com", "sip:bob@example.com"}) {
        const auto answer = home.send(other_contact, used, to);
        CHECK(answer.status == 401);
        CHECK(is_stale(answer));
        CHECK_FALSE(answer.is_suspect); // a phone repeats itself too
        home.check_unharmed(answer);
    }
    CHECK(home.send(other_contact, home.authorization("alice", "wonderland"), "sip:bob@example.com").status == 403);
    CHECK(home.registrar.bindings_of("bob@example.com", home.now).empty());
}

TEST_CASE("registrar: a nonce is over after its time, used or not, and the phone hears that it was only that") {
    Attacked home;
    const std::string unused = home.authorization("alice", "wonderland");
    home.now += std::chrono::minutes(5) + Duration(1);
    for (int i = 0; i < 2; ++i) {
        const auto answer = home.send(other_contact, unused);
        CHECK(answer.status == 401);
        CHECK(is_stale(answer));
        home.check_unharmed(answer);
    }
    CHECK(home.put(contact).status == 200);
}

TEST_CASE("registrar: credentials with line ends or without end are refused, and say nothing in the answer") {
    Attacked home;
    const std::string good = home.authorization("alice", "wonderland");
    for (const char *name : {"username=\"al\\\rice\"", "username=\"al\\\nice\"", "username=\"alice",
                             "username=", "username=\"alice\", username=\"alice\"", "username=\"al\tice\""}) {
        CAPTURE(name);
        std::string bad = good;
        bad.replace(bad.find("username=\"alice\""), 16, name);
        const auto answer = home.send(other_contact, bad);
        CHECK(answer.status == 400);
        CHECK(answer.is_suspect);
        CHECK(answer.headers.empty());
        home.check_unharmed(answer);
    }
    CHECK(home.registrar.statistics().malformed == 6);
    for (const char *name : {"username=\"al%0d%0aice\"", "username=\"al%00ice\"", "username=\"\\a\\l\\i\\c\\e \""}) {
        CAPTURE(name);
        std::string bad = good;
        bad.replace(bad.find("username=\"alice\""), 16, name);
        const auto answer = home.send(other_contact, bad);
        CHECK(answer.status == 401);
        CHECK(answer.headers.find("ice") == std::string::npos);
        home.check_unharmed(answer);
    }
}

TEST_CASE("registrar: * is alone and with an expiry of zero, or nothing happens (RFC 3261 section 10.3 step 6)") {
    Attacked home;
    for (const char *lines :
         {"Contact: *\r\n", "Contact: *\r\nExpires: 1\r\n", "Contact: *\r\nExpires: 00000000001\r\n",
          "Contact: *\r\nExpires: -0\r\n", "Contact: *;expires=0\r\n", "Contact: *, *\r\nExpires: 0\r\n",
          "Contact: *\r\nContact: *\r\nExpires: 0\r\n", "Contact: *, <sip:a@b>\r\nExpires: 0\r\n",
          "Contact: <sip:alice@192.0.2.1>\r\nContact: *\r\nExpires: 0\r\n", "Contact: <*>\r\nExpires: 0\r\n"}) {
        CAPTURE(lines);
        const auto answer = home.put(lines);
        CHECK(answer.status == 400);
        home.check_unharmed(answer);
    }
}

TEST_CASE("registrar: a malformed Contact among good ones refuses them all") {
    Attacked home;
    for (const char *bad :
         {"<sip:a@b>;q=1.001", "<sip:a@b>;q=-0.1", "<sip:a@b>;q=2", "<sip:a@b>;q=0.0001", "<sip:a@b>;q=", "<sip:a@b>;q",
          "<sip:a@b>;q=nan", "<sip:a@b>;q=\"0.5\"", "<sip:@b>;q=01", "<tel:+1>", "<sip:>", "<sip:a@b", "<>"}) {
        CAPTURE(bad);
        const auto answer =
            home.put("Contact: <sip:alice@192.0.2.1>;expires=0, <sip:a@c>, " + std::string(bad) + "\r\n");
        CHECK(answer.status == 400);
        home.check_unharmed(answer);
    }
}

TEST_CASE("registrar: no expiry outlasts the limit, however it is written (RFC 3261 section 20.19)") {
    RegistrarOptions options;
    options.max_expires = std::chrono::seconds(7200);
    Attacked home(options);
    const std::string huge(5000, '9');
    const std::vector<std::pair<std::string, int>> cases = {
        {"4294967295", 7200}, {"4294967296", 7200}, {"4294967360", 7200}, {"18446744073709551616", 7200},
        {huge, 7200},         {"-1", 3600},         {"+60", 3600},        {"0x40", 3600},
        {"60.5", 3600},       {"1e9", 3600},        {"7201", 7200},       {"0060", 60}};
    for (const auto &[text, expected] : cases) {
        CAPTURE(text.substr(0, 30));
        for (const std::string &lines :
             {"Contact: <sip:a@b>;expires=" + text + "\r\n", "Contact: <sip:a@b>\r\nExpires: " + text + "\r\n"}) {
            REQUIRE(home.put(lines).status == 200);
            const auto bindings = home.bindings();
            REQUIRE(bindings.size() == 2);
            CHECK(bindings[0] == home.before[0]);
            CHECK(bindings[1].expires == home.now + std::chrono::seconds(expected));
        }
    }
}

TEST_CASE("registrar: one Contact with a CSeq too low refuses the whole request (RFC 3261 section 10.3 step 7)") {
    Attacked home;
    const std::uint32_t of_alice = home.cseq - 1;
    home.call_id = "c2";
    home.cseq = 1; // another phone counts for itself
    REQUIRE(home.put("Contact: <sip:alice@192.0.2.2>\r\n").status == 200);
    home.before = home.bindings();
    home.events();
    for (const std::uint32_t cseq : {of_alice, of_alice - 1}) {
        for (const char *lines :
             {"Contact: <sip:a@b>, <sip:alice@192.0.2.2>;expires=0, <sip:alice@192.0.2.1>;q=0.1\r\n",
              "Contact: *\r\nExpires: 0\r\n", "Contact: <sip:alice@192.0.2.1>;expires=0\r\n"}) {
            CAPTURE(lines);
            home.call_id = "c1";
            home.cseq = cseq;
            const auto answer = home.put(lines);
            CHECK(answer.status == 500);
            home.check_unharmed(answer);
        }
    }
    CHECK(home.registrar.statistics().stale_cseq == 6);
}

TEST_CASE("registrar: a thousand Contacts are too many, in one line or in many, and are not even read") {
    Attacked home;
    const auto uri = [](std::size_t i) { return "<sip:a" + std::to_string(i) + "@b>"; };
    const auto four = [&](std::size_t i) {
        return "Contact: " +
               joined(
                   4, [&](std::size_t j) { return uri(4 * i + j); }, ", ") +
               "\r\n";
    };
    const auto same = [](std::size_t) { return std::string("<sip:alice@192.0.2.1>"); };
    for (const std::string &lines : {"Contact: " + joined(1000, uri, ",") + "\r\n", joined(240, four, ""),
                                     "Contact: " + joined(700, same, ",") + "\r\n"}) {
        const auto answer = home.put(lines);
        CHECK(answer.status == 403);
        home.check_unharmed(answer);
    }
    CHECK(home.registrar.statistics().full == 3);
}

TEST_CASE("registrar: a user has no more bindings than he may, and can still change those that he has") {
    RegistrarOptions options;
    options.contacts_max = 2;
    Attacked home(options);
    REQUIRE(home.put("Contact: <sip:alice@192.0.2.2>\r\n").status == 200);
    home.before = home.bindings();
    home.events();
    const auto answer = home.put("Contact: <sip:alice@192.0.2.3>\r\n");
    CHECK(answer.status == 403);
    CHECK(home.registrar.statistics().full == 1);
    home.check_unharmed(answer);
    CHECK(home.put("Contact: <sip:alice@192.0.2.2>;q=0.5\r\n").status == 200);
    CHECK(home.put("Contact: <sip:alice@192.0.2.2>;expires=0, <sip:alice@192.0.2.3>\r\n").status == 200);
    CHECK(home.bindings().size() == 2);
}

TEST_CASE("registrar: all users have no more bindings than there may be, and nobody loses his to a newcomer") {
    RegistrarOptions options;
    options.binding_max = 2;
    Attacked home(options);
    const auto bob = [&](const std::string &lines) {
        return home.send(lines, home.authorization("bob", "builder"), "sip:bob@example.com");
    };
    REQUIRE(bob("Contact: <sip:bob@192.0.2.5>\r\n").status == 200);
    home.events();
    const auto answer = bob("Contact: <sip:bob@192.0.2.6>\r\n");
    CHECK(answer.status == 503);
    CHECK(answer.headers == "Retry-After: 60\r\n");
    CHECK(answer.changes.empty());
    CHECK(home.events().empty());
    CHECK(home.bindings() == home.before);
    CHECK(home.registrar.statistics().full == 1);
    CHECK(bob("Contact: <sip:bob@192.0.2.5>;q=0.5\r\n").status == 200);
    REQUIRE(home.put("Contact: *\r\nExpires: 0\r\n").status == 200);
    CHECK(bob("Contact: <sip:bob@192.0.2.6>\r\n").status == 200);
    options.domains = {"example.com"};
    options.binding_max = options.contacts_max = 1;
    home.registrar.change(options);
    CHECK(bob("Contact: <sip:bob@192.0.2.6>\r\n").status == 200); // there are more, and yet his own goes on
}

TEST_CASE("registrar: a flood without credentials, or with those of nobody, leaves only numbers") {
    Attacked home;
    std::string guess = home.authorization("nobody", "guess");
    for (std::uint32_t i = 0; i < 2000; ++i) {
        home.source.ip.bytes = {10, 0, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)};
        home.call_id = "flood" + std::to_string(i);
        const std::string to = "sip:user" + std::to_string(i) + "@example.com";
        REQUIRE(home.send(other_contact, "", to).status == 401);
        REQUIRE(home.send(other_contact, guess, to).status == 401);
    }
    home.check_unharmed({});
    CHECK(home.registrar.statistics().challenged == 2000);
    CHECK(home.registrar.statistics().wrong == 2000);
    CHECK(home.registrar.list("", 10).size() == 1);
}
