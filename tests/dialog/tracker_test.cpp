#include <doctest/doctest.h>
#include "dialog/conversation.hpp"
#include "dialog/tracker.hpp"

using namespace tandem;
using test::Conversation;
using Kind = DialogEventKind;

TEST_CASE("dialog: an INVITE goes through trying, proceeding, early and confirmed (RFC 4235 section 3.7.1)") {
    Conversation call;
    REQUIRE(call.invite()->is_new);
    CHECK(call.state() == DialogState::trying);
    CHECK(call.tracker.statistics().early == 1);
    CHECK(call.tracker.statistics().trying == 1);
    CHECK(call.answer(100, {.cseq = 1, .to_tag = ""}));
    CHECK(call.state() == DialogState::proceeding);
    CHECK(call.tracker.statistics().trying == 0);
    CHECK(call.tracker.statistics().proceeding == 1);
    CHECK(call.answer(180));
    CHECK(call.state() == DialogState::early);
    CHECK(call.tracker.statistics().early == 1);
    CHECK(call.tracker.statistics().proceeding == 0);
    CHECK(call.answer(200));
    CHECK(call.state() == DialogState::confirmed);
    CHECK(call.tracker.statistics().early == 0);
    CHECK(call.tracker.statistics().active == 1);
    CHECK(call.request(Side::caller, Method::ack, {.cseq = 1}));
    CHECK(call.events() == std::vector{Kind::created, Kind::early, Kind::confirmed, Kind::acked});
}

TEST_CASE("dialog: a refusal ends it, and the same Call-ID may start anew as another dialog") {
    Conversation call;
    CHECK(call.invite());
    const DialogId first = call.id;
    CHECK(call.answer(486, {.cseq = 1, .reason = "SIP;cause=486, Q.850;cause=17;text=\"busy\""}));
    CHECK(call.state() == DialogState::terminated);
    CHECK(call.reason() == EndReason::refused);
    CHECK(call.tracker.find(first)->sip_code == 486);
    CHECK(call.tracker.find(first)->q850 == 17);
    CHECK(call.tracker.statistics().failed == 1);
    REQUIRE(call.invite({.cseq = 2})->is_new);
    CHECK(call.id != first);
    CHECK(call.tracker.statistics().processed == 2);
}

TEST_CASE("dialog: the status that the host sets is recorded, after the end too") {
    Conversation call;
    CHECK(call.invite());
    CHECK(call.answer(503));
    call.tracker.set_sip_code(call.id, 407);
    std::uint16_t recorded = 0;
    call.tracker.drain_changes(nullptr, [&](const DialogRecord &record) { recorded = record.sip_code; });
    CHECK(recorded == 407);
    call.tracker.set_sip_code(call.id, 401); // forgotten: no effect
}

TEST_CASE("dialog: retransmissions and spirals change nothing") {
    Conversation call;
    CHECK(call.invite()->is_new);
    CHECK_FALSE(call.invite()->is_new);
    CHECK(call.answer(180));
    CHECK(call.answer(200));
    CHECK(call.request(Side::caller, Method::ack, {.cseq = 1})->is_new);
    call.events();
    CHECK(call.answer(180));
    CHECK(call.answer(200));
    CHECK_FALSE(call.request(Side::caller, Method::ack, {.cseq = 1})->is_new);
    CHECK(call.invite().error() == Error::merged); // who has acknowledged the answer asks no more
    CHECK(call.request(Side::caller, Method::info, {.cseq = 2})->is_new);
    CHECK_FALSE(call.request(Side::caller, Method::info, {.cseq = 2})->is_new);
    CHECK(call.events() == std::vector{Kind::request});
    CHECK(call.tracker.statistics().processed == 1);
    CHECK(call.tracker.statistics().active == 1);
}

TEST_CASE("dialog: a lower CSeq is refused and changes nothing, a gap is legal (RFC 3261 section 12.2.2)") {
    Conversation call;
    call.confirm();
    REQUIRE(call.request(Side::caller, Method::info, {.cseq = 7}));
    call.events();
    CHECK(call.request(Side::caller, Method::info, {.cseq = 6}).error() == Error::stale_cseq);
    CHECK(call.state() == DialogState::confirmed);
    CHECK(call.events().empty());
    CHECK(call.tracker.next_cseq(call.id, Side::caller) == 8);
}

TEST_CASE("dialog: each side counts for itself") {
    Conversation call;
    call.confirm();
    CHECK(call.tracker.next_cseq(call.id, Side::caller) == 2);
    CHECK(call.tracker.next_cseq(call.id, Side::callee) == 1);
    REQUIRE(call.request(Side::callee, Method::info, {.cseq = 900}));
    REQUIRE(call.request(Side::caller, Method::info, {.cseq = 2}));
    CHECK(call.tracker.next_cseq(call.id, Side::callee) == 901);
    CHECK(call.tracker.next_cseq(call.id, Side::caller) == 3);
}

TEST_CASE("dialog: a BYE ends it when it is answered") {
    for (std::uint16_t status : {std::uint16_t{200}, std::uint16_t{481}, std::uint16_t{408}}) {
        CAPTURE(status);
        Conversation call;
        call.confirm();
        REQUIRE(call.request(Side::callee, Method::bye, {.cseq = 1, .reason = "Q.850;cause=16"}));
        CHECK(call.state() == DialogState::confirmed);
        CHECK(call.respond(Side::callee, Method::bye, status, {.cseq = 1}));
        CHECK(call.state() == DialogState::terminated);
        CHECK(call.reason() == EndReason::callee_bye);
        CHECK(call.tracker.find(call.id)->q850 == 16);
        CHECK(call.tracker.statistics().active == 0);
        CHECK(call.tracker.statistics().failed == 0);
    }
}

TEST_CASE("dialog: a challenged BYE ends nothing") {
    Conversation call;
    call.confirm();
    REQUIRE(call.request(Side::caller, Method::bye, {.cseq = 2}));
    CHECK(call.respond(Side::caller, Method::bye, 407, {.cseq = 2}));
    CHECK(call.state() == DialogState::confirmed);
    CHECK(call.reason() == EndReason::none);
    CHECK(call.tracker.find(call.id)->deadline == at_ms(43'200'000));
    REQUIRE(call.request(Side::caller, Method::bye, {.cseq = 3}));
    CHECK(call.respond(Side::caller, Method::bye, 200, {.cseq = 3}));
    CHECK(call.reason() == EndReason::caller_bye);
}

TEST_CASE("dialog: a BYE in early state is legal from the caller and ends it (RFC 3261 section 15)") {
    Conversation call;
    CHECK(call.invite());
    CHECK(call.answer(180));
    REQUIRE(call.request(Side::caller, Method::bye, {.cseq = 2}));
    CHECK(call.respond(Side::caller, Method::bye, 200, {.cseq = 2}));
    SUBCASE("with the answer of its INVITE") { CHECK(call.answer(487)); }
    SUBCASE("without one, in bounded time") { call.advance(32'000); }
    CHECK(call.state() == DialogState::terminated);
    CHECK(call.reason() == EndReason::caller_bye);
    CHECK(call.tracker.statistics().failed == 1);
    CHECK(call.tracker.statistics().early == 0);
}

TEST_CASE("dialog: after the BYE of the only early dialog another callee may ring and answer (RFC 3261 section 15)") {
    Conversation call;
    CHECK(call.invite());
    CHECK(call.answer(180));
    CHECK(call.request(Side::caller, Method::bye, {.cseq = 2}));
    SUBCASE("he rings before the BYE is answered") {
        CHECK(call.answer(180, {.cseq = 1, .to_tag = "b2"}));
        CHECK(call.respond(Side::caller, Method::bye, 200, {.cseq = 2}));
    }
    SUBCASE("he rings afterwards") {
        CHECK(call.respond(Side::caller, Method::bye, 200, {.cseq = 2}));
        CHECK(call.answer(180, {.cseq = 1, .to_tag = "b2"}));
    }
    SUBCASE("he answers without ringing") { CHECK(call.respond(Side::caller, Method::bye, 200, {.cseq = 2})); }
    CHECK(call.answer(200, {.cseq = 1, .to_tag = "b2"}));
    CHECK(call.request(Side::caller, Method::ack, {.cseq = 1, .to_tag = "b2"}));
    CHECK(call.tracker.statistics().active == 1);
    CHECK(call.deadline_ms() == 43'200'000);
    CHECK(call.reason() == EndReason::none);
    call.hang_up(Side::callee, {.cseq = 1, .to_tag = "b2"});
    CHECK(call.is_over());
    CHECK(call.reason() == EndReason::callee_bye);
}

TEST_CASE("dialog: a callee's BYE before the answer ends his early dialog alone, answered or not") {
    Conversation call;
    CHECK(call.invite());
    CHECK(call.answer(180));
    call.hang_up(Side::callee, {.cseq = 1});
    CHECK(call.state() == DialogState::early);
    CHECK(call.request(Side::callee, Method::info, {.cseq = 2}).error() == Error::no_dialog);
    CHECK(call.answer(200, {.cseq = 1, .to_tag = "b2"}));
    CHECK(call.tracker.statistics().active == 1);
}

TEST_CASE("dialog: crossing BYEs end it once, by the first of them") {
    Conversation call;
    call.confirm();
    call.events();
    REQUIRE(call.request(Side::caller, Method::bye, {.cseq = 2}));
    REQUIRE(call.request(Side::callee, Method::bye, {.cseq = 1}));
    CHECK(call.respond(Side::callee, Method::bye, 200, {.cseq = 1}));
    CHECK_FALSE(call.respond(Side::caller, Method::bye, 200, {.cseq = 2})->dialog);
    CHECK(call.reason() == EndReason::caller_bye);
    CHECK(call.events() == std::vector{Kind::request, Kind::request, Kind::ended});
    CHECK(call.tracker.statistics().active == 0);
}

TEST_CASE("dialog: a CANCEL that is answered 487 is a cancelled call") {
    Conversation call;
    CHECK(call.invite());
    CHECK(call.answer(180));
    CHECK(call.cancel({.cseq = 1, .reason = "Q.850;cause=26"})->is_new);
    CHECK(call.answer(487));
    CHECK(call.reason() == EndReason::cancelled);
    CHECK(call.tracker.find(call.id)->q850 == 26);
}

TEST_CASE("dialog: an answer that crosses the CANCEL is an answer") {
    Conversation call;
    CHECK(call.invite());
    CHECK(call.cancel());
    CHECK(call.answer(200));
    CHECK(call.state() == DialogState::confirmed);
}

TEST_CASE("dialog: each To-tag is a fork of its own; the second 2xx is its own confirmed dialog in the set") {
    Conversation call;
    CHECK(call.invite());
    CHECK(call.answer(180, {.cseq = 1, .to_tag = "b1", .contact = "sip:b1@h"}));
    CHECK(call.answer(183, {.cseq = 1, .to_tag = "b2", .contact = "sip:b2@h"}));
    CHECK(call.answer(200, {.cseq = 1, .to_tag = "b1", .contact = "sip:b1@h"}));
    CHECK(call.tracker.find(call.id)->to_tag() == "b1");
    CHECK(call.answer(200, {.cseq = 1, .to_tag = "b2", .contact = "sip:b2@h"}));
    CHECK(call.tracker.statistics().active == 1); // sets, not forks
    CHECK(call.tracker.find(call.id)->to_tag() == "b1");
    CHECK(call.request(Side::callee, Method::info, {.cseq = 5, .to_tag = "b2"})->is_new);
    CHECK(call.tracker.next_cseq(call.id, Side::callee) == 1);
    CHECK(call.tracker.next_cseq(call.id, Side::callee, "b2") == 6);

    SUBCASE("the caller drops the second one") {
        REQUIRE(call.request(Side::caller, Method::bye, {.cseq = 2, .to_tag = "b2"}));
        CHECK(call.respond(Side::caller, Method::bye, 200, {.cseq = 2, .to_tag = "b2"}));
        CHECK(call.state() == DialogState::confirmed);
        CHECK(call.reason() == EndReason::none);
        CHECK(call.request(Side::callee, Method::info, {.cseq = 9, .to_tag = "b2"}).error() == Error::no_dialog);
    }
    SUBCASE("the first one ends, the set goes on with the other") {
        REQUIRE(call.request(Side::caller, Method::bye, {.cseq = 2, .to_tag = "b1"}));
        CHECK(call.respond(Side::caller, Method::bye, 200, {.cseq = 2, .to_tag = "b1"}));
        CHECK(call.state() == DialogState::confirmed);
        CHECK(call.reason() == EndReason::none);
        CHECK(call.tracker.find(call.id)->to_tag() == "b2");
    }
    REQUIRE(call.tracker.statistics().active == 1);
}

TEST_CASE("dialog: a refusal on one branch does not undo the answer of another") {
    Conversation call;
    CHECK(call.invite());
    CHECK(call.answer(200));
    CHECK(call.answer(486, {.cseq = 1, .to_tag = "b9"}));
    CHECK(call.state() == DialogState::confirmed);
    CHECK(call.tracker.find(call.id)->sip_code == 200);
}

TEST_CASE("dialog: route sets and targets are learned from INVITE and 2xx (RFC 3261 section 12.1)") {
    Conversation call;
    CHECK(call.invite({.cseq = 1, .contact = "sip:alice@10.0.0.1", .record_route = "<sip:p1;lr>,<sip:p2;lr>"}));
    CHECK(call.answer(180, {.cseq = 1, .contact = "sip:ring@10.0.0.2", .record_route = "<sip:q9;lr>"}));
    CHECK(call.answer(200, {.cseq = 1, .contact = "sip:bob@10.0.0.2", .record_route = "<sip:q1;lr>,<sip:q2;lr>"}));
    const DialogSet *set = call.tracker.find(call.id);
    CHECK(set->target(Side::caller) == "sip:alice@10.0.0.1");
    CHECK(set->route_set(Side::caller) == "<sip:p1;lr>,<sip:p2;lr>");
    CHECK(set->target(Side::callee) == "sip:bob@10.0.0.2");
    CHECK(set->route_set(Side::callee) == "<sip:q2;lr>,<sip:q1;lr>");
}

TEST_CASE("dialog: a re-INVITE moves the targets when it is accepted, and only then (RFC 3261 section 12.2)") {
    Conversation call;
    call.confirm();
    REQUIRE(call.request(Side::caller, Method::invite, {.cseq = 2, .contact = "sip:alice@new"}));
    CHECK(call.tracker.find(call.id)->target(Side::caller) == "sip:alice@192.0.2.1");
    CHECK(call.respond(Side::caller, Method::invite, 488, {.cseq = 2}));
    CHECK(call.tracker.find(call.id)->target(Side::caller) == "sip:alice@192.0.2.1");
    REQUIRE(call.request(Side::callee, Method::update, {.cseq = 1, .contact = "sip:bob@new"}));
    CHECK(call.respond(Side::callee, Method::update, 200, {.cseq = 1, .contact = "sip:alice@newer"}));
    CHECK(call.tracker.find(call.id)->target(Side::callee) == "sip:bob@new");
    CHECK(call.tracker.find(call.id)->target(Side::caller) == "sip:alice@newer");
}

TEST_CASE("dialog: messages of no dialog are accepted or refused, and change nothing") {
    Conversation call;
    CHECK(call.request(Side::caller, Method::bye, {.cseq = 1}).error() == Error::no_dialog);
    CHECK_FALSE(call.request(Side::caller, Method::ack, {.cseq = 1})->dialog);
    CHECK_FALSE(call.answer(200)->dialog);
    CHECK_FALSE(call.cancel()->dialog);
    CHECK(call.events().empty());
    CHECK(call.tracker.size() == 0);
}

TEST_CASE("dialog: tags of another dialog do not match") {
    Conversation call;
    call.confirm();
    CHECK(call.request(Side::caller, Method::bye, {.cseq = 2, .to_tag = "guess"}).error() == Error::no_dialog);
    call.caller_tag = "guess";
    CHECK(call.request(Side::caller, Method::bye, {.cseq = 2}).error() == Error::no_dialog);
    CHECK(call.tracker.statistics().active == 1);
}

TEST_CASE("dialog: beyond dialog_max an INVITE is refused and counted") {
    Conversation call({.dialog_max = 1});
    REQUIRE(call.invite());
    call.call_id = "call-2";
    CHECK(call.invite().error() == Error::full);
    CHECK(call.tracker.statistics().refused == 1);
    CHECK(call.tracker.statistics().early == 1);
}

TEST_CASE("dialog: beyond fork_max a fork is not tracked before it answers, beyond event_max events are lost") {
    Conversation call({.fork_max = 2, .event_max = 3});
    CHECK(call.invite());
    for (const char *tag : {"b1", "b2", "b3"}) CHECK(call.answer(180, {.cseq = 1, .to_tag = tag}));
    CHECK(call.tracker.find(call.id)->find_fork("b2"));
    CHECK_FALSE(call.tracker.find(call.id)->find_fork("b3"));
    CHECK(call.answer(200, {.cseq = 1, .to_tag = "b3"}));
    CHECK(call.tracker.find(call.id)->to_tag() == "b3");
    CHECK(call.tracker.find(call.id)->find_fork("b2"));
    CHECK_FALSE(call.tracker.find(call.id)->find_fork("b1"));
    CHECK(call.tracker.statistics().events_lost == 1);
    call.tracker.end(call.id, EndReason::admin, at_ms(0)); // an end is never lost
    CHECK(call.events() == std::vector{Kind::created, Kind::early, Kind::early, Kind::ended});
}

TEST_CASE("dialog: a further leg of a B2BUA's call does not count") {
    Conversation call;
    CHECK(call.invite());
    MessageView view;
    view.method = Method::invite;
    view.cseq = 1;
    view.call_id = "leg-b";
    view.from_tag = "x";
    const LegOptions leg{.leg_of = call.tracker.find(call.id)->record, .local_side = Side::caller, .owner = 7};
    const auto fed = call.tracker.feed_invite(view, leg, at_ms(0));
    REQUIRE(fed);
    CHECK(call.tracker.find(fed->dialog)->owner == 7);
    CHECK(call.tracker.size() == 2);
    CHECK(call.tracker.statistics().processed == 1);
    CHECK(call.tracker.statistics().early == 1);
    CHECK(call.tracker.record(fed->dialog)->leg_of == call.tracker.record(call.id)->id);
}

TEST_CASE("dialog: changes are drained once each, and an ended set is readable until then") {
    Conversation call;
    call.confirm();
    std::vector<std::string> seen;
    const auto drain = [&] {
        seen.clear();
        call.tracker.drain_changes([&](const DialogRecord &) { seen.emplace_back("changed"); },
                                   [&](const DialogRecord &record) {
                                       CHECK(record.call_id == "call-1");
                                       CHECK(record.end_reason == EndReason::caller_bye);
                                       CHECK(record.ended == at_ms(5000));
                                       seen.emplace_back("ended");
                                   });
        return seen;
    };
    CHECK(drain() == std::vector<std::string>{"changed"});
    CHECK(drain().empty());
    CHECK(call.request(Side::caller, Method::bye, {.cseq = 2, .at = at_ms(5000)}));
    CHECK(call.respond(Side::caller, Method::bye, 200, {.cseq = 2, .at = at_ms(5000)}));
    CHECK(call.tracker.find(call.id));
    CHECK(drain() == std::vector<std::string>{"ended"});
    CHECK_FALSE(call.tracker.find(call.id));
    CHECK(call.tracker.size() == 0);
}

TEST_CASE("dialog: a page looks at no more places than it may, and the pages have each set once") {
    Conversation call;
    std::vector<DialogId> made;
    for (int i = 0; i < 20; ++i) {
        call.call_id = "call-" + std::to_string(i);
        REQUIRE(call.invite());
        made.push_back(call.id);
    }
    for (int i = 0; i < 20; ++i) {
        if (i != 17) call.tracker.end(made[static_cast<std::size_t>(i)], EndReason::admin, at_ms(0));
    }
    std::vector<DialogId> found;
    std::uint64_t cursor = 0;
    call.tracker.list(cursor, 5, found, 4);
    CHECK(cursor == 4);
    CHECK(found.empty());
    for (int turns = 1; cursor != 0; ++turns) {
        REQUIRE(turns < 20);
        call.tracker.list(cursor, 5, found, 4);
    }
    CHECK(found == std::vector{made[17]});
}
