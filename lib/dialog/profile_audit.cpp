// The proof that every list holds whom it should, and the repair if it does not.
#include <algorithm>
#include <iterator>
#include "dialog/profile_table.hpp"

namespace tandem {
namespace {

// Erases the entries that repeat an earlier one. Lists are short.
void erase_repeated(Memberships &memberships) {
    for (std::size_t i = 1; i < memberships.size();) {
        const auto at = std::next(memberships.begin(), static_cast<std::ptrdiff_t>(i));
        const bool is_repeated = std::any_of(memberships.begin(), at, [at](const Membership &earlier) {
            return earlier.profile == at->profile && earlier.value.get(0) == at->value.get(0) && earlier.member;
        });
        if (is_repeated) {
            memberships.erase(at);
        } else {
            ++i;
        }
    }
}

template <class T>
T &grown_at(std::vector<T> &list, std::size_t i) {
    if (i >= list.size()) list.resize(i + 1);
    return list[i];
}

} // namespace

ProfileAudit &ProfileAudit::operator+=(const ProfileAudit &more) {
    checked += more.checked;
    removed += more.removed;
    added += more.added;
    misplaced += more.misplaced;
    return *this;
}

ProfileAudit ProfileTable::audit(std::span<const LiveMemberships> living) {
    struct Uncounted {
        DialogId dialog;
        Membership *membership;
    };
    const std::lock_guard lock(mutex_);
    ProfileAudit audit;
    audit.misplaced = repair_lists();

    std::vector<char> is_named; // by slot of the member
    std::vector<Uncounted> uncounted;
    for (const LiveMemberships &live : living) {
        erase_repeated(*live.memberships);
        for (Membership &membership : *live.memberships) {
            if (!membership.member) continue;
            ++audit.checked;
            if (is_member(live.dialog, membership)) {
                grown_at(is_named, membership.member.slot()) = 1;
            } else {
                uncounted.push_back({live.dialog, &membership});
            }
        }
    }

    members_.for_each([&](MemberId id, const Member &) {
        if (id.slot() < is_named.size() && is_named[id.slot()]) return;
        remove_member(id);
        ++audit.removed;
    });
    for (const Uncounted &one : uncounted) audit.added += add_again(one.dialog, *one.membership) ? 1 : 0;
    return audit;
}

ProfileAudit ProfileTable::audit_lists() {
    const std::lock_guard lock(mutex_);
    const bool are_right = are_sizes_right();
    ProfileAudit audit;
    audit.misplaced = repair_lists();
    if (audit.misplaced == 0 && !are_right) audit.misplaced = 1;
    return audit;
}

void ProfileTable::list_members(std::uint8_t shard, std::uint64_t &cursor, std::size_t max,
                                std::vector<ProfileMember> &members) const {
    const std::lock_guard lock(mutex_);
    const std::uint64_t end = std::min<std::uint64_t>(members_.slots(), cursor + max);
    for (std::uint64_t slot = cursor; slot < end; ++slot) {
        const MemberId id = members_.id_in(static_cast<std::uint32_t>(slot));
        if (!id) continue;
        const DialogId dialog = members_.find(id)->dialog;
        if (dialog.shard() == shard) members.push_back({id, dialog});
    }
    cursor = end < members_.slots() ? end : 0;
}

std::uint64_t ProfileTable::remove(std::span<const MemberId> strays) {
    const std::lock_guard lock(mutex_);
    std::uint64_t removed = 0;
    for (const MemberId id : strays) {
        if (!members_.find(id)) continue;
        remove_member(id);
        ++removed;
    }
    return removed;
}

ProfileAudit ProfileTable::recount(std::span<const LiveMemberships> some) {
    const std::lock_guard lock(mutex_);
    ProfileAudit audit;
    std::vector<Membership *> uncounted;
    for (const LiveMemberships &live : some) {
        find_uncounted(live, uncounted, audit);
        for (Membership *membership : uncounted) audit.added += add_again(live.dialog, *membership) ? 1 : 0;
        uncounted.clear();
    }
    return audit;
}

void ProfileTable::find_uncounted(const LiveMemberships &live, std::vector<Membership *> &uncounted,
                                  ProfileAudit &audit) {
    erase_repeated(*live.memberships);
    for (Membership &membership : *live.memberships) {
        if (!membership.member) continue;
        ++audit.checked;
        if (!is_member(live.dialog, membership)) uncounted.push_back(&membership);
    }
}

// Above the limit, if need be: the call is up. False if a bound is reached, or the membership names nothing that is.
bool ProfileTable::add_again(DialogId dialog, Membership &membership) {
    if (membership.profile >= profiles_.size()) return false;
    Profile &profile = *profiles_[membership.profile];
    const std::string_view text = membership.value.get(0);
    if (!check_value(profile, text)) return false;
    const auto value = find_or_add_value(profile, text);
    if (!value) return false;
    const MemberId member = add_member(dialog, **value);
    if (!member) return false;
    membership.member = member;
    return true;
}

bool ProfileTable::is_placed(std::uint32_t slot, const Member &member) const {
    const auto &members = values_.at(member.value).members;
    return member.position < members.size() && members[member.position] == slot;
}

// Of the lists as a whole. With every member placed it means that they hold nothing else.
bool ProfileTable::are_sizes_right() const {
    std::size_t members = 0;
    std::size_t values = 0;
    for (const auto &profile : profiles_) {
        std::size_t size = 0;
        for (std::size_t i = 0; i < profile->values.size(); ++i) {
            const Value &value = values_.at(profile->values[i]);
            if (value.profile != profile.get() || value.position != i || value.members.empty()) return false;
            size += value.members.size();
        }
        if (size != profile->size) return false;
        members += size;
        values += profile->values.size();
    }
    values_.for_each([&](ValueId, const Value &value) { values -= value.members.empty() ? 0 : 1; });
    return values == 0 && members == members_.size();
}

std::uint64_t ProfileTable::repair_lists() {
    std::uint64_t misplaced = 0;
    std::vector<std::uint32_t> sizes; // by slot of the value
    members_.for_each([&](MemberId id, const Member &member) {
        misplaced += is_placed(id.slot(), member) ? 0 : 1;
        ++grown_at(sizes, member.value);
    });
    if (misplaced == 0 && are_sizes_right()) return 0;

    // Room first: if memory ends here, nothing has changed.
    for (std::uint32_t slot = 0; slot < sizes.size(); ++slot) {
        if (sizes[slot] != 0) values_.at(slot).members.reserve(sizes[slot]);
    }
    for (const auto &profile : profiles_) profile->values.reserve(values_.size());
    values_.for_each([](ValueId, Value &value) { value.members.clear(); });
    for (const auto &profile : profiles_) {
        profile->values.clear();
        profile->size = 0;
    }
    members_.for_each([&](MemberId id, Member &member) { link(id.slot(), member); });
    values_.for_each([&](ValueId, const Value &value) { drop_if_idle(value); });
    return misplaced;
}

} // namespace tandem
