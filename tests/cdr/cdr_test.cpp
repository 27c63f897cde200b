#include "cdr/cdr.hpp"
#include <doctest/doctest.h>

using namespace tandem;

namespace {

constexpr std::int64_t noon_us = 1'800'000'000'000'000;

DialogRecord answered_call() {
    DialogRecord record;
    record.id = {1, 2};
    record.call_id = "a";
    record.callee_call_id = "b";
    record.from_uri = "sip:alice@a";
    record.source = "192.0.2.1:5060";
    record.created = at_ms(1000);
    record.ringing = at_ms(2000);
    record.answered = at_ms(5000);
    record.ended = at_ms(65'250);
    record.sip_code = 200;
    record.end_reason = EndReason::callee_bye;
    record.q850 = 16;
    return record;
}

} // namespace

TEST_CASE("cdr: an answered call has all its times and the duration from answer to end") {
    const WallClock wall(at_ms(0), noon_us);
    const Cdr cdr = make_cdr(answered_call(), wall);
    CHECK(cdr.caller_call_id == "a");
    CHECK(cdr.callee_call_id == "b");
    CHECK(cdr.created_us == noon_us + 1'000'000);
    CHECK(cdr.ringing_us == noon_us + 2'000'000);
    CHECK(cdr.answered_us == noon_us + 5'000'000);
    CHECK(cdr.ended_us == noon_us + 65'250'000);
    CHECK(cdr.duration_us == 60'250'000);
    CHECK(cdr.end_reason == EndReason::callee_bye);
    CHECK(cdr.q850 == 16);
}

TEST_CASE("cdr: a call that was never answered has no duration") {
    DialogRecord record = answered_call();
    record.ringing.reset();
    record.answered.reset();
    const Cdr cdr = make_cdr(record, WallClock(at_ms(0), noon_us));
    CHECK_FALSE(cdr.ringing_us);
    CHECK_FALSE(cdr.answered_us);
    CHECK(cdr.duration_us == 0);
}

TEST_CASE("cdr: a step of the wall clock moves no stamp before it, and no duration") {
    WallClock wall(at_ms(0), noon_us);
    wall.observe(at_ms(30'000), noon_us + 30'000'000 + 3'600'000'000); // somebody set it an hour ahead
    const Cdr cdr = make_cdr(answered_call(), wall);
    CHECK(cdr.answered_us == noon_us + 5'000'000);
    CHECK(cdr.ended_us == noon_us + 65'250'000 + 3'600'000'000);
    CHECK(cdr.duration_us == 60'250'000);
}

TEST_CASE("cdr: a duration is never negative") {
    DialogRecord record = answered_call();
    record.answered = *record.ended + Duration(1);
    CHECK(make_cdr(record, WallClock(at_ms(0), noon_us)).duration_us == 0);
}
