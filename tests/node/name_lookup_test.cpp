#include <algorithm>
#include <doctest/doctest.h>
#include <optional>
#include <sstream>
#include <string>
#include <vector>
#include "net/system_clock.hpp"
#include "node/invite.hpp"
#include "node/name_lookup.hpp"

using namespace tandem;

namespace {

// Name lookups on a loop of their own, with all that they said.
struct Fixture {
    Fixture() {
        options.hosts_path.clear();
        options.servers = {test::endpoint("127.0.0.1", 1)}; // nobody listens there
        names.emplace(loop, std::vector<Listener>{{test::endpoint("127.0.0.1"), "127.0.0.1:5060"}}, options, log,
                      [this](LookupId, std::span<const Endpoint> addresses) {
                          ++done;
                          last.clear();
                          for (const Endpoint &to : addresses) last += to.to_string() + " ";
                      });
    }
    void look_up(const std::string &uri) {
        names->look_up({LookupId(++asked), uri});
        CHECK(done < asked); // never from inside
        const Instant end = SystemClock::now() + std::chrono::seconds(5);
        loop.on_deadline([this, end] {
            if (done == asked || SystemClock::now() > end) return loop.stop();
            loop.set_deadline(SystemClock::now());
        });
        loop.set_deadline(SystemClock::now());
        loop.run();
        CHECK(done == asked);
    }

    std::ostringstream lines;
    Log log{{LogLevel::debug, LogFormat::text}, lines};
    Loop loop;
    ResolverOptions options;
    std::optional<NameLookup> names;
    std::uint64_t asked = 0;
    std::uint64_t done = 0;
    std::string last;
};

SipLookup lookup(const std::string &uri) {
    const auto what = to_sip_lookup(*Uri::parse(uri));
    REQUIRE(what);
    return *what;
}

} // namespace

TEST_CASE("names: what is looked up of a URI: maddr before the host, the port, the transport (RFC 3263 section 4)") {
    const SipLookup plain = lookup("sip:bob@Example.com");
    CHECK(plain.host == "Example.com");
    CHECK(plain.port == 0);
    CHECK(!plain.transport);
    CHECK(!plain.is_sips);
    const SipLookup full = lookup("sips:bob@example.com:5071;transport=TCP;maddr=gate.example");
    CHECK(full.host == "gate.example");
    CHECK(full.port == 5071);
    CHECK(full.transport == Transport::tcp);
    CHECK(full.is_sips);
    CHECK(!to_sip_lookup(*Uri::parse("sip:example.com;transport=sctp")));
    CHECK(!to_sip_lookup(*Uri::parse("tel:+44123")));
}

TEST_CASE("names: addresses come back for what is known, and none for what is not") {
    Fixture fixture;
    fixture.look_up("sip:bob@localhost:5080");
    CHECK(fixture.last == "127.0.0.1:5080 ");
    for (const char *uri : {"sip:gone.example", "sip:localhost;transport=tcp", "sip:localhost;transport=sctp",
                            "sips:localhost", "sip:a$b.example", "no URI"}) {
        CAPTURE(uri);
        fixture.last = "not called";
        fixture.look_up(uri);
        CHECK(fixture.last.empty());
    }
}

TEST_CASE("names: failures are told once in a while, with what failed first") {
    Fixture fixture;
    for (int i = 0; i < 50; ++i) fixture.look_up("sip:localhost;transport=tls");
    const std::string said = fixture.lines.str();
    CHECK(said.find("no address for sip:localhost;transport=tls: no listener for this transport\n") !=
          std::string::npos);
    CHECK(std::count(said.begin(), said.end(), '\n') == 1);
}

TEST_CASE("names: no user gets into the log, who may have a password, and no header") {
    Fixture fixture;
    fixture.look_up("sip:bob:secret@localhost:5061;transport=tls?Authorization=secret");
    CHECK(fixture.lines.str().find("no address for sip:localhost:5061;transport=tls: ") != std::string::npos);

    Fixture other;
    other.look_up("secret@localhost");
    CHECK(other.lines.str().find("no address for what is no URI: ") != std::string::npos);
}

TEST_CASE("names: after its end nobody is called") {
    Fixture fixture;
    fixture.names->look_up({LookupId(1), "sip:localhost"});
    fixture.names->look_up({LookupId(2), "sip:x;transport=sctp"});
    fixture.names.reset();
    fixture.loop.stop(); // after what is posted
    fixture.loop.run();
    CHECK(fixture.done == 0);
}
