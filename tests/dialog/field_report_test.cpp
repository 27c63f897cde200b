// What users of other systems report, as messages. Each test is named by what goes wrong there; the numbers are those
// of the reports.
#include <algorithm>
#include <array>
#include <doctest/doctest.h>
#include <set>
#include "dialog/conversation.hpp"

using namespace tandem;
using test::Conversation;
using Kind = DialogEventKind;
using std::chrono::milliseconds;

namespace {

std::size_t count(const std::vector<Kind> &events, Kind kind) {
    return static_cast<std::size_t>(std::count(events.begin(), events.end(), kind));
}

// Nothing is left: no live set, no member, no timer, and after the drain no set at all.
void check_empty(Conversation &call) {
    CHECK(call.tracker.size() == 0);
    CHECK(call.tracker.dialogs().empty());
    CHECK(call.tracker.statistics().early == 0);
    CHECK(call.tracker.statistics().active == 0);
    for (const ProfileInfo &profile : call.profiles.profiles()) CHECK(profile.size == 0);
    CHECK_FALSE(call.tracker.next_deadline());
    call.tracker.drain_changes(nullptr, nullptr);
    CHECK_FALSE(call.tracker.find(call.id));
    CHECK(call.shared.dialogs == 0);
}

} // namespace

TEST_CASE("dialog: ended calls stay in the profile after a loop and a 407, until the limit is reached [1]") {
    Conversation call;
    call.declare("total", 1);
    for (std::uint32_t cseq = 1; cseq < 50; ++cseq) {
        REQUIRE(call.invite({.cseq = cseq})->is_new);
        REQUIRE(call.join("total"));
        REQUIRE_FALSE(call.invite({.cseq = cseq})->is_new); // the loop brings it again
        REQUIRE(call.answer(407, {.cseq = cseq}));
        REQUIRE(call.answer(407, {.cseq = cseq}));
        REQUIRE(call.request(Side::caller, Method::ack, {.cseq = cseq}));
    }
    check_empty(call);
}

TEST_CASE("dialog: a call whose CANCEL gets no final answer stays for ever [3, 10]") {
    for (bool is_leg : {false, true}) {
        Conversation call;
        if (is_leg) call.local_side = Side::caller;
        call.declare("total");
        CHECK(call.invite());
        CHECK(call.join("total"));
        CHECK(call.answer(180));
        CHECK(call.cancel({.cseq = 1, .at = at_ms(1000)}));
        call.advance(33'000);
        CHECK(call.reason() == EndReason::cancelled);
        check_empty(call);
    }
}

TEST_CASE("dialog: two timers of one call cancel each other, and it is never freed [4]") {
    Conversation call;
    CHECK(call.invite());
    for (std::int64_t ms : {5000, 50, 500'000, 700}) {
        for (DialogTimer timer : {DialogTimer::early, DialogTimer::no_ack, DialogTimer::lifetime, DialogTimer::bye}) {
            CHECK(call.tracker.set_timeout(call.id, timer, milliseconds(ms)));
        }
    }
    CHECK(call.answer(200));
    CHECK(call.request(Side::caller, Method::ack, {.cseq = 1}));
    call.advance(700);
    CHECK(call.request(Side::callee, Method::bye, {.cseq = 1, .at = at_ms(700)}));
    call.advance(1400);
    CHECK(call.reason() == EndReason::expired);
    check_empty(call);
}

TEST_CASE("dialog: a missing ACK is not handled, or its workaround leaks every call [5, 49]") {
    Conversation call;
    call.declare("total");
    CHECK(call.invite());
    CHECK(call.join("total"));
    CHECK(call.answer(200));
    call.advance(32'000);
    CHECK(call.reason() == EndReason::no_ack);
    CHECK(count(call.events(), Kind::end_due) == 1); // the host sends BYE to both sides
    for (Side from : {Side::callee, Side::caller}) {
        CHECK(call.request(from, Method::bye, {.cseq = 2, .at = at_ms(32'001)}));
    }
    CHECK(call.respond(Side::callee, Method::bye, 481, {.cseq = 2, .at = at_ms(32'010)}));
    CHECK(call.is_over());
    CHECK(call.reason() == EndReason::no_ack);
    CHECK(count(call.events(), Kind::ended) == 1);
    check_empty(call);
}

TEST_CASE("dialog: an ended call is kept by references that nobody gives back [6, 75]") {
    Conversation call;
    call.declare("total");
    call.confirm();
    CHECK(call.join("total"));
    CHECK(call.tracker.set_variable(call.id, "x", VariableValue::of_text("kept"), at_ms(0)));
    call.tracker.drain_changes(nullptr, nullptr); // in the middle of it
    call.hang_up(Side::caller, {.cseq = 2});
    check_empty(call);
}

TEST_CASE("dialog: an INVITE that nobody decides is an orphan until restart [7]") {
    Conversation call;
    CHECK(call.invite());
    CHECK(call.tracker.set_timeout(call.id, DialogTimer::early, milliseconds(500))); // the deadline of the decision
    call.advance(500);
    CHECK(call.reason() == EndReason::no_answer);
    CHECK(call.events().back() == DialogEventKind::end_due); // the host refuses it
    CHECK(call.answer(503, {.cseq = 1, .at = at_ms(501)}));
    check_empty(call);
}

TEST_CASE("dialog: a BYE while a re-INVITE pends leaves the call behind [8, 9, 11, 43]") {
    for (Side asker : {Side::caller, Side::callee}) {
        for (Side leaver : {Side::caller, Side::callee}) {
            Conversation call;
            call.confirm();
            CHECK(call.request(asker, Method::invite, {.cseq = 2}));
            CHECK(call.respond(asker, Method::invite, 100, {.cseq = 2}));
            CHECK(call.request(leaver, Method::bye, {.cseq = 3})->is_new);
            CHECK(call.respond(asker, Method::invite, 487, {.cseq = 2}));
            CHECK(call.respond(leaver, Method::bye, 200, {.cseq = 3}));
            CHECK_FALSE(call.respond(asker, Method::invite, 200, {.cseq = 2})->dialog); // a late or broken one
            check_empty(call);
        }
    }
}

TEST_CASE("dialog: a BYE during the glare of two re-INVITEs is refused, and the call hangs [43, 47]") {
    for (std::uint16_t status : {std::uint16_t{200}, std::uint16_t{491}}) {
        Conversation call;
        call.confirm();
        CHECK(call.request(Side::caller, Method::invite, {.cseq = 2}));
        CHECK(call.request(Side::callee, Method::invite, {.cseq = 2}));
        CHECK(call.respond(Side::caller, Method::invite, 491, {.cseq = 2}));
        CHECK(call.respond(Side::callee, Method::invite, 491, {.cseq = 2}));
        CHECK(call.request(Side::caller, Method::ack, {.cseq = 2}));
        CHECK(call.request(Side::callee, Method::ack, {.cseq = 2}));
        call.hang_up(Side::callee, {.cseq = 3}, status);
        if (status == 491) { // nothing has ended: the callee says it again, or the lifetime does
            CHECK(call.state() == DialogState::confirmed);
            CHECK(call.deadline_ms() == 43'200'000);
            call.hang_up(Side::callee, {.cseq = 4});
        }
        CHECK(call.reason() == EndReason::callee_bye);
        check_empty(call);
    }
}

TEST_CASE("dialog: a 420 or 421 answer with 100rel leaks the call [10]") {
    for (std::uint16_t status : {std::uint16_t{420}, std::uint16_t{421}}) {
        Conversation call;
        call.local_side = Side::caller;
        CHECK(call.invite());
        CHECK(call.answer(183));
        CHECK(call.request(Side::caller, Method::prack, {.cseq = 2}));
        CHECK(call.respond(Side::caller, Method::prack, status, {.cseq = 2}));
        CHECK(call.state() == DialogState::early);
        CHECK(call.answer(status));
        check_empty(call);
    }
}

TEST_CASE("dialog: without memory the server crashes, where a bound and an error would do [14]") {
    Conversation call({.dialog_max = 3, .same_call_id_max = 2});
    for (int i = 0; i < 10; ++i) {
        call.caller_tag = "a" + std::to_string(i); // one Call-ID, ever new tags
        CHECK(call.invite().ok() == (i < 2));
    }
    for (int i = 0; i < 10; ++i) {
        call.call_id = "other-" + std::to_string(i);
        CHECK(call.invite().ok() == (i < 1));
    }
    CHECK(call.tracker.size() == 3);
    CHECK(call.tracker.statistics().refused == 17);
    call.tracker.end(call.id, EndReason::admin, at_ms(0));
    call.call_id = "next";
    CHECK_FALSE(call.invite()); // it is held until it was drained
    call.tracker.drain_changes(nullptr, nullptr);
    CHECK(call.invite());
}

TEST_CASE("dialog: the numbers of a profile's values need a walk through all calls [21, 32]") {
    Conversation call;
    call.declare("account", 0, true);
    for (int i = 0; i < 60; ++i) {
        call.call_id = "call-" + std::to_string(i);
        REQUIRE(call.invite());
        REQUIRE(call.join("account", "acme-" + std::to_string(i % 6)));
    }
    CHECK(*call.profiles.size("account", "acme-3") == 10);
    std::set<std::string> seen;
    std::uint64_t cursor = 0;
    do {
        const auto page = call.profiles.values("account", cursor, 4);
        REQUIRE(page);
        for (const ProfileValueInfo &value : page->items) {
            CHECK(value.size == 10);
            seen.insert(value.value);
        }
        cursor = page->next;
    } while (cursor != 0);
    CHECK(seen.size() == 6);
}

TEST_CASE("dialog: BYEs that cross count a call down twice, below zero [30-31, 39, 48]") {
    for (const auto &[first, second] : {std::pair(Side::caller, Side::callee), std::pair(Side::callee, Side::caller)}) {
        Conversation call;
        call.declare("total");
        call.confirm();
        CHECK(call.join("total"));
        call.events();
        CHECK(call.request(first, Method::bye, {.cseq = 2}));
        CHECK(call.request(second, Method::bye, {.cseq = 2}));
        CHECK(call.respond(first, Method::bye, 200, {.cseq = 2}));
        CHECK(call.size("total") == 0);
        CHECK_FALSE(call.respond(second, Method::bye, 200, {.cseq = 2})->dialog);
        CHECK(call.request(first, Method::bye, {.cseq = 3}).error() == Error::no_dialog);
        call.tracker.end(call.id, EndReason::admin, at_ms(0)); // and the host hangs up as well
        CHECK(count(call.events(), Kind::ended) == 1);
        check_empty(call);
    }
}

TEST_CASE("dialog: a call that is given up while it rings is not counted down [31, 22]") {
    Conversation call;
    call.declare("total", 1);
    for (std::uint32_t cseq = 1; cseq < 20; ++cseq) {
        REQUIRE(call.invite({.cseq = cseq}));
        REQUIRE(call.join("total"));
        REQUIRE(call.answer(180, {.cseq = cseq}));
        REQUIRE(call.cancel({.cseq = cseq}));
        REQUIRE(call.answer(487, {.cseq = cseq}));
    }
    check_empty(call);
}

TEST_CASE("dialog: a spiral is counted as a second call, or leaves one dangling [33]") {
    Conversation call;
    call.declare("total", 1);
    CHECK(call.invite());
    CHECK(call.join("total"));
    const auto twice = [](auto send) { // every message passes by us twice
        for (int i = 0; i < 2; ++i) static_cast<void>(send());
    };
    twice([&] { return call.invite(); });
    twice([&] { return call.answer(180); });
    twice([&] { return call.answer(200); });
    twice([&] { return call.request(Side::caller, Method::ack, {.cseq = 1}); });
    twice([&] { return call.request(Side::caller, Method::invite, {.cseq = 2}); });
    twice([&] { return call.respond(Side::caller, Method::invite, 200, {.cseq = 2}); });
    CHECK(call.tracker.size() == 1);
    CHECK(call.size("total") == 1);
    twice([&] { return call.request(Side::caller, Method::bye, {.cseq = 3}); });
    twice([&] { return call.respond(Side::caller, Method::bye, 200, {.cseq = 3}); });
    CHECK(call.tracker.statistics().processed == 1);
    check_empty(call);
}

TEST_CASE("dialog: limits composed by hand share a key [34]") {
    Conversation call;
    call.declare("trunk", 1, true);
    call.declare("trunk:a", 1);
    call.declare("trunk:", 1, true);
    call.confirm();
    const std::array<ProfileRequest, 5> requests = {
        {{"trunk", "a"}, {"trunk", ":a"}, {"trunk", ""}, {"trunk:a"}, {"trunk:", "a"}}};
    CHECK(call.tracker.reserve(call.id, requests, at_ms(0)));
    CHECK(call.size("trunk") == 3);
    CHECK(call.size("trunk:a") == 1);
    CHECK(*call.profiles.size("trunk:", "a") == 1);
}

TEST_CASE("dialog: scripts look for limits without a call [12, 35]") {
    Conversation call;
    call.declare("total");
    std::vector<DialogId> ids;
    for (int i = 0; i < 20; ++i) {
        call.call_id = "call-" + std::to_string(i);
        call.confirm();
        REQUIRE(call.join("total"));
        ids.push_back(call.id);
    }
    for (std::size_t i = 0; i < 20; i += 3) call.tracker.end(ids[i], EndReason::admin, at_ms(0));
    std::vector<LiveMemberships> members;
    std::vector<LiveMemberships> indexed;
    call.tracker.list_memberships(members, indexed);
    const ProfileAudit audit = call.profiles.audit(members);
    CHECK(audit.checked == 13);
    CHECK(audit.removed + audit.added + audit.misplaced == 0);
    CHECK(call.size("total") == 13);
}

TEST_CASE("dialog: a CANCEL crosses the 200, and the callee hangs in a call without a caller [36-38]") {
    for (bool is_leg : {false, true}) {
        Conversation call;
        if (is_leg) call.local_side = Side::caller;
        CHECK(call.invite());
        CHECK(call.answer(180));
        CHECK(call.cancel());
        CHECK(call.answer(200, {.cseq = 1, .contact = "sip:bob@h", .record_route = "<sip:p;lr>"}));
        CHECK(call.state() == DialogState::confirmed);
        // What ACK and BYE need is known: target, route, number.
        CHECK(call.tracker.find(call.id)->target(Side::callee) == "sip:bob@h");
        CHECK(call.tracker.find(call.id)->route_set(Side::callee) == "<sip:p;lr>");
        CHECK(call.tracker.next_cseq(call.id, Side::caller) == 2);
        CHECK(call.request(Side::caller, Method::ack, {.cseq = 1}));
        call.tracker.set_end_reason(call.id, EndReason::cancelled);
        call.hang_up(Side::caller, {.cseq = 2});
        CHECK(call.reason() == EndReason::cancelled);
        CHECK(count(call.events(), Kind::ended) == 1);
        check_empty(call);
    }
}

TEST_CASE("dialog: at a timeout only one side gets its BYE, and the other goes on [40]") {
    Conversation call({.lifetime = milliseconds(60'000)});
    call.confirm();
    call.advance(60'000);
    CHECK(count(call.events(), Kind::end_due) == 1);
    // Both are due; the caller's phone is gone, the callee answers.
    CHECK(call.tracker.next_cseq(call.id, Side::caller) == 2);
    CHECK(call.tracker.next_cseq(call.id, Side::callee) == 1);
    CHECK(call.request(Side::callee, Method::bye, {.cseq = 1, .at = at_ms(60'001)}));
    CHECK(call.request(Side::caller, Method::bye, {.cseq = 2, .at = at_ms(60'001)}));
    CHECK_FALSE(call.is_over());
    SUBCASE("one answer is enough") {
        CHECK(call.respond(Side::caller, Method::bye, 200, {.cseq = 2, .at = at_ms(60'100)}));
    }
    SUBCASE("no answer as well") { call.advance(92'001); }
    CHECK(call.reason() == EndReason::expired);
    check_empty(call);
}

TEST_CASE("dialog: the next target of a serial fork has another To-tag, and a good call ends by its ACK timer [41]") {
    Conversation call;
    CHECK(call.invite());
    CHECK(call.answer(183, {.cseq = 1, .to_tag = "b1"})); // the first target rings, then the proxy tries the next
    CHECK(call.answer(180, {.cseq = 1, .to_tag = "b2", .at = at_ms(20'000)}));
    CHECK(call.answer(200, {.cseq = 1, .to_tag = "b2", .at = at_ms(30'000)}));
    CHECK(call.request(Side::caller, Method::ack, {.cseq = 1, .to_tag = "b2", .at = at_ms(30'100)})->is_new);
    call.advance(100'000);
    CHECK(call.state() == DialogState::confirmed);
    CHECK(call.reason() == EndReason::none);
    CHECK(call.tracker.find(call.id)->to_tag() == "b2");
}

TEST_CASE("dialog: an id of a call that is gone hits another one [42, 82]") {
    Conversation call({.dialog_max = 1});
    std::set<DialogId> ids;
    std::set<RecordId> records;
    for (std::uint32_t cseq = 1; cseq < 200; ++cseq) {
        REQUIRE(call.invite({.cseq = cseq}));
        const DialogId id = call.id;
        REQUIRE(ids.insert(id).second);
        REQUIRE(records.insert(call.tracker.find(id)->record).second);
        for (DialogId old : ids) {
            if (old == id) continue;
            REQUIRE_FALSE(call.tracker.find(old));
            call.tracker.end(old, EndReason::admin, at_ms(0));
            REQUIRE_FALSE(call.tracker.request_end(old, EndReason::admin, at_ms(0)));
        }
        REQUIRE(call.state() == DialogState::trying);
        REQUIRE(call.answer(503, {.cseq = cseq}));
        call.tracker.drain_changes(nullptr, nullptr);
    }
}

TEST_CASE("dialog: an ACK or BYE made here takes the way of another leg [45]") {
    Conversation call;
    CHECK(call.invite({.cseq = 1, .contact = "sip:alice@h", .record_route = "<sip:up;lr>"}));
    CHECK(call.answer(200, {.cseq = 1, .to_tag = "b1", .contact = "sip:b1@h", .record_route = "<sip:p1;lr>"}));
    CHECK(call.answer(200, {1, "b2", "sip:b2@h", "<sip:p3;lr>,<sip:p2;lr>"}));
    const auto record = *call.tracker.record(call.id);
    REQUIRE(record.forks.size() == 2);
    CHECK(record.caller_target == "sip:alice@h");
    CHECK(record.caller_route_set == "<sip:up;lr>");
    CHECK(record.forks[0].callee_target == "sip:b1@h");
    CHECK(record.forks[0].callee_route_set == "<sip:p1;lr>");
    CHECK(record.forks[1].callee_target == "sip:b2@h");
    CHECK(record.forks[1].callee_route_set == "<sip:p2;lr>,<sip:p3;lr>");
}

TEST_CASE("dialog: the ACK of a refusal matches the call that came after it [50]") {
    Conversation call;
    CHECK(call.invite({.cseq = 1}));
    CHECK(call.answer(503, {.cseq = 1, .to_tag = "b1"}));
    SUBCASE("with the next number") {
        CHECK(call.invite({.cseq = 2}));
        CHECK_FALSE(call.request(Side::caller, Method::ack, {.cseq = 1, .to_tag = "b1"})->dialog);
        CHECK_FALSE(call.answer(503, {.cseq = 1, .to_tag = "b1"})->dialog);
        CHECK(call.tracker.find(call.id)->forks == nullptr);
    }
    SUBCASE("with the same number, which only the branch tells apart: it acknowledges nothing") {
        CHECK(call.invite({.cseq = 1}));
        CHECK(call.request(Side::caller, Method::ack, {.cseq = 1, .to_tag = "b1"}));
        CHECK(call.state() == DialogState::trying);
        CHECK(call.answer(200, {.cseq = 1, .to_tag = "b2"}));
        CHECK(call.tracker.find(call.id)->to_tag() == "b2");
        CHECK(call.deadline_ms() == 32'000);
    }
}

TEST_CASE("dialog: an INVITE that was forked upstream and merges here is two calls [51]") {
    Conversation call;
    call.declare("total", 1);
    CHECK(call.invite()->is_new);
    const DialogId id = call.id;
    CHECK(call.join("total"));
    const auto merged = call.invite(); // by another path: the host answers 482 if it wants to
    CHECK_FALSE(merged->is_new);
    CHECK(merged->dialog == id);
    CHECK(call.tracker.statistics().processed == 1);
    for (const char *tag : {"b1", "b2"}) CHECK(call.answer(200, {.cseq = 1, .to_tag = tag}));
    for (const char *tag : {"b1", "b2"}) call.hang_up(Side::caller, {.cseq = 2, .to_tag = tag});
    check_empty(call);
}

TEST_CASE("dialog: a call that forks crashes, or a second fork is not known when it says BYE [44]") {
    Conversation call({.fork_max = 8});
    CHECK(call.invite());
    std::vector<std::string> tags;
    for (int i = 0; i < 12; ++i) tags.push_back("b" + std::to_string(i));
    for (const std::string &tag : tags) CHECK(call.answer(180, {.cseq = 1, .to_tag = tag}));
    for (const std::string &tag : tags) CHECK(call.answer(200, {.cseq = 1, .to_tag = tag}));
    std::size_t known = 0;
    for (const std::string &tag : tags) {
        const auto fed = call.request(Side::callee, Method::bye, {.cseq = 1, .to_tag = tag});
        known += fed ? 1 : 0;
        static_cast<void>(call.respond(Side::callee, Method::bye, 200, {.cseq = 1, .to_tag = tag}));
    }
    CHECK(known == 8);
    check_empty(call);
}

TEST_CASE("dialog: times of the record: ringing counts as talk, or there is no answer time [66, 68, 72]") {
    Conversation call;
    CHECK(call.invite({.cseq = 1, .at = at_ms(1000)}));
    CHECK(call.answer(100, {.cseq = 1, .to_tag = "", .at = at_ms(1100)}));
    CHECK(call.answer(180, {.cseq = 1, .to_tag = "b1", .at = at_ms(2000)}));
    CHECK(call.answer(183, {.cseq = 1, .to_tag = "b2", .at = at_ms(3000)}));
    CHECK(call.answer(200, {.cseq = 1, .to_tag = "b2", .at = at_ms(9000)}));
    CHECK(call.answer(200, {.cseq = 1, .to_tag = "b2", .at = at_ms(9500)}));
    CHECK(call.answer(200, {.cseq = 1, .to_tag = "b1", .at = at_ms(9600)}));
    CHECK(call.request(Side::caller, Method::ack, {.cseq = 1, .to_tag = "b2", .at = at_ms(9700)}));
    for (const char *tag : {"b1", "b2"}) call.hang_up(Side::caller, {.cseq = 2, .to_tag = tag, .at = at_ms(69'000)});
    const auto record = *call.tracker.record(call.id);
    CHECK(record.created == at_ms(1000));
    CHECK(record.ringing == at_ms(2000));
    CHECK(record.answered == at_ms(9000));
    CHECK(record.ended == at_ms(69'000));
}

TEST_CASE("dialog: a call is not written again when it changes after it was written [77]") {
    Conversation call;
    call.confirm();
    for (std::uint32_t cseq = 2; cseq < 6; ++cseq) {
        int written = 0;
        CHECK(call.request(Side::callee, Method::update, {.cseq = cseq, .contact = "sip:new@h"}));
        call.tracker.drain_changes([&](const DialogRecord &) { ++written; }, nullptr);
        CHECK(written == 1);
    }
}
