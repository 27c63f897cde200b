// Who comes and who leaves. Pages and the audit stand in profile_listing.cpp and profile_audit.cpp.
#include "dialog/profile_table.hpp"
#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <utility>
#include "base/text.hpp"

namespace tandem {
namespace {

constexpr std::size_t capacity_min = 16; // of a list that gives memory back

// Takes back what was begun, unless it comes to its end: bounds and memory end half-way.
template <class F>
class Undo {
public:
    explicit Undo(F undo) : undo_(undo) {}
    Undo(const Undo &) = delete;
    Undo &operator=(const Undo &) = delete;
    ~Undo() {
        if (!is_done_) undo_();
    }
    void done() { is_done_ = true; }

private:
    F undo_;
    bool is_done_ = false;
};

bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= profile_name_max && is_visible_ascii(text) &&
           text.find('=') == std::string_view::npos;
}

template <class Word>
std::uint64_t hash_of_ends(std::string_view text) {
    Word first, last;
    std::memcpy(&first, text.data(), sizeof first);
    std::memcpy(&last, text.data() + text.size() - sizeof last, sizeof last);
    return (std::uint64_t{first} * 0x9e3779b97f4a7c15 ^ last) + text.size();
}

// Of the ends and the size. Names come from the configuration: nobody steers them, and a quick hash will do.
std::uint64_t hash_of_name(std::string_view name) {
    if (name.size() >= 8) return hash_of_ends<std::uint64_t>(name);
    if (name.size() >= 4) return hash_of_ends<std::uint32_t>(name);
    return name.empty() ? 0 : hash_of_ends<std::uint8_t>(name);
}

std::uint32_t sum(std::uint32_t a, std::uint32_t b) {
    constexpr std::uint32_t most = std::numeric_limits<std::uint32_t>::max();
    return a > most - b ? most : a + b;
}

template <class T>
void make_room(std::vector<T> &list, std::size_t more) {
    if (list.capacity() - list.size() < more) list.reserve(std::max(list.size() + more, list.capacity() * 2));
}

// The last entry takes the place of the erased one. Gives memory back as HashIndex does, at one place in eight.
void erase_at(std::vector<std::uint32_t> &list, std::uint32_t position) {
    list[position] = list.back();
    list.pop_back();
    if (list.capacity() <= capacity_min || list.size() * 8 >= list.capacity()) return;
    try {
        std::vector<std::uint32_t> smaller;
        smaller.reserve(std::max(list.capacity() / 4, capacity_min));
        smaller.assign(list.begin(), list.end());
        list.swap(smaller);
    } catch (const std::bad_alloc &) {
        // The entry is gone either way; memory is given back at a later erase.
    }
}

auto find_entry(Memberships &memberships, std::uint32_t profile, std::string_view value) {
    return std::find_if(memberships.begin(), memberships.end(), [&](const Membership &membership) {
        return membership.profile == profile && membership.value.get(0) == value;
    });
}

} // namespace

ProfileTable::ProfileTable(Random &random, const ProfileTableOptions &options)
    : options_(options), hash_(random), values_(sum(options.value_max, options.profile_max)),
      members_(options.member_max) {}

Result<void> ProfileTable::declare(const ProfileOptions &options) {
    if (!is_name(options.name)) return Error::invalid;
    const auto is_wrong = [&](const auto &limit) {
        return limit.first.size() > options_.value_size_max || has_control_bytes(limit.first);
    };
    if (!options.has_values && !options.limits.empty()) return Error::invalid;
    if (std::any_of(options.limits.begin(), options.limits.end(), is_wrong)) return Error::invalid;

    const std::lock_guard lock(mutex_);
    if (Profile *known = find_profile(options.name)) {
        if (known->has_values != options.has_values) return Error::invalid;
        return set_limits(*known, options);
    }
    if (profiles_.size() >= options_.profile_max) return Error::full;

    const ProfileId id(static_cast<std::uint32_t>(profiles_.size()), 1);
    Profile &profile = *profiles_.emplace_back(std::make_unique<Profile>());
    Undo undo([&] {
        for (ValueId limited : profile.limited) {
            if (const Value *value = values_.find(limited)) erase_value(*value);
        }
        if (profile.plain) erase_value(*profile.plain);
        profiles_.pop_back();
    });
    profile.name = options.name;
    profile.index = id.slot();
    profile.has_values = options.has_values;
    profile.hash = hash_(options.name, "");
    if (!options.has_values) profile.plain = *add_value(profile, {});
    if (auto set = set_limits(profile, options); !set) return set;
    profile_index_.insert(hash_of_name(profile.name), id);
    undo.done();
    return {};
}

Result<void> ProfileTable::set_limits(Profile &profile, const ProfileOptions &options) {
    std::vector<ValueId> limited;
    limited.reserve(options.limits.size());
    const auto drop = [this](const std::vector<ValueId> &ids) {
        for (ValueId id : ids) { // one that is there twice is gone the second time
            if (const Value *value = values_.find(id)) drop_if_idle(*value);
        }
    };
    Undo undo([&] { drop(limited); });
    for (const auto &[text, limit] : options.limits) {
        const auto value = find_or_add_value(profile, text);
        if (!value) return value.error();
        limited.push_back(values_.id_at((*value)->slot));
    }
    undo.done();

    for (ValueId id : profile.limited) values_.find(id)->limit.reset();
    for (std::size_t i = 0; i < limited.size(); ++i) values_.find(limited[i])->limit = options.limits[i].second;
    profile.limit = options.limit;
    profile.is_shared = options.is_shared;
    profile.on_outage = options.on_outage;
    profile.limited.swap(limited);
    drop(limited);
    return {};
}

Result<void> ProfileTable::reserve(DialogId dialog, Memberships &memberships, std::span<const ProfileRequest> requests,
                                   ProfileRefusal *refusal) {
    const std::lock_guard lock(mutex_);
    std::size_t index = 0;
    if (auto resolved = resolve(requests, index); !resolved) {
        if (refusal) *refusal = {.index = index};
        return resolved;
    }
    if (auto admitted = admit(dialog, memberships, requests, refusal); !admitted) return admitted;

    const std::size_t size_before = memberships.size();
    make_room(memberships, std::min<std::size_t>(requests.size(), options_.per_dialog_max));
    Undo undo([&] {
        for (const Step &step : steps_) {
            if (!step.member) continue;
            remove_member(step.member);
            memberships[step.entry].member = step.before;
        }
        while (memberships.size() > size_before) memberships.pop_back();
    });
    for (std::size_t i = 0; i < requests.size(); ++i) {
        if (auto joined = join(dialog, memberships, requests[i].value, steps_[i]); !joined) return joined;
    }
    undo.done();
    return {};
}

// `index`: of the request that it is at.
Result<void> ProfileTable::resolve(std::span<const ProfileRequest> requests, std::size_t &index) {
    steps_.clear();
    for (index = 0; index < requests.size(); ++index) {
        const ProfileRequest &request = requests[index];
        Profile *profile = find_profile(request.profile);
        if (!profile) return Error::no_profile;
        if (auto checked = check_value(*profile, request.value); !checked) return checked;
        steps_.push_back({.profile = profile, .value = find_value(*profile, request.value)});
    }
    return {};
}

// Different requests never count towards the same size: each sees the size that it would find if it came alone.
Result<void> ProfileTable::admit(DialogId dialog, Memberships &memberships, std::span<const ProfileRequest> requests,
                                 ProfileRefusal *refusal) {
    for (std::size_t i = 0; i < requests.size(); ++i) {
        const Step &step = steps_[i];
        const Value *value = step.value;
        const auto size = value ? static_cast<std::uint32_t>(value->members.size()) : 0;
        const std::uint32_t declared = step.profile->is_shared ? 0 : (value ? limit_of(*value) : step.profile->limit);
        const std::uint32_t limit = requests[i].limit.value_or(declared);
        if (limit == 0 || size < limit) continue;
        const auto entry = find_entry(memberships, step.profile->index, requests[i].value);
        if (entry != memberships.end() && is_member(dialog, *entry)) continue;
        ++step.profile->refused;
        if (refusal) *refusal = {.index = i, .size = size, .limit = limit};
        return Error::limit;
    }
    return {};
}

// What fails here is taken back by reserve(), whose list has room.
Result<void> ProfileTable::join(DialogId dialog, Memberships &memberships, std::string_view text, Step &step) {
    const auto entry = find_entry(memberships, step.profile->index, text);
    const bool is_known = entry != memberships.end();
    if (is_known && is_member(dialog, *entry)) return {};
    if (!is_known && memberships.size() >= options_.per_dialog_max) return Error::full;

    Membership membership{.member = {}, .profile = step.profile->index, .value = {}};
    if (!is_known) membership.value.assign({text});
    if (!step.value) {
        const auto value = add_value(*step.profile, text);
        if (!value) return value.error();
        step.value = *value;
    }
    step.member = add_member(dialog, *step.value);
    if (!step.member) return Error::full;
    step.entry = static_cast<std::size_t>(entry - memberships.begin());
    if (!is_known) memberships.push_back(std::move(membership));
    step.before = std::exchange(memberships[step.entry].member, step.member);
    return {};
}

Result<bool> ProfileTable::leave(Memberships &memberships, std::string_view profile, std::string_view value) {
    const std::lock_guard lock(mutex_);
    const Profile *found = find_profile(profile);
    if (!found) return Error::no_profile;
    const auto checked = check_value(*found, value);
    if (!checked && checked.error() == Error::invalid) return checked.error();
    const auto entry = find_entry(memberships, found->index, value);
    if (entry == memberships.end() || !entry->member) return false;
    const bool was_member = members_.find(entry->member) != nullptr;
    if (was_member) remove_member(entry->member);
    memberships.erase(entry);
    return was_member;
}

void ProfileTable::release(Memberships &memberships) {
    const auto is_held = [](const Membership &membership) { return static_cast<bool>(membership.member); };
    if (std::none_of(memberships.begin(), memberships.end(), is_held)) return;
    const std::lock_guard lock(mutex_);
    for (Membership &membership : memberships) {
        const MemberId id = std::exchange(membership.member, MemberId());
        if (members_.find(id)) remove_member(id);
    }
}

void ProfileTable::hold(Memberships &memberships, std::vector<MemberId> &held) {
    try {
        held.reserve(held.size() + memberships.size());
    } catch (const std::bad_alloc &) {
        return release(memberships);
    }
    for (Membership &membership : memberships) {
        if (membership.member) held.push_back(std::exchange(membership.member, MemberId()));
    }
}

void ProfileTable::release(std::vector<MemberId> &held) {
    if (held.empty()) return;
    const std::lock_guard lock(mutex_);
    for (const MemberId id : held) {
        if (members_.find(id)) remove_member(id);
    }
    held.clear();
}

ProfileTable::Profile *ProfileTable::find_profile(std::string_view name) const {
    const auto id =
        profile_index_.find(hash_of_name(name), [&](ProfileId other) { return profiles_[other.slot()]->name == name; });
    return id ? profiles_[id.slot()].get() : nullptr;
}

ProfileTable::Value *ProfileTable::find_value(const Profile &profile, std::string_view text) const {
    if (!profile.has_values) return profile.plain;
    Value *found = nullptr;
    value_index_.find(hash_of(profile, text), [&](ValueId id) {
        auto &value = const_cast<Value &>(values_.at(id.slot()));
        if (value.profile != &profile || value.text != text) return false;
        found = &value;
        return true;
    });
    return found;
}

Result<void> ProfileTable::check_value(const Profile &profile, std::string_view text) const {
    if (!profile.has_values && !text.empty()) return Error::invalid;
    if (text.size() > options_.value_size_max) return Error::too_large;
    if (has_control_bytes(text)) return Error::invalid;
    return {};
}

bool ProfileTable::is_member(DialogId dialog, const Membership &membership) const {
    const Member *member = members_.find(membership.member);
    if (!member || member->dialog != dialog) return false;
    const Value &value = values_.at(member->value);
    return value.profile->index == membership.profile && value.text == membership.value.get(0);
}

Result<ProfileTable::Value *> ProfileTable::add_value(Profile &profile, std::string_view text) {
    if (profile.has_values && values_.size() - plain_values_ >= options_.value_max) return Error::full;
    const std::uint64_t hash = hash_of(profile, text);
    const auto id = values_.emplace(Value{.profile = &profile, .text = std::string(text), .hash = hash});
    if (!id) return id.error();
    Undo undo([&] { values_.erase(*id); });
    value_index_.insert(hash, *id);
    undo.done();
    if (!profile.has_values) ++plain_values_;
    Value &value = values_.at(id->slot());
    value.slot = id->slot();
    return &value;
}

Result<ProfileTable::Value *> ProfileTable::find_or_add_value(Profile &profile, std::string_view text) {
    Value *value = find_value(profile, text);
    return value ? Result<Value *>(value) : add_value(profile, text);
}

void ProfileTable::drop_if_idle(const Value &value) {
    if (value.members.empty() && !value.limit && value.profile->has_values) erase_value(value);
}

void ProfileTable::erase_value(const Value &value) {
    const ValueId id = values_.id_at(value.slot);
    if (!value.profile->has_values) --plain_values_;
    value_index_.erase(value.hash, id);
    values_.erase(id);
}

// A value that is new for this member does not outlive the failure.
MemberId ProfileTable::add_member(DialogId dialog, Value &value) {
    Undo undo([&] { drop_if_idle(value); });
    make_room(value.members, 1);
    if (value.members.empty()) make_room(value.profile->values, 1);
    if (members_.size() == members_.max()) return {};
    const MemberId id = *members_.emplace(Member{.dialog = dialog, .value = value.slot});
    link(id.slot(), members_.at(id.slot()));
    undo.done();
    return id;
}

// The lists have room: nothing fails here.
void ProfileTable::link(std::uint32_t slot, Member &member) {
    Value &value = values_.at(member.value);
    Profile &profile = *value.profile;
    if (value.members.empty()) {
        value.position = static_cast<std::uint32_t>(profile.values.size());
        profile.values.push_back(member.value);
    }
    member.position = static_cast<std::uint32_t>(value.members.size());
    value.members.push_back(slot);
    ++profile.size;
}

void ProfileTable::remove_member(MemberId id) {
    const Member member = *members_.find(id);
    Value &value = values_.at(member.value);
    Profile &profile = *value.profile;
    members_.at(value.members.back()).position = member.position;
    erase_at(value.members, member.position);
    members_.erase(id);
    --profile.size;
    if (!value.members.empty()) return;
    values_.at(profile.values.back()).position = value.position;
    erase_at(profile.values, value.position);
    drop_if_idle(value);
}

} // namespace tandem
