#include "sim/plan.hpp"
#include <algorithm>
#include "sim/dice.hpp"

namespace tandem::sim {
namespace {

using namespace std::chrono_literals;

// More than all the delays of one exchange through the B2BUA add up to when nothing is lost.
constexpr Duration margin = 4s;

void draw_ringing(Plan &plan, Dice &dice) {
    const std::size_t forks = dice.chance(0.15) ? 2 : 1;
    const auto rings = dice.chance(0.15) ? 0 : dice.between(1, 3);
    for (std::int64_t i = 0; i < rings || (forks == 2 && plan.rings.size() < 2); ++i)
        plan.rings.push_back({.after = dice.chance(0.3) ? 0ms : dice.ms(0, 3000),
                              .status = dice.pick({180, 180, 183, 181, 182}),
                              .fork = forks == 2 ? (plan.rings.size() < 2 ? plan.rings.size() : dice.next() % 2) : 0,
                              .has_body = dice.chance(0.4)});
    if (forks == 1) return;
    plan.answering_fork = dice.next() % 2;
    if (dice.chance(0.4)) plan.second_answer_after = dice.chance(0.5) ? dice.ms(0, 20) : dice.ms(0, 2000);
}

void draw_ending(Plan &plan, Dice &dice) {
    const auto share = dice.between(0, 99);
    plan.ending = share < 74   ? Ending::answer
                  : share < 87 ? Ending::refuse
                  : share < 94 ? Ending::ring_for_ever
                  : share < 97 ? Ending::silence
                               : Ending::no_route;
    plan.refusal = dice.pick({302, 400, 403, 404, 408, 480, 486, 486, 488, 500, 503, 600, 603});
    Duration ringing{};
    for (const auto &ring : plan.rings) ringing += ring.after;
    plan.answer_after = ringing + (dice.chance(0.3) ? 0ms : dice.ms(0, 8000));
    plan.ring_timeout = dice.chance(0.06) ? 0ms : dice.ms(10'000, 40'000);
    if (dice.chance(0.05)) plan.ring_timeout = plan.answer_after + dice.ms(0, 200); // both at once
    if (plan.ring_timeout > 0ms && plan.ring_timeout < 100ms) plan.ring_timeout = 100ms;
    const bool gives_up = dice.chance(plan.ending == Ending::ring_for_ever ? 0.6 : 0.15);
    if (gives_up)
        plan.cancel_after = dice.chance(0.5) && plan.ending != Ending::ring_for_ever
                                ? std::max(Duration(0), plan.answer_after + dice.ms(-100, 200))
                                : dice.ms(0, 9000);
    else if (dice.chance(0.02))
        plan.early_bye_after = dice.ms(0, 4000);
}

void draw_actions(Plan &plan, Dice &dice) {
    const auto kind = [&dice] {
        return dice.pick({ActionKind::reinvite, ActionKind::reinvite, ActionKind::reinvite,
                          ActionKind::reinvite_without_offer, ActionKind::reinvite_then_cancel, ActionKind::update,
                          ActionKind::update_without_offer, ActionKind::info, ActionKind::info});
    };
    const auto side = [&dice] { return dice.chance(0.5) ? Side::caller : Side::callee; };
    while (plan.actions.size() < 6 && dice.chance(0.45)) {
        const auto when = dice.ms(0, std::max<std::int64_t>(to_ms(plan.talk), 1));
        plan.actions.push_back({side(), when, kind()});
        if (dice.chance(0.25)) { // both sides at once
            const auto near = std::max(Duration(0), when + dice.ms(-60, 60));
            plan.actions.push_back({other(plan.actions.back().side), near, kind()});
        }
    }
    if (dice.chance(0.15)) plan.actions.push_back({side(), plan.talk - std::min(plan.talk, dice.ms(0, 80)), kind()});
}

} // namespace

Plan draw_plan(std::uint64_t seed, std::size_t number) {
    Dice dice(seed, 'p', number);
    Plan plan;
    plan.number = number;
    plan.start = at_ms(1000) + std::chrono::milliseconds(40) * number + dice.ms(0, 80);
    draw_ringing(plan, dice);
    draw_ending(plan, dice);
    plan.offers_late = dice.chance(0.1);
    plan.never_acks = dice.chance(0.015);
    plan.ack_after = dice.chance(0.85) ? 0ms : dice.ms(0, 3000);
    plan.talk = dice.chance(0.1) ? 0ms : dice.chance(0.5) ? dice.ms(0, 10'000) : dice.ms(0, 70'000);
    const auto share = dice.between(0, 99);
    plan.hangs_up = {share < 60, share >= 40}; // both: a crossing
    if (!plan.never_acks) draw_actions(plan, dice);
    if (plan.never_acks && dice.chance(0.7)) plan.talk += 60s; // else its BYE comes before the ACK is missed
    if (dice.chance(0.03)) {
        const auto when = dice.ms(0, to_ms(plan.answer_after + plan.talk) + 1000);
        const auto share_vanished = dice.between(0, 9);
        if (share_vanished < 6) plan.vanishes_after[0] = when;
        if (share_vanished > 3) plan.vanishes_after[1] = when;
    }
    plan.proxies = {static_cast<std::uint16_t>(dice.chance(0.2) ? dice.between(1, 2) : 0),
                    static_cast<std::uint16_t>(dice.chance(0.2) ? dice.between(1, 2) : 0)};
    plan.is_behind_nat = plan.proxies[0] == 0 && dice.chance(0.15);
    plan.is_forgetful = dice.chance(0.05);
    return plan;
}

bool Plan::is_forked() const {
    return std::any_of(rings.begin(), rings.end(), [](const Ring &ring) { return ring.fork != 0; });
}

bool Plan::must_be_answered() const {
    return ending == Ending::answer && !anyone_vanishes() && !early_bye_after &&
           (!cancel_after || *cancel_after > answer_after + margin) &&
           (ring_timeout == Duration(0) || ring_timeout > answer_after + margin);
}

bool Plan::must_be_refused() const {
    return ending == Ending::refuse && !anyone_vanishes() && !early_bye_after &&
           (!cancel_after || *cancel_after > answer_after + margin) &&
           (ring_timeout == Duration(0) || ring_timeout > answer_after + margin);
}

bool Plan::must_be_cancelled() const {
    if (!cancel_after || anyone_vanishes() || ending == Ending::no_route) return false;
    const bool is_before_timeout = ring_timeout == Duration(0) || *cancel_after + margin < ring_timeout;
    if (ending == Ending::ring_for_ever || ending == Ending::silence) return is_before_timeout;
    return is_before_timeout && *cancel_after + margin < answer_after;
}

bool Plan::must_ring_out() const {
    return (ending == Ending::ring_for_ever || ending == Ending::silence) && !anyone_vanishes() && !early_bye_after &&
           (!cancel_after || (ring_timeout != Duration(0) && *cancel_after > ring_timeout + margin));
}

std::string Plan::to_string() const {
    constexpr const char *endings[] = {"answer", "refuse", "ring for ever", "silence", "no route"};
    const auto ms = [](Duration span) { return std::to_string(to_ms(span)) + " ms"; };
    std::string out = std::string(endings[static_cast<int>(ending)]) + " after " + ms(answer_after);
    if (ending == Ending::refuse) out += " with " + std::to_string(refusal);
    if (is_forked()) out += ", forked";
    if (second_answer_after) out += ", second answer after " + ms(*second_answer_after);
    if (cancel_after) out += ", cancel after " + ms(*cancel_after);
    if (early_bye_after) out += ", early BYE after " + ms(*early_bye_after);
    out += ", ring timeout " + ms(ring_timeout) + ", talk " + ms(talk);
    for (const auto side : {Side::caller, Side::callee}) {
        const std::string name = side == Side::caller ? "caller" : "callee";
        if (hangs_up[index(side)]) out += ", " + name + " hangs up";
        if (const auto &when = vanishes_after[index(side)]) out += ", " + name + " vanishes after " + ms(*when);
        if (proxies[index(side)]) out += ", " + name + " behind " + std::to_string(proxies[index(side)]) + " proxies";
    }
    if (offers_late) out += ", late offer";
    if (never_acks) out += ", never ACKs";
    if (ack_after > Duration(0)) out += ", ACK after " + ms(ack_after);
    return out + ", " + std::to_string(actions.size()) + " actions";
}

} // namespace tandem::sim
