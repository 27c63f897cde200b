// What leaves the tracker: events in order, numbered, bounded; and the marks on what changed.
#include <array>
#include <doctest/doctest.h>
#include "dialog/conversation.hpp"

using namespace tandem;
using test::Conversation;
using Kind = DialogEventKind;

namespace {

std::vector<DialogEvent> drain(Conversation &call) {
    std::vector<DialogEvent> events;
    for (DialogEvent event; call.tracker.next_event(event);) events.push_back(std::move(event));
    return events;
}

} // namespace

TEST_CASE("event: they come in the order of what happened, with its time, side, method, reason and the owner") {
    Conversation call;
    call.declare("total");
    MessageView invite;
    invite.method = Method::invite;
    invite.cseq = 1;
    invite.call_id = "call-1";
    invite.from_tag = "a1";
    call.id = call.tracker.feed_invite(invite, {.owner = 77}, at_ms(1))->dialog;
    CHECK(call.join("total", {}, at_ms(2)));
    CHECK(call.answer(180, {.cseq = 1, .at = at_ms(3)}));
    CHECK(call.answer(200, {.cseq = 1, .at = at_ms(4)}));
    CHECK(call.request(Side::caller, Method::ack, {.cseq = 1, .at = at_ms(5)}));
    CHECK(call.request(Side::callee, Method::refer, {.cseq = 9, .at = at_ms(6)}));
    CHECK(call.tracker.set_variable(call.id, "x", VariableValue::of_integer(1), at_ms(7)));
    CHECK(call.tracker.request_end(call.id, EndReason::admin, at_ms(8)));
    CHECK(call.request(Side::caller, Method::bye, {.cseq = 2, .at = at_ms(9)}));
    CHECK(call.respond(Side::caller, Method::bye, 200, {.cseq = 2, .at = at_ms(10)}));
    const auto events = drain(call);
    constexpr std::array kinds = {Kind::created, Kind::profile_changed,  Kind::early,   Kind::confirmed, Kind::acked,
                                  Kind::request, Kind::variable_changed, Kind::end_due, Kind::request,   Kind::ended};
    REQUIRE(events.size() == kinds.size());
    for (std::size_t i = 0; i < kinds.size(); ++i) {
        CAPTURE(i);
        CHECK(events[i].kind == kinds[i]);
        CHECK(events[i].at == at_ms(static_cast<std::int64_t>(i) + 1));
        CHECK(events[i].sequence == i + 1);
        CHECK(events[i].dialog == call.id);
        CHECK(events[i].owner == 77);
        const bool has_detail = kinds[i] == Kind::profile_changed || kinds[i] == Kind::variable_changed ||
                                kinds[i] == Kind::early || kinds[i] == Kind::confirmed;
        CHECK(static_cast<bool>(events[i].detail) == has_detail);
    }
    CHECK(events[2].detail->name == "b1"); // the fork
    CHECK(events[3].detail->name == "b1");
    CHECK(events[5].side == Side::callee);
    CHECK(events[5].method == Method::refer);
    CHECK(events[8].side == Side::caller);
    CHECK(events[8].method == Method::bye);
    CHECK(events[7].reason == EndReason::admin);
    CHECK(events[9].reason == EndReason::admin);
}

TEST_CASE("event: those that are not wanted do not come and have no number; an end comes in any case") {
    Conversation call({.events = mask_of(Kind::confirmed)});
    call.confirm();
    CHECK(call.tracker.set_variable(call.id, "x", VariableValue::of_integer(1), at_ms(0)));
    CHECK(call.tracker.request_end(call.id, EndReason::admin, at_ms(0)));
    call.advance(32'000);
    const auto events = drain(call);
    REQUIRE(events.size() == 3);
    CHECK(events[0].kind == Kind::confirmed);
    CHECK(events[1].kind == Kind::end_due);
    CHECK(events[2].kind == Kind::ended);
    for (std::size_t i = 0; i < 3; ++i) CHECK(events[i].sequence == i + 1);
    CHECK(call.tracker.statistics().events_lost == 0);
}

TEST_CASE("event: beyond event_max one is lost and counted, and a gap in the numbers shows it") {
    Conversation call({.event_max = 3});
    call.confirm(); // three events: created, confirmed, acked
    for (std::uint32_t cseq = 2; cseq < 6; ++cseq) CHECK(call.request(Side::caller, Method::info, {.cseq = cseq}));
    CHECK(call.tracker.events() == 3);
    CHECK(call.tracker.statistics().events_lost == 4);
    CHECK(drain(call).back().sequence == 3);
    CHECK(call.request(Side::caller, Method::info, {.cseq = 9}));
    const auto events = drain(call);
    REQUIRE(events.size() == 1);
    CHECK(events[0].sequence == 8);
}

TEST_CASE("event: no end is lost, however full the queue is") {
    Conversation call({.event_max = 1});
    std::vector<DialogId> ids;
    for (int i = 0; i < 100; ++i) {
        call.call_id = "call-" + std::to_string(i);
        call.confirm();
        ids.push_back(call.id);
    }
    for (DialogId id : ids) call.tracker.request_end(id, EndReason::admin, at_ms(0));
    call.advance(32'000);
    std::size_t due = 0;
    std::size_t ended = 0;
    for (const DialogEvent &event : drain(call)) {
        due += event.kind == Kind::end_due ? 1 : 0;
        ended += event.kind == Kind::ended ? 1 : 0;
    }
    CHECK(due == 100);
    CHECK(ended == 100);
    CHECK(call.tracker.statistics().events_lost == 3 * 100 - 1);
}

TEST_CASE("event: a changed variable says its name and whether it is set, and says nothing that did not change") {
    Conversation call;
    call.confirm();
    call.events();
    const auto set = [&](std::int64_t number) {
        return call.tracker.set_variable(call.id, "n", VariableValue::of_integer(number), at_ms(0));
    };
    CHECK(set(1));
    CHECK(set(1)); // the same
    CHECK(set(2));
    CHECK(*call.tracker.add_to_variable(call.id, "n", 0, at_ms(0)) == 2);
    CHECK(*call.tracker.add_to_variable(call.id, "n", 3, at_ms(0)) == 5);
    CHECK(call.tracker.compare_and_set_variable(call.id, "n", VariableValue::of_integer(4), {}, at_ms(0)).error() ==
          Error::conflict);
    CHECK(call.tracker.set_variable(call.id, "", VariableValue(), at_ms(0)).error() == Error::invalid);
    CHECK(*call.tracker.erase_variable(call.id, "n", at_ms(0)));
    CHECK_FALSE(*call.tracker.erase_variable(call.id, "n", at_ms(0)));
    const auto events = drain(call);
    REQUIRE(events.size() == 4);
    for (std::size_t i = 0; i < 4; ++i) {
        CHECK(events[i].kind == Kind::variable_changed);
        CHECK(events[i].detail->name == "n");
        CHECK(events[i].detail->value.empty());
        CHECK(events[i].detail->is_set == (i < 3));
    }
}

TEST_CASE("event: a changed profile says name, value and whether it was joined; the release at the end is none") {
    Conversation call;
    call.declare("total");
    call.declare("user", 0, true);
    call.confirm();
    call.events();
    const std::array<ProfileRequest, 3> requests = {{{"total"}, {"user", "alice"}, {"user", ""}}};
    CHECK(call.tracker.reserve(call.id, requests, at_ms(0)));
    CHECK(call.tracker.reserve(call.id, requests, at_ms(0))); // in already
    CHECK(*call.tracker.leave(call.id, "user", "alice", at_ms(0)));
    CHECK_FALSE(*call.tracker.leave(call.id, "user", "alice", at_ms(0)));
    call.tracker.end(call.id, EndReason::admin, at_ms(0));
    const auto events = drain(call);
    REQUIRE(events.size() == 5);
    const std::array<DialogEventDetail, 4> details = {
        {{"total", "", true}, {"user", "alice", true}, {"user", "", true}, {"user", "alice", false}}};
    for (std::size_t i = 0; i < 4; ++i) {
        CAPTURE(i);
        CHECK(events[i].kind == Kind::profile_changed);
        CHECK(events[i].detail->name == details[i].name);
        CHECK(events[i].detail->value == details[i].value);
        CHECK(events[i].detail->is_set == details[i].is_set);
    }
    CHECK(events[4].kind == Kind::ended);
}

TEST_CASE("event: what changed is marked in the record until it was drained, each kind for itself") {
    Conversation call;
    call.declare("total");
    call.confirm();
    struct Seen {
        int records = 0;
        bool variables = false;
        bool profiles = false;
    };
    const auto drain_changes = [&] {
        Seen seen;
        const auto sink = [&](const DialogRecord &record) {
            seen = {seen.records + 1, record.has_changed_variables, record.has_changed_profiles};
        };
        call.tracker.drain_changes(sink, sink);
        return seen;
    };
    const auto are = [](const Seen &seen, bool variables, bool profiles) {
        return seen.records == 1 && seen.variables == variables && seen.profiles == profiles;
    };
    CHECK(drain_changes().records == 1); // a new set
    CHECK(call.join("total"));
    CHECK(are(drain_changes(), false, true));
    CHECK(call.join("total"));
    CHECK(drain_changes().records == 0);
    CHECK(call.tracker.set_variable(call.id, "x", VariableValue::of_boolean(true), at_ms(0)));
    CHECK(are(drain_changes(), true, false));
    CHECK(call.request(Side::caller, Method::info, {.cseq = 2}));
    CHECK(are(drain_changes(), false, false));
    CHECK(*call.tracker.leave(call.id, "total", "", at_ms(0)));
    CHECK(*call.tracker.erase_variable(call.id, "x", at_ms(0)));
    CHECK(are(drain_changes(), true, true));
    CHECK(call.tracker.record(call.id)->has_changed_variables); // a copy for anybody else is whole
}
