#include <doctest/doctest.h>
#include <map>
#include <random>
#include <vector>
#include "dialog/cseq_map.hpp"

using namespace tandem;

TEST_CASE("cseq: without a challenge every number is the sender's own, and nothing is kept") {
    const CseqSpace space;
    CHECK(*space.sent(0) == 0);
    CHECK(*space.sent(0x7fffffff) == 0x7fffffff);
    CHECK(*space.origin(7) == CseqOrigin{7, false});
    CHECK(space.is_identity());
    CHECK(CseqMap().to_string().empty());
}

TEST_CASE("cseq: a refusal of what was never sent is none, and beyond the last number there is none") {
    CseqSpace space;
    CHECK(space.retry(6, 5).error() == Error::not_found);
    CHECK(space.retry(0x80000000, 5).error() == Error::not_found);
    CHECK(space.retry(0, std::nullopt).error() == Error::not_found);
    CHECK(space.is_identity());
    CHECK(space.retry(0x7fffffff, 0x7fffffff).error() == Error::out_of_range);
    CHECK(space.take(0x7fffffff).error() == Error::out_of_range);
    REQUIRE(*space.retry(0x7ffffffe, 0x7ffffffe) == 0x7fffffff);
    CHECK(space.sent(0x7fffffff).error() == Error::out_of_range);
    CHECK(space.sent(0x80000000).error() == Error::out_of_range);
    CHECK(space.take(0x7ffffffe).error() == Error::out_of_range);
}

TEST_CASE("cseq: who is challenged for ever makes it forget the oldest, and keeps the latest") {
    CseqSpace space;
    for (std::uint32_t i = 1; i <= 1000; ++i) REQUIRE(*space.retry(i, 1) == i + 1);
    CHECK(*space.sent(1) == 1001);
    CHECK(*space.sent(2) == 1002);
    CHECK(*space.origin(1001) == CseqOrigin{1, false});
    CHECK(*space.origin(1001 - CseqSpace::step_max + 1) == CseqOrigin{1, false});
    CHECK(space.origin(1001 - CseqSpace::step_max).error() == Error::not_found);
    CHECK(space.retry(5, 1).error() == Error::not_found);
}

TEST_CASE("cseq: a dialog grows from one of several tries, and knows nothing of the later ones") {
    CseqSpace space;
    REQUIRE(*space.retry(1, 1) == 2);
    REQUIRE(*space.retry(2, 1) == 3);
    CHECK(space.up_to(1).is_identity());
    CHECK(space.up_to(2).to_string() == "0:0 2:1");
    CHECK(*space.up_to(2).sent(2) == 3); // the caller's next request
    CHECK(space.up_to(3) == space);
}

TEST_CASE("cseq: a map is read back as it was written, and anything else is refused") {
    CseqMap map;
    REQUIRE(map.of(Side::caller).retry(1, 1));
    REQUIRE(map.of(Side::callee).take(4));
    REQUIRE(map.of(Side::callee).retry(5, 4));
    CHECK(map.to_string() == "0:0 2:1/0:0 5:*5 6:*5 7:5");
    CHECK(CseqMap::parse(map.to_string()) == map);
    CHECK(CseqMap::parse("") == CseqMap());
    for (const char *text :
         {"0:0", "0:0/x", "/ ", "1:1 1:2/", "2:1 1:1/", "0:0 /", "1:*1/", "2147483648:1/", "1/", "a"}) {
        CAPTURE(text);
        CHECK_FALSE(CseqMap::parse(text));
    }
}

TEST_CASE("cseq: under random challenges numbers rise, lead back, and are the same when they come again") {
    for (std::uint32_t seed = 1; seed <= 50; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        CseqSpace space;
        std::optional<std::uint32_t> last;
        std::uint32_t highest = 0;                     // that the far side has seen
        std::map<std::uint32_t, CseqOrigin> origins;   // of all that it has seen
        std::map<std::uint32_t, std::uint32_t> latest; // of each request of the sender
        std::map<std::uint32_t, std::uint32_t> again;  // of each refusal
        const auto is_new = [&](std::uint32_t sent, CseqOrigin origin) {
            REQUIRE(sent > highest);
            highest = sent;
            origins[sent] = origin;
            if (!origin.is_own) latest[origin.number] = sent;
        };
        for (int i = 0; i < 60; ++i) {
            const std::uint32_t dice = random() % 4;
            if (dice <= 1 || origins.empty()) {
                last = (last ? *last : random() % 3) + 1 + random() % 2;
                is_new(*space.sent(*last), {*last, false});
            } else if (dice == 2) {
                const std::uint32_t own = *space.take(last);
                is_new(own, {own, true});
            } else { // a refusal of any number that was seen, perhaps of one that was refused before
                const std::uint32_t refused = std::next(origins.begin(), random() % origins.size())->first;
                const std::uint32_t sent = *space.retry(refused, last);
                if (sent > highest) {
                    is_new(sent, origins.at(refused));
                } else {
                    REQUIRE(origins.at(sent) == origins.at(refused));
                    REQUIRE(sent > refused);
                }
                if (again.contains(refused)) REQUIRE(again.at(refused) == sent);
                again[refused] = sent;
            }
            for (const auto &[number, sent] : latest) REQUIRE(*space.sent(number) == sent);
            for (const auto &[sent, origin] : origins) REQUIRE(*space.origin(sent) == origin);
            REQUIRE(CseqSpace::parse(space.to_string()) == space);
        }
    }
}
