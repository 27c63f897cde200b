// A store in memory: what an engine said of its dialogs, for the one that comes after it.
#pragma once
#include <array>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>
#include "dialog/dialog_record.hpp"

namespace tandem::test {

class KeptDialogs {
public:
    void save(const DialogRecord &record) {
        const auto before = rows_.find(record.id);
        Row row;
        row.record = record;
        if (before != rows_.end()) {
            const DialogRecord &old = before->second.record;
            if (!record.has_changed_leg) row.record.leg = old.leg;
            if (!record.has_changed_variables) row.record.variables = old.variables;
            if (!record.has_changed_profiles) row.record.profiles = old.profiles;
        }
        own_texts(row);
        rows_.insert_or_assign(record.id, std::move(row));
    }
    void erase(const RecordId &id) { rows_.erase(id); }
    std::size_t size() const { return rows_.size(); }
    template <class F>
    void for_each(F f) const {
        for (const auto &[id, row] : rows_) f(row.record);
    }

private:
    struct Row {
        DialogRecord record;
        std::deque<std::string> texts;
    };

    static void own_texts(Row &row) {
        const auto own = [&](std::string_view &text) { text = row.texts.emplace_back(text); };
        DialogRecord &record = row.record;
        for (std::string_view *text :
             {&record.call_id, &record.from_tag, &record.from_uri, &record.to_uri, &record.request_uri,
              &record.caller_target, &record.caller_route_set, &record.source, &record.trunk, &record.callee_call_id}) {
            own(*text);
        }
        for (ForkRecord &fork : record.forks) {
            own(fork.to_tag);
            own(fork.callee_target);
            own(fork.callee_route_set);
        }
        for (CseqMapRecord &map : record.cseq_maps) own(map.name);
        for (VariableView &variable : record.variables) {
            own(variable.name);
            own(variable.value.text);
        }
        for (ProfileView &profile : record.profiles) {
            own(profile.profile);
            own(profile.value);
        }
    }

    std::map<RecordId, Row> rows_;
};

} // namespace tandem::test
