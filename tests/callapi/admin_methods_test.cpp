#include <array>
#include <doctest/doctest.h>
#include <map>
#include <optional>
#include <string>
#include "callapi/admin_methods.hpp"
#include "callapi/admin_params.hpp"
#include "callapi/fake_admin_host.hpp"

using namespace tandem;

namespace {

struct Admin {
    Admin() { add_admin_methods(rpc, host); }

    test::FakeAdminHost host;
    JsonRpc rpc;

    Json answer(std::string_view method, const std::string &params) {
        std::optional<std::string> got;
        rpc.call(R"({"jsonrpc":"2.0","id":1,"method":")" + std::string(method) + R"(","params":)" + params + "}",
                 [&got](std::string text) { got = std::move(text); });
        REQUIRE(got);
        auto read = parse_json(*got, {.bytes_max = 1 << 20, .values_max = 100'000}); // a page of many
        REQUIRE(read.ok());
        return *read;
    }
    Json good(std::string_view method, const std::string &params = "{}") {
        const Json got = answer(method, params);
        REQUIRE_MESSAGE(got.contains("result"), to_text(got));
        return got["result"];
    }
    RpcCode code(std::string_view method, const std::string &params) {
        const Json got = answer(method, params);
        REQUIRE_MESSAGE(got.contains("error"), to_text(got));
        return RpcCode(got["error"]["code"].get<int>());
    }
    // The message of a refusal of parameters.
    std::string wrong(std::string_view method, const std::string &params) {
        CHECK(code(method, params) == RpcCode::invalid_params);
        return answer(method, params)["error"]["message"];
    }
};

constexpr const char *id = R"("id":"00000000000000010000000000000002")";

std::string with_id(const std::string &more = {}) { return std::string("{") + id + more + "}"; }

} // namespace

TEST_CASE("admin: an unknown method is told as such") {
    Admin admin;
    CHECK(admin.code("dlg.dance", "{}") == RpcCode::method_not_found);
    CHECK(admin.code("", "{}") == RpcCode::method_not_found);
}

TEST_CASE("admin: every method of the contract is there") {
    Admin admin;
    for (const char *name : {"dlg.stats_active", "dlg.list", "dlg.get", "dlg.profile_get_size", "dlg.profile_list",
                             "dlg.profile_values", "dlg.end", "dlg.set_var", "dlg.get_var", "dlg.audit", "cdr.list",
                             "registrar.list", "trunk.list", "config.reload"}) {
        const Json got = admin.answer(name, R"({"no such parameter":1})");
        CHECK_MESSAGE(got["error"]["code"] == static_cast<int>(RpcCode::invalid_params), name);
    }
}

TEST_CASE("admin: counts are those of kamcmd's dlg.stats_active") {
    Admin admin;
    const Json counts = admin.good("dlg.stats_active");
    CHECK(counts["starting"] == 3);
    CHECK(counts["connecting"] == 3);
    CHECK(counts["ongoing"] == 4);
    CHECK(counts["all"] == 10);
    CHECK(counts["processed"] == 100);
}

TEST_CASE("admin: a page has items, and the cursor of the next one or null") {
    Admin admin;
    CHECK(admin.good("dlg.list")["next"].is_null());
    CHECK(admin.host.list_query.limit == admin_page);
    admin.host.next = 0xffffffffffffffff;
    const Json page = admin.good("dlg.list", R"({"limit":2,"filter":{"state":"early","from":"*alice*"}})");
    CHECK(page["items"].size() == 2);
    CHECK(page["next"] == "18446744073709551615");
    CHECK(admin.host.list_query.limit == 2);
    CHECK(admin.host.list_query.filter.state == DialogState::early);
    CHECK(admin.host.list_query.filter.from == "*alice*");
    admin.good("dlg.list", R"({"cursor":"18446744073709551615"})");
    CHECK(admin.host.list_query.cursor == 0xffffffffffffffff);
}

TEST_CASE("admin: what is wrong with a parameter is told with its name") {
    Admin admin;
    for (const char *limit : {"0", "1001", "-1", "1.5", "\"1\"", "18446744073709551615", "true", "[]"}) {
        CHECK(admin.wrong("dlg.list", std::string("{\"limit\":") + limit + "}") ==
              "\"limit\" must be a whole number from 1 to 1000");
    }
    CHECK(admin.wrong("dlg.list", R"({"cursor":"x"})").starts_with("\"cursor\" is none"));
    CHECK(admin.wrong("dlg.list", R"({"cursor":"18446744073709551616"})").starts_with("\"cursor\" is none"));
    CHECK(admin.wrong("dlg.list", R"({"cursor":5})") == "\"cursor\" must be a string");
    CHECK(admin.wrong("dlg.list", R"({"filter":[]})") == "\"filter\" must be an object");
    CHECK(admin.wrong("dlg.list", R"({"filter":{"state":"up"}})").starts_with("\"filter\" is wrong: \"state\" must"));
    CHECK(admin.wrong("dlg.list", R"({"filter":{"color":"red"}})").starts_with("\"filter\" is wrong: \"color\" is no"));
    CHECK(admin.wrong("dlg.list", R"({"filter":{"value":"x"}})") ==
          "\"filter\" is wrong: \"value\" needs a \"profile\"");
    CHECK(admin.wrong("dlg.list", R"({"page":1})").starts_with("\"page\" is no parameter here; those are cursor,"));
    CHECK(admin.wrong("dlg.get", "{}").starts_with("\"id\" is missing"));
    CHECK(admin.wrong("dlg.get", R"({"id":"5"})").starts_with("\"id\" is not the id of a call"));
    CHECK(admin.wrong("dlg.get", R"({"id":"00000000000000000000000000000000"})").starts_with("\"id\" is not the id"));
    CHECK(admin.wrong("dlg.get", R"({"call-id":"a\r\nb"})") == "\"call-id\" has control characters");
    CHECK(admin.wrong("dlg.get", "{\"call-id\":\"" + std::string(2049, 'a') + "\"}")
              .starts_with("\"call-id\" is longer than 2048 bytes"));
    CHECK(admin.wrong("dlg.end", with_id(R"(,"reason":"boredom")")).starts_with("\"reason\" is none"));
    CHECK(admin.wrong("dlg.end", with_id(R"(,"reason":"none")")).starts_with("\"reason\" is none"));
    CHECK(admin.wrong("dlg.set_var", with_id()).starts_with("\"name\" is missing"));
    for (const char *value : {"1.5", "[]", "{}", "18446744073709551615"}) {
        CHECK(admin.wrong("dlg.set_var", with_id(std::string(R"(,"name":"n","value":)") + value))
                  .starts_with("\"value\""));
    }
    CHECK(admin.wrong("dlg.profile_get_size", "{}").starts_with("\"profile\" is missing"));
    CHECK(admin.wrong("dlg.profile_get_size", R"({"profile":""})") == "\"profile\" is empty");
    CHECK(admin.wrong("cdr.list", R"({"since":-1})").starts_with("\"since\" must be a whole number"));
}

TEST_CASE("admin: an empty value of a profile is a value like another") {
    Admin admin;
    admin.good("dlg.profile_list", R"({"profile":"user","value":""})");
    CHECK(admin.host.profile_asked == "user=");
}

TEST_CASE("admin: a call is named by its id or by a Call-ID") {
    Admin admin;
    CHECK(admin.good("dlg.get", with_id())["id"] == "00000000000000010000000000000002");
    CHECK(admin.host.asked.id == RecordId{1, 2});
    admin.good("dlg.get", R"({"call-id":"a@b"})");
    CHECK_FALSE(admin.host.asked.id);
    CHECK(admin.host.asked.call_id == "a@b");
}

TEST_CASE("admin: a call ends with the reason `admin`, or one that is given") {
    Admin admin;
    CHECK(admin.good("dlg.end", with_id())["was_ending"] == true);
    CHECK(admin.host.end_reason == EndReason::admin);
    admin.good("dlg.end", with_id(R"(,"reason":"expired")"));
    CHECK(admin.host.end_reason == EndReason::expired);
}

TEST_CASE("admin: a variable may be a text, an integer or a boolean, and null erases it") {
    Admin admin;
    const auto set = [&admin](const std::string &value) {
        admin.good("dlg.set_var", with_id(R"(,"name":"n","value":)" + value));
        return admin.host.variable_value;
    };
    CHECK(set(R"("x")") == CdrVariable{"", VariableType::text, "x", 0});
    CHECK(set("-5") == CdrVariable{"", VariableType::integer, "", -5});
    CHECK(set("true") == CdrVariable{"", VariableType::boolean, "", 1});
    CHECK_FALSE(set("null"));
    CHECK(admin.good("dlg.get_var", with_id(R"(,"name":"tenant")")) == "blue");
    CHECK(admin.good("dlg.get_var", with_id(R"(,"name":"other")")).is_null());
    CHECK(to_text(admin.good("dlg.get_var", with_id())) == R"({"tenant":"blue"})");
}

TEST_CASE("admin: each failure of the host has its code") {
    Admin admin;
    const std::map<Error, RpcCode> codes = {{Error::not_found, RpcCode::not_found},
                                            {Error::invalid, RpcCode::invalid_params},
                                            {Error::store_failed, RpcCode::unavailable},
                                            {Error::io, RpcCode::unavailable},
                                            {Error::full, RpcCode::full},
                                            {Error::config_invalid, RpcCode::unavailable},
                                            {Error::bug, RpcCode::internal_error}};
    const std::map<std::string, std::string> methods = {{"dlg.get", with_id()},
                                                        {"dlg.end", with_id()},
                                                        {"dlg.list", "{}"},
                                                        {"cdr.list", "{}"},
                                                        {"config.reload", "{}"}};
    for (const auto &[error, code] : codes) {
        admin.host.failure = Failure{error, "why"};
        for (const auto &[method, params] : methods) {
            CHECK(admin.code(method, params) == code);
            CHECK(admin.answer(method, params)["error"]["message"] == "why");
        }
    }
}

TEST_CASE("admin: a page ends where its text is long, with a cursor") {
    Admin admin;
    admin.host.next = 77;
    admin.host.dialogs = admin_page_max;
    CHECK(admin.good("dlg.list", R"({"limit":250})")["items"].size() == 250);
    CHECK(admin.host.listings == 3);
    CHECK(admin.host.list_query.limit == 50);
    CHECK(admin.host.list_query.cursor == 77);

    admin.host.uri_size = 1000;
    const Json page = admin.good("dlg.list", R"({"limit":1000})");
    CHECK(page["items"].size() == 200);
    CHECK(page["next"] == "77");

    // What is there already is told.
    admin.host.listings = 0;
    admin.host.listings_max = 1;
    const Json first = admin.good("dlg.list", R"({"limit":1000})");
    CHECK(first["items"].size() == 100);
    CHECK(first["next"] == "77");
    CHECK(admin.code("dlg.list", "{}") == RpcCode::full);
}

TEST_CASE("admin: values of a profile come by pages") {
    Admin admin;
    const Json page = admin.good("dlg.profile_values", R"({"profile":"user","limit":2})");
    CHECK(to_text(page) == R"({"items":[{"limit":5,"size":2,"value":"alice"},{"limit":5,"size":1,"value":"bob"}],)"
                           R"("next":"2"})");
    CHECK(admin.wrong("dlg.profile_values", R"({"profile":"plain"})").starts_with("\"profile\" has no values"));
    CHECK(admin.code("dlg.profile_values", R"({"profile":"gone"})") == RpcCode::not_found);
    CHECK(to_text(admin.good("dlg.profiles")["items"]) ==
          R"([{"has_values":false,"limit":5,"name":"total","refused":1,"size":3,"values":0}])");
}

TEST_CASE("admin: a record that is no JSON any more is left out") {
    Admin admin;
    const Json page = admin.good("cdr.list", R"({"since":5,"limit":3,"cursor":"8"})");
    CHECK(page["items"].size() == 1);
    CHECK(page["items"][0]["sip_code"] == 200);
    CHECK(page["next"] == "9");
    CHECK(admin.host.cdr_query.since_us == 5);
    CHECK(admin.host.cdr_query.cursor == 8);
}

TEST_CASE("admin: bindings go on behind the last user of a page") {
    Admin admin;
    const Json first = admin.good("registrar.list", R"({"limit":2})");
    CHECK(first["items"].size() == 2);
    CHECK(first["next"] == "zoe@example.com");
    const Json last = admin.good("registrar.list", R"({"cursor":"zoe@example.com"})");
    CHECK(last["items"].empty());
    CHECK(last["next"].is_null());
    CHECK(admin.good("registrar.list", R"({"aor":"a@b"})")["items"][0]["aor"] == "a@b");
}

TEST_CASE("admin: trunks, audit and reload say what the host says") {
    Admin admin;
    CHECK(to_text(admin.good("trunk.list")["items"]) ==
          R"([{"name":"carrier","registers":false,"uri":"sip:192.0.2.9"}])");
    CHECK(to_text(admin.good("dlg.audit")) == R"({"dialogs":3,"repairs":0})");
    CHECK(admin.good("config.reload")["reloaded"] == true);
}

TEST_CASE("admin: messages of a call are asked for by the Call-IDs of its legs, and what is no UTF-8 is mended") {
    Admin admin;
    const Json got = admin.good("dlg.messages", R"({"caller":"one","callee":"two"})");
    CHECK(admin.host.messages_asked == std::array<std::string, 2>{"one", "two"});
    CHECK(got["dropped"] == 3);
    REQUIRE(got["items"].size() == 1);
    CHECK(got["items"][0] == Json{{"ts", 5},
                                  {"sent", false},
                                  {"leg", "caller"},
                                  {"peer", "udp:192.0.2.1:5060"},
                                  {"text", "BYE sip:a SIP/2.0\r\n\xef\xbf\xbd"}});
    admin.good("dlg.messages", R"({"callee":"two"})");
    CHECK(admin.host.messages_asked == std::array<std::string, 2>{"", "two"});
    CHECK(admin.wrong("dlg.messages", "{}").find("caller") != std::string::npos);
    CHECK(admin.wrong("dlg.messages", R"({"caller":1})").find("caller") != std::string::npos);
}
