#include <doctest/doctest.h>
#include "control/decision_cache.hpp"

using namespace tandem;
using std::chrono::milliseconds;

namespace {

std::shared_ptr<const Decision> decision(std::uint16_t code) {
    auto made = std::make_shared<Decision>();
    made->code = code;
    return made;
}

} // namespace

TEST_CASE("decision cache: what is kept is found until its time is over, to the microsecond") {
    DecisionCache cache;
    cache.keep("a", decision(403), 10, milliseconds(100), at_ms(0));
    REQUIRE(cache.find("a", at_ms(100) - Duration(1)));
    CHECK(cache.find("a", at_ms(0))->code == 403);
    CHECK_FALSE(cache.find("b", at_ms(0)));
    CHECK_FALSE(cache.find("a", at_ms(100)));
    CHECK(cache.size() == 0);
    CHECK(cache.bytes() == 0);
}

TEST_CASE("decision cache: the latest decision holds, and one for no time ends it") {
    DecisionCache cache;
    cache.keep("a", decision(403), 10, milliseconds(100), at_ms(0));
    cache.keep("a", decision(404), 10, milliseconds(100), at_ms(50));
    CHECK(cache.size() == 1);
    CHECK(cache.find("a", at_ms(120))->code == 404);
    cache.keep("a", decision(200), 10, Duration::zero(), at_ms(60));
    CHECK_FALSE(cache.find("a", at_ms(60)));
}

TEST_CASE("decision cache: beyond its entries and its bytes the oldest goes") {
    DecisionCache few({.entry_max = 2, .bytes_max = 1000});
    for (const char *key : {"a", "b", "c"}) few.keep(key, decision(403), 10, milliseconds(100), at_ms(0));
    CHECK_FALSE(few.find("a", at_ms(0)));
    CHECK(few.find("b", at_ms(0)));
    CHECK(few.find("c", at_ms(0)));

    DecisionCache small({.entry_max = 100, .bytes_max = 100});
    for (const char *key : {"a", "b", "c"}) small.keep(key, decision(403), 40, milliseconds(100), at_ms(0));
    CHECK(small.size() == 2);
    CHECK(small.bytes() == 82);
    small.keep("d", decision(403), 101, milliseconds(100), at_ms(0)); // would never fit
    CHECK(small.size() == 2);
}
