// TLS on the loopback interface, with certificates made for the test.
#include <cerrno>
#include <fstream>
#include "net/certificates.hpp"
#include "net/stream_peer.hpp"

using namespace tandem;
using namespace tandem::test;
using std::chrono::milliseconds;

namespace {

constexpr const char *both = "DNS:sip.example.com,IP:127.0.0.1,IP:::1";

Endpoint tls(std::string_view ip) {
    Endpoint at = tcp(ip);
    at.transport = Transport::tls;
    return at;
}

struct TlsPeer : StreamPeer {
    TlsPeer(Loop &loop, const TlsFiles &files, std::string_view ip = "127.0.0.1", const StreamOptions &options = {})
        : StreamPeer(StreamTransport::open(loop, tls(ip), options, load(files))) {}

    void ask(const Endpoint &to, const std::string &message, std::string_view host = {}) {
        const OutDatagram datagram{to, SharedBytes(message), ++last_owner,
                                   host.empty() ? SharedBytes() : SharedBytes(host)};
        transport->send({&datagram, 1});
    }
};

} // namespace

TEST_CASE("tls: messages pass both ways by one connection, on both families, of any size") {
    const Certificates certificates;
    certificates.make("bob", both);
    for (const char *ip : {"127.0.0.1", "::1"}) {
        CAPTURE(ip);
        Loop loop;
        TlsPeer alice(loop, certificates.files("bob"), ip), bob(loop, certificates.files("bob"), ip);
        std::vector<std::string> sent;
        for (int i = 0; i < 100; ++i) sent.push_back(sip_request("OPTIONS", i));
        sent.push_back(sip_request("MESSAGE", 100, "192.0.2.1", std::string(65'000, 'b')));
        for (int i = 0; i < 40; ++i) sent.push_back(sip_request("MESSAGE", i, "192.0.2.1", std::string(9'000, 'b')));
        alice.send(bob.local(), sent);
        run_until(loop, [&] { return bob.texts.size() == sent.size(); });
        CHECK(bob.texts == sent);
        CHECK(bob.from[0].transport == Transport::tls);
        bob.send(bob.from[0], {sip_response(0, "192.0.2.1:9")});
        run_until(loop, [&] { return alice.texts.size() == 1; });
        CHECK(alice.from[0] == bob.local());
        CHECK(bob.transport->stream_statistics().accepted == 1);
        CHECK(bob.transport->stream_statistics().connected == 0);
    }
}

TEST_CASE("tls: with verify_peer the certificate must have the name, or the address, that was asked for") {
    const Certificates certificates;
    certificates.make("bob", both);
    certificates.make("carol", "DNS:carol.example.com");
    certificates.make_ca("other_ca");
    Loop loop;
    TlsPeer bob(loop, certificates.files("bob"));
    const auto outcome = [&](const TlsFiles &files, std::string_view host, const Endpoint &to) {
        TlsPeer alice(loop, files);
        const std::size_t before = bob.texts.size();
        alice.ask(to, sip_request("OPTIONS", 1), host);
        run_until(loop, [&] { return bob.texts.size() > before || !alice.lost.empty(); });
        if (bob.texts.size() > before) return std::string();
        CHECK(alice.failed == std::vector<std::uint64_t>{1});
        CHECK(alice.errors == std::vector<int>{EPROTO});
        CHECK(alice.transport->stream_statistics().handshakes_failed == 1);
        return alice.lost.at(0).second;
    };
    const TlsFiles strict = certificates.strict("bob");
    CHECK(outcome(strict, "sip.example.com", bob.local()) == "");
    CHECK(outcome(strict, "SIP.example.com", bob.local()) == "");
    CHECK(outcome(strict, "", bob.local()) == "");
    CHECK(outcome(strict, "127.0.0.1", bob.local()) == "");
    CHECK(outcome(strict, "evil.example.com", bob.local()) == "TLS: certificate verify failed: hostname mismatch");
    CHECK(outcome(strict, "127.0.0.2", bob.local()) == "TLS: certificate verify failed: IP address mismatch");
    CHECK(outcome(certificates.strict("bob", "other_ca"), "sip.example.com", bob.local())
              .starts_with("TLS: certificate verify failed: unable to get local issuer"));
    CHECK(outcome(certificates.files("bob"), "evil.example.com", bob.local()) == ""); // nobody looks

    TlsPeer carol(loop, certificates.files("carol"));
    CHECK(outcome(strict, "", carol.local()) == "TLS: certificate verify failed: IP address mismatch");
}

TEST_CASE("tls: a wildcard in a certificate is no host, nor is a URI (RFC 5922 section 7.2)") {
    const Certificates certificates;
    certificates.make("bob", "DNS:one.example,DNS:*.wild.example,URI:sip:uri.example");
    Loop loop;
    TlsPeer bob(loop, certificates.files("bob"));
    TlsPeer alice(loop, certificates.strict("bob"));
    alice.ask(bob.local(), sip_request("OPTIONS", 1), "one.example");
    run_until(loop, [&] { return bob.texts.size() == 1; });
    for (const char *host : {"a.wild.example", "uri.example"}) { // neither by this connection nor by their own
        CAPTURE(host);
        alice.failed.clear();
        alice.ask(bob.local(), sip_request("OPTIONS", 2), host);
        run_until(loop, [&] { return alice.failed.size() == 1; });
    }
    CHECK(bob.texts.size() == 1);
    CHECK(alice.transport->stream_statistics().handshakes_failed == 2);
}

TEST_CASE("tls: a connection serves no host that its certificate does not name (CVE-2020-15260)") {
    const Certificates certificates;
    certificates.make("bob", "DNS:one.example,DNS:two.example");
    Loop loop;
    TlsPeer bob(loop, certificates.files("bob"));
    TlsPeer alice(loop, certificates.strict("bob"));
    alice.ask(bob.local(), sip_request("OPTIONS", 1), "one.example");
    alice.ask(bob.local(), sip_request("OPTIONS", 2), "one.example");
    run_until(loop, [&] { return bob.texts.size() == 2; });
    alice.ask(bob.local(), sip_request("OPTIONS", 3), "two.example"); // the same certificate
    run_until(loop, [&] { return bob.texts.size() == 3; });
    CHECK(alice.transport->stream_statistics().connected == 1);
    alice.ask(bob.local(), sip_request("OPTIONS", 4), "evil.example");
    run_until(loop, [&] { return alice.failed.size() == 1; });
    CHECK(bob.texts.size() == 3);
    CHECK(alice.lost.empty());                     // the first one leads there still
    alice.ask(bob.local(), sip_request("BYE", 5)); // by the address, as inside a dialog
    run_until(loop, [&] { return bob.texts.size() == 4; });
    CHECK(alice.transport->stream_statistics().connections == 1);
}

TEST_CASE(
    "tls: with verify_peer whoever calls shows a certificate, and his alias is believed then (RFC 5923 section 5)") {
    const Certificates certificates;
    certificates.make("bob", both);
    certificates.make("alice", both);
    certificates.make_ca("other_ca");
    certificates.make("mallory", both, "other_ca");
    Loop loop;
    TlsPeer bob(loop, certificates.strict("bob"));
    TlsFiles without;
    for (const TlsFiles &files : {without, certificates.files("mallory")}) {
        TlsPeer mallory(loop, files);
        mallory.ask(bob.local(), sip_request("OPTIONS", 1));
        run_until(loop, [&] { return !mallory.lost.empty(); });
        CHECK(bob.texts.empty());
    }
    CHECK(bob.transport->stream_statistics().handshakes_failed == 2);

    TlsPeer alice(loop, certificates.strict("alice"));
    alice.ask(bob.local(), sip_request("OPTIONS", 2, "127.0.0.1:5099;alias"));
    run_until(loop, [&] { return bob.texts.size() == 1; });
    Endpoint listening = bob.from[0];
    listening.port = 5099;
    bob.ask(listening, sip_request("BYE", 3), "sip.example.com");
    run_until(loop, [&] { return alice.texts.size() == 1; });

    TlsPeer open(loop, certificates.files("bob")); // believes nobody
    alice.ask(open.local(), sip_request("OPTIONS", 4, "127.0.0.1:9;alias"));
    run_until(loop, [&] { return open.texts.size() == 1; });
    listening.port = 9;
    open.ask(listening, sip_request("BYE", 5));
    run_until(loop, [&] { return open.errors == std::vector<int>{ECONNREFUSED}; });
}

TEST_CASE("tls: new handshakes use a new certificate, and connections that live go on") {
    const Certificates certificates;
    certificates.make_ca("new_ca");
    certificates.make("old", both);
    certificates.make("new", both, "new_ca");
    Loop loop;
    TlsPeer bob(loop, certificates.files("old"));
    TlsPeer alice(loop, certificates.strict("old", "ca"));
    alice.ask(bob.local(), sip_request("OPTIONS", 1));
    run_until(loop, [&] { return bob.texts.size() == 1; });
    bob.transport->use(load(certificates.files("new")));
    alice.ask(bob.local(), sip_request("OPTIONS", 2));
    run_until(loop, [&] { return bob.texts.size() == 2; });
    CHECK(alice.transport->stream_statistics().connected == 1);

    TlsPeer carol(loop, certificates.strict("old", "ca"));
    carol.ask(bob.local(), sip_request("OPTIONS", 3));
    run_until(loop, [&] { return carol.lost.size() == 1; });
    carol.transport->use(load(certificates.strict("old", "new_ca")));
    carol.ask(bob.local(), sip_request("OPTIONS", 4));
    run_until(loop, [&] { return bob.texts.size() == 3; });
}

TEST_CASE("tls: garbage, plain SIP and a handshake that stops end in time, and others are served meanwhile") {
    const Certificates certificates;
    certificates.make("bob", both);
    Loop loop;
    TlsPeer bob(loop, certificates.files("bob"), "127.0.0.1", {.handshake_timeout = milliseconds(400)});
    const std::string hello("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11); // the beginning of a ClientHello
    std::vector<RawSocket> stopped;
    for (int i = 0; i < 200; ++i) {
        stopped.emplace_back(bob.local());
        if (i % 2 == 0) stopped.back().send(hello);
    }
    RawSocket plain(bob.local()), garbage(bob.local());
    plain.send(sip_request("OPTIONS", 1));
    garbage.send(std::string(100'000, '\xff'));
    run_until(loop, [&] { return plain.is_closed() && garbage.is_closed(); });
    CHECK(bob.transport->stream_statistics().handshakes_failed == 2);

    TlsPeer alice(loop, certificates.files("bob"));
    alice.ask(bob.local(), sip_request("OPTIONS", 1));
    run_until(loop, [&] { return bob.texts.size() == 1; });
    run_until(loop, [&] { return bob.transport->stream_statistics().connections == 1; }); // alice's
    CHECK(bob.transport->stream_statistics().timed_out == 200);
    CHECK(bob.texts.size() == 1);
}

TEST_CASE("tls: a peer that resets or leaves in the middle is told, and does not end the process") {
    const Certificates certificates;
    certificates.make("bob", both);
    Loop loop;
    auto bob = std::make_unique<TlsPeer>(loop, certificates.files("bob"));
    TlsPeer alice(loop, certificates.files("bob"));
    const Endpoint to = bob->local();
    alice.ask(to, sip_request("OPTIONS", 1));
    run_until(loop, [&] { return bob->texts.size() == 1; });
    bob.reset();
    alice.ask(to, sip_request("OPTIONS", 2)); // into a connection that is closed
    alice.ask(to, sip_request("OPTIONS", 3));
    run_until(loop, [&] { return !alice.lost.empty(); });
    alice.ask(to, sip_request("OPTIONS", 4));
    run_until(loop, [&] { return !alice.errors.empty() && alice.errors.back() == ECONNREFUSED; });
}

TEST_CASE("tls: how a connection ended is told as it was") {
    const Certificates certificates;
    certificates.make("bob", both);
    Loop loop;
    auto bob = std::make_unique<TlsPeer>(loop, certificates.files("bob"));
    TlsPeer alice(loop, certificates.files("bob"));
    alice.ask(bob->local(), sip_request("OPTIONS", 1));
    run_until(loop, [&] { return bob->texts.size() == 1; });
    bob.reset(); // without a word of TLS
    run_until(loop, [&] { return alice.lost.size() == 1; });
    CHECK(alice.lost[0].second == "closed by the peer");

    for (const bool is_reset : {false, true}) { // in the handshake
        CAPTURE(is_reset);
        Endpoint to = tls("127.0.0.1");
        RawListener listener;
        to.port = listener.local().port;
        alice.ask(to, sip_request("OPTIONS", 2));
        RawSocket far;
        run_until(loop, [&] { return listener.accept(far) && !far.text().empty(); });
        is_reset ? far.reset() : far.close();
        const std::size_t before = alice.lost.size();
        run_until(loop, [&] { return alice.lost.size() > before; });
        CHECK(alice.lost.back().second == (is_reset ? "connection reset by peer" : "closed by the peer"));
        CHECK(alice.errors.back() == ECONNRESET);
    }

    TlsPeer strict(loop, certificates.strict("bob")); // its refusal comes after our handshake
    TlsPeer nobody(loop, {});
    nobody.ask(strict.local(), sip_request("OPTIONS", 3));
    run_until(loop, [&] { return nobody.lost.size() == 1; });
    CHECK(nobody.lost[0].second == "TLS: tlsv13 alert certificate required");
}

TEST_CASE("tls: files that are missing, broken or of different pairs fail with one line") {
    const Certificates certificates;
    certificates.make("bob", both);
    certificates.make("carol", both);
    std::ofstream(certificates.path("garbage.pem")) << "no certificate\n";
    const auto reason = [&](TlsFiles files) {
        const auto context = TlsContext::load(files);
        REQUIRE(!context.ok());
        return context.error().detail;
    };
    TlsFiles files = certificates.files("bob");
    const std::string bob = files.certificate;
    files.certificate = "/none/x.pem";
    CHECK(reason(files) == "[tls] certificate \"/none/x.pem\": no such file or directory");
    files.certificate = certificates.path("garbage.pem");
    CHECK(reason(files) == "[tls] certificate \"" + files.certificate + "\": no start line");
    files.certificate = bob;
    files.key = certificates.path("carol.key");
    CHECK(reason(files) == "[tls] key \"" + files.key + "\": key values mismatch");
    files.key = "/none/x.key";
    CHECK(reason(files) == "[tls] key \"/none/x.key\": no such file or directory");
    files = certificates.strict("bob");
    files.ca = "/none/ca.pem";
    CHECK(reason(files) == "[tls] ca \"/none/ca.pem\": no such file or directory");
}
