#include <doctest/doctest.h>
#include "node/call_copies.hpp"

using namespace tandem;

TEST_CASE("call copies: what waits for the store is told when that has it") {
    CallCopies copies;
    DialogRecord leg;
    leg.owner = 7;
    copies.changed(leg);
    copies.end_round(5);
    copies.settled(4);
    CHECK(copies.empty());
    SUBCASE("at once, if nothing waits") {
        copies.settled(5);
        CHECK_FALSE(copies.empty());
    }
    SUBCASE("in order") {
        copies.changed(leg);
        copies.end_round(0);
        copies.settled(4);
        CHECK(copies.empty());
    }
    SUBCASE("but not what is told to nobody, because another node has it") {
        leg.owner = 0;
        leg.id = {1, 2};
        leg.answered = at_ms(1);
        CallCopies others;
        others.ended(leg);
        others.end_round(5);
        others.forget(leg.id);
        others.settled(5);
        CHECK(others.empty());
        others.ended(leg);
        others.end_round(6);
        others.settled(6);
        CHECK_FALSE(others.empty());
    }
}

TEST_CASE("call copies: of legs and of calls that nobody answered no end is told") {
    CallCopies copies;
    DialogRecord leg;
    leg.id = {1, 2};
    copies.ended(leg);
    leg.answered = at_ms(1);
    leg.leg_of = {1, 1};
    copies.ended(leg);
    copies.end_round(0);
    copies.settled(0);
    CHECK(copies.empty());
}
