// A host of administration that is none: it says what it was told to, and keeps what it was asked.
#pragma once
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include "callapi/admin_host.hpp"

namespace tandem::test {

class FakeAdminHost final : public AdminHost {
public:
    void list_dialogs(DialogQuery query, Answer<AdminPage<DialogInfo>> answer) override {
        list_query = std::move(query);
        ++listings;
        if (failure) return answer(*failure);
        AdminPage<DialogInfo> page;
        page.items.resize(std::min(dialogs, list_query.limit));
        for (DialogInfo &dialog : page.items) dialog.to_uri.assign(uri_size, 'x');
        page.items[0].id = {1, 2};
        page.next = next;
        if (listings == listings_max) failure = Failure{Error::full, "busy"};
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
    void list_messages(std::array<std::string, 2> call_ids, Answer<CallMessages> answer) override {
        if (failure) return answer(*failure);
        messages_asked = call_ids;
        Endpoint peer;
        peer.ip = *IpAddress::parse("192.0.2.1");
        peer.port = 5060;
        answer(CallMessages{{{5, false, Side::caller, peer, "BYE sip:a SIP/2.0\r\n\xff"}}, 3});
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
    void check_loops(Answer<bool> answer) override { failure ? answer(*failure) : answer(true); }
    Result<void, Failure> readiness() const override {
        return failure ? Result<void, Failure>(*failure) : Result<void, Failure>();
    }
    void collect_metrics(Answer<std::string> answer) override { answer(std::string("a 1\n")); }

    std::optional<Failure> failure;
    std::uint64_t next = 0;
    std::size_t dialogs = 2; // in a listing
    std::size_t uri_size = 0;
    std::size_t listings = 0;
    std::size_t listings_max = 0; // then `failure`
    DialogQuery list_query;
    CdrQuery cdr_query;
    DialogName asked;
    std::array<std::string, 2> messages_asked;
    EndReason end_reason = EndReason::none;
    std::string variable_name;
    std::optional<CdrVariable> variable_value;
    std::string profile_asked;

private:
    WallClock wall_{at_ms(0), 0};
};

} // namespace tandem::test
