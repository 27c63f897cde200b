// What somebody outside decides about: calls that wait for him with 100 out, before they count anywhere and before
// anybody is called; transfers, and REGISTERs.
#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include "call/b2bua.hpp"

namespace tandem {
namespace {

const std::string retry_later = "Retry-After: 10\r\n";

std::string contact_lines(const Route &route) {
    std::string lines;
    for (const RouteTarget &target : route.targets)
        lines.append("Contact: <").append(target.request_uri).append(">\r\n");
    return lines;
}

VariableValue value_of(const DecidedVariable &variable) {
    switch (variable.type) {
    case VariableType::integer: return VariableValue::of_integer(variable.integer);
    case VariableType::boolean: return VariableValue::of_boolean(variable.integer != 0);
    default: return VariableValue::of_text(variable.text);
    }
}

} // namespace

// About the INVITE of the call's search, whose route says so.
void B2bua::ask(CallId id, Call &call, Instant now) {
    Setup &setup = *call.setup;
    const auto made = questions_.emplace(WaitingQuestion{.call = id});
    if (!made) {
        ++statistics_.questions_lost;
        return on_undecided(id, call, now);
    }
    setup.question = *made;
    const Endpoint source = call.transfer ? call.leg(call.transfer->from).peer : call.first_invite()->source;
    wanted_questions_.push_back(make_question(setup.invite, source));
    wanted_questions_.back().id = *made;
}

void B2bua::take_questions(std::vector<Question> &questions, std::vector<QuestionId> &withdrawn) {
    std::move(wanted_questions_.begin(), wanted_questions_.end(), std::back_inserter(questions));
    withdrawn.insert(withdrawn.end(), withdrawn_.begin(), withdrawn_.end());
    wanted_questions_.clear();
    withdrawn_.clear();
}

// The search is given up.
void B2bua::withdraw(Setup &setup) {
    if (!setup.question) return;
    questions_.erase(setup.question);
    withdrawn_.push_back(std::exchange(setup.question, QuestionId()));
}

DecisionOutcome B2bua::on_decided(QuestionId question, const Decision *decision, Instant now) {
    const WaitingQuestion *found = questions_.find(question);
    if (!found) return DecisionOutcome::gone;
    const WaitingQuestion waiting = *found;
    questions_.erase(question);
    if (waiting.request) return decide_register(waiting, decision, now);
    Call *call = find_touched(waiting.call);
    if (!call || !call->setup || call->setup->question != question) return DecisionOutcome::gone;
    call->setup->question = {};
    DecisionOutcome outcome = DecisionOutcome::wrong;
    if (decision && is_sound(*decision)) outcome = decide(waiting.call, *call, *decision, now);
    if (outcome == DecisionOutcome::wrong) on_undecided(waiting.call, *call, now);
    return outcome;
}

void B2bua::on_undecided(CallId id, Call &call, Instant now) {
    const bool may_go_on = options_.undecided == Undecided::allow;
    if (may_go_on && decide(id, call, Decision(), now) != DecisionOutcome::wrong) return;
    turn_away(id, call, {503, "No Decision", retry_later}, now);
}

// wrong: nothing has happened.
DecisionOutcome B2bua::decide(CallId id, Call &call, const Decision &decision, Instant now) {
    if (decision.code >= 400) {
        turn_away(id, call, {decision.code, decision.reason}, now);
        return DecisionOutcome::refused;
    }
    const Leg &from = call.leg(call.transfer ? call.transfer->from : Side::caller);
    const Endpoint source = call.transfer ? from.peer : call.first_invite()->source;
    const bool is_known = call.transfer ? call.transfer->is_known : from.is_known;
    auto route = router_.route_decided(call.setup->invite, source, is_known, decision);
    if (!route) return DecisionOutcome::wrong;
    const bool may_wait = decision.code == 200 && !call.transfer && !call.setup->wants_seat;
    if (may_wait && route->wait && wait_decided(id, *call.setup, *route->wait, decision, now))
        return DecisionOutcome::allowed;
    if (route->refuse != 0 || route->targets.empty()) {
        turn_away(id, call, {route->refuse >= 300 ? route->refuse : std::uint16_t{404}, route->refuse_reason}, now);
        return DecisionOutcome::allowed; // as it would be without control
    }
    if (decision.code >= 300) {
        turn_away(id, call, {decision.code, decision.reason, contact_lines(*route)}, now);
        return DecisionOutcome::refused;
    }
    const bool is_done = go_on_decided(id, call, std::move(*route), decision, now);
    return is_done ? DecisionOutcome::allowed : DecisionOutcome::wrong;
}

// For the event that the route wants: then it is asked for again, by the same decision.
bool B2bua::wait_decided(CallId id, Setup &setup, const EventWait &wait, const Decision &decision, Instant now) {
    if (setup.wait_until == Instant()) setup.wait_until = now + wait.timeout;
    setup.route.wait = wait;
    if (!want_event(id, setup, now)) return false;
    setup.decision = std::make_unique<Decision>(decision);
    return true;
}

void B2bua::go_on_waited_decided(CallId id, Call &call, Instant now) {
    const std::unique_ptr<Decision> decision = std::move(call.setup->decision);
    if (decide(id, call, *decision, now) == DecisionOutcome::wrong) on_undecided(id, call, now);
}

// As any call with this route does. False: nothing has happened, what the decision says can not be done.
bool B2bua::go_on_decided(CallId id, Call &call, Route route, const Decision &decision, Instant now) {
    Setup &setup = *call.setup;
    const DialogId dialog = call.leg(Side::caller).dialog;
    std::erase_if(route.variables, [&](const RouteVariable &own) {
        return std::any_of(decision.variables.begin(), decision.variables.end(),
                           [&](const DecidedVariable &variable) { return variable.name == own.name; });
    });
    auto invite = rewrite(setup.invite, decision);
    if (!invite || !add_profiles(route, decision) || !add_variables(dialog, decision, now)) return false;
    if (decision.max_duration) give_longest(call, *decision.max_duration, now);
    if (!call.transfer) {
        call.refers = route.refers;
        if (const auto refusal = attach(dialog, route, now)) return turn_away(id, call, *refusal, now), true;
    }
    // What was there before: the lines of every route, and for a transfer the way to another worker.
    route.headers.append(setup.route.headers);
    std::vector<RouteTarget> &before = setup.route.targets;
    if (!before.empty())
        route.hunt_on.insert(route.hunt_on.end(), setup.route.hunt_on.begin(), setup.route.hunt_on.end());
    route.targets.insert(route.targets.begin(), std::make_move_iterator(before.begin()),
                         std::make_move_iterator(before.end()));
    setup.route = std::move(route);
    setup.invite = std::move(*invite);
    if (call.transfer) {
        search_target(id, call, now);
    } else {
        begin_search(id, call, now);
    }
    return true;
}

// To those of the route; the same place is taken once, with the limit that the decision gives it. False: there is no
// such profile.
bool B2bua::add_profiles(Route &route, const Decision &decision) const {
    for (const DecidedProfile &wanted : decision.profiles) {
        if (!tracker_.profile_rule(wanted.name, wanted.value)) return false;
        std::erase_if(route.profiles, [&](const RouteProfile &profile) {
            return profile.name == wanted.name && profile.value == wanted.value;
        });
        route.profiles.push_back({wanted.name, wanted.value, wanted.limit});
    }
    return true;
}

// All or none: what there is room for depends on those that are there, too.
bool B2bua::add_variables(DialogId dialog, const Decision &decision, Instant now) {
    struct Before {
        const DecidedVariable *variable = nullptr;
        std::optional<VariableValue> value; // its text is `text`
        std::string text;
    };
    std::vector<Before> before;
    for (const DecidedVariable &variable : decision.variables) {
        const auto value = tracker_.variable(dialog, variable.name);
        before.push_back({&variable, value, value ? std::string(value->text) : std::string()});
        if (tracker_.set_variable(dialog, variable.name, value_of(variable), now)) continue;
        for (auto one = before.rbegin(); one != before.rend(); ++one) {
            if (one->value) {
                one->value->text = one->text;
                static_cast<void>(tracker_.set_variable(dialog, one->variable->name, *one->value, now)); // it had room
            } else {
                static_cast<void>(tracker_.erase_variable(dialog, one->variable->name, now));
            }
        }
        return false;
    }
    return true;
}

// From the answer that is to come, and never longer than any call. Of a call under transfer that of the leg that stays,
// which has talked already.
void B2bua::give_longest(const Call &call, Duration longest, Instant now) {
    DialogId dialog = call.leg(Side::caller).dialog;
    if (call.transfer) {
        dialog = call.leg(other(call.transfer->from)).dialog;
        const auto record = tracker_.record(dialog);
        if (record && record->answered) longest += now - *record->answered;
    }
    const Duration limit = options_.dialogs.lifetime;
    if (limit.count() > 0 && longest >= limit) return;
    static_cast<void>(tracker_.set_timeout(dialog, DialogTimer::lifetime, longest)); // of one that is over: no matter
}

void B2bua::turn_away(CallId id, Call &call, const Refusal &refusal, Instant now) {
    if (call.transfer) return fail_transfer(id, call, refusal.status, now);
    refuse_first(call, refusal, now);
}

// About a REGISTER that the registrar would take.
void B2bua::ask_about_register(const TransactionEvent &event, Instant now) {
    const WaitingQuestion waiting{.request = event.transaction, .source = event.source, .arrived = arrived_};
    const auto made = questions_.emplace(waiting);
    if (!made) {
        ++statistics_.questions_lost;
        decide_register(waiting, nullptr, now);
        return;
    }
    wanted_questions_.push_back(make_question(event.message, event.source));
    wanted_questions_.back().id = *made;
}

// A redirection is none of a REGISTER.
DecisionOutcome B2bua::decide_register(const WaitingQuestion &waiting, const Decision *decision, Instant now) {
    const Message *request = transactions_.request(waiting.request);
    if (!request) return DecisionOutcome::gone;
    TransactionEvent event;
    event.transaction = waiting.request;
    event.message = *request;
    event.source = waiting.source;
    const bool is_decided = decision && is_sound(*decision) && (decision->code == 200 || decision->code >= 400);
    if (is_decided && decision->code != 200) {
        reply(event, decision->code, decision->reason, {}, now);
        return DecisionOutcome::refused;
    }
    if (is_decided || options_.undecided == Undecided::allow) {
        apply_register(event, waiting.arrived, now);
    } else {
        reply(event, 503, "No Decision", retry_later, now);
    }
    return is_decided ? DecisionOutcome::allowed : DecisionOutcome::wrong;
}

// Who registers over a connection that is gone is not there any more: the registrar was told so, and would not know
// that this REGISTER came before.
void B2bua::on_connection_lost(const ConnectionLoss &loss) {
    questions_.for_each([&](QuestionId id, const WaitingQuestion &waiting) {
        if (!waiting.request || waiting.source != loss.peer) return;
        transactions_.forget(waiting.request);
        withdrawn_.push_back(id);
        questions_.erase(id);
    });
}

} // namespace tandem
