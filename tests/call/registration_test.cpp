// The engine registers with trunks: what goes to the registrar, and what becomes of calls beside it.
#include <doctest/doctest.h>
#include <map>
#include <memory>
#include <string>
#include <vector>
#include "call/registration.hpp"
#include "two_phones.hpp"

namespace tandem::test {
namespace {

TrunkRegistration trunk(const std::string &name, const Endpoint &to, const std::string &user = "tandem") {
    TrunkRegistration out;
    out.trunk = name;
    out.options.registrar = "sip:" + to.ip.to_string();
    out.options.aor = "sip:" + user + "@" + to.ip.to_string();
    out.options.user = user;
    out.options.account = std::make_shared<const Account>(Account{user, SecretText("geheim"), ""});
    out.to = to;
    return out;
}

// Bob is the registrar.
class Registered : public TwoPhones {
public:
    using TwoPhones::TwoPhones;

    void use(std::vector<TrunkRegistration> wanted) {
        engine().replace_registrations(std::move(wanted), now);
        wait(0);
    }
    void accept(const Message &request, const Endpoint &from, const std::string &expires = "600") {
        send(from,
             answer_register(request, "200 OK",
                             "Contact: <" + std::string(request.contact_uri()) + ">;expires=" + expires + "\r\n"));
    }
    static std::string answer_register(const Message &request, std::string_view status_line,
                                       const std::string &lines = {}) {
        std::string out = "SIP/2.0 " + std::string(status_line) + "\r\n";
        request.append_vias(out);
        out += "From: " + std::string(request.value(Header::from)) +
               "\r\nTo: " + std::string(request.value(Header::to)) +
               ";tag=r\r\nCall-ID: " + std::string(request.call_id()) +
               "\r\nCSeq: " + std::string(request.value(Header::cseq)) + "\r\n" + lines;
        return out + "Content-Length: 0\r\n\r\n";
    }
    // What each trunk was told to be since the last time, as "NAME STATE"; and since when each is that.
    std::vector<std::string> told() {
        std::vector<TrunkStatus> changes;
        engine().take_trunk_changes(changes);
        std::vector<std::string> out;
        for (const TrunkStatus &change : changes) {
            const std::string state = change.is_gone ? "gone" : std::string(to_string(change.registration.state));
            out.push_back(change.trunk + " " + state);
            since[change.trunk] = change.since;
        }
        return out;
    }

    std::map<std::string, Instant> since;
};

using Told = std::vector<std::string>;

constexpr std::string_view challenge = "WWW-Authenticate: Digest realm=\"b\", nonce=\"n1\", qop=\"auth\"\r\n";

} // namespace

TEST_CASE("registration of trunks: a challenge is answered, and a call goes on beside it") {
    Registered phones;
    phones.use({trunk("carrier", phones.bob)});
    const Message first = phones.take(phones.bob, "REGISTER");
    CHECK(first.contact_uri() == "sip:tandem@192.0.2.9:5060");
    CHECK(phones.told() == Told{"carrier trying"});
    phones.establish();
    phones.send(phones.bob, Registered::answer_register(first, "401 Who", std::string(challenge)));
    const Message second = phones.take(phones.bob, "REGISTER");
    CHECK(second.cseq() == 2);
    CHECK(second.call_id() == first.call_id());
    CHECK(second.top_via().branch != first.top_via().branch);
    CHECK(second.has(Header::authorization));
    phones.accept(second, phones.bob);
    CHECK(phones.told() == Told{"carrier registered"});
    phones.wait(600'000);
    CHECK(phones.got(phones.bob, "REGISTER"));
    CHECK(phones.engine().calls() == 1);
}

TEST_CASE("registration of trunks: nobody answers, and what comes late changes nothing") {
    Registered phones;
    phones.use({trunk("carrier", phones.bob)});
    const Message first = phones.take(phones.bob, "REGISTER");
    phones.wait(31'999);
    CHECK(phones.got(phones.bob, "REGISTER")); // again
    CHECK(phones.told() == Told{"carrier trying"});
    phones.wait(1);
    CHECK(phones.told() == Told{"carrier failed"});
    phones.accept(first, phones.bob);
    CHECK(phones.told().empty());
    phones.forget();
    phones.wait(60'000);
    const Message next = phones.take(phones.bob, "REGISTER");
    CHECK(next.cseq() == 2);
    phones.accept(first, phones.bob);
    CHECK(phones.told().empty());
    phones.accept(next, phones.bob);
    CHECK(phones.told() == Told{"carrier registered"});
}

TEST_CASE("registration of trunks: a REGISTER that can not leave goes to the next address of the name") {
    Registered phones;
    TrunkRegistration named = trunk("carrier", phones.bob);
    named.options.registrar = "sip:carrier.example";
    named.lookup = "sip:carrier.example";
    phones.use({named});
    const Lookup lookup = phones.lookup();
    CHECK(lookup.uri == "sip:carrier.example");
    phones.resolve(lookup, {phones.bob, phones.carol});
    phones.fail(phones.bob, "REGISTER");
    const Message second = phones.take(phones.carol, "REGISTER");
    CHECK(second.cseq() == 2);
    phones.resolve(lookup, {phones.bob}); // nobody waits for that
    CHECK(phones.is_silent());
    phones.accept(second, phones.carol);
    phones.told();
    phones.wait(600'000);
    CHECK(phones.lookup().id != lookup.id); // each round asks anew
}

TEST_CASE("registration of trunks: each address of a name is reached by the listener of its transport and family") {
    EngineOptions options;
    options.listeners.push_back({{*IpAddress::parse("192.0.2.9"), 5070, Transport::tcp, 0}, "192.0.2.9:5070"});
    Registered phones(options); // which listens on UDP too, and on no IPv6
    TrunkRegistration named = trunk("carrier", phones.bob);
    named.lookup = "sip:carrier.example";
    phones.use({named});
    Endpoint over_udp = phones.bob, over_tcp = phones.carol;
    over_udp.listener = 1;
    over_tcp.transport = Transport::tcp;
    const Endpoint over_ipv6 = {*IpAddress::parse("2001:db8::1"), 5060, Transport::udp, 0};
    phones.resolve(phones.lookup(), {over_ipv6, phones.bob, over_tcp});
    phones.fail(over_udp, "REGISTER");
    CHECK(phones.take(over_tcp, "REGISTER").contact_uri() == "sip:tandem@192.0.2.9:5070;transport=tcp");
}

TEST_CASE("registration of trunks: a name that is looked up for a call is not one of theirs") {
    Registered phones;
    phones.router.answer.targets.front().lookup = "sip:bob.example";
    TrunkRegistration named = trunk("carrier", phones.carol);
    named.lookup = "sip:carrier.example";
    phones.use({named});
    const Lookup ours = phones.lookup();
    phones.send(phones.alice, phones.invite());
    const Lookup of_call = phones.lookup();
    phones.resolve(of_call, {phones.bob});
    CHECK(phones.got(phones.bob, "INVITE"));
    CHECK_FALSE(phones.got(phones.bob, "REGISTER"));
    phones.resolve(ours, {phones.carol});
    CHECK(phones.got(phones.carol, "REGISTER"));
}

TEST_CASE("registration of trunks: what the configuration has no more is taken away before others begin") {
    Registered phones;
    phones.use({trunk("a", phones.bob), trunk("b", phones.carol)});
    phones.accept(phones.take(phones.bob, "REGISTER"), phones.bob);
    phones.accept(phones.take(phones.carol, "REGISTER"), phones.carol);
    phones.told();

    phones.use({trunk("a", phones.bob), trunk("c", phones.carol, "other")});
    CHECK_FALSE(phones.got(phones.bob, "REGISTER")); // nothing has changed
    const Message leave = phones.take(phones.carol, "REGISTER");
    CHECK(leave.value(Header::expires) == "0");
    CHECK(phones.is_silent());
    CHECK(phones.told() == Told{"b gone"});
    phones.send(phones.carol, Registered::answer_register(leave, "200 OK"));
    const Message begin = phones.take(phones.carol, "REGISTER");
    CHECK(begin.to_uri() == "sip:other@192.0.2.3");
    CHECK(phones.told() == Told{"c trying"});
}

TEST_CASE("registration of trunks: who does not let us leave does not keep others from beginning for long") {
    Registered phones;
    phones.use({trunk("a", phones.bob)});
    phones.accept(phones.take(phones.bob, "REGISTER"), phones.bob);
    phones.use({trunk("c", phones.carol)});
    phones.wait(4'999);
    CHECK_FALSE(phones.got(phones.carol, "REGISTER"));
    phones.wait(1);
    CHECK(phones.got(phones.carol, "REGISTER"));
}

TEST_CASE("registration of trunks: other credentials or another name for the same binding register anew in place") {
    Registered phones;
    phones.use({trunk("a", phones.bob)});
    phones.accept(phones.take(phones.bob, "REGISTER"), phones.bob);
    phones.told();
    TrunkRegistration changed = trunk("a", phones.bob);
    changed.options.account = std::make_shared<const Account>(Account{"tandem", SecretText("new"), ""});
    phones.use({changed});
    const Message again = phones.take(phones.bob, "REGISTER");
    CHECK(again.value(Header::expires) == "3600");
    CHECK(again.cseq() == 2);
    phones.accept(again, phones.bob);
    phones.told();
    changed.trunk = "b";
    phones.use({changed});
    CHECK(phones.is_silent());
    CHECK(phones.told() == Told{"a gone", "b registered"});
}

TEST_CASE("registration of trunks: names that trunks pass on to each other keep what stands behind them") {
    Registered phones;
    phones.use({trunk("a", phones.bob), trunk("b", phones.bob, "second"), trunk("c", phones.bob, "third")});
    for (int i = 0; i < 3; ++i) phones.accept(phones.take(phones.bob, "REGISTER"), phones.bob);
    phones.told();
    // The second takes the name of the first and the other way round; the third goes, and its name too.
    phones.use({trunk("b", phones.bob), trunk("a", phones.bob, "second")});
    CHECK(phones.told() == Told{"a gone", "b gone", "c gone", "b registered", "a registered"});
}

TEST_CASE("registration of trunks: since when a trunk stands so is told, and a refresh is no change") {
    Registered phones;
    phones.use({trunk("a", phones.bob)});
    phones.told();
    CHECK(phones.since["a"] == phones.now);
    phones.wait(400);
    const Instant registered = phones.now;
    phones.accept(phones.take(phones.bob, "REGISTER"), phones.bob);
    phones.told();
    CHECK(phones.since["a"] == registered);
    phones.wait(590'000);
    phones.accept(phones.take(phones.bob, "REGISTER"), phones.bob);
    phones.use({trunk("b", phones.bob)});
    CHECK(phones.told() == Told{"a registered", "a gone", "b registered"});
    CHECK(phones.since["b"] == registered);
}

TEST_CASE("registration of trunks: at the end all are taken away, and no other begins") {
    Registered phones;
    CHECK(phones.engine().is_unregistered());
    phones.use({trunk("a", phones.bob), trunk("b", phones.carol)});
    phones.accept(phones.take(phones.bob, "REGISTER"), phones.bob);
    phones.take(phones.carol, "REGISTER");
    CHECK_FALSE(phones.engine().is_unregistered());
    phones.engine().unregister(phones.now);
    phones.wait(0);
    phones.told();
    const Message leave = phones.take(phones.bob, "REGISTER");
    CHECK(leave.value(Header::expires) == "0");
    CHECK_FALSE(phones.engine().is_unregistered());
    phones.use({trunk("c", phones.dave)});
    CHECK_FALSE(phones.got(phones.dave, "REGISTER"));
    phones.send(phones.bob, Registered::answer_register(leave, "200 OK"));
    CHECK(phones.told() == Told{"a off"});
    CHECK_FALSE(phones.engine().is_unregistered()); // Carol still has to answer
    phones.wait(5'000);
    CHECK(phones.engine().is_unregistered());
    CHECK(phones.told() == Told{"b off"});
}

TEST_CASE("registration of trunks: without room for a transaction it fails, and is tried again") {
    EngineOptions options;
    options.transactions.transaction_max = 0;
    TwoPhones full(options);
    full.engine().replace_registrations({trunk("a", full.bob)}, full.now);
    full.wait(0);
    CHECK(full.is_silent());
    std::vector<TrunkStatus> changes;
    full.engine().take_trunk_changes(changes);
    REQUIRE(changes.size() == 1);
    CHECK(changes.front().registration.state == RegistrationState::failed);
    CHECK(changes.front().registration.status == 503);
    REQUIRE(full.engine().next_deadline());
    CHECK(*full.engine().next_deadline() >= full.now + std::chrono::seconds(30));
}

} // namespace tandem::test
