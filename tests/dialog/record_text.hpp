// All that a record says, but for its id, as text: to compare two of them.
#pragma once
#include <optional>
#include <string>
#include "dialog/dialog_record.hpp"

namespace tandem::test {

class RecordText {
public:
    explicit RecordText(const DialogRecord &record) {
        add("state", to_string(record.state));
        add("side", record.local_side ? to_string(*record.local_side) : "none");
        for (std::string_view text :
             {record.call_id, record.from_tag, record.from_uri, record.to_uri, record.request_uri, record.caller_target,
              record.caller_route_set, record.source, record.trunk, record.callee_call_id}) {
            add("text", text);
        }
        add("invite", record.invite_cseq);
        add("code", record.sip_code);
        add("reason", to_string(record.end_reason));
        add("q850", record.q850);
        add("created", record.created);
        add("ringing", record.ringing);
        add("answered", record.answered);
        add("ended", record.ended);
        add("deadline", record.deadline);
        add("from", record.timer_start);
        for (const auto &timeout : record.timeouts) add("timeout", timeout ? timeout->count() : -1);
        add("flags", record.is_cancelled + 2 * record.is_ending + 4 * record.is_due);
        for (const ForkRecord &fork : record.forks) add_fork(fork);
        for (const CseqMapRecord &map : record.cseq_maps) {
            add(map.is_branch ? "branch" : "dialog", map.name);
            add("map", map.map);
        }
        for (const VariableView &variable : record.variables) {
            add("variable", variable.name);
            add(to_string(variable.value.type), variable.value.text);
            add("number", variable.value.integer);
        }
        for (const ProfileView &in : record.profiles) {
            add("profile", in.profile);
            add(in.has_value ? "value" : "plain", in.value);
        }
        add("session", record.session_expires);
        add("leg", record.leg);
    }

    const std::string &text() const { return text_; }

private:
    void add(std::string_view name, std::string_view value) {
        text_.append(name).append("=").append(value).append(";");
    }
    void add(std::string_view name, std::int64_t value) { add(name, std::string_view(std::to_string(value))); }
    void add(std::string_view name, Instant at) { add(name, at.time_since_epoch().count()); }
    void add(std::string_view name, const std::optional<Instant> &at) {
        if (at) return add(name, *at);
        add(name, "none");
    }
    void add_fork(const ForkRecord &fork) {
        add("fork", fork.to_tag);
        add("state", to_string(fork.state));
        add("target", fork.callee_target);
        add("route_set", fork.callee_route_set);
        for (std::uint32_t cseq : fork.last_cseq) add("last", cseq);
        for (const auto &cseq : fork.bye_cseq) add("bye", cseq ? std::int64_t{*cseq} : -1);
        if (fork.state >= DialogState::confirmed) add("answered", fork.answered);
        add("leaver", fork.leaver ? to_string(*fork.leaver) : "none");
        add("flags", fork.is_acked + 2 * fork.is_doubtful);
    }

    std::string text_;
};

inline std::string text_of(const DialogRecord &record) { return RecordText(record).text(); }

} // namespace tandem::test
