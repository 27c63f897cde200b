// The resolver over real sockets: dnsmasq, and servers that are dead, slow or mad.
#include <cstdio>
#include <doctest/doctest.h>
#include <fstream>
#include "net/dns/ares_client.hpp"
#include "net/dns/name_server.hpp"
#include "net/dns/resolver.hpp"
#include "net/dns/zone.hpp"
#include "net/system_random.hpp"

using namespace tandem;
using namespace tandem::test;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const Reach every = reach({Transport::udp, Transport::tcp, Transport::tls}, true);
const DnsQuestion host_a{"host.example.com", DnsType::a};
const SipLookup host{false, "host.example.com", 5080, {}};

// Runs the loop until `done`, or so long that a busy machine is no reason.
template <class Done>
void run_until(Loop &loop, Done done) {
    const Instant end = SystemClock::now() + seconds(30);
    loop.on_deadline([&] {
        if (done() || SystemClock::now() > end) return loop.stop();
        loop.set_deadline(SystemClock::now() + milliseconds(1));
    });
    loop.set_deadline(SystemClock::now());
    loop.run();
    CHECK(done());
}

struct Client {
    explicit Client(std::vector<Endpoint> servers, Duration timeout = seconds(4), const Reach &listeners = every) {
        options.servers = std::move(servers);
        options.hosts_path.clear();
        options.lookup.timeout = timeout;
        open(listeners);
    }
    void open(const Reach &listeners = every) {
        auto opened = Resolver::open(loop, listeners, random, options);
        REQUIRE_MESSAGE(opened.ok(), opened.error().detail);
        resolver = std::move(*opened);
    }

    // One lookup, run to its end.
    std::string resolve(const SipLookup &what) {
        std::string result;
        resolver->resolve(what, [&result](const LookupResult &found) { result = to_text(found); });
        CHECK(result.empty()); // never from inside
        run_until(loop, [&result] { return !result.empty(); });
        return result;
    }

    Loop loop;
    SystemRandom random;
    ResolverOptions options;
    std::unique_ptr<Resolver> resolver;
};

std::vector<std::uint8_t> host_response(std::string_view query) {
    DnsResponse response(host_a);
    response.a(host_a.name, 60, "192.0.2.1");
    return numbered_as(query, response.bytes);
}

const std::vector<std::string> example_zone = {
    "--naptr-record=example.com,20,10,S,SIP+D2U,,_sip._udp.example.com",
    "--naptr-record=example.com,10,10,S,SIP+D2T,,_sip._tcp.example.com",
    "--srv-host=_sip._udp.example.com,u.example.com,5061,0,1",
    "--srv-host=_sip._tcp.example.com,t1.example.com,5071,10,1",
    "--srv-host=_sip._tcp.example.com,t2.example.com,5072,20,1",
    "--host-record=u.example.com,192.0.2.1,2001:db8::1",
    "--host-record=t1.example.com,192.0.2.2",
    "--host-record=t2.example.com,192.0.2.3",
    "--cname=alias.example.com,t2.example.com",
};

} // namespace

TEST_CASE("resolver: dnsmasq, from NAPTR to addresses, and the second time from the cache") {
    const Dnsmasq server(example_zone);
    Client client({server.at()});
    const SipLookup what{false, "example.com", 0, {}};
    for (int i = 0; i < 2; ++i) {
        CHECK(client.resolve(what) ==
              "TCP 192.0.2.2:5071, TCP 192.0.2.3:5072, UDP [2001:db8::1]:5061, UDP 192.0.2.1:5061");
    }
    CHECK(client.resolver->statistics().questions == 9);
    CHECK(client.resolve({false, "alias.example.com", 5080, {}}) == "UDP 192.0.2.3:5080");
    CHECK(client.resolve({false, "gone.example.com", 0, {}}) == "no such name");
    CHECK(client.resolve({false, "u.example.com", 0, Transport::udp}) ==
          "UDP [2001:db8::1]:5060, UDP 192.0.2.1:5060"); // without SRV
}

TEST_CASE("resolver: an answer too large for a datagram comes by TCP") {
    std::vector<std::string> zone = {"--host-record=a.example.com,192.0.2.1"};
    for (int i = 0; i < 60; ++i)
        zone.push_back("--srv-host=_sip._udp.large.example,h" + std::to_string(i) + "." + std::string(50, 'x') +
                       ".example.com,5060,1,1");
    zone.push_back("--srv-host=_sip._udp.large.example,a.example.com,5060,0,1");
    const Dnsmasq server(zone);
    AresOptions options;
    options.servers = {server.at()};
    Loop loop;
    auto client = AresClient::open(loop, options);
    REQUIRE(client.ok());
    DnsAnswer answer;
    (*client)->query({"_sip._udp.large.example", DnsType::srv}, [&](DnsAnswer found) { answer = std::move(found); });
    run_until(loop, [&answer] { return answer.srv.size() == 61; });
    CHECK(answer.ttl == seconds(60));

    Client resolver({server.at()});
    CHECK(resolver.resolve({false, "large.example", 0, Transport::udp}) == "UDP 192.0.2.1:5060");
}

TEST_CASE("resolver: DNS is silent: names fail in time, addresses and the loop do not notice (FAULTS L7)") {
    const SilentServer server;
    Client client({server.at()}, milliseconds(800));
    const Instant start = SystemClock::now();
    std::string name;
    std::vector<std::string> literals;
    client.resolver->resolve(host, [&name](const LookupResult &result) { name = to_text(result); });
    int ticks = 0;
    Duration longest{};
    Instant last = start;
    run_until(client.loop, [&] {
        ++ticks;
        const Instant now = SystemClock::now();
        longest = std::max(longest, now - last);
        last = now;
        client.resolver->resolve({false, "192.0.2.7", 0, {}},
                                 [&literals](const LookupResult &result) { literals.push_back(to_text(result)); });
        return !name.empty();
    });
    CHECK(name == "no answer from DNS in time");
    const Duration taken = SystemClock::now() - start;
    CHECK(taken >= milliseconds(400)); // half of the timeout for its one question
    CHECK(taken < milliseconds(800));
    CHECK(literals.size() + 1 >= static_cast<std::size_t>(ticks)); // each at the next turn
    CHECK(longest < milliseconds(300));
    CHECK(client.resolver->statistics().questions == 2);         // A and AAAA
    CHECK(client.resolve(host) == "no answer from DNS in time"); // known for five seconds
    CHECK(client.resolver->statistics().questions == 2);
}

TEST_CASE("resolver: nobody listens where the server should be: that is known long before the timeout") {
    Client client({loopback(free_port())}, seconds(4), reach({Transport::udp}));
    const Instant start = SystemClock::now();
    CHECK(client.resolve(host) == "the DNS servers failed");
    CHECK(SystemClock::now() - start < seconds(1));
}

TEST_CASE("resolver: a silent first server costs a moment, then the second is asked") {
    const SilentServer silent;
    const Dnsmasq server(example_zone);
    Client client({silent.at(), server.at()}, milliseconds(1600));
    CHECK(client.resolve({false, "t1.example.com", 5080, {}}) == "UDP 192.0.2.2:5080");
}

TEST_CASE("resolver: a slow answer is taken while somebody waits, and kept for the next when nobody does") {
    Client client({});
    FakeServer server(client.loop, host_response);
    server.is_held = true;
    client.options.servers = {server.at()};
    client.options.lookup.timeout = milliseconds(800);
    client.open(reach({Transport::udp}));
    CHECK(client.resolve(host) == "no answer from DNS in time");
    server.flush();
    std::string result;
    run_until(client.loop, [&] { // the answer is on its way
        client.resolver->resolve(host, [&result](const LookupResult &found) { result = to_text(found); });
        return result == "UDP 192.0.2.1:5080";
    });
    CHECK(client.resolver->statistics().questions == 1);
}

TEST_CASE("resolver: garbage in the place of an answer is a failure, and nothing worse") {
    SeededRandom random(11);
    for (int kind = 0; kind < 60; ++kind) {
        CAPTURE(kind);
        Client client({});
        FakeServer server(client.loop, [&](std::string_view query) {
            std::vector<std::uint8_t> bytes = host_response(query);
            if (kind == 0) return std::vector<std::uint8_t>(512); // another number
            if (kind == 1) return std::vector<std::uint8_t>(1);
            if (kind == 2) bytes.resize(bytes.size() - 3);
            if (kind == 3) bytes[7] = 200;                  // records that are not there
            if (kind == 4) bytes[bytes.size() - 16] = 0xc0; // a name that points at itself
            for (int i = 5; i < kind; i += 4) bytes[12 + random.next() % (bytes.size() - 12)] ^= 0x5a;
            return bytes;
        });
        client.options.servers = {server.at()};
        client.options.lookup.timeout = milliseconds(160);
        client.open(reach({Transport::udp}));
        const std::string result = client.resolve(host);
        CHECK_FALSE(result.empty());
        if (kind < 4) CHECK_MESSAGE(!result.starts_with("UDP"), result);
        if (kind == 5) CHECK(result == "UDP 192.0.2.1:5080"); // nothing is wrong with it
        CHECK(server.queries > 0);
    }
}

TEST_CASE("resolver: a flood of lookups for one name is one query") {
    Client client({});
    FakeServer server(client.loop, host_response);
    server.is_held = true;
    client.options.servers = {server.at()};
    client.open(reach({Transport::udp}));
    int done = 0;
    for (int i = 0; i < 1000; ++i)
        client.resolver->resolve(host, [&done](const LookupResult &result) { done += result.ok(); });
    run_until(client.loop, [&server] { return server.queries > 0; });
    server.is_held = false;
    server.flush();
    run_until(client.loop, [&done] { return done == 1000; });
    CHECK(server.queries == 1);
}

TEST_CASE("resolver: after its end nothing is called, whether DNS is asked or a result is on its way") {
    const SilentServer server;
    Client client({server.at()}, milliseconds(100));
    int called = 0;
    client.resolver->resolve(host, [&called](const LookupResult &) { ++called; });
    client.resolver->resolve({false, "192.0.2.7", 0, {}}, [&called](const LookupResult &) { ++called; });
    client.resolver.reset();
    bool is_over = false;
    client.open();
    client.resolver->resolve(host, [&](const LookupResult &) { is_over = true; }); // as long as that one would take
    run_until(client.loop, [&is_over] { return is_over; });
    CHECK(called == 0);
}

TEST_CASE("resolver: a result may end the resolver, and the lookups beside it are dropped") {
    const SilentServer server;
    Client client({server.at()}, milliseconds(100));
    int called = 0;
    for (int i = 0; i < 3; ++i) {
        client.resolver->resolve({false, "192.0.2.7", 0, {}}, [&](const LookupResult &) {
            ++called;
            client.resolver.reset();
        });
    }
    client.resolver->resolve(host, [&called](const LookupResult &) { ++called; });
    run_until(client.loop, [&called] { return called > 0; });
    CHECK(called == 1);
    CHECK_FALSE(client.resolver);
}

TEST_CASE("resolver: a hosts file is read, and again when it has changed") {
    const SilentServer server;
    Client client({server.at()});
    char path[] = "/tmp/tandem_hosts_XXXXXX";
    const int fd = ::mkstemp(path);
    REQUIRE(fd >= 0);
    ::close(fd);
    std::ofstream(path) << "192.0.2.1 host.example.com\n";
    client.options.hosts_path = path;
    client.open();
    CHECK(client.resolve(host) == "UDP 192.0.2.1:5080");
    CHECK(client.resolve({false, "localhost", 5080, {}}) == "UDP [::1]:5080, UDP 127.0.0.1:5080");
    std::ofstream(path) << "192.0.2.22 host.example.com\n";
    std::string result;
    run_until(client.loop, [&] {
        client.resolver->resolve(host, [&result](const LookupResult &found) { result = to_text(found); });
        return result == "UDP 192.0.2.22:5080";
    });
    std::remove(path);
    CHECK(client.resolver->statistics().questions == 0);
}

TEST_CASE("resolver: the system's own servers and hosts file do for localhost") {
    Client client({});
    client.options.hosts_path = "/etc/hosts";
    client.open(reach({Transport::udp}));
    CHECK(client.resolve({false, "localhost", 0, {}}) == "UDP 127.0.0.1:5060");
}
