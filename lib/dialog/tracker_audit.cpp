// What should be so by itself, and is made so where it is not: for operators, who would else never know.
#include <algorithm>
#include "dialog/tracker.hpp"

namespace tandem {

bool Tracker::is_overdue(const DialogSet &set, Instant now, Duration grace) const {
    if (set.is_over()) return false;
    if (set.deadline != never) return now - set.deadline > grace;
    return span_of(set, set.timer_kind()).count() != 0; // it should have one
}

std::vector<DialogId> Tracker::watchdog(Instant now, Duration grace) const {
    std::vector<DialogId> overdue;
    sets_.for_each([&](DialogId id, const DialogSet &set) {
        if (is_overdue(set, now, grace)) overdue.push_back(id);
    });
    return overdue;
}

void Tracker::list_memberships(std::vector<LiveMemberships> &profiles, std::vector<LiveMemberships> &indexed) {
    sets_.for_each([&](DialogId id, DialogSet &set) {
        if (set.is_over() || !set.extras) return;
        const DialogId known = id.with_shard(options_.shard);
        if (!set.extras->profiles.empty()) profiles.push_back({known, &set.extras->profiles});
        if (!set.extras->indexed.empty()) indexed.push_back({known, &set.extras->indexed});
    });
}

bool Tracker::audit(TrackerAudit &audit, std::size_t max, std::span<const MemberId> held, Instant now, Duration grace) {
    switch (audit.step) {
    case TrackerAudit::Step::lists:
        audit.profiles += shared_.profiles.audit_lists();
        audit.step = TrackerAudit::Step::members;
        return true;
    case TrackerAudit::Step::members:
        audit_members(audit, max, held);
        if (audit.cursor == 0) audit.step = TrackerAudit::Step::dialogs;
        return true;
    case TrackerAudit::Step::dialogs:
        audit_dialogs(audit, max, now, grace);
        if (audit.cursor == 0) audit.step = TrackerAudit::Step::over;
        break;
    case TrackerAudit::Step::over: break;
    }
    return audit.step != TrackerAudit::Step::over;
}

// Whom the table has, and no dialog of ours names. Nobody else can change that meanwhile.
void Tracker::audit_members(TrackerAudit &audit, std::size_t max, std::span<const MemberId> held) {
    std::vector<ProfileMember> members;
    shared_.profiles.list_members(options_.shard, audit.cursor, max, members);
    std::vector<MemberId> strays;
    for (const ProfileMember &member : members) {
        if (!is_named(member, held)) strays.push_back(member.member);
    }
    if (!strays.empty()) audit.profiles.removed += shared_.profiles.remove(strays);
}

bool Tracker::is_named(const ProfileMember &member, std::span<const MemberId> held) const {
    const DialogSet *set = sets_.find(member.dialog.with_shard(0));
    if (set && set->extras) {
        const Memberships &in = set->extras->profiles;
        const auto is_this = [&](const Membership &membership) { return membership.member == member.member; };
        if (std::any_of(in.begin(), in.end(), is_this)) return true;
    }
    return std::binary_search(held.begin(), held.end(), member.member) ||
           std::find(held_places_.begin(), held_places_.end(), member.member) != held_places_.end();
}

// A deadline that has passed fires at once, and one that is missing counts from now: their ends are as at any other.
void Tracker::audit_dialogs(TrackerAudit &audit, std::size_t max, Instant now, Duration grace) {
    std::vector<DialogId> ids;
    list(audit.cursor, max, ids);
    std::vector<LiveMemberships> memberships;
    for (const DialogId id : ids) {
        DialogSet &set = *sets_.find(id);
        ++audit.dialogs;
        if (is_overdue(set, now, grace)) {
            ++audit.overdue;
            timers_.cancel(set.timer);
            set.timer = TimerId();
            if (set.deadline == never) {
                arm(id, set, now);
            } else {
                schedule(id, set, now);
            }
        }
        if (!set.extras || set.extras->profiles.empty()) continue;
        memberships.push_back({id.with_shard(options_.shard), &set.extras->profiles});
    }
    audit.profiles += shared_.profiles.recount(memberships);
}

} // namespace tandem
