// Sizes and pages. A page goes on where the one before it ended, towards the front of the list: what leaves there is
// replaced by the last entry, so nothing moves from what is still to come to what has been.
#include <algorithm>
#include "base/assert.hpp"
#include "dialog/profile_table.hpp"

namespace tandem {
namespace {

// A cursor: how many entries are still to come. In a list of lists the upper half says it of the lists, and the lower
// half of the entries in the last of these, where 0 means all.
struct Cursor {
    explicit Cursor(std::uint64_t word)
        : lists(static_cast<std::uint32_t>(word >> 32)), entries(static_cast<std::uint32_t>(word)) {}
    std::uint64_t word() const { return lists == 0 ? 0 : std::uint64_t{lists} << 32 | entries; }

    std::uint32_t lists;
    std::uint32_t entries;
};

std::uint32_t size_of(const std::vector<std::uint32_t> &list) { return static_cast<std::uint32_t>(list.size()); }

// Calls f(slot) for the entries before `left`, the last one first, as long as the page has room. Returns how many are
// left then.
template <class T, class F>
std::uint32_t fill(ProfilePage<T> &page, std::size_t max, const std::vector<std::uint32_t> &list, std::uint32_t left,
                   F f) {
    left = std::min(left, size_of(list));
    for (; left > 0 && page.items.size() < max; --left) page.items.push_back(f(list[left - 1]));
    return left;
}

} // namespace

std::string_view ProfileTable::name_of(std::uint32_t profile) const {
    const std::lock_guard lock(mutex_);
    TANDEM_ASSERT(profile < profiles_.size(), "a membership names a declared profile");
    return profiles_[profile]->name;
}

bool ProfileTable::has_values(std::uint32_t profile) const {
    const std::lock_guard lock(mutex_);
    TANDEM_ASSERT(profile < profiles_.size(), "a membership names a declared profile");
    return profiles_[profile]->has_values;
}

std::uint32_t ProfileTable::count() const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::uint32_t>(profiles_.size());
}

Result<bool> ProfileTable::has_values(std::string_view profile) const {
    const std::lock_guard lock(mutex_);
    const Profile *found = find_profile(profile);
    if (!found) return Error::no_profile;
    return found->has_values;
}

Result<std::uint32_t> ProfileTable::size(std::string_view profile) const {
    const std::lock_guard lock(mutex_);
    const Profile *found = find_profile(profile);
    if (!found) return Error::no_profile;
    return found->size;
}

Result<std::uint32_t> ProfileTable::size(std::string_view profile, std::string_view value) const {
    const std::lock_guard lock(mutex_);
    const Profile *found = find_profile(profile);
    if (!found) return Error::no_profile;
    if (!found->has_values && !value.empty()) return Error::invalid;
    const Value *known = find_value(*found, value);
    return known ? size_of(known->members) : 0;
}

Result<ProfileRule> ProfileTable::rule(std::string_view name, std::string_view text) const {
    const std::lock_guard lock(mutex_);
    const Profile *profile = find_profile(name);
    if (!profile) return Error::no_profile;
    if (auto checked = check_value(*profile, text); !checked) return checked.error();
    const Value *value = profile->has_values ? find_value(*profile, text) : profile->plain;
    return ProfileRule{value ? limit_of(*value) : profile->limit, profile->is_shared, profile->on_outage};
}

void ProfileTable::note_refused(std::string_view name) {
    const std::lock_guard lock(mutex_);
    if (Profile *profile = find_profile(name)) ++profile->refused;
}

Result<ProfileInfo> ProfileTable::info(std::string_view profile) const {
    const std::lock_guard lock(mutex_);
    const Profile *found = find_profile(profile);
    if (!found) return Error::no_profile;
    return info_of(*found);
}

std::vector<ProfileInfo> ProfileTable::profiles() const {
    const std::lock_guard lock(mutex_);
    std::vector<ProfileInfo> infos;
    infos.reserve(profiles_.size());
    for (const auto &profile : profiles_) infos.push_back(info_of(*profile));
    return infos;
}

ProfileInfo ProfileTable::info_of(const Profile &profile) const {
    return {.name = profile.name,
            .has_values = profile.has_values,
            .size = profile.size,
            .values = profile.has_values ? size_of(profile.values) : 0,
            .limit = profile.limit,
            .refused = profile.refused};
}

Result<ProfilePage<ProfileValueInfo>> ProfileTable::values(std::string_view profile, std::uint64_t cursor,
                                                           std::size_t max) const {
    const std::lock_guard lock(mutex_);
    const Profile *found = find_profile(profile);
    if (!found) return Error::no_profile;
    if (!found->has_values || max == 0 || cursor > values_.max()) return Error::invalid;

    ProfilePage<ProfileValueInfo> page;
    page.items.reserve(std::min<std::size_t>(max, found->values.size()));
    const auto left = cursor == 0 ? size_of(found->values) : static_cast<std::uint32_t>(cursor);
    page.next = fill(page, max, found->values, left, [&](std::uint32_t slot) {
        const Value &value = values_.at(slot);
        return ProfileValueInfo{.value = value.text, .size = size_of(value.members), .limit = limit_of(value)};
    });
    return page;
}

Result<ProfilePage<DialogId>> ProfileTable::members(std::string_view profile, std::uint64_t cursor,
                                                    std::size_t max) const {
    const std::lock_guard lock(mutex_);
    const Profile *found = find_profile(profile);
    if (!found) return Error::no_profile;
    Cursor at(cursor);
    if (max == 0 || at.lists > values_.max() || at.entries > members_.max()) return Error::invalid;
    if (cursor != 0 && at.lists == 0) return Error::invalid;

    // The values may have become fewer: then the last one has not been listed, nor any before it.
    if (cursor == 0 || at.lists > found->values.size()) at = Cursor(std::uint64_t{found->values.size()} << 32);
    ProfilePage<DialogId> page;
    page.items.reserve(std::min<std::size_t>(max, found->size));
    while (at.lists > 0 && page.items.size() < max) {
        const Value &value = values_.at(found->values[at.lists - 1]);
        const std::uint32_t left = at.entries == 0 ? size_of(value.members) : at.entries;
        at.entries = fill(page, max, value.members, left, [&](std::uint32_t slot) { return members_.at(slot).dialog; });
        if (at.entries == 0) --at.lists;
    }
    page.next = at.word();
    return page;
}

Result<ProfilePage<DialogId>> ProfileTable::members(std::string_view profile, std::string_view value,
                                                    std::uint64_t cursor, std::size_t max) const {
    const std::lock_guard lock(mutex_);
    const Profile *found = find_profile(profile);
    if (!found) return Error::no_profile;
    if ((!found->has_values && !value.empty()) || max == 0 || cursor > members_.max()) return Error::invalid;

    ProfilePage<DialogId> page;
    const Value *known = find_value(*found, value);
    if (!known) return page;
    page.items.reserve(std::min<std::size_t>(max, known->members.size()));
    const auto left = cursor == 0 ? size_of(known->members) : static_cast<std::uint32_t>(cursor);
    page.next = fill(page, max, known->members, left, [&](std::uint32_t slot) { return members_.at(slot).dialog; });
    return page;
}

} // namespace tandem
