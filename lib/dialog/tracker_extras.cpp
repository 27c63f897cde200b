// What the host attaches to a set: profiles and variables.
#include <string>
#include <utility>
#include <vector>
#include "dialog/tracker.hpp"

namespace tandem {

// The type is part of it, for "1" is not 1.
std::string index_key_of(const VariableValue &value) {
    switch (value.type) {
    case VariableType::text: return "t" + std::string(value.text);
    case VariableType::bytes: return "x" + std::string(value.text);
    case VariableType::integer: return "i" + std::to_string(value.integer);
    case VariableType::boolean: return value.integer != 0 ? "b1" : "b0";
    }
    return {};
}

DialogExtras &Tracker::extras_of(DialogSet &set) {
    if (!set.extras) set.extras = std::make_unique<DialogExtras>();
    return *set.extras;
}

// What an event will say, made before the change: that may fail for want of memory, and the change has its event.
std::unique_ptr<DialogEventDetail> Tracker::make_detail(DialogEventKind kind, std::string_view name,
                                                        std::string_view value, bool is_set) const {
    if (!is_wanted(kind)) return nullptr;
    auto detail = std::make_unique<DialogEventDetail>();
    detail->name = name;
    detail->value = value;
    detail->is_set = is_set;
    return detail;
}

void Tracker::raise_detail(DialogEventKind kind, DialogId id, std::unique_ptr<DialogEventDetail> detail, Instant now) {
    if (!has_room_for(kind)) return;
    DialogEvent event;
    event.kind = kind;
    event.dialog = id;
    event.sequence = sequence_;
    event.at = now;
    event.detail = std::move(detail);
    events_.push(std::move(event));
}

Result<void> Tracker::reserve(DialogId id, std::span<const ProfileRequest> requests, Instant now,
                              ProfileRefusal *refusal) {
    DialogSet *set = find_live(id);
    if (!set) return Error::not_found;
    make_room(requests.size());
    DialogExtras &extras = extras_of(*set);
    std::vector<std::unique_ptr<DialogEventDetail>> details;
    if (is_wanted(DialogEventKind::profile_changed)) {
        for (const ProfileRequest &request : requests) {
            details.push_back(make_detail(DialogEventKind::profile_changed, request.profile, request.value, true));
        }
    }
    const std::size_t before = extras.profiles.size();
    const auto reserved = shared_.profiles.reserve(id.with_shard(options_.shard), extras.profiles, requests, refusal);
    if (!reserved) {
        if (reserved.error() == Error::limit) ++counters_.limited;
        return reserved;
    }
    if (extras.profiles.size() == before) return {};
    extras.has_changed_profiles = true;
    mark_changed(id, *set);
    // In the order of the requests, of which some may be repeated, or joined before.
    auto detail = details.begin();
    for (std::size_t i = before; i < extras.profiles.size() && !details.empty(); ++i) {
        const Membership &joined = extras.profiles[i];
        const std::string_view name = shared_.profiles.name_of(joined.profile);
        while ((*detail)->name != name || (*detail)->value != joined.value.get(0)) ++detail;
        raise_detail(DialogEventKind::profile_changed, id, std::move(*detail++), now);
    }
    return {};
}

void Tracker::note_limited(std::string_view profile) {
    ++counters_.limited;
    shared_.profiles.note_refused(profile);
}

Result<bool> Tracker::leave(DialogId id, std::string_view profile, std::string_view value, Instant now) {
    DialogSet *set = find_live(id);
    if (!set) return Error::not_found;
    make_room();
    DialogExtras &extras = extras_of(*set);
    auto detail = make_detail(DialogEventKind::profile_changed, profile, value, false);
    const auto left = shared_.profiles.leave(extras.profiles, profile, value);
    if (!left || !*left) return left;
    extras.has_changed_profiles = true;
    mark_changed(id, *set);
    raise_detail(DialogEventKind::profile_changed, id, std::move(detail), now);
    return true;
}

std::optional<VariableValue> Tracker::variable(DialogId id, std::string_view name) const {
    const DialogSet *set = sets_.find(id);
    return set && set->extras ? set->extras->variables.find(name) : std::nullopt;
}

Result<void> Tracker::set_variable(DialogId id, std::string_view name, const VariableValue &value, Instant now) {
    return change_variable(id, name, value, now,
                           [&](VariableSet &variables) { return variables.set(name, value, options_.variables); });
}

Result<std::int64_t> Tracker::add_to_variable(DialogId id, std::string_view name, std::int64_t amount, Instant now) {
    const auto present = variable(id, name);
    const std::int64_t before = present ? present->integer : 0;
    std::int64_t sum = 0;
    if (__builtin_add_overflow(before, amount, &sum)) sum = before; // add() refuses it
    const auto added = change_variable(id, name, VariableValue::of_integer(sum), now, [&](VariableSet &variables) {
        const auto done = variables.add(name, amount, options_.variables);
        return done ? Result<void>() : Result<void>(done.error());
    });
    if (!added) return added.error();
    return sum;
}

Result<void> Tracker::compare_and_set_variable(DialogId id, std::string_view name,
                                               const std::optional<VariableValue> &expected,
                                               const std::optional<VariableValue> &desired, Instant now) {
    return change_variable(id, name, desired, now, [&](VariableSet &variables) {
        return variables.compare_and_set(name, expected, desired, options_.variables);
    });
}

Result<bool> Tracker::erase_variable(DialogId id, std::string_view name, Instant now) {
    bool is_erased = false;
    const auto done = change_variable(id, name, std::nullopt, now, [&](VariableSet &variables) {
        is_erased = variables.erase(name);
        return Result<void>();
    });
    if (!done) return done.error();
    return is_erased;
}

// Does `change`, after which the variable has the value `after` unless it fails, with all that follows from it.
template <class F>
Result<void> Tracker::change_variable(DialogId id, std::string_view name, const std::optional<VariableValue> &after,
                                      Instant now, F change) {
    DialogSet *set = sets_.find(id);
    if (!set) return Error::not_found;
    make_room();
    DialogExtras &extras = extras_of(*set);
    const auto before = extras.variables.find(name);
    const bool is_other = before != after;
    const bool is_event = is_other && !set->is_over(); // `ended` is the last event of a set
    auto detail = is_event ? make_detail(DialogEventKind::variable_changed, name, {}, after.has_value()) : nullptr;
    const std::string kept(name); // `name` may be the text that goes
    // The place in the index is taken before the change, which a full index refuses, and given back if that fails.
    ProfileTable *index = is_other && !set->is_over() ? shared_.indexed_variables : nullptr;
    if (index && !index->size(name)) index = nullptr;
    const std::string key_before = index && before ? index_key_of(*before) : std::string();
    const std::string key_after = index && after ? index_key_of(*after) : std::string();
    if (index && after) {
        const ProfileRequest request{name, key_after, {}};
        const auto joined = index->reserve(id.with_shard(options_.shard), extras.indexed, {&request, 1});
        if (!joined) return joined;
    }
    Result<void> changed;
    try {
        changed = change(extras.variables);
    } catch (...) {
        if (index && after) static_cast<void>(index->leave(extras.indexed, kept, key_after));
        throw;
    }
    if (index && (changed ? before.has_value() : after.has_value())) {
        static_cast<void>(index->leave(extras.indexed, kept, changed ? key_before : key_after));
    }
    if (!changed || !is_other) return changed;
    extras.has_changed_variables = true;
    mark_changed(id, *set);
    if (detail) raise_detail(DialogEventKind::variable_changed, id, std::move(detail), now);
    return {};
}

} // namespace tandem
