// Many lookups over a DNS that the test answers for, by a clock that the test moves.
#include <algorithm>
#include <doctest/doctest.h>
#include "net/dns/lookups.hpp"
#include "net/dns/zone.hpp"

using namespace tandem;
using namespace tandem::test;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const SipLookup over_tcp{false, "example.com", 0, Transport::tcp};
const SipLookup with_port{false, "example.com", 5080, {}};

struct World {
    explicit World(const LookupOptions &options = {})
        : lookups(reach({Transport::udp, Transport::tcp}), options, random, now) {}

    std::uint64_t start(const SipLookup &what) {
        lookups.start(++last, what, now);
        drain();
        return last;
    }
    // Answers every question that is out, and what follows from it.
    void answer_all() {
        while (!out.empty()) answer_first();
    }
    void answer_first() {
        const DnsQuestion question = out.front();
        out.erase(out.begin());
        lookups.answer(question, zone.find(question), now);
        drain();
    }
    void wait(Duration span) {
        for (const Instant end = now + span; now < end;) {
            now = std::min(end, std::max(now, lookups.next_deadline().value_or(never)));
            lookups.advance(now);
            drain();
        }
    }
    void drain() {
        const std::size_t before = out.size();
        lookups.take_questions(out);
        asked += out.size() - before;
        std::vector<LookupDone> done;
        lookups.take_results(done);
        for (const LookupDone &each : done) results[each.id].push_back(to_text(each.result));
    }
    std::string result(std::uint64_t id) { // exactly one, or "waits"
        CHECK(results[id].size() <= 1);
        return results[id].empty() ? "waits" : results[id].front();
    }

    SeededRandom random{3};
    Instant now = at_ms(1000);
    Lookups lookups;
    Zone zone;
    std::vector<DnsQuestion> out;
    std::size_t asked = 0;
    std::map<std::uint64_t, std::vector<std::string>> results;
    std::uint64_t last = 0;
};

Zone example() {
    Zone zone;
    zone.srv("_sip._tcp.example.com", {0, 50, 5060, "one.example.com"});
    zone.srv("_sip._tcp.example.com", {0, 50, 5060, "two.example.com"});
    zone.a("one.example.com", {"192.0.2.1"});
    zone.a("two.example.com", {"192.0.2.2"});
    zone.a("example.com", {"192.0.2.9"});
    return zone;
}

} // namespace

TEST_CASE("lookups: an address, and a failure that needs no DNS, are there at once") {
    World world;
    CHECK(world.result(world.start({false, "192.0.2.7", 0, {}})) == "UDP 192.0.2.7:5060");
    CHECK(world.result(world.start({false, "no name", 0, {}})) == "no valid host name");
    CHECK(world.asked == 0);
    CHECK(world.lookups.size() == 0);
    CHECK_FALSE(world.lookups.next_deadline());
}

TEST_CASE("lookups: many that wait for one name share its questions, and each has its one result") {
    World world;
    world.zone = example();
    for (int i = 0; i < 100; ++i) world.start(over_tcp);
    CHECK(world.out.size() == 1);
    world.answer_all();
    CHECK(world.asked == 3);
    for (std::uint64_t id = 1; id <= 100; ++id) CHECK(world.result(id).starts_with("TCP 192.0.2."));
    CHECK(world.lookups.size() == 0);
    CHECK(world.lookups.statistics().shared == 3 * 99);
}

TEST_CASE("lookups: records come from the cache until their TTL ends, and weights are drawn anew") {
    World world;
    world.zone = example();
    world.start(over_tcp);
    world.answer_all();
    std::map<std::string, int> seen;
    for (int i = 0; i < 200; ++i) ++seen[world.result(world.start(over_tcp))];
    CHECK(world.asked == 3);
    CHECK(seen.size() == 2);
    for (const auto &[result, times] : seen) CHECK_MESSAGE(times > 60, result);

    world.wait(seconds(60) - milliseconds(1));
    CHECK(world.result(world.start(over_tcp)) != "waits");
    world.wait(milliseconds(1));
    CHECK(world.result(world.start(over_tcp)) == "waits");
    CHECK(world.asked == 4);
}

TEST_CASE("lookups: a silent DNS costs half the timeout for one question, and then one question in five seconds") {
    World world;
    world.start(with_port);
    world.wait(seconds(2) - milliseconds(1));
    const auto second = world.start(with_port);
    CHECK(world.result(1) == "waits");
    world.wait(milliseconds(1));
    CHECK(world.result(1) == "no answer from DNS in time");
    CHECK(world.result(second) == "no answer from DNS in time");
    for (int i = 0; i < 50; ++i) {
        CHECK(world.result(world.start(with_port)) == "no answer from DNS in time");
        world.wait(milliseconds(99));
    }
    CHECK(world.asked == 1);
    world.wait(seconds(1));
    CHECK(world.result(world.start(with_port)) == "waits");
    CHECK(world.asked == 1); // the first one is still out: whoever asks waits for it
    CHECK(world.lookups.statistics().timeouts == 1);
}

TEST_CASE("lookups: no lookup lasts longer than its timeout, whatever the chain") {
    World world;
    world.zone = example();
    const auto id = world.start({false, "example.com", 0, {}}); // NAPTR, SRV, A: each of them silent
    world.wait(seconds(2));
    CHECK(world.out.size() == 3); // on from NAPTR to the SRV records of UDP and TCP
    world.wait(seconds(2) - milliseconds(1));
    CHECK(world.result(id) == "waits");
    world.wait(milliseconds(1));
    CHECK(world.result(id) == "no answer from DNS in time");
    CHECK(world.lookups.size() == 0);
}

TEST_CASE("lookups: an answer that is too late serves the next lookup") {
    World world;
    world.zone = example();
    const auto first = world.start(with_port);
    world.wait(seconds(3));
    CHECK(world.result(first) == "no answer from DNS in time");
    world.answer_all();
    CHECK(world.results[first].size() == 1);
    CHECK(world.result(world.start(with_port)) == "UDP 192.0.2.9:5080");
    CHECK(world.asked == 1);
}

TEST_CASE(
    "lookups: a failure that comes late does not prolong the back-off, and an answer nobody waits for is ignored") {
    World world;
    world.zone.fail({"example.com", DnsType::a}, DnsStatus::failed);
    world.start(with_port);
    world.wait(seconds(6));
    world.answer_all();
    world.wait(seconds(1)); // 5 s after the timeout
    CHECK(world.result(world.start(with_port)) == "waits");
    world.lookups.answer({"strange.example", DnsType::a}, {}, world.now);
    CHECK(world.lookups.statistics().failures == 1);
}

TEST_CASE("lookups: names that do not exist are remembered too") {
    World world;
    CHECK(world.result(world.start(with_port)) == "waits");
    world.answer_all();
    CHECK(world.result(1) == "no such name");
    CHECK(world.result(world.start(with_port)) == "no such name");
    CHECK(world.asked == 1);
    world.wait(seconds(1));
    CHECK(world.result(world.start(with_port)) == "waits");
}

TEST_CASE("lookups: records outlive their TTL while DNS is dead (RFC 8767)") {
    World world;
    world.zone = example();
    world.start(with_port);
    world.answer_all();
    world.wait(seconds(61));
    const auto id = world.start(with_port);
    world.wait(seconds(2));
    CHECK(world.result(id) == "UDP 192.0.2.9:5080");
    CHECK(world.result(world.start(with_port)) == "UDP 192.0.2.9:5080"); // and this one has not waited
}

TEST_CASE("lookups: once the first target has an address, the others have a moment") {
    World world;
    world.zone = example();
    world.zone.srv("_sip._tcp.spare.example", {1, 0, 5060, "one.example.com"});
    world.zone.srv("_sip._tcp.spare.example", {2, 0, 5060, "silent.example.com"});
    const auto id = world.start({false, "spare.example", 0, Transport::tcp});
    world.answer_first();
    world.answer_first(); // one.example.com
    world.wait(milliseconds(299));
    CHECK(world.result(id) == "waits");
    world.wait(milliseconds(1));
    CHECK(world.result(id) == "TCP 192.0.2.1:5060");
}

TEST_CASE("lookups: lookups and questions are bounded, and what is over the limit is told so and counted") {
    LookupOptions options;
    options.lookup_max = 3;
    options.question_max = 2;
    World world(options);
    CHECK(world.result(world.start({false, "a", 1, {}})) == "waits");
    CHECK(world.result(world.start({false, "b", 1, {}})) == "waits");
    CHECK(world.result(world.start({false, "c", 1, {}})) == "too many lookups"); // a third question
    CHECK(world.result(world.start({false, "a", 1, {}})) == "waits");
    CHECK(world.result(world.start({false, "a", 1, {}})) == "too many lookups"); // a fourth lookup
    CHECK(world.lookups.statistics().full == 2);
    world.answer_all();
    CHECK(world.result(world.start({false, "c", 1, {}})) == "waits"); // is not remembered
}

TEST_CASE("lookups: a name of the hosts file, and localhost, ask DNS nothing; a new file is in force at once") {
    World world;
    world.zone = example();
    world.lookups.set_hosts(HostTable::parse("198.51.100.1 example.com\n"));
    CHECK(world.result(world.start({false, "example.com", 0, {}})) == "UDP 198.51.100.1:5060");
    CHECK(world.result(world.start(over_tcp)) == "TCP 198.51.100.1:5060");
    CHECK(world.result(world.start({false, "localhost", 5070, {}})) == "UDP 127.0.0.1:5070");
    CHECK(world.asked == 0);
    world.lookups.set_hosts({});
    CHECK(world.result(world.start(over_tcp)) == "waits");
}

TEST_CASE("lookups: random lookups and answers leave nothing behind, and each ends once") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        LookupOptions options;
        options.lookup_max = 40;
        options.question_max = 30;
        options.cache.entry_max = 16;
        World world(options);
        world.zone = example();
        SeededRandom dice(seed);
        for (int step = 0; step < 2000; ++step) {
            const auto drawn = dice.next() % 10;
            const std::string name = "h" + std::to_string(dice.next() % 20) + ".example.com";
            if (drawn < 4) {
                SipLookup what = dice.next() % 2 ? over_tcp : SipLookup{false, name, 0, {}};
                if (dice.next() % 2) what.port = 5080;
                world.start(what);
            } else if (drawn < 6) {
                world.wait(milliseconds(dice.next() % 900));
            } else if (!world.out.empty()) {
                std::swap(world.out.front(), world.out[dice.next() % world.out.size()]);
                if (drawn == 6) world.zone.fail(world.out.front(), DnsStatus(dice.next() % 5));
                world.answer_first();
            }
            CHECK(world.lookups.size() <= 40);
        }
        world.wait(seconds(10));
        CHECK(world.lookups.size() == 0);
        CHECK(world.results.size() == world.last);
        for (const auto &[id, results] : world.results) CHECK(results.size() == 1);
    }
}
