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
        for_each_text(row.record, [&](std::string_view &text) { text = row.texts.emplace_back(text); });
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

    std::map<RecordId, Row> rows_;
};

} // namespace tandem::test
