#include <doctest/doctest.h>
#include <string>
#include "callapi/admin_json.hpp"
#include "callapi/dialog_info.hpp"

using namespace tandem;

namespace {

constexpr std::int64_t utc_us = 1'700'000'000'000'000;

// A call that was answered after 2 s, its caller's leg, and its callee's.
DialogRecord callers_leg() {
    DialogRecord record;
    record.id = {5, 6};
    record.local_side = Side::callee;
    record.state = DialogState::confirmed;
    record.call_id = "a@alice";
    record.callee_call_id = "b@tandem";
    record.from_tag = "alice-tag";
    record.from_uri = "sip:alice@example.com";
    record.to_uri = "sip:bob@example.com";
    record.request_uri = "sip:bob@192.0.2.1";
    record.caller_target = "sip:alice@192.0.2.2";
    record.caller_route_set = "<sip:proxy;lr>";
    record.source = "192.0.2.2:5060";
    record.trunk = "carrier";
    record.invite_cseq = 3;
    record.created = at_ms(1000);
    record.ringing = at_ms(2000);
    record.answered = at_ms(3000);
    record.timer_start = at_ms(3000);
    record.deadline = at_ms(63'000);
    ForkRecord fork;
    fork.to_tag = "ours";
    fork.state = DialogState::confirmed;
    fork.last_cseq = {4, 9};
    record.forks.push_back(fork);
    record.profiles.push_back({"total", "", false});
    record.profiles.push_back({"user", "alice", true});
    record.variables.push_back({"tenant", VariableValue::of_text("blue")});
    record.variables.push_back({"tries", VariableValue::of_integer(2)});
    record.variables.push_back({"vip", VariableValue::of_boolean(true)});
    record.variables.push_back({"raw", VariableValue::of_bytes("\xff")});
    return record;
}

DialogRecord callees_leg() {
    DialogRecord record;
    record.id = {5, 7};
    record.leg_of = {5, 6};
    record.local_side = Side::caller;
    record.call_id = "b@tandem";
    record.from_tag = "ours-too";
    record.invite_cseq = 1;
    ForkRecord fork;
    fork.to_tag = "bob-tag";
    fork.callee_target = "sip:bob@192.0.2.3";
    fork.callee_route_set = "<sip:edge;lr>";
    fork.last_cseq = {1, 12};
    record.forks.push_back(fork);
    return record;
}

DialogInfo info_at(Instant now) {
    const WallClock wall(at_ms(0), utc_us);
    const DialogRecord caller = callers_leg();
    const DialogRecord callee = callees_leg();
    return make_dialog_info(caller, {&caller, &callee}, {"udp:192.0.2.1:5060", "tls:192.0.2.1:5061"}, wall, now);
}

} // namespace

TEST_CASE("dialog_info: each side is what its peer is in the dialog with us") {
    const DialogInfo info = info_at(at_ms(10'000));
    CHECK(info.peers[0] ==
          PeerInfo{"a@alice", "alice-tag", "sip:alice@192.0.2.2", "<sip:proxy;lr>", 4, "udp:192.0.2.1:5060"});
    CHECK(info.peers[1] ==
          PeerInfo{"b@tandem", "bob-tag", "sip:bob@192.0.2.3", "<sip:edge;lr>", 12, "tls:192.0.2.1:5061"});
}

TEST_CASE("dialog_info: of a caller who has sent nothing but the INVITE that counts") {
    const WallClock wall(at_ms(0), utc_us);
    DialogRecord caller = callers_leg();
    caller.forks.clear();
    const DialogInfo info = make_dialog_info(caller, {&caller, nullptr}, {}, wall, at_ms(5000));
    CHECK(info.peers[0].cseq == 3);
    CHECK(info.peers[1] == PeerInfo{});
}

TEST_CASE("dialog_info: as JSON it has the names and units of the contract") {
    const Json json = to_json(info_at(at_ms(10'000)));
    CHECK(json["id"] == "00000000000000050000000000000006");
    CHECK(json["call-id"] == "a@alice");
    CHECK(json["state"] == "confirmed");
    CHECK(json["init_ts"] == utc_us + 1'000'000);
    CHECK(json["ringing_ts"] == utc_us + 2'000'000);
    CHECK(json["start_ts"] == utc_us + 3'000'000);
    CHECK(json["end_ts"] == 0);
    CHECK(json["duration"] == 7'000'000);
    CHECK(json["timeout"] == utc_us + 63'000'000);
    CHECK(json["lifetime"] == 60'000'000);
    CHECK(json["end_reason"].is_null());
    CHECK(json["caller"]["route_set"] == "<sip:proxy;lr>");
    CHECK(json["callee"]["socket"] == "tls:192.0.2.1:5061");
    CHECK(to_text(json["profiles"]) == R"([{"name":"total"},{"name":"user","value":"alice"}])");
    CHECK(to_text(json["variables"]) == R"({"raw":"/w==","tenant":"blue","tries":2,"vip":true})");
}

TEST_CASE("dialog_info: what has not happened is 0") {
    const WallClock wall(at_ms(0), utc_us);
    DialogRecord caller = callers_leg();
    caller.ringing = caller.answered = std::nullopt;
    caller.deadline = never;
    const Json json = to_json(make_dialog_info(caller, {&caller, nullptr}, {}, wall, at_ms(5000)));
    for (const char *name : {"ringing_ts", "start_ts", "duration", "timeout", "lifetime"}) CHECK(json[name] == 0);
}

TEST_CASE("dialog_info: a filter wants all that it names") {
    const DialogRecord record = callers_leg();
    const auto matches = [&record](const DialogFilter &filter) { return filter.matches(record); };
    CHECK(matches({}));
    CHECK(matches({.state = DialogState::confirmed}));
    CHECK_FALSE(matches({.state = DialogState::early}));
    CHECK(matches({.call_id = "a@alice"}));
    CHECK(matches({.call_id = "b@*"}));
    CHECK_FALSE(matches({.call_id = "c*"}));
    CHECK(matches({.from = "*alice*", .to = "sip:bob@example.com"}));
    CHECK_FALSE(matches({.from = "*alice*", .to = "sip:carol@example.com"}));
    CHECK(matches({.trunk = "carrier"}));
    CHECK(matches({.source = "192.0.2.2:*"}));
    CHECK(matches({.profile = "total"}));
    CHECK(matches({.profile = "user", .value = "alice"}));
    CHECK_FALSE(matches({.profile = "user", .value = "bob"}));
    CHECK_FALSE(matches({.profile = "gone"}));
}
