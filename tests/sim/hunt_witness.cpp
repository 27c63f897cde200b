// Of a call with more than one target that nobody answered: who was tried, how each of them failed, and whether the
// B2BUA went on to the next one when it had to, and only then.
#include <algorithm>
#include "sim/witness.hpp"

namespace tandem::sim {
namespace {

constexpr int not_in_time = 408;
constexpr int no_address = 503;
constexpr int followed = 302;

} // namespace

// The target is the callee; its first address may be somebody else's.
void Witness::lookup_out(Instant now) {
    legs_[callee_party].begun = now;
    for (std::size_t i = 0; i < plan_.decoys.size(); ++i)
        if (plan_.decoys[i].place == DecoyPlace::first_address) legs_[first_decoy + i].begun = now;
}

bool Witness::has_rung_out(const Leg &leg, Instant now) const {
    return leg.begun && now >= *leg.begun + plan_.ring_timeout;
}

bool Witness::has_timed_out(const Leg &leg, Instant now) const {
    return has_rung_out(leg, now) || (leg.invite_out && now >= *leg.invite_out + 64 * t1);
}

// A status; 0: it was not tried, or still rings.
int Witness::outcome_of(Party party, Instant now) {
    const auto &leg = legs_[party];
    if (leg.status != 0) return leg.status;
    return has_timed_out(leg, now) ? not_in_time : 0;
}

int Witness::outcome_of_callee(Instant now) {
    const auto &leg = legs_[callee_party];
    if (leg.invite_out) return outcome_of(callee_party, now);
    if (facts_.has_unknown_name) return no_address;
    return has_rung_out(leg, now) ? not_in_time : 0; // before its address was reached, or known
}

std::vector<int> Witness::outcomes_of(DecoyPlace place, Instant now) {
    std::vector<int> out;
    for (std::size_t i = 0; i < plan_.decoys.size(); ++i)
        if (plan_.decoys[i].place == place) out.push_back(outcome_of(first_decoy + i, now));
    return out;
}

void Witness::check_hunt(Instant now) {
    std::vector<std::vector<int>> groups;
    for (const int outcome : outcomes_of(DecoyPlace::before, now)) groups.push_back({outcome});
    groups.push_back(outcomes_of(DecoyPlace::beside, now));
    groups.back().push_back(outcome_of_callee(now));
    for (const int outcome : outcomes_of(DecoyPlace::after, now)) groups.push_back({outcome});
    // Of a callee that a redirection tells, nobody knows without it; and what is followed is no failure.
    const bool is_followed = plan_.is_redirected() && groups.front().front() == followed;
    if (plan_.is_redirected() && !is_followed) groups.resize(1);

    bool goes_on = true;
    for (const auto &group : groups) {
        const bool is_tried = std::any_of(group.begin(), group.end(), [](int outcome) { return outcome != 0; });
        if (is_tried && !goes_on) find(now, "a target was tried, though the one before it refused for good");
        if (!is_tried && goes_on) find(now, "the hunt ended before its last target, or while one rang");
        if (!is_tried) break;
        const bool is_final = std::any_of(group.begin(), group.end(), [](int outcome) { return outcome >= 600; });
        if (!is_final && std::find(group.begin(), group.end(), 0) != group.end())
            find(now, "the caller was refused while somebody still rang");
        goes_on = !is_final && std::any_of(group.begin(), group.end(), is_hunted_on);
        for (const int outcome : group)
            if (outcome != 0 && !(is_followed && &group == &groups.front())) facts_.failures.push_back(outcome);
    }
}

} // namespace tandem::sim
