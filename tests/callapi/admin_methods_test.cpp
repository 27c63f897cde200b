#include "callapi/admin_methods.hpp"
#include <doctest/doctest.h>
#include <map>
#include <optional>
#include <string>

using namespace tandem;

namespace {

// Says what it was told to, and keeps what it was asked.
class FakeHost final : public AdminHost {
public:
    void list_dialogs(DialogQuery query, Answer<AdminPage<DialogInfo>> answer) override {
        list_query = std::move(query);
        if (failure) return answer(*failure);
        AdminPage<DialogInfo> page;
        page.items.resize(2);
        page.items[0].id = {1, 2};
        page.next = next;
        answer(page);
    }
    void get_dialog(DialogName name, Answer<DialogInfo> answer) override {
        asked = std::move(name);
        if (failure) return answer(*failure);
        DialogInfo info;
        info.id = {1, 2};
        info.variables.push_back({"tenant", VariableType::text, "blue", 0});
        answer(info);
    }
    void end_dialog(DialogName name, EndReason reason, Answer<EndedDialog> answer) override {
        asked = std::move(name);
        end_reason = reason;
        failure ? answer(*failure) : answer(EndedDialog{{1, 2}, true});
    }
    void set_variable(DialogName name, std::string variable, std::optional<CdrVariable> value,
                      Answer<RecordId> answer) override {
        asked = std::move(name);
        variable_name = std::move(variable);
        variable_value = std::move(value);
        failure ? answer(*failure) : answer(RecordId{1, 2});
    }
    void count_dialogs(Answer<DialogStatistics> answer) override {
        DialogStatistics counts;
        counts.early = 6;
        counts.trying = 1;
        counts.proceeding = 2;
        counts.active = 4;
        counts.processed = 100;
        answer(counts);
    }
    std::vector<ProfileInfo> profiles() const override { return {{"total", false, 3, 0, 5, 1}}; }
    Result<ProfilePage<ProfileValueInfo>> profile_values(std::string_view profile, std::uint64_t cursor,
                                                         std::size_t max) const override {
        if (profile == "gone") return Error::no_profile;
        if (profile == "plain") return Error::invalid;
        return ProfilePage<ProfileValueInfo>{{{"alice", 2, 5}, {"bob", 1, 5}}, cursor + max};
    }
    void get_profile_size(std::string profile, std::optional<std::string> value,
                          Answer<std::uint32_t> answer) override {
        profile_asked = profile + (value ? "=" + *value : "");
        failure ? answer(*failure) : answer(17u);
    }
    void list_profile(ProfileQuery query, Answer<AdminPage<DialogInfo>> answer) override {
        profile_asked = query.profile + (query.value ? "=" + *query.value : "");
        answer(AdminPage<DialogInfo>{});
    }
    void audit(Answer<NamedCounts> answer) override { answer(NamedCounts{{"dialogs", 3}, {"repairs", 0}}); }
    void list_cdrs(CdrQuery query, Answer<AdminPage<std::string>> answer) override {
        cdr_query = query;
        if (failure) return answer(*failure);
        answer(AdminPage<std::string>{{R"({"id":"x","sip_code":200})", "no JSON"}, 9});
    }
    void list_trunks(Answer<std::vector<TrunkInfo>> answer) override {
        answer(std::vector<TrunkInfo>{{"carrier", "sip:192.0.2.9", std::nullopt}});
    }
    void reload(Answer<bool> answer) override { failure ? answer(*failure) : answer(true); }
    std::vector<BindingRecord> list_bindings(std::string_view behind, std::size_t max) const override {
        std::vector<BindingRecord> bindings(behind.empty() ? max : 0);
        for (BindingRecord &binding : bindings) binding.aor = "zoe@example.com";
        return bindings;
    }
    std::vector<BindingRecord> bindings_of(std::string_view aor) const override {
        BindingRecord binding;
        binding.aor = aor;
        return {binding};
    }
    const WallClock &wall() const override { return wall_; }
    void check_loops(Answer<bool> answer) override { answer(true); }
    Result<void, Failure> readiness() const override { return {}; }
    void collect_metrics(Answer<std::string> answer) override { answer(std::string()); }

    std::optional<Failure> failure;
    std::uint64_t next = 0;
    DialogQuery list_query;
    CdrQuery cdr_query;
    DialogName asked;
    EndReason end_reason = EndReason::none;
    std::string variable_name;
    std::optional<CdrVariable> variable_value;
    std::string profile_asked;

private:
    WallClock wall_{at_ms(0), 0};
};

struct Admin {
    FakeHost host;
    AdminMethods methods{host};

    Result<Json, AdminRefusal> call(std::string_view method, const std::string &params) {
        std::optional<Result<Json, AdminRefusal>> got;
        auto parsed = parse_json(params);
        REQUIRE(parsed.ok());
        REQUIRE(methods.call(method, *parsed, [&](Result<Json, AdminRefusal> result) { got = std::move(result); }));
        REQUIRE(got);
        return *got;
    }
    Json good(std::string_view method, const std::string &params = "{}") {
        auto result = call(method, params);
        REQUIRE_MESSAGE(result.ok(), result.error().message);
        return *result;
    }
    // The message of a refusal of parameters.
    std::string wrong(std::string_view method, const std::string &params) {
        const auto result = call(method, params);
        REQUIRE_FALSE(result.ok());
        CHECK(result.error().code == AdminCode::invalid_params);
        return result.error().message;
    }
};

constexpr const char *id = R"("id":"00000000000000010000000000000002")";

std::string with_id(const std::string &more = {}) { return std::string("{") + id + more + "}"; }

} // namespace

TEST_CASE("admin: an unknown method is told as such") {
    Admin admin;
    CHECK_FALSE(admin.methods.call("dlg.dance", Json(), {}));
    CHECK_FALSE(admin.methods.call("", Json(), {}));
}

TEST_CASE("admin: every method of the contract is there") {
    Admin admin;
    const auto names = admin.methods.names();
    for (const std::string_view name :
         {"dlg.stats_active", "dlg.list", "dlg.get", "dlg.profile_get_size", "dlg.profile_list", "dlg.profile_values",
          "dlg.end", "dlg.set_var", "dlg.get_var", "dlg.audit", "cdr.list", "registrar.list", "trunk.list",
          "config.reload"}) {
        CHECK_MESSAGE(std::find(names.begin(), names.end(), name) != names.end(), name);
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
    CHECK(admin.wrong("dlg.list", R"({"limit":0})") == "\"limit\" is no whole number from 1 to 1000");
    for (const char *limit : {"1001", "-1", "1.5", "\"1\"", "18446744073709551615", "true", "[]"}) {
        CHECK(admin.wrong("dlg.list", std::string("{\"limit\":") + limit + "}").starts_with("\"limit\" is no whole"));
    }
    CHECK(admin.wrong("dlg.list", R"({"cursor":"x"})").starts_with("\"cursor\" is none"));
    CHECK(admin.wrong("dlg.list", R"({"cursor":"18446744073709551616"})").starts_with("\"cursor\" is none"));
    CHECK(admin.wrong("dlg.list", R"({"cursor":5})") == "\"cursor\" is no string");
    CHECK(admin.wrong("dlg.list", R"({"filter":[]})") == "\"filter\" is no object");
    CHECK(admin.wrong("dlg.list", R"({"filter":{"state":"up"}})").starts_with("in \"filter\": \"state\" is none of"));
    CHECK(admin.wrong("dlg.list", R"({"filter":{"color":"red"}})").starts_with("in \"filter\": \"color\" is no"));
    CHECK(admin.wrong("dlg.list", R"({"filter":{"value":"x"}})") == "in \"filter\": \"value\" needs a \"profile\"");
    CHECK(admin.wrong("dlg.list", R"({"page":1})").starts_with("\"page\" is no parameter of this method; those are"));
    CHECK(admin.wrong("dlg.list", "7") == "\"params\" is neither an object nor an array");
    CHECK(admin.wrong("dlg.stats_active", "[1]") == "\"params\" has more than 0 items");
    CHECK(admin.wrong("dlg.get", "{}").starts_with("\"id\" is missing"));
    CHECK(admin.wrong("dlg.get", R"({"id":"5"})").starts_with("\"id\" is not the id of a call"));
    CHECK(admin.wrong("dlg.get", R"({"id":"00000000000000000000000000000000"})").starts_with("\"id\" is not the id"));
    CHECK(admin.wrong("dlg.get", R"({"call-id":"a\r\nb"})") == "\"call-id\" has control characters");
    CHECK(admin.wrong("dlg.get", "{\"call-id\":\"" + std::string(1025, 'a') + "\"}")
              .starts_with("\"call-id\" is longer than 1024 bytes"));
    CHECK(admin.wrong("dlg.end", with_id(R"(,"reason":"boredom")")).starts_with("\"reason\" is none"));
    CHECK(admin.wrong("dlg.end", with_id(R"(,"reason":"none")")).starts_with("\"reason\" is none"));
    CHECK(admin.wrong("dlg.set_var", with_id()) == "\"name\" is missing");
    for (const char *value : {"1.5", "[]", "{}", "18446744073709551615"}) {
        CHECK(admin.wrong("dlg.set_var", with_id(std::string(R"(,"name":"n","value":)") + value)).starts_with("\"value\""));
    }
    CHECK(admin.wrong("dlg.profile_get_size", "{}") == "\"profile\" is missing");
    CHECK(admin.wrong("dlg.profile_get_size", R"({"profile":""})") == "\"profile\" is missing");
    CHECK(admin.wrong("cdr.list", R"({"since":-1})").starts_with("\"since\" is no whole number"));
}

TEST_CASE("admin: parameters may be given by position") {
    Admin admin;
    CHECK(admin.good("dlg.profile_get_size", R"(["user","alice"])") == 17);
    CHECK(admin.host.profile_asked == "user=alice");
    CHECK(admin.good("dlg.profile_get_size", R"(["total"])") == 17);
    CHECK(admin.host.profile_asked == "total");
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
    const std::map<Error, AdminCode> codes = {{Error::not_found, AdminCode::not_found},
                                              {Error::invalid, AdminCode::invalid_params},
                                              {Error::store_failed, AdminCode::unavailable},
                                              {Error::io, AdminCode::unavailable},
                                              {Error::full, AdminCode::busy},
                                              {Error::config_invalid, AdminCode::refused},
                                              {Error::bug, AdminCode::internal}};
    for (const auto &[error, code] : codes) {
        admin.host.failure = Failure{error, "why"};
        for (const auto &[method, params] : std::map<std::string, std::string>{{"dlg.get", with_id()},
                                                                               {"dlg.end", with_id()},
                                                                               {"dlg.list", "{}"},
                                                                               {"cdr.list", "{}"},
                                                                               {"config.reload", "{}"}}) {
            const auto result = admin.call(method, params);
            REQUIRE_FALSE(result.ok());
            CHECK(result.error().code == code);
            CHECK(result.error().message == "why");
        }
    }
}

TEST_CASE("admin: values of a profile come by pages") {
    Admin admin;
    const Json page = admin.good("dlg.profile_values", R"({"profile":"user","limit":2})");
    CHECK(to_text(page) == R"({"items":[{"limit":5,"size":2,"value":"alice"},{"limit":5,"size":1,"value":"bob"}],)"
                           R"("next":"2"})");
    CHECK(admin.wrong("dlg.profile_values", R"({"profile":"plain"})").starts_with("\"profile\" plain has no values"));
    CHECK(admin.call("dlg.profile_values", R"({"profile":"gone"})").error().code == AdminCode::not_found);
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
