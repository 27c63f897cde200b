// A profile table, and dialogs by number that keep their lists, as a tracker does.
#pragma once
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>
#include "base/random.hpp"
#include "dialog/profile_table.hpp"

namespace tandem::test {

inline DialogId dialog_id(std::uint32_t number) { return DialogId(number, 1); }

inline Memberships copy_of(const Memberships &memberships) {
    Memberships copy;
    for (const Membership &membership : memberships) {
        copy.push_back({.member = membership.member, .profile = membership.profile, .value = {}});
        copy.back().value.set(0, membership.value.get(0));
    }
    return copy;
}

struct Profiles {
    explicit Profiles(const ProfileTableOptions &options = {}) : table(random, options) {}

    Result<void> reserve(std::uint32_t number, const std::vector<ProfileRequest> &requests) {
        return table.reserve(dialog_id(number), lists[number], requests, &refusal);
    }
    bool leave(std::uint32_t number, std::string_view profile, std::string_view value = {}) {
        return table.leave(lists[number], profile, value).value();
    }
    void release(std::uint32_t number) { table.release(lists[number]); }
    void end(std::uint32_t number) {
        release(number);
        lists.erase(number);
    }

    std::uint32_t size(std::string_view profile) const { return table.size(profile).value(); }
    std::uint32_t size(std::string_view profile, std::string_view value) const {
        return table.size(profile, value).value();
    }
    std::vector<DialogId> members(std::string_view profile) const {
        return table.members(profile, 0, 1000).value().items;
    }
    std::vector<DialogId> members(std::string_view profile, std::string_view value) const {
        return table.members(profile, value, 0, 1000).value().items;
    }
    std::vector<ProfileValueInfo> values(std::string_view profile) const {
        return table.values(profile, 0, 1000).value().items;
    }

    std::vector<LiveMemberships> living() {
        std::vector<LiveMemberships> all;
        for (auto &[number, memberships] : lists) all.push_back({dialog_id(number), &memberships});
        return all;
    }
    ProfileAudit audit() { return table.audit(living()); }
    bool is_in_order() { // and repairs it if not
        const ProfileAudit found = audit();
        return found.removed == 0 && found.added == 0 && found.misplaced == 0;
    }

    SeededRandom random{1};
    ProfileTable table;
    std::map<std::uint32_t, Memberships> lists;
    ProfileRefusal refusal;
};

} // namespace tandem::test
