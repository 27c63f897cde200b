#include <doctest/doctest.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>
#include "cdr/cdr.hpp"

using namespace tandem;
using nlohmann::ordered_json;

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

TEST_CASE("cdr: variables and profiles are kept as they were, in their order") {
    DialogRecord record = answered_call();
    Cdr cdr;
    {
        const std::string text(40, 't'); // gone before the record is read
        record.variables = {{"customer", VariableValue::of_text(text)},
                            {"attempts", VariableValue::of_integer(-3)},
                            {"vip", VariableValue::of_boolean(true)},
                            {"key", VariableValue::of_bytes(std::string_view("\0\xff", 2))}};
        record.profiles = {{"total", "", false}, {"user", text, true}, {"user", "", true}};
        cdr = make_cdr(record, WallClock(at_ms(0), noon_us));
    }
    CHECK(cdr.variables == std::vector<CdrVariable>{{"customer", VariableType::text, std::string(40, 't'), 0},
                                                    {"attempts", VariableType::integer, "", -3},
                                                    {"vip", VariableType::boolean, "", 1},
                                                    {"key", VariableType::bytes, std::string("\0\xff", 2), 0}});
    CHECK(cdr.profiles ==
          std::vector<CdrProfile>{{"total", "", false}, {"user", std::string(40, 't'), true}, {"user", "", true}});
}

TEST_CASE("cdr: failed and cancelled attempts have a record too, each with its reason and code") {
    const auto cdr_of = [](EndReason reason, std::uint16_t code) {
        DialogRecord record = answered_call();
        record.answered.reset();
        record.end_reason = reason;
        record.sip_code = code;
        record.q850 = 0;
        return make_cdr(record, WallClock(at_ms(0), noon_us));
    };
    const std::pair<EndReason, std::uint16_t> ends[] = {{EndReason::refused, 486},   {EndReason::cancelled, 487},
                                                        {EndReason::no_answer, 408}, {EndReason::limit, 503},
                                                        {EndReason::transport, 0},   {EndReason::restart, 0}};
    for (const auto &[reason, code] : ends) {
        const Cdr cdr = cdr_of(reason, code);
        CHECK(cdr.end_reason == reason);
        CHECK(cdr.sip_code == code);
        CHECK(cdr.ended_us == noon_us + 65'250'000);
        CHECK(cdr.duration_us == 0);
        CHECK_FALSE(cdr.answered_us);
    }
}

TEST_CASE("cdr: its JSON has the columns of the table in their order") {
    DialogRecord record = answered_call();
    record.to_uri = "sip:bob@b";
    record.request_uri = "sip:bob@192.0.2.4";
    record.trunk = "carrier-a";
    record.variables = {{"n", VariableValue::of_integer(1)}};
    record.profiles = {{"user", "alice", true}};
    const std::string text = to_json(make_cdr(record, WallClock(at_ms(0), noon_us)));
    CHECK(ordered_json::parse(text) == ordered_json{{"id", record.id.to_string()},
                                                    {"call_id", "a"},
                                                    {"caller_call_id", "a"},
                                                    {"callee_call_id", "b"},
                                                    {"from_uri", "sip:alice@a"},
                                                    {"to_uri", "sip:bob@b"},
                                                    {"request_uri", "sip:bob@192.0.2.4"},
                                                    {"source", "192.0.2.1:5060"},
                                                    {"trunk", "carrier-a"},
                                                    {"created_us", noon_us + 1'000'000},
                                                    {"ringing_us", noon_us + 2'000'000},
                                                    {"answered_us", noon_us + 5'000'000},
                                                    {"ended_us", noon_us + 65'250'000},
                                                    {"duration_us", 60'250'000},
                                                    {"sip_code", 200},
                                                    {"end_reason", "callee_bye"},
                                                    {"q850", 16},
                                                    {"profiles", {{{"name", "user"}, {"value", "alice"}}}},
                                                    {"variables", {{"n", 1}}}});
    CHECK(ordered_json::parse(text).dump() == text); // the order too, and nothing between
}

TEST_CASE("cdr: what a call did not have is null in its JSON, and its lists are empty") {
    DialogRecord record = answered_call();
    record.callee_call_id = record.source = record.trunk = {};
    record.ringing.reset();
    record.answered.reset();
    record.q850 = record.sip_code = 0;
    const ordered_json json = ordered_json::parse(to_json(make_cdr(record, WallClock(at_ms(0), noon_us))));
    CHECK(json.size() == 19);
    for (const char *name : {"callee_call_id", "source", "trunk", "ringing_us", "answered_us", "q850"}) {
        CAPTURE(name);
        CHECK(json.at(name).is_null());
    }
    CHECK(json.at("to_uri") == "");
    CHECK(json.at("duration_us") == 0);
    CHECK(json.at("sip_code") == 0);
    CHECK(json.at("profiles") == ordered_json::array());
    CHECK(json.at("variables") == ordered_json::object());
}

TEST_CASE("cdr: each type of variable has its JSON: text, number, true or false, base64") {
    Cdr cdr;
    CHECK(variables_json(cdr) == "{}");
    cdr.variables = {{"text", VariableType::text, "a \"b\"\\", 0},
                     {"empty", VariableType::text, "", 0},
                     {"low", VariableType::integer, "", std::numeric_limits<std::int64_t>::min()},
                     {"high", VariableType::integer, "", std::numeric_limits<std::int64_t>::max()},
                     {"yes", VariableType::boolean, "", 1},
                     {"no", VariableType::boolean, "", 0},
                     {"bytes", VariableType::bytes, std::string("\0\xff\r", 3), 0},
                     {"a\"b", VariableType::bytes, "", 0}};
    const ordered_json json = ordered_json::parse(variables_json(cdr));
    CHECK(json == ordered_json{{"text", "a \"b\"\\"},
                               {"empty", ""},
                               {"low", std::numeric_limits<std::int64_t>::min()},
                               {"high", std::numeric_limits<std::int64_t>::max()},
                               {"yes", true},
                               {"no", false},
                               {"bytes", "AP8N"},
                               {"a\"b", ""}});
    CHECK(json.at("high").is_number_integer());
}

TEST_CASE("cdr: a profile without values has none in its JSON, an empty value is one") {
    Cdr cdr;
    CHECK(profiles_json(cdr) == "[]");
    cdr.profiles = {{"total", "", false}, {"user", "alice", true}, {"user", "", true}};
    CHECK(profiles_json(cdr) == R"([{"name":"total"},{"name":"user","value":"alice"},{"name":"user","value":""}])");
}

TEST_CASE("cdr: bytes from the wire never break its JSON or its line") {
    DialogRecord record = answered_call();
    record.from_uri = "sip:\"\\\r\n\xff\xc3@a";
    record.call_id = std::string_view("a\0b", 3);
    record.profiles = {{"user", "\xed\xa0\x80\x1f", true}};
    record.variables = {{"v", VariableValue::of_text("\n\xf0\x9f")}};
    const std::string text = to_json(make_cdr(record, WallClock(at_ms(0), noon_us)));
    CHECK(text.find('\n') == std::string::npos);
    const ordered_json json = ordered_json::parse(text);
    CHECK(json.at("from_uri") == "sip:\"\\\r\n\xef\xbf\xbd\xef\xbf\xbd@a");
    CHECK(json.at("call_id") == std::string("a\0b", 3));
    CHECK(json.at("profiles")[0].at("value") == "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\x1f");
    CHECK(json.at("variables").at("v") == "\n\xef\xbf\xbd");
}

TEST_CASE("cdr: of a call by command the caller is who was called first, and who has hung up is said of her and him") {
    DialogRecord record = answered_call(); // its INVITE went to Bob, from Alice
    record.to_uri = "sip:bob@b";
    record.request_uri = "sip:bob@192.0.2.2";
    record.source = command_source;
    record.local_side = Side::caller;
    const Cdr cdr = make_cdr(record, WallClock(at_ms(0), noon_us));
    CHECK(cdr.from_uri == "sip:bob@b");
    CHECK(cdr.to_uri == "sip:alice@a");
    CHECK(cdr.request_uri == "sip:alice@a");
    CHECK(cdr.end_reason == EndReason::caller_bye);
    record.local_side = Side::callee; // before she has answered
    CHECK(make_cdr(record, WallClock(at_ms(0), noon_us)).to_uri == "sip:bob@b");
}
