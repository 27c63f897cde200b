#include "node/message_trail.hpp"
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <string>
#include "net/system_random.hpp"

namespace tandem {

namespace {

std::string message_of(std::string_view call_id, std::size_t body = 0) {
    return fmt::format("OPTIONS sip:a SIP/2.0\r\nCall-ID: {}\r\nCSeq: 1 OPTIONS\r\n\r\n{}", call_id,
                       std::string(body, 'x'));
}

const Endpoint peer;

} // namespace

TEST_CASE("message trail: each Call-ID has its messages, in order, with what came and what was sent") {
    SystemRandom random(0);
    MessageTrails trails({}, random);
    trails.put(1, false, peer, message_of("one"));
    trails.put(2, true, peer, message_of("two"));
    trails.put(3, true, peer, "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKx\r\ni: one\r\n\r\n");
    trails.put(4, true, peer, "\r\n\r\n");
    const Trail *one = trails.find("one");
    REQUIRE(one);
    REQUIRE(one->messages.size() == 2);
    CHECK(one->messages[0].at_us == 1);
    CHECK_FALSE(one->messages[0].is_sent);
    CHECK(one->messages[1].at_us == 3);
    CHECK(one->messages[1].is_sent);
    CHECK(one->messages[1].text.starts_with("SIP/2.0 200 OK\r\n"));
    REQUIRE(trails.find("two"));
    CHECK(trails.find("two")->messages.size() == 1);
    CHECK_FALSE(trails.find("three"));
}

TEST_CASE("message trail: of a call the last 64 are kept, and the rest is counted") {
    SystemRandom random(0);
    MessageTrails trails({}, random);
    for (int i = 0; i < 100; ++i) trails.put(i, false, peer, message_of("one"));
    const Trail *one = trails.find("one");
    REQUIRE(one);
    CHECK(one->messages.size() == 64);
    CHECK(one->dropped == 36);
    CHECK(one->messages.front().at_us == 36);
    CHECK(one->messages.back().at_us == 99);
}

TEST_CASE("message trail: a message is cut, and an overlong Call-ID is none") {
    SystemRandom random(0);
    MessageTrails trails({.text_max = 100}, random);
    trails.put(1, false, peer, message_of("one", 5000));
    trails.put(1, false, peer, message_of(std::string(300, 'a')));
    CHECK(trails.find("one")->messages.front().text.size() == 100);
    CHECK_FALSE(trails.find(std::string(300, 'a')));
}

TEST_CASE("message trail: memory is bounded, and who was silent for the longest time goes first") {
    SystemRandom random(0);
    const TrailLimits limits{.byte_max = 100'000};
    MessageTrails trails(limits, random);
    for (int i = 0; i < 10'000; ++i) {
        trails.put(i, false, peer, message_of("talks"));
        trails.put(i, false, peer, message_of(fmt::format("call-{}", i), 500));
        CHECK(trails.bytes() <= limits.byte_max);
    }
    CHECK(trails.find("talks"));
    CHECK(trails.find("call-9999"));
    CHECK_FALSE(trails.find("call-0"));
}

TEST_CASE("message trail: one call alone may fill it") {
    SystemRandom random(0);
    MessageTrails trails({.byte_max = 1000}, random);
    for (int i = 0; i < 200; ++i) trails.put(i, false, peer, message_of("one", 1000));
    CHECK(trails.find("one")->messages.size() == 64);
}

} // namespace tandem
