// What a route gives a call: its variables, and its place in the profiles.
#include <functional>
#include "call/two_phones.hpp"

using namespace tandem;
using test::TwoPhones;

namespace {

struct Limited : TwoPhones {
    explicit Limited(std::uint32_t limit = 1, EngineOptions options = {}) : TwoPhones(options) {
        REQUIRE(profiles().declare({.name = "total"}));
        REQUIRE(profiles().declare({.name = "user", .has_values = true, .limit = limit}));
        router.answer.profiles = {{"total", ""}, {"user", "alice"}};
        router.answer.variables = {{"tenant", "blue"}};
    }
    std::uint32_t size(std::string_view profile) { return *profiles().size(profile); }
};

} // namespace

TEST_CASE("limit: the call that is one too many gets 503 with Retry-After, and its record says so [22, 30-31]") {
    Limited phones;
    phones.establish();
    CHECK(phones.size("total") == 1);
    CHECK(phones.size("user") == 1);
    phones.call_again();
    const Message refusal = phones.take(phones.alice, "SIP/2.0 503");
    CHECK(refusal.call_id() == "call-b");
    CHECK(refusal.reason_phrase() == "Too Many Calls");
    CHECK(refusal.has(Header::retry_after));
    CHECK_FALSE(phones.got(phones.bob, "INVITE"));
    CHECK(phones.size("total") == 1); // all or none
    REQUIRE(phones.ended.size() == 1);
    CHECK(phones.ended[0].reason == EndReason::limit);
    CHECK(phones.ended[0].sip_code == 503);
    phones.ended.clear();
    phones.send(phones.alice, phones.request("BYE", phones.our_tag, 2));
    CHECK(phones.size("user") == 0); // free before the callee has answered
    CHECK(phones.finish().reason == EndReason::caller_bye);
}

TEST_CASE("limit: whatever ends a call frees its place [1, 16, 30-31]") {
    struct Case {
        const char *name;
        std::function<void(Limited &, const Message &)> run;
    };
    const Case cases[] = {
        {"refusal", [](Limited &it, const Message &invite) { it.send(it.bob, TwoPhones::answer(invite, "486 Busy")); }},
        {"challenge",
         [](Limited &it, const Message &invite) { it.send(it.bob, TwoPhones::answer(invite, "407 Who Are You")); }},
        {"CANCEL",
         [](Limited &it, const Message &invite) {
             it.send(it.bob, TwoPhones::answer(invite, "180 Ringing"));
             it.send(it.alice, it.cancel());
             it.send(it.bob, TwoPhones::answer(it.take(it.bob, "CANCEL"), "200 OK"));
             it.send(it.bob, TwoPhones::answer(invite, "487 Terminated"));
         }},
        {"CANCEL against 200",
         [](Limited &it, const Message &invite) {
             it.send(it.alice, it.cancel());
             it.send(it.bob, TwoPhones::answer(invite, "200 OK"));
         }},
        {"nobody answers", [](Limited &it, const Message &) { it.wait(70'000); }},
        {"nobody acknowledges",
         [](Limited &it, const Message &invite) { it.send(it.bob, TwoPhones::answer(invite, "200 OK")); }},
        {"BYE of the callee",
         [](Limited &it, const Message &invite) {
             it.send(it.bob, TwoPhones::answer(invite, "200 OK"));
             it.send(it.alice, it.request("ACK", it.take(it.alice, "SIP/2.0 200").to_tag(), 1));
             it.send(it.bob, TwoPhones::from_bob(invite, "BYE", 1));
         }},
    };
    for (const Case &end : cases) {
        CAPTURE(end.name);
        Limited phones;
        phones.send(phones.alice, phones.invite());
        CHECK(phones.size("user") == 1);
        end.run(phones, phones.take(phones.bob, "INVITE"));
        phones.finish();
        CHECK(phones.size("user") == 0);
        CHECK(phones.size("total") == 0);
    }
}

TEST_CASE("limit: a call joins while it rings, and keeps its place until its own end") {
    Limited phones(2);
    phones.send(phones.alice, phones.invite());
    phones.call_again();
    CHECK(phones.size("user") == 2);
    phones.ended.clear();
    phones.send(phones.alice, phones.cancel());
    CHECK(phones.size("user") == 1);
}

TEST_CASE("limit: a value that no profile and no variable takes is 400, and the call goes nowhere") {
    const std::string control("a\x01");
    for (const bool is_variable : {false, true}) {
        for (const std::string &value : {control, std::string(20'000, 'x'), std::string("\xff")}) {
            if (!is_variable && value == "\xff") continue; // any bytes but control ones make a value
            if (is_variable && value == control) continue; // any text that fits on a line
            CAPTURE(is_variable);
            CAPTURE(value.size());
            Limited phones;
            if (is_variable) {
                phones.router.answer.variables = {{"tenant", value}};
            } else {
                phones.router.answer.profiles = {{"total", ""}, {"user", value}};
            }
            phones.send(phones.alice, phones.invite());
            CHECK(phones.got(phones.alice, "SIP/2.0 400"));
            CHECK_FALSE(phones.got(phones.bob, "INVITE"));
            CHECK(phones.size("total") == 0);
            CHECK(phones.finish().sip_code == 400);
        }
    }
}

TEST_CASE("limit: beyond the bound of the profiles a call is refused 503") {
    Limited phones;
    phones.router.answer.profiles.clear();
    for (std::uint32_t i = 0; i <= ProfileTableOptions().per_dialog_max; ++i) {
        phones.router.answer.profiles.push_back({"user", std::to_string(i)});
    }
    phones.send(phones.alice, phones.invite());
    CHECK(phones.take(phones.alice, "SIP/2.0 503").has(Header::retry_after));
    CHECK(phones.size("user") == 0);
    CHECK(phones.finish().reason == EndReason::refused);
}
