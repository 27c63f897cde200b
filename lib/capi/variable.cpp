// tandem/variable.h
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <tandem/variable.h>
#include <vector>
#include "capi/handle.hpp"
#include "capi/status.hpp"
#include "capi/text_block.hpp"
#include "capi/variable_value.hpp"

namespace tandem::capi {
namespace {

// What tandem_variable_list() gives away; the list is its first member, and its address.
struct VariableCopy {
    explicit VariableCopy(std::size_t text_size) : text(text_size) {}

    tandem_variables list{};
    TextBlock text;
    std::vector<tandem_variable> items;
};
static_assert(offsetof(VariableCopy, list) == 0);

std::unique_ptr<VariableCopy> copy_of(const std::vector<VariableView> &variables) {
    std::size_t size = 0;
    for (const VariableView &variable : variables) size += variable.name.size() + variable.value.text.size();
    auto copy = std::make_unique<VariableCopy>(size);
    for (const VariableView &variable : variables) {
        tandem_variable item{};
        item.name = copy->text.add(variable.name);
        item.value = given_of(variable.value);
        item.value.text = copy->text.add(variable.value.text);
        copy->items.push_back(item);
    }
    copy->list = {sizeof(tandem_variables), static_cast<std::uint32_t>(copy->items.size()), copy->items.data()};
    return copy;
}

bool read_optional(const tandem_value *given, std::optional<VariableValue> &value) {
    if (!given) return true;
    value.emplace();
    return read_value(*given, *value);
}

tandem_status invalid() {
    return fail(TANDEM_E_INVALID, "an argument is NULL or out of range, or a value has no type");
}

} // namespace

bool read_value(const tandem_value &given, VariableValue &value) {
    if (given.type > TANDEM_TYPE_BYTES) return false;
    value.type = static_cast<VariableType>(given.type);
    switch (value.type) {
    case VariableType::text:
    case VariableType::bytes:
        if (!is_text(given.text)) return false;
        value.text = view(given.text);
        break;
    case VariableType::integer: value.integer = given.integer; break;
    case VariableType::boolean: value.integer = given.integer != 0 ? 1 : 0; break;
    }
    return true;
}

tandem_value given_of(const VariableValue &value) {
    return {static_cast<std::uint32_t>(value.type), str_of(value.text), value.integer};
}

} // namespace tandem::capi

using namespace tandem;
using namespace tandem::capi;

extern "C" {

tandem_status tandem_variable_set(tandem_tracker *tracker, tandem_dialog_id dialog, tandem_str name,
                                  const tandem_value *value, uint64_t now_us) {
    return guard([&]() -> tandem_status {
        VariableValue read;
        if (!tracker || !is_text(name) || !value || !is_time(now_us) || !read_value(*value, read)) return invalid();
        const Announcement announcement(*tracker);
        const auto set = tracker->tracker.with(DialogId(dialog), [&](Tracker &shard, DialogId id) {
            return shard.set_variable(id, view(name), read, instant_of(now_us));
        });
        return status_of(set);
    });
}

tandem_status tandem_variable_get(tandem_tracker *tracker, tandem_dialog_id dialog, tandem_str name,
                                  tandem_value *value, char *buffer, size_t capacity, size_t *needed) {
    return guard([&]() -> tandem_status {
        if (!tracker || !is_text(name) || !value || (!buffer && capacity > 0)) return invalid();
        return tracker->tracker.with(DialogId(dialog), [&](Tracker &shard, DialogId id) -> tandem_status {
            const auto found = shard.variable(id, view(name));
            if (!found) return fail(TANDEM_E_NOT_FOUND, "the dialog is gone, or has no such variable");
            const std::string_view text = found->text;
            if (needed) *needed = text.size();
            *value = given_of(*found);
            value->text = {buffer, 0};
            if (text.size() > capacity) return fail(TANDEM_E_TOO_LARGE, "the buffer is too small for the value");
            if (!text.empty()) std::memcpy(buffer, text.data(), text.size());
            value->text.size = text.size();
            return TANDEM_OK;
        });
    });
}

tandem_status tandem_variable_add(tandem_tracker *tracker, tandem_dialog_id dialog, tandem_str name, int64_t amount,
                                  uint64_t now_us, int64_t *sum) {
    return guard([&]() -> tandem_status {
        if (!tracker || !is_text(name) || !is_time(now_us)) return invalid();
        const Announcement announcement(*tracker);
        const auto added = tracker->tracker.with(DialogId(dialog), [&](Tracker &shard, DialogId id) {
            return shard.add_to_variable(id, view(name), amount, instant_of(now_us));
        });
        if (!added) return fail(added.error());
        if (sum) *sum = *added;
        return TANDEM_OK;
    });
}

tandem_status tandem_variable_compare_and_set(tandem_tracker *tracker, tandem_dialog_id dialog, tandem_str name,
                                              const tandem_value *expected, const tandem_value *desired,
                                              uint64_t now_us) {
    return guard([&]() -> tandem_status {
        std::optional<VariableValue> from;
        std::optional<VariableValue> to;
        if (!tracker || !is_text(name) || !is_time(now_us) || !read_optional(expected, from) ||
            !read_optional(desired, to)) {
            return invalid();
        }
        const Announcement announcement(*tracker);
        const auto set = tracker->tracker.with(DialogId(dialog), [&](Tracker &shard, DialogId id) {
            return shard.compare_and_set_variable(id, view(name), from, to, instant_of(now_us));
        });
        return status_of(set);
    });
}

tandem_status tandem_variable_erase(tandem_tracker *tracker, tandem_dialog_id dialog, tandem_str name,
                                    uint64_t now_us) {
    return guard([&]() -> tandem_status {
        if (!tracker || !is_text(name) || !is_time(now_us)) return invalid();
        const Announcement announcement(*tracker);
        const auto erased = tracker->tracker.with(DialogId(dialog), [&](Tracker &shard, DialogId id) {
            return shard.erase_variable(id, view(name), instant_of(now_us));
        });
        if (!erased) return fail(erased.error());
        return *erased ? TANDEM_OK : fail(TANDEM_E_NOT_FOUND, "the dialog has no such variable");
    });
}

tandem_status tandem_variable_list(tandem_tracker *tracker, tandem_dialog_id dialog, tandem_variables **variables) {
    return guard([&]() -> tandem_status {
        if (!tracker || !variables) return invalid();
        *variables = nullptr;
        std::unique_ptr<VariableCopy> copy;
        tracker->tracker.with(DialogId(dialog), [&](Tracker &shard, DialogId id) {
            if (const auto record = shard.record(id)) copy = copy_of(record->variables);
        });
        if (!copy) return fail(TANDEM_E_NOT_FOUND, "the dialog is gone");
        *variables = &copy.release()->list;
        return TANDEM_OK;
    });
}

void tandem_variables_free(tandem_variables *variables) { delete reinterpret_cast<VariableCopy *>(variables); }

tandem_status tandem_variable_find_dialogs(const tandem_tracker *tracker, tandem_str name, const tandem_value *value,
                                           uint64_t *cursor, tandem_dialog_id *ids, uint32_t max, uint32_t *count) {
    return guard([&]() -> tandem_status {
        VariableValue read;
        const bool has_room = cursor && ids && count && max > 0 && max <= page_max;
        if (!tracker || !is_text(name) || !value || !read_value(*value, read) || !has_room) {
            return invalid();
        }
        const auto page = tracker->tracker.find_by_variable(view(name), read, *cursor, max);
        if (!page) return fail(page.error());
        for (std::size_t i = 0; i < page->items.size(); ++i) ids[i] = page->items[i].value();
        *count = static_cast<uint32_t>(page->items.size());
        *cursor = page->next;
        return TANDEM_OK;
    });
}

} // extern "C"
