// Connections to a host that is named: whoever is asked for the name, nobody waits for him.
#include "net/byte_stream.hpp"
#include "net/dns/name_server.hpp"
#include "net/stream_peer.hpp"

using namespace tandem;
using namespace tandem::test;
using namespace std::chrono_literals;

namespace {

struct Stream {
    Stream(Loop &loop, const std::string &host, std::uint16_t port, const std::vector<Endpoint> &name_servers = {}) {
        ByteStreamEvents events;
        events.on_connected = [this] { is_connected = true; };
        events.on_bytes = [this](std::string_view bytes) { text += bytes; };
        events.on_closed = [this](std::string reason) { why = std::move(reason); };
        stream.emplace(loop, host, port, std::move(events), name_servers);
    }
    bool is_connected = false;
    std::string text;
    std::string why; // it was closed
    std::optional<ByteStream> stream;
};

} // namespace

TEST_CASE("byte stream: a host may be an address, a name of the hosts file, or one that DNS knows") {
    Loop loop;
    RawListener listener;
    Dnsmasq server({"--host-record=redis.example,127.0.0.1"});
    for (const char *host : {"127.0.0.1", "localhost", "redis.example"}) {
        CAPTURE(host);
        Stream stream(loop, host, listener.local().port, {server.at()});
        run_until(loop, [&] { return stream.is_connected || !stream.why.empty(); });
        CHECK(stream.why == "");
        RawSocket far;
        REQUIRE(listener.accept(far));
        stream.stream->write("PING");
        run_until(loop, [&] { return far.text() == "PING"; });
        far.send("PONG");
        run_until(loop, [&] { return stream.text == "PONG"; });
    }
}

TEST_CASE("byte stream: a name that there is not is told so") {
    Loop loop;
    Dnsmasq server({"--host-record=redis.example,127.0.0.1", "--local=/example/"});
    Stream stream(loop, "other.example", 6379, {server.at()});
    run_until(loop, [&] { return !stream.why.empty(); });
    CHECK(stream.why.substr(0, 5) == "DNS: ");
    CHECK_FALSE(stream.is_connected);
}

TEST_CASE("byte stream: a name server that never answers holds nobody up who ends") {
    SilentServer server;
    const Instant began = SystemClock::now();
    {
        Loop loop;
        Stream stream(loop, "redis.example", 6379, {server.at()});
        run_until(loop, [&] { return server.was_asked(); });
        CHECK(stream.why == "");
        stream.stream.reset();
        Stream until_the_loop_ends(loop, "redis.example", 6379, {server.at()});
        run_for(loop, 10ms);
    }
    CHECK(SystemClock::now() - began < 1s);
}
