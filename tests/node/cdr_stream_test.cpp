// The stream with real servers, and a source that the test fills.
#include <doctest/doctest.h>
#include <thread>
#include "net/system_clock.hpp"
#include "node/cdr_stream.hpp"
#include "node/lines.hpp"
#include "storage/redis_cluster.hpp"
#include "storage/redis_server.hpp"

using namespace tandem;
using namespace tandem::test;
using namespace std::chrono_literals;

namespace {

struct Sender {
    explicit Sender(const std::string &url, std::size_t queue_max = 100'000) : source(queue_max) {
        CdrStreamOptions options;
        options.url = *RedisUrl::parse(url);
        options.key = "test:calls";
        options.answer_max = 2s;
        options.retry_max = 200ms;
        stream.emplace(options, source, lines.log);
        stream->start();
    }

    void keep(std::uint64_t first, std::uint64_t last) {
        for (std::uint64_t serial = first; serial <= last; ++serial) {
            Cdr cdr;
            cdr.id = {1, serial};
            cdr.end_reason = EndReason::caller_bye;
            source.keep(cdr);
            stream->wake(1);
        }
    }
    template <class Done>
    void wait_until(Done done) {
        const Instant end = SystemClock::now() + 20s;
        while (!done(stream->statistics()) && SystemClock::now() < end) std::this_thread::sleep_for(1ms);
        CHECK(done(stream->statistics()));
    }

    Lines lines;
    QueuedCdrs source;
    std::optional<CdrStream> stream;
};

std::string url_of(const RedisServer &server) { return "redis://127.0.0.1:" + std::to_string(server.port()); }

} // namespace

TEST_CASE("cdr stream: more than one batch comes in order, each once, and is counted") {
    RedisServer redis;
    Sender sender(url_of(redis));
    sender.keep(1, 1000);
    sender.wait_until([](const CdrStreamStatistics &seen) { return seen.sent == 1000 && seen.waiting == 0; });
    CHECK(redis.ask("XLEN test:calls") == "1000");
    CHECK(redis.ask("XRANGE test:calls - + COUNT 1").find(RecordId{1, 1}.to_string()) != std::string::npos);
    CHECK(redis.ask("XREVRANGE test:calls + - COUNT 1").find(RecordId{1, 1000}.to_string()) != std::string::npos);
    const CdrStreamStatistics seen = sender.stream->statistics();
    CHECK(seen.resent == 0);
    CHECK(seen.lost == 0);
    CHECK(seen.outages == 0);
    CHECK(!sender.lines.has("redis: "));
}

TEST_CASE("cdr stream: an outage is one line, what waits is bounded, and what has no answer is sent again") {
    RedisServer redis;
    Sender sender(url_of(redis), 300);
    sender.keep(1, 1);
    sender.wait_until([](const CdrStreamStatistics &seen) { return seen.sent == 1; });
    redis.signal(SIGSTOP);
    sender.keep(2, 11);
    sender.wait_until([](const CdrStreamStatistics &seen) { return seen.outages == 1; });
    sender.keep(12, 411); // 100 more than there is room for
    CHECK(sender.stream->statistics().lost == 100);
    redis.signal(SIGCONT);
    sender.wait_until([](const CdrStreamStatistics &seen) { return seen.sent == 311 && seen.waiting == 0; });
    const CdrStreamStatistics seen = sender.stream->statistics();
    CHECK(seen.resent >= 10);
    CHECK(seen.outages == 1);
    CHECK(std::stoi(redis.ask("XLEN test:calls")) >= 311);
    CHECK(sender.lines.count("records of calls wait for the stream") == 1);
    CHECK(sender.lines.count("goes on after") == 1);
}

TEST_CASE("cdr stream: the end waits for what is on its way, and not for a server that is away") {
    RedisServer redis;
    {
        Sender sender(url_of(redis));
        sender.keep(1, 500);
        sender.stream->end(10s);
        CHECK(sender.stream->statistics().sent == 500);
    }
    redis.kill();
    Sender sender(url_of(redis));
    sender.keep(1, 5);
    sender.wait_until([](const CdrStreamStatistics &seen) { return seen.outages == 1; });
    const Instant since = SystemClock::now();
    sender.stream->end(10s);
    CHECK(SystemClock::now() - since < 5s);
    CHECK(sender.stream->statistics().waiting == 5);
}

TEST_CASE("cdr stream: in a cluster it is where its key belongs, and is followed when that moves") {
    RedisCluster cluster;
    Sender sender(cluster.url());
    sender.keep(1, 10);
    sender.wait_until([](const CdrStreamStatistics &seen) { return seen.sent == 10; });
    RedisServer &from = cluster.servers[cluster.owner("test:calls")];
    RedisServer &to = cluster.servers[(cluster.owner("test:calls") + 1) % 3];
    CHECK(from.ask("XLEN test:calls") == "10");
    from.ask("DEL test:calls");
    const std::string slot = std::to_string(redis_slot("test:calls"));
    for (RedisServer *server : {&to, &from}) server->ask("CLUSTER SETSLOT " + slot + " NODE " + to.ask("CLUSTER MYID"));
    sender.keep(11, 20);
    sender.wait_until([](const CdrStreamStatistics &seen) { return seen.sent == 20; });
    CHECK(to.ask("XLEN test:calls") == "10");
    CHECK(sender.stream->statistics().outages == 0);
}
