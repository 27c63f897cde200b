#include "sim/plan.hpp"
#include <algorithm>
#include "sim/address.hpp"
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

DecoyPlan draw_decoy(DecoyPlace place, Dice &dice) {
    DecoyPlan decoy{.place = place};
    const bool is_beside = place == DecoyPlace::beside;
    decoy.kind = dice.pick({is_beside ? DecoyKind::ring : DecoyKind::refuse, DecoyKind::refuse, DecoyKind::ring,
                            DecoyKind::cross, DecoyKind::cross, DecoyKind::silence});
    decoy.refusal = dice.pick({404, 480, 486, 486, 500, 503, 503, 302});
    if (place != DecoyPlace::before && dice.chance(0.15)) decoy.refusal = dice.pick({400, 403, 488, 603});
    decoy.after = dice.chance(0.3) ? 0ms : dice.ms(0, 5000);
    const bool rings = decoy.kind == DecoyKind::ring || decoy.kind == DecoyKind::cross;
    if (rings || (decoy.kind == DecoyKind::refuse && dice.chance(0.5)))
        decoy.ring_after = dice.chance(0.3) ? 0ms : dice.ms(0, std::min<std::int64_t>(to_ms(decoy.after) + 1, 3000));
    decoy.has_body = dice.chance(0.4);
    return decoy;
}

void draw_reliability(Plan &plan, Dice &dice) {
    if (!dice.chance(0.3)) return;
    plan.reliable = dice.chance(0.75) ? Reliable::supported : Reliable::required;
    plan.prack_after = dice.chance(0.7) ? 0ms : dice.ms(0, 1500);
    for (auto &ring : plan.rings) {
        ring.is_reliable = dice.chance(0.6);
        // Where the callee is to offer, a description is an offer only in what comes reliably.
        if (plan.offers_late && plan.reliable == Reliable::required && !ring.is_reliable) ring.has_body = false;
    }
    for (auto &decoy : plan.decoys) decoy.has_body = decoy.has_body && !plan.offers_late;
}

// All that a route may name besides the callee. Every part has an end: a name that stays unknown, and who rings for
// ever, by the ring timeout.
void draw_hunt(Plan &plan, Dice &dice) {
    if (plan.ending == Ending::no_route || !dice.chance(0.3)) return;
    if (plan.ring_timeout == Duration(0)) plan.ring_timeout = dice.ms(10'000, 40'000);
    plan.sees_one_fork = dice.chance(0.2);
    if (dice.chance(0.4)) {
        plan.name = dice.chance(0.8) ? NamePlan::address : dice.pick({NamePlan::no_such_name, NamePlan::no_answer});
        plan.lookup = dice.chance(0.3) ? 0ms : dice.ms(0, 4000);
        if (plan.name == NamePlan::address && dice.chance(0.5)) {
            auto dead = draw_decoy(DecoyPlace::first_address, dice);
            dead.kind = dice.chance(0.4) ? DecoyKind::silence : DecoyKind::refuse;
            dead.refusal = 503; // RFC 3263 section 4.3
            plan.decoys.push_back(dead);
            if (dead.kind == DecoyKind::silence) plan.ring_timeout += 32s; // Timer B
        }
    } else if (dice.chance(0.2)) {
        auto sign = draw_decoy(DecoyPlace::before, dice);
        sign.kind = DecoyKind::redirect;
        plan.decoys.push_back(sign);
        return;
    }
    if (plan.ring_timeout > 40s) return; // Timer C of the caller's leg has to outlast all of it
    const auto add = [&](DecoyPlace place, double chance) {
        if (dice.chance(chance)) plan.decoys.push_back(draw_decoy(place, dice));
    };
    add(DecoyPlace::before, 0.5);
    add(DecoyPlace::before, 0.2);
    add(DecoyPlace::beside, 0.4);
    add(DecoyPlace::beside, 0.2);
    add(DecoyPlace::after, 0.3);
    if (plan.decoys.size() > decoy_max) plan.decoys.resize(decoy_max);
}

// At any time, and some of them across what the peers do.
void draw_commands(Plan &plan, Dice &dice) {
    if (plan.ending == Ending::no_route || !dice.chance(0.25)) return;
    const auto add = [&](Verb verb) {
        const bool is_across = !plan.actions.empty() && dice.chance(0.3);
        const auto near = is_across ? plan.actions[dice.next() % plan.actions.size()].after + dice.ms(-80, 80)
                                    : dice.ms(0, to_ms(plan.talk) + 1000);
        plan.commands.push_back({std::max(Duration(0), plan.answer_after + near), verb});
    };
    const auto pairs = dice.between(0, 3);
    for (std::int64_t i = 0; i < pairs; ++i) {
        add(Verb::hold);
        if (dice.chance(0.8)) add(Verb::resume);
    }
    if (pairs == 0 || dice.chance(0.2)) add(Verb::end);
    if (plan.is_ended_by_command() && dice.chance(0.3))
        plan.commands.back().after = dice.ms(0, to_ms(plan.answer_after) + 200); // before the answer
}

void draw_transfer(Plan &plan, Dice &dice) {
    if (plan.ending != Ending::answer || plan.never_acks || !dice.chance(0.2)) return;
    TransferPlan transfer;
    transfer.from = dice.chance(0.5) ? Side::caller : Side::callee;
    transfer.is_command = dice.chance(0.3);
    transfer.after = dice.ms(0, to_ms(plan.talk) + 500);
    if (transfer.is_command) transfer.after += plan.answer_after;
    transfer.is_silent = dice.chance(0.15);
    transfer.notify_status = dice.pick({200, 200, 200, 200, 200, 481, 0});
    transfer.status = dice.pick({200, 200, 200, 200, 200, 486, 603, 404, 0});
    if (dice.chance(0.6)) transfer.ring_after = dice.chance(0.3) ? 0ms : dice.ms(0, 2000);
    transfer.answer_after = transfer.ring_after.value_or(0ms) + (dice.chance(0.3) ? 0ms : dice.ms(0, 6000));
    transfer.talk = dice.ms(0, 40'000);
    transfer.hangs_up = dice.chance(0.6);
    transfer.ring_timeout = dice.ms(5000, 20'000);
    if (dice.chance(0.7)) { // else somebody hangs up meanwhile
        plan.talk += transfer.answer_after + 3s;
        plan.hangs_up = {transfer.from == Side::callee, transfer.from == Side::caller};
    }
    if (transfer.is_command) plan.commands.push_back({transfer.after, Verb::transfer});
    plan.transfer = transfer;
}

TimerPlan draw_timer(Dice &dice) {
    TimerPlan timer;
    timer.is_known = dice.chance(0.7);
    timer.says_allow = dice.chance(0.5);
    if (!timer.is_known) return timer;
    if (dice.chance(0.7)) timer.interval = std::chrono::seconds(dice.between(90, 300));
    if (dice.chance(0.3)) timer.min_interval = std::chrono::seconds(dice.between(90, 250));
    timer.interval = timer.interval > 0ms ? std::max(timer.interval, timer.min_interval) : 0ms;
    timer.refresher = dice.pick({"", "uac", "uas"});
    timer.takes_it = dice.chance(0.6);
    timer.by_update = dice.chance(0.5);
    timer.neglects = dice.chance(0.1);
    return timer;
}

void draw_timers(Plan &plan, Dice &dice) {
    if (!dice.chance(0.2)) return;
    plan.timers = {draw_timer(dice), draw_timer(dice)};
    if (plan.ending == Ending::answer) plan.talk += dice.ms(30'000, 400'000);
}

} // namespace

Duration session_expires_of(std::uint64_t seed) { return seed % 2 == 1 ? Duration(150s) : Duration(0); }

bool is_hunted_on(int status) { return std::find(hunt_on.begin(), hunt_on.end(), status) != hunt_on.end(); }

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
    Dice hunt(seed, 'h', number);
    draw_hunt(plan, hunt);
    Dice reliability(seed, 'r', number);
    draw_reliability(plan, reliability);
    Dice command(seed, 'c', number);
    draw_commands(plan, command);
    Dice transfer(seed, 't', number);
    draw_transfer(plan, transfer);
    Dice timers(seed, 's', number);
    draw_timers(plan, timers);
    plan.session_expires = session_expires_of(seed);
    Dice bye(seed, 'b', number);
    for (int &status : plan.bye_status)
        if (bye.chance(0.05)) status = bye.pick({0, 401, 407, 481});
    Dice update(seed, 'u', number);
    const bool has_answer_early = plan.reliable == Reliable::supported && !plan.offers_late && !plan.is_hunted();
    if (has_answer_early && update.chance(0.4)) plan.early_update_after = update.chance(0.5) ? 0ms : update.ms(0, 3000);
    plan.is_challenged = Dice(seed, 'k', number).chance(0.3);
    return plan;
}

bool Plan::is_forked() const {
    return std::any_of(rings.begin(), rings.end(), [](const Ring &ring) { return ring.fork != 0; });
}

bool Plan::is_ended_by_command() const {
    return std::any_of(commands.begin(), commands.end(),
                       [](const Command &command) { return command.verb == Verb::end; });
}

bool Plan::is_redirected() const {
    return std::any_of(decoys.begin(), decoys.end(),
                       [](const DecoyPlan &decoy) { return decoy.kind == DecoyKind::redirect; });
}

Duration Plan::reach_max() const {
    Duration out = lookup;
    for (const auto &decoy : decoys) {
        const bool is_in_the_way = decoy.place == DecoyPlace::before || decoy.place == DecoyPlace::first_address;
        if (!is_in_the_way) continue;
        const bool is_asked = decoy.kind == DecoyKind::refuse || decoy.kind == DecoyKind::redirect;
        out += is_asked ? decoy.after + margin : decoy.kind == DecoyKind::silence ? Duration(32s) : ring_timeout;
    }
    return out;
}

bool Plan::must_be_answered() const {
    if (is_ended_by_command()) return false;
    if (name == NamePlan::no_such_name || name == NamePlan::no_answer) return false;
    for (const auto &decoy : decoys)
        if (decoy.refusal >= 600) return false;
    // An UPDATE may overtake the next PRACK, which is refused then (RFC 3261 section 12.2.2) and does not come again.
    const auto is_reliable = [](const Ring &ring) { return ring.is_reliable; };
    if (early_update_after && std::count_if(rings.begin(), rings.end(), is_reliable) > 1) return false;
    const auto slack = reliable == Reliable::unknown ? margin : 4 * margin; // for the PRACKs
    const bool is_named = name != NamePlan::none;                           // then the timeout counts from the lookup
    return ending == Ending::answer && !anyone_vanishes() && !early_bye_after &&
           (!cancel_after || *cancel_after > reach_max() + answer_after + slack) &&
           (ring_timeout == Duration(0) ||
            ring_timeout > (is_named ? reach_max() : Duration(0)) + answer_after + slack);
}

bool Plan::must_be_refused() const {
    return !is_hunted() && !is_ended_by_command() && ending == Ending::refuse && !anyone_vanishes() &&
           !early_bye_after && (!cancel_after || *cancel_after > answer_after + margin) &&
           (ring_timeout == Duration(0) || ring_timeout > answer_after + margin);
}

bool Plan::must_be_cancelled() const {
    if (!cancel_after || is_ended_by_command() || anyone_vanishes() || ending == Ending::no_route || is_hunted())
        return false;
    const bool is_before_timeout = ring_timeout == Duration(0) || *cancel_after + margin < ring_timeout;
    if (ending == Ending::ring_for_ever || ending == Ending::silence) return is_before_timeout;
    return is_before_timeout && *cancel_after + margin < answer_after;
}

bool Plan::must_ring_out() const {
    return !is_hunted() && !is_ended_by_command() && (ending == Ending::ring_for_ever || ending == Ending::silence) &&
           !anyone_vanishes() && !early_bye_after &&
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
        const auto who = party_name(index(side));
        if (hangs_up[index(side)]) out += ", " + who + " hangs up";
        if (const auto &when = vanishes_after[index(side)]) out += ", " + who + " vanishes after " + ms(*when);
        if (proxies[index(side)]) out += ", " + who + " behind " + std::to_string(proxies[index(side)]) + " proxies";
    }
    constexpr const char *kinds[] = {"refuses", "redirects", "rings", "crosses", "is silent"};
    constexpr const char *places[] = {"first address", "before", "beside", "after"};
    for (const auto &decoy : decoys) {
        out += std::string(", ") + places[static_cast<int>(decoy.place)] + " " + kinds[static_cast<int>(decoy.kind)];
        if (decoy.kind == DecoyKind::refuse) out += " " + std::to_string(decoy.refusal) + " after " + ms(decoy.after);
        if (decoy.ring_after) out += " ringing after " + ms(*decoy.ring_after);
    }
    if (name != NamePlan::none)
        out += ", name " + std::to_string(static_cast<int>(name)) + " looked up in " + ms(lookup);
    if (offers_late) out += ", late offer";
    if (reliable != Reliable::unknown)
        out += std::string(", 100rel ") + (reliable == Reliable::required ? "required" : "supported") +
               ", PRACK after " + ms(prack_after);
    if (early_update_after) out += ", UPDATE " + ms(*early_update_after) + " after PRACK";
    if (never_acks) out += ", never ACKs";
    if (is_challenged) out += ", challenged";
    out += ", BYE gets " + std::to_string(bye_status[0]) + " and " + std::to_string(bye_status[1]);
    if (ack_after > Duration(0)) out += ", ACK after " + ms(ack_after);
    for (const auto side : {Side::caller, Side::callee}) {
        const auto &timer = timers[index(side)];
        if (!timer.is_known) continue;
        out += ", " + party_name(index(side)) + " has timer " + ms(timer.interval) + " at least " +
               ms(timer.min_interval) + " " + timer.refresher + (timer.takes_it ? " takes it" : "") +
               (timer.neglects ? " neglects" : "") + (timer.by_update ? " by UPDATE" : "");
    }
    if (transfer) {
        out += ", " + party_name(index(transfer->from)) + " goes " +
               (transfer->is_command ? "by command" : "by REFER") + " after " + ms(transfer->after) + ", target says " +
               std::to_string(transfer->status) + " after " + ms(transfer->answer_after) + " within " +
               ms(transfer->ring_timeout) + ", talks " + ms(transfer->talk) + ", NOTIFY gets " +
               std::to_string(transfer->notify_status) + (transfer->is_silent ? ", silent" : "");
    }
    constexpr const char *verbs[] = {"hold", "resume", "transfer", "end"};
    for (const auto &command : commands)
        out += std::string(", ") + verbs[static_cast<int>(command.verb)] + " after " + ms(command.after);
    return out + ", " + std::to_string(actions.size()) + " actions";
}

} // namespace tandem::sim
