// The record of a call as the tracker leaves it: one for each dialog set, with what was known at its end.
#include <doctest/doctest.h>
#include <functional>
#include <set>
#include "cdr/cdr.hpp"
#include "dialog/conversation.hpp"

using namespace tandem;
using test::Conversation;

namespace {

constexpr std::int64_t noon_us = 1'800'000'000'000'000;

std::vector<Cdr> drain(Conversation &call) {
    std::vector<Cdr> cdrs;
    const WallClock wall(at_ms(0), noon_us);
    call.tracker.drain_changes(nullptr, [&](const DialogRecord &record) { cdrs.push_back(make_cdr(record, wall)); });
    return cdrs;
}

} // namespace

TEST_CASE("cdr: exactly one record per dialog set, whatever ended it and however often [71, 73-74]") {
    using Send = std::function<void(Conversation &)>;
    const auto confirmed = [](Send then) -> Send {
        return [then](Conversation &call) {
            static_cast<void>(call.answer(200, {.cseq = 1, .at = at_ms(3000)}));
            static_cast<void>(call.request(Side::caller, Method::ack, {.cseq = 1, .at = at_ms(3000)}));
            then(call);
        };
    };
    struct End {
        Send run;
        EndReason reason;
        std::uint16_t sip_code;
        std::int64_t duration_ms;
    };
    const std::vector<End> ends = {
        {confirmed([](Conversation &call) { call.hang_up(Side::caller, {.cseq = 2, .at = at_ms(10'000)}); }),
         EndReason::caller_bye, 200, 7000},
        {confirmed([](Conversation &call) {
             for (Side side : {Side::callee, Side::caller}) {
                 static_cast<void>(call.request(side, Method::bye, {.cseq = 2, .at = at_ms(10'000)}));
             }
             for (Side side : {Side::callee, Side::caller}) {
                 static_cast<void>(call.respond(side, Method::bye, 200, {.cseq = 2, .at = at_ms(11'000)}));
             }
         }),
         EndReason::callee_bye, 200, 8000},
        {confirmed([](Conversation &call) {
             call.tracker.end(call.id, EndReason::probe, at_ms(5000));
             call.tracker.end(call.id, EndReason::admin, at_ms(6000));
         }),
         EndReason::probe, 200, 2000},
        {[](Conversation &call) {
             static_cast<void>(call.answer(486, {.cseq = 1, .at = at_ms(4000)}));
             static_cast<void>(call.answer(486, {.cseq = 1, .at = at_ms(4500)}));
         },
         EndReason::refused, 486, 0},
        {[](Conversation &call) {
             static_cast<void>(call.cancel({.cseq = 1, .at = at_ms(4000)}));
             static_cast<void>(call.answer(487, {.cseq = 1, .at = at_ms(4000)}));
         },
         EndReason::cancelled, 487, 0},
        {[](Conversation &call) {
             call.advance(181'000);
             call.advance(213'000);
         },
         EndReason::no_answer, 408, 0},
        {[](Conversation &call) {
             static_cast<void>(call.answer(200, {.cseq = 1, .at = at_ms(3000)}));
             call.advance(35'000);
             call.advance(67'000);
         },
         EndReason::no_ack, 200, 32'000}, // until its end was due
    };
    for (std::size_t i = 0; i < ends.size(); ++i) {
        CAPTURE(i);
        Conversation call;
        REQUIRE(call.invite());
        const RecordId id = call.tracker.find(call.id)->record;
        CHECK(drain(call).empty());
        ends[i].run(call);
        const auto cdrs = drain(call);
        REQUIRE(cdrs.size() == 1);
        CHECK(cdrs[0].id == id);
        CHECK(cdrs[0].end_reason == ends[i].reason);
        CHECK(cdrs[0].sip_code == ends[i].sip_code);
        CHECK(cdrs[0].duration_us == ends[i].duration_ms * 1000);
        CHECK(cdrs[0].answered_us.has_value() == (ends[i].duration_ms > 0));
        CHECK(drain(call).empty());
        call.tracker.advance(at_ms(100'000'000));
        CHECK(drain(call).empty());
    }
}

TEST_CASE("cdr: created, ringing, answered, ended and the duration are kept to the microsecond [66, 68, 72]") {
    Conversation call;
    const auto at = [](std::int64_t us) { return Instant{Duration(us)}; };
    CHECK(call.invite({.cseq = 1, .at = at(1)}));
    CHECK(call.answer(180, {.cseq = 1, .at = at(2'000'003)}));
    CHECK(call.answer(200, {.cseq = 1, .at = at(5'000'007)}));
    CHECK(call.request(Side::caller, Method::ack, {.cseq = 1, .at = at(5'100'000)}));
    call.hang_up(Side::callee, {.cseq = 1, .reason = "Q.850;cause=16", .at = at(65'000'009)});
    const auto cdrs = drain(call);
    REQUIRE(cdrs.size() == 1);
    CHECK(cdrs[0].created_us == noon_us + 1);
    CHECK(cdrs[0].ringing_us == noon_us + 2'000'003);
    CHECK(cdrs[0].answered_us == noon_us + 5'000'007);
    CHECK(cdrs[0].ended_us == noon_us + 65'000'009);
    CHECK(cdrs[0].duration_us == 60'000'002);
    CHECK(cdrs[0].q850 == 16);
}

TEST_CASE("cdr: variables and profiles stand in it as they were at the end, late changes too [69, 78]") {
    Conversation call;
    call.declare("total");
    call.declare("user", 0, true);
    call.confirm();
    CHECK(call.join("total"));
    CHECK(call.join("user", "alice"));
    CHECK(call.join("user", "bob"));
    CHECK(*call.tracker.leave(call.id, "user", "bob", at_ms(0)));
    CHECK(call.tracker.set_variable(call.id, "tenant", VariableValue::of_text("a"), at_ms(0)));
    CHECK(call.tracker.set_variable(call.id, "gone", VariableValue::of_text("x"), at_ms(0)));
    call.hang_up(Side::caller, {.cseq = 2});
    CHECK(call.tracker.set_variable(call.id, "rate", VariableValue::of_integer(7), at_ms(1))); // by who took `ended`
    CHECK(*call.tracker.erase_variable(call.id, "gone", at_ms(1)));
    const auto cdrs = drain(call);
    REQUIRE(cdrs.size() == 1);
    CHECK(cdrs[0].profiles == std::vector<CdrProfile>{{"total", "", false}, {"user", "alice", true}});
    CHECK(cdrs[0].variables == std::vector<CdrVariable>{{"tenant", VariableType::text, "a", 0},
                                                        {"rate", VariableType::integer, "", 7}});
}

TEST_CASE("cdr: a retried call has a record for each attempt, with an id of its own [23, 73]") {
    Conversation call;
    for (std::uint32_t cseq = 1; cseq < 4; ++cseq) {
        CHECK(call.invite({.cseq = cseq}));
        CHECK(call.answer(cseq < 3 ? 503 : 200, {.cseq = cseq}));
    }
    call.hang_up(Side::caller, {.cseq = 9});
    const auto cdrs = drain(call);
    REQUIRE(cdrs.size() == 3);
    CHECK(std::set<RecordId>{cdrs[0].id, cdrs[1].id, cdrs[2].id}.size() == 3);
    CHECK(cdrs[0].id < cdrs[1].id); // in the order of their creation
    CHECK(cdrs[1].end_reason == EndReason::refused);
    CHECK(cdrs[2].end_reason == EndReason::caller_bye);
}

TEST_CASE("cdr: two answered forks are one record, from the first answer to the last end") {
    Conversation call;
    CHECK(call.invite());
    CHECK(call.answer(200, {.cseq = 1, .to_tag = "b1", .at = at_ms(1000)}));
    CHECK(call.answer(200, {.cseq = 1, .to_tag = "b2", .at = at_ms(2000)}));
    call.hang_up(Side::caller, {.cseq = 2, .to_tag = "b1", .at = at_ms(3000)});
    CHECK(drain(call).empty());
    call.hang_up(Side::callee, {.cseq = 2, .to_tag = "b2", .at = at_ms(9000)});
    const auto cdrs = drain(call);
    REQUIRE(cdrs.size() == 1);
    CHECK(cdrs[0].answered_us == noon_us + 1'000'000);
    CHECK(cdrs[0].duration_us == 8'000'000);
    CHECK(cdrs[0].end_reason == EndReason::callee_bye);
}
