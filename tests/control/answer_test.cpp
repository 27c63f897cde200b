#include <doctest/doctest.h>
#include <string>
#include "control/answer.hpp"

using namespace tandem;
using std::chrono::milliseconds;

namespace {

std::string why_not(std::string_view body, std::uint16_t status = 200) {
    const auto answer = read_answer(status, body);
    return answer ? "" : answer.error().detail;
}

} // namespace

TEST_CASE("answer: a code allows or refuses, with a phrase") {
    CHECK(read_answer(200, R"({"code":200})")->decision.code == 200);
    const auto refused = read_answer(200, R"({"code":403,"reason":"IP Auth Failed"})");
    REQUIRE(refused);
    CHECK(refused->decision.code == 403);
    CHECK(refused->decision.reason == "IP Auth Failed");
    CHECK(read_answer(201, R"({"code":200,"unheard-of":[1,{"a":null}]})"));
}

TEST_CASE("answer: whatever a call may be given is read") {
    const auto answer = read_answer(200, R"({"code":200,
        "route":["carrier-a",["sip:192.0.2.1","sip:192.0.2.2"],"registered"],
        "to-user-id":"600","from-user-id":"5000","from-display-name":"S","headers":{"X-A":"1","X-B":"2"},
        "variables":{"a":"text","b":true,"c":-7},
        "profiles":[{"name":"user","value":"alice","limit":2},{"name":"total"}],
        "max-duration-ms":60000,"cache-ms":1500})");
    REQUIRE(answer);
    const Decision &decision = answer->decision;
    REQUIRE(decision.targets.size() == 4);
    CHECK(decision.targets[0].to == "carrier-a");
    CHECK_FALSE(decision.targets[1].is_parallel);
    CHECK(decision.targets[2].is_parallel);
    CHECK_FALSE(decision.targets[3].is_parallel);
    CHECK(decision.to_user == "600");
    CHECK(decision.from_user == "5000");
    CHECK(decision.from_display == "S");
    CHECK(decision.headers.size() == 2);
    REQUIRE(decision.variables.size() == 3);
    CHECK(decision.variables[0].text == "text");
    CHECK(decision.variables[1].type == VariableType::boolean);
    CHECK(decision.variables[2].integer == -7);
    REQUIRE(decision.profiles.size() == 2);
    CHECK(decision.profiles[0].limit == 2U);
    CHECK_FALSE(decision.profiles[1].limit);
    CHECK(decision.max_duration == milliseconds(60'000));
    CHECK(!read_answer(200, R"({"code":200,"max-duration-ms":0})")->decision.max_duration);
    CHECK(answer->cache == milliseconds(1500));
}

TEST_CASE("answer: a decision is kept for an hour at most") {
    CHECK(read_answer(200, R"({"code":200,"cache-ms":31536000000})")->cache == cache_longest);
    CHECK(read_answer(200, R"({"code":200})")->cache == Duration::zero());
}

TEST_CASE("answer: an HTTP status other than 2xx is no decision, whatever the body says") {
    for (const int status : {100, 199, 300, 302, 400, 404, 500, 503, 0}) {
        CHECK(why_not(R"({"code":200})", static_cast<std::uint16_t>(status)).find("HTTP status") != std::string::npos);
    }
}

TEST_CASE("answer: what is no JSON object with a code is no decision (H3)") {
    const std::string deep = R"({"code":200,"x":)" + std::string(10'000, '[') + std::string(10'000, ']') + "}";
    const std::string many = R"({"code":200,"x":[0)" + [] {
        std::string items;
        for (int i = 0; i < 2000; ++i) items += ",0";
        return items;
    }() + "]}";
    const std::string large = R"({"code":200,"x":")" + std::string(100'000, 'a') + "\"}";
    for (const std::string &body :
         {std::string(), std::string("{"), std::string("[]"), std::string("null"), std::string("200"),
          std::string("\"code\""), std::string("{}"), std::string("<html>"), std::string(R"({"code":200} x)"),
          std::string(R"({"code":200,"code":403})"), std::string(R"({"reason":"a"})"), std::string("{\"code\":200,}"),
          std::string("{'code':200}"), std::string("{\"code\":200,\"reason\":\"\xff\"}"),
          std::string(R"({"code":200,"reason":"\u0000"})"), std::string("\x1f\x8b\x08\0", 4), deep, many, large}) {
        CHECK_FALSE(why_not(body).empty());
    }
}

TEST_CASE("answer: a member of another kind makes it no decision, and is named") {
    for (const char *body :
         {R"({"code":"200"})", R"({"code":200.5})", R"({"code":null})", R"({"code":199})", R"({"code":700})",
          R"({"code":-1})", R"({"code":18446744073709551615})", R"({"code":1e300})", R"({"code":[200]})"})
        CHECK(why_not(body).find("\"code\"") != std::string::npos);
    const auto names = [](const std::string &member, std::string_view name) {
        return why_not("{\"code\":200," + member + "}").find(name) != std::string::npos;
    };
    CHECK(names(R"("reason":1)", "\"reason\""));
    CHECK(names(R"("route":"carrier-a")", "\"route\""));
    CHECK(names(R"("route":[])", "\"route\""));
    CHECK(names(R"("route":[1])", "\"route\""));
    CHECK(names(R"("route":[[]])", "\"route\""));
    CHECK(names(R"("route":[["a",["b"]]])", "\"route\""));
    CHECK(names(R"("to-user-id":46)", "\"to-user-id\""));
    CHECK(names(R"("from-user-id":null)", "\"from-user-id\""));
    CHECK(names(R"("from-display-name":{})", "\"from-display-name\""));
    CHECK(names(R"("headers":[])", "\"headers\""));
    CHECK(names(R"("headers":{"X":1})", "\"headers\""));
    CHECK(names(R"("variables":{"a":1.5})", "\"variables\""));
    CHECK(names(R"("variables":{"a":18446744073709551615})", "\"variables\""));
    CHECK(names(R"("variables":{"a":null})", "\"variables\""));
    CHECK(names(R"("profiles":{})", "\"profiles\""));
    CHECK(names(R"("profiles":["total"])", "\"profiles\""));
    CHECK(names(R"("profiles":[{"value":"a"}])", "\"name\""));
    CHECK(names(R"("profiles":[{"name":"a","limit":-1}])", "\"limit\""));
    CHECK(names(R"("profiles":[{"name":"a","limit":4294967296}])", "\"limit\""));
    CHECK(names(R"("max-duration-ms":-1)", "\"max-duration-ms\""));
    CHECK(names(R"("max-duration-ms":"60")", "\"max-duration-ms\""));
    CHECK(names(R"("cache-ms":-1)", "\"cache-ms\""));
}
