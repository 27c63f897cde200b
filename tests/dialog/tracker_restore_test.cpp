// What a former process has left, taken back.
#include <doctest/doctest.h>
#include "dialog/conversation.hpp"
#include "dialog/record_text.hpp"

using namespace tandem;
using test::Conversation;
using test::text_of;

namespace {

constexpr std::int64_t hour_ms = 3'600'000;

// What the first process has of its call, taken back by the second.
Result<DialogId> move(const Conversation &from, Conversation &to, std::int64_t ms = 0) {
    const auto record = from.tracker.record(from.id);
    REQUIRE(record);
    const auto restored = to.tracker.restore(*record, 77, at_ms(ms));
    if (restored) to.id = *restored;
    to.local_side = from.local_side;
    return restored;
}

std::size_t changes(Conversation &call) {
    std::size_t count = 0;
    const auto counts = [&](const DialogRecord &) { ++count; };
    call.tracker.drain_changes(counts, counts);
    return count;
}

} // namespace

TEST_CASE("restore: a confirmed call goes on where it was, and its end is known as if nothing had happened") {
    Conversation before, after;
    before.confirm();
    REQUIRE(before.request(Side::callee, Method::info, {.cseq = 7}));
    REQUIRE(move(before, after));
    CHECK(text_of(*after.tracker.record(after.id)) == text_of(*before.tracker.record(before.id)));
    CHECK(after.tracker.record(after.id)->id == before.tracker.record(before.id)->id);
    CHECK(after.tracker.find(after.id)->owner == 77);
    CHECK(after.tracker.size() == 1);
    CHECK(after.tracker.statistics().active == 1);
    CHECK(after.tracker.statistics().early == 0);
    CHECK(after.tracker.statistics().processed == 0); // the former process has counted it
    CHECK(after.events().empty());
    CHECK(changes(after) == 0);

    CHECK(after.tracker.find("call-1", "b1", "a1") == after.id);
    CHECK(after.tracker.next_cseq(after.id, Side::callee) == 8);
    CHECK(after.request(Side::callee, Method::info, {.cseq = 6}).error() == Error::stale_cseq);
    after.hang_up(Side::callee, {.cseq = 8, .at = at_ms(9000)});
    CHECK(after.is_over());
    CHECK(after.reason() == EndReason::callee_bye);
    CHECK(after.tracker.statistics().active == 0);
}

TEST_CASE("restore: an early call counts as early, and keeps what remains of its time") {
    Conversation before, after;
    REQUIRE(before.invite());
    REQUIRE(before.answer(180, {.cseq = 1, .at = at_ms(1000)}));
    REQUIRE(move(before, after, 5000));
    CHECK(after.tracker.statistics().early == 1);
    CHECK(after.deadline_ms() == 182'000);
    after.advance(181'999);
    CHECK(after.events().empty());
    after.advance(182'000);
    CHECK(after.events() == std::vector{DialogEventKind::end_due});
    CHECK(after.tracker.statistics().expired == 1);
}

TEST_CASE("restore: a deadline that has passed fires with the next advance, one before the boot of the machine too") {
    Conversation before({.lifetime = std::chrono::hours(1)}), after({.lifetime = std::chrono::hours(1)});
    before.confirm();
    REQUIRE(move(before, after, hour_ms + 5));
    CHECK(after.events().empty());
    after.advance(hour_ms + 6);
    CHECK(after.events() == std::vector{DialogEventKind::end_due});

    Conversation rebooted({.lifetime = std::chrono::hours(1)});
    auto record = *before.tracker.record(before.id);
    record.deadline -= std::chrono::hours(5);
    const auto id = rebooted.tracker.restore(record, 0, at_ms(0));
    REQUIRE(id);
    rebooted.advance(0);
    CHECK(rebooted.events() == std::vector{DialogEventKind::end_due});
}

TEST_CASE("restore: a deadline that a wall clock has moved away is no later than that of a call that begins now") {
    Conversation before, after;
    before.confirm();
    auto record = *before.tracker.record(before.id);
    record.deadline += std::chrono::hours(24 * 365 * 50);
    const auto id = after.tracker.restore(record, 0, at_ms(5000));
    REQUIRE(id);
    CHECK(after.tracker.find(*id)->deadline == at_ms(5000 + 12 * hour_ms));
    CHECK(changes(after) == 1);
    // None is as bad, where there is a limit.
    Conversation unlimited({.lifetime = Duration::zero()}), limited;
    unlimited.confirm();
    REQUIRE(move(unlimited, limited, 7));
    CHECK(limited.deadline_ms() == 7 + 12 * hour_ms);
}

TEST_CASE("restore: a BYE that was under way ends the call by its answer, or by its deadline at the time it came") {
    Conversation before;
    before.confirm();
    REQUIRE(before.request(Side::caller, Method::bye, {.cseq = 2, .at = at_ms(60'000)}));
    Conversation answered;
    REQUIRE(move(before, answered, 61'000));
    REQUIRE(answered.respond(Side::caller, Method::bye, 200, {.cseq = 2, .at = at_ms(62'000)}));
    CHECK(answered.is_over());
    CHECK(answered.reason() == EndReason::caller_bye);

    Conversation challenged;
    REQUIRE(move(before, challenged, 61'000));
    REQUIRE(challenged.respond(Side::caller, Method::bye, 407, {.cseq = 2, .at = at_ms(62'000)}));
    CHECK(challenged.state() == DialogState::confirmed);
    CHECK(challenged.reason() == EndReason::none);
    CHECK(challenged.deadline_ms() == 12 * hour_ms);

    Conversation silent;
    REQUIRE(move(before, silent, 61'000));
    silent.advance(92'000);
    REQUIRE(silent.is_over());
    CHECK(silent.tracker.find(silent.id)->ended == at_ms(60'000));
}

TEST_CASE("restore: an answer that a BYE has overtaken ends the call at once, over a restart too") {
    Conversation before, after;
    REQUIRE(before.invite());
    REQUIRE(before.answer(180));
    before.hang_up(Side::caller, {.cseq = 2});
    REQUIRE(!before.is_over());
    REQUIRE(move(before, after));
    REQUIRE(after.answer(200));
    CHECK(after.is_over());
    CHECK(after.reason() == EndReason::caller_bye);
}

TEST_CASE("restore: a request with the last number is new once for each side, and then a retransmission") {
    Conversation before, after;
    before.confirm();
    REQUIRE(before.request(Side::caller, Method::info, {.cseq = 4}));
    REQUIRE(before.request(Side::callee, Method::invite, {.cseq = 9, .contact = "sip:bob@new"}));
    REQUIRE(move(before, after));
    for (const auto &[side, method, cseq] :
         {std::tuple(Side::caller, Method::info, 4U), std::tuple(Side::callee, Method::invite, 9U)}) {
        const auto first = after.request(side, method, {.cseq = cseq, .contact = "sip:bob@new"});
        REQUIRE(first);
        CHECK(first->is_new);
        const auto again = after.request(side, method, {.cseq = cseq, .contact = "sip:bob@new"});
        REQUIRE(again);
        CHECK(!again->is_new);
    }
    REQUIRE(after.respond(Side::callee, Method::invite, 200, {.cseq = 9}));
    CHECK(after.tracker.find(after.id)->target(Side::callee) == "sip:bob@new");
}

TEST_CASE("restore: after a request with a higher number the one before is no new one") {
    Conversation before, after;
    before.confirm();
    REQUIRE(before.request(Side::caller, Method::info, {.cseq = 4}));
    REQUIRE(move(before, after));
    REQUIRE(after.request(Side::caller, Method::info, {.cseq = 5}));
    const auto again = after.request(Side::caller, Method::info, {.cseq = 5});
    REQUIRE(again);
    CHECK(!again->is_new);
}

TEST_CASE("restore: a BYE that comes again is new, and moves no deadline") {
    Conversation before, after;
    before.confirm();
    REQUIRE(before.request(Side::caller, Method::bye, {.cseq = 2, .at = at_ms(1000)}));
    REQUIRE(move(before, after, 2000));
    const auto again = after.request(Side::caller, Method::bye, {.cseq = 2, .at = at_ms(3000)});
    REQUIRE(again);
    CHECK(again->is_new);
    CHECK(after.deadline_ms() == 33'000);
    CHECK(after.reason() == EndReason::caller_bye);
}

TEST_CASE("restore: the first INVITE inside its own dialog is no new request") {
    Conversation before, after;
    before.confirm();
    REQUIRE(move(before, after));
    const auto again = after.request(Side::caller, Method::invite, {.cseq = 1});
    REQUIRE(again);
    CHECK(!again->is_new);
}

TEST_CASE("restore: profiles and variables are as they were, whatever the limit, and the index finds them") {
    Conversation before, after;
    for (Conversation *call : {&before, &after}) {
        call->declare("total", 1);
        call->declare("user", 1, true);
        REQUIRE(call->indexed.declare({.name = "tenant", .has_values = true}));
    }
    before.confirm();
    REQUIRE(before.join("total"));
    REQUIRE(before.join("user", "alice"));
    REQUIRE(before.tracker.set_variable(before.id, "tenant", VariableValue::of_text("blue"), at_ms(0)));

    after.call_id = "another"; // which has the place
    REQUIRE(after.invite());
    REQUIRE(after.join("total"));
    changes(after);
    REQUIRE(move(before, after));
    CHECK(after.size("total") == 2);
    CHECK(*after.profiles.size("user", "alice") == 1);
    CHECK(*after.indexed.size("tenant", "tblue") == 1);
    CHECK(changes(after) == 0);
    CHECK(text_of(*after.tracker.record(after.id)) == text_of(*before.tracker.record(before.id)));
    after.tracker.end(after.id, EndReason::admin, at_ms(1));
    CHECK(after.size("total") == 1);
    CHECK(*after.indexed.size("tenant") == 0);
}

TEST_CASE("restore: a profile that is gone and a variable that is refused today are left out, which is a change") {
    Conversation before, after({.variables = {.bytes_max = 10}});
    before.declare("gone");
    before.declare("plain", 0, true);
    after.declare("plain");
    before.confirm();
    REQUIRE(before.join("gone"));
    REQUIRE(before.join("plain", "with a value"));
    REQUIRE(before.tracker.set_variable(before.id, "a", VariableValue::of_text("b"), at_ms(0)));
    REQUIRE(before.tracker.set_variable(before.id, "long", VariableValue::of_text("0123456789"), at_ms(0)));
    REQUIRE(move(before, after));
    std::string text;
    after.tracker.drain_changes(
        [&](const DialogRecord &record) {
            CHECK(record.profiles.empty());
            REQUIRE(record.variables.size() == 1);
            CHECK(record.variables[0].name == "a");
            CHECK(record.has_changed_profiles);
            CHECK(record.has_changed_variables);
            text = text_of(record);
        },
        nullptr);
    CHECK(!text.empty());
}

TEST_CASE("restore: new ids come after the restored ones") {
    Conversation before, after;
    for (int i = 0; i < 5; ++i) {
        before.call_id = "call-" + std::to_string(i);
        REQUIRE(before.invite());
    }
    REQUIRE(move(before, after));
    after.call_id = "new";
    REQUIRE(after.invite());
    const auto count_of = [](const Conversation &call) { return call.tracker.record(call.id)->id.serial >> 24; };
    CHECK(count_of(after) > count_of(before));
}

TEST_CASE("restore: what no tracker has written, or is here already, is refused and changes nothing") {
    Conversation before, after;
    before.declare("total");
    after.declare("total");
    before.confirm();
    REQUIRE(before.join("total"));
    const DialogRecord good = *before.tracker.record(before.id);
    const auto refuses = [&](auto spoil) {
        DialogRecord record = good;
        spoil(record);
        const auto restored = after.tracker.restore(record, 0, at_ms(0));
        CHECK(!restored);
        if (!restored) CHECK(restored.error() == Error::invalid);
    };
    refuses([](DialogRecord &record) { record.id = {}; });
    refuses([](DialogRecord &record) { record.id.serial = ~std::uint64_t{0}; });
    refuses([](DialogRecord &record) { record.call_id = {}; });
    refuses([](DialogRecord &record) { record.state = DialogState::terminated; });
    refuses([](DialogRecord &record) { record.ended = at_ms(1); });
    refuses([](DialogRecord &record) { record.forks.clear(); });
    refuses([](DialogRecord &record) { record.forks.resize(33, record.forks.front()); });
    refuses([](DialogRecord &record) { record.answered.reset(); });
    refuses([](DialogRecord &record) { record.forks.front().state = DialogState::early; });
    refuses([](DialogRecord &record) { record.state = DialogState::early; });
    refuses([](DialogRecord &record) { record.cseq_maps = {{false, "b1", "nonsense"}}; });
    CHECK(after.tracker.size() == 0);
    CHECK(after.size("total") == 0);
    CHECK(after.shared.dialogs == 0);

    REQUIRE(after.tracker.restore(good, 0, at_ms(0)));
    refuses([](DialogRecord &) {});
    CHECK(after.tracker.size() == 1);
    CHECK(after.size("total") == 1);
    CHECK(after.tracker.statistics().active == 1);
}

TEST_CASE("restore: more than the table holds is refused, and its places are free") {
    Conversation before, after({.dialog_max = 1});
    before.declare("total");
    after.declare("total");
    before.confirm();
    REQUIRE(before.join("total"));
    after.call_id = "another";
    REQUIRE(after.invite());
    CHECK(move(before, after).error() == Error::full);
    CHECK(after.size("total") == 0);
    CHECK(after.tracker.size() == 1);
    CHECK(after.shared.dialogs == 1);
}

TEST_CASE("restore: another leg of a call counts nowhere, and a timeout of its own goes with the set") {
    Conversation before, after;
    before.local_side = Side::caller;
    before.leg_of = {1, 2};
    before.confirm();
    REQUIRE(before.request(Side::caller, Method::ack, {.cseq = 1}));
    REQUIRE(before.tracker.set_timeout(before.id, DialogTimer::bye, std::chrono::seconds(3)));
    REQUIRE(move(before, after));
    CHECK(after.tracker.statistics().active == 0);
    CHECK(after.tracker.record(after.id)->leg_of == RecordId{1, 2});
    CHECK(after.tracker.record(after.id)->local_side == Side::caller);
    REQUIRE(after.request(Side::callee, Method::bye, {.cseq = 1, .at = at_ms(10'000)}));
    CHECK(after.deadline_ms() == 13'000);
}
