#include "sim/simulation.hpp"
#include <algorithm>
#include <cstdio>
#include <set>
#include "sim/address.hpp"

namespace tandem::sim {
namespace {

using namespace std::chrono_literals;

constexpr Duration end_max = 4h;           // virtual: everything has a deadline before that
constexpr std::uint64_t idle_max = 10'000; // steps in a row that neither move time nor do anything

// The call whose callee a URI names.
std::optional<std::size_t> callee_in(std::string_view uri) {
    constexpr std::string_view prefix = "sip:callee-";
    if (uri.substr(0, prefix.size()) != prefix) return std::nullopt;
    return std::stoul(std::string(uri.substr(prefix.size())));
}

} // namespace

EngineOptions engine_options(std::uint64_t seed) {
    EngineOptions options;
    options.listeners.push_back({engine_address(), engine_address().to_string()});
    options.event_max = 65536;
    options.session_expires = session_expires_of(seed);
    options.min_session_expires = min_session_expires;
    options.dialogs.lifetime = lifetime;
    options.dialogs.early = timer_c;
    options.dialogs.epoch = 1'700'000'000'000'000;
    return options;
}

Simulation::Simulation(const SimulationOptions &options)
    : options_(options), journal_(options.trace), network_(options.weather, options.seed, journal_, at_ms(0)),
      routes_(*this), random_(options.seed), death_dice_(options.seed, 'x', 0), wall_(at_ms(0), 1'700'000'000'000'000) {
    begin_process();
    journal_.set_lenient(options.deaths > 0);
    network_.set_receiver(
        [this](const Endpoint &to, const Endpoint &from, const std::string &bytes) { deliver(to, from, bytes); });
    for (std::size_t i = 0; i < options.calls; ++i) {
        calls_.emplace_back();
        if (options.only && *options.only != i) continue;
        calls_[i] = std::make_unique<Call>(draw_plan(options.seed, i), journal_, network_, options.seed);
        calls_[i]->board.loss = options.weather.loss;
        for (const auto &planned : calls_[i]->plan.commands)
            network_.at(calls_[i]->plan.start + planned.after,
                        [this, i, verb = planned.verb] { command(*calls_[i], verb); });
        journal_.note(at_ms(0), i, calls_[i]->plan.to_string());
    }
}

Route Simulation::Routes::route(const Message &invite, const Endpoint &source) {
    const auto number = call_at(source);
    const std::string user = "sip:callee-" + std::to_string(number) + "@";
    const std::string target = "sip:target-" + std::to_string(number) + "@";
    if (invite.request_uri().substr(0, target.size()) == target) return route_to_target(number);
    if (invite.request_uri().substr(0, user.size()) != user) return {.refuse = 599};
    const auto &plan = simulation_.calls_[number]->plan;
    if (plan.ending == Ending::no_route) return {.refuse = 404};
    Route route{.hunt_on = {hunt_on.begin(), hunt_on.end()},
                .redirects = plan.is_redirected() ? Redirects::follow : Redirects::pass,
                .forks = plan.sees_one_fork ? ForkView::one : ForkView::each,
                .profiles = {{"total", ""}},
                .ring_timeout = plan.ring_timeout};
    const auto add_decoys = [&](DecoyPlace place) {
        for (std::size_t i = 0; i < plan.decoys.size(); ++i) {
            if (plan.decoys[i].place != place) continue;
            const auto at = agent_address(number, first_decoy + i);
            route.targets.push_back(of_carrier(
                number,
                {.request_uri = "sip:decoy@" + at.to_string(), .to = at, .is_parallel = place == DecoyPlace::beside}));
        }
    };
    const auto callee = agent_address(number, callee_party);
    const auto name = "callee-" + std::to_string(number) + ".invalid";
    add_decoys(DecoyPlace::before);
    if (plan.name != NamePlan::none)
        route.targets.push_back(of_carrier(number, {.request_uri = user + name, .lookup = user + name}));
    else if (!plan.is_redirected())
        route.targets.push_back(of_carrier(number, {.request_uri = user + callee.to_string(), .to = callee}));
    add_decoys(DecoyPlace::beside);
    add_decoys(DecoyPlace::after);
    return route;
}

Route Simulation::Routes::route_to_target(std::size_t number) const {
    const auto &plan = simulation_.calls_[number]->plan;
    if (!plan.transfer) return {.refuse = 404};
    const auto at = agent_address(number, target_party);
    Route route{.profiles = {{"total", ""}}, .ring_timeout = plan.transfer->ring_timeout};
    route.targets.push_back(of_carrier(number, {.request_uri = "sip:target@" + at.to_string(), .to = at}));
    return route;
}

// The callee's own address alone: nobody else may be called because a redirection says so.
std::optional<RouteTarget> Simulation::Routes::target_of(std::string_view uri) {
    const auto number = callee_in(uri);
    if (!number || *number >= simulation_.calls_.size()) return std::nullopt;
    return of_carrier(*number, {.request_uri = std::string(uri), .to = agent_address(*number, callee_party)});
}

// One carrier has all who take part in a call.
RouteTarget Simulation::Routes::of_carrier(std::size_t number, RouteTarget target) const {
    target.trunk = "carrier-" + std::to_string(number);
    target.account = simulation_.calls_[number]->carrier.account();
    return target;
}

std::optional<TrunkAccount> Simulation::Routes::account_at(const Endpoint &at) const {
    const auto number = call_at(at);
    const auto &account = simulation_.calls_[number]->carrier.account();
    if (!account) return std::nullopt;
    return TrunkAccount{"carrier-" + std::to_string(number), account};
}

std::shared_ptr<const Account> Simulation::Routes::account_of(std::string_view trunk) const {
    constexpr std::string_view prefix = "carrier-";
    if (trunk.substr(0, prefix.size()) != prefix) return nullptr;
    return simulation_.calls_[std::stoul(std::string(trunk.substr(prefix.size())))]->carrier.account();
}

// The resolver: what the plan says of the name, when it says so.
void Simulation::look_up(const Lookup &lookup) {
    const auto callee = callee_in(lookup.uri);
    if (!callee) return find(std::nullopt, "a lookup of " + lookup.uri + ", which no route names");
    auto &call = *calls_[*callee];
    call.witness.lookup_out(network_.now());
    if (call.plan.name == NamePlan::no_answer) return;
    network_.after(call.plan.lookup, [this, &call, id = lookup.id] {
        std::vector<Endpoint> addresses;
        const auto number = call.plan.number;
        if (!call.plan.decoys.empty() && call.plan.decoys.front().place == DecoyPlace::first_address)
            addresses.push_back(agent_address(number, first_decoy));
        if (call.plan.name == NamePlan::address)
            addresses.push_back(agent_address(number, callee_party));
        else
            call.witness.lookup_failed();
        input(number, [&] { engine_->on_resolved(id, addresses, network_.now()); });
    });
}

void Simulation::deliver(const Endpoint &to, const Endpoint &from, const std::string &bytes) {
    if (!is_engine(to)) {
        return deliver_to_peer(*calls_[call_at(to)], to, from, bytes);
    }
    auto &call = *calls_[call_at(from)];
    if (call.plan.is_hunted()) flush(); // what timers of this instant did is known to come earlier
    const bool was_decided = call.witness.facts().decision != Decision::none;
    std::string why;
    if (const auto message = TextMessage::parse(bytes, why))
        call.witness.received(party_at(from), *message, network_.now());
    input(call_at(from), [&] { engine_->receive(call.carrier.incoming(bytes), from, network_.now()); });
    if (!call.plan.is_hunted()) return;
    flush(); // and what comes next, to come later
    if (!was_decided && call.witness.facts().decision != Decision::none)
        for (auto &decoy : call.decoys) decoy.on_decided();
}

void Simulation::deliver_to_peer(Call &call, const Endpoint &to, const Endpoint &from, const std::string &bytes) {
    const auto party = party_at(to);
    if (party == caller_party)
        call.caller.receive(to, from, bytes);
    else if (party == callee_party)
        call.callee.receive(to, from, bytes);
    else if (party == target_party)
        call.target.receive(to, from, bytes);
    else
        call.decoys.at(party - first_decoy).receive(to, from, bytes);
}

// The order of lib/call/engine.hpp: inputs, then records, then datagrams. What a carrier says to these comes at once.
void Simulation::flush() {
    if (dies()) die();
    do {
        engine_->drain_changes([this](const DialogRecord &record) { take_change(record); },
                               [this](const DialogRecord &record) { take_end(record); });
        lookups_.clear();
        engine_->take_lookups(lookups_);
        for (const auto &lookup : lookups_) look_up(lookup);
        if (dies()) die();
    } while (send_out());
    for (CallEvent event; engine_->next_event(event);)
        if (!options_.sabotage.event || options_.sabotage.event(event)) take_event(event);
    for (const auto number : touched_) calls_[number]->witness.batch_done(network_.now());
    touched_.clear();
    up_max_ = std::max(up_max_, engine_->calls());
    judge_profile();
}

// True: some of it was challenged.
bool Simulation::send_out() {
    outgoing_.clear();
    engine_->take_outgoing(outgoing_);
    std::vector<std::pair<Endpoint, std::string>> challenges;
    for (const auto &out : outgoing_) {
        std::string bytes(out.bytes.view());
        if (options_.sabotage.outgoing && !options_.sabotage.outgoing(bytes)) continue;
        const auto number = call_at(out.to);
        if (is_engine(out.to) || number >= calls_.size() || !calls_[number]) {
            find(std::nullopt, "a datagram for nobody: " + out.to.to_string());
            continue;
        }
        auto passage = calls_[number]->carrier.outgoing(bytes, network_.now());
        if (passage.back) challenges.emplace_back(out.to, *std::move(passage.back));
        if (!passage.onward) continue;
        std::string why;
        if (const auto message = TextMessage::parse(*passage.onward, why))
            calls_[number]->witness.sent(party_at(out.to), out.to, *message, *passage.onward, network_.now());
        network_.send(engine_address(), out.to, *std::move(passage.onward));
    }
    for (const auto &[from, bytes] : challenges) {
        calls_[call_at(from)]->carrier.has_come_back();
        input(call_at(from), [&, at = from, text = bytes] { engine_->receive(text, at, network_.now()); });
    }
    return !challenges.empty();
}

std::optional<std::size_t> Simulation::call_of(std::string_view call_id) const {
    for (const auto &call : calls_) {
        if (!call) continue;
        for (const auto &known : call->board.call_ids)
            if (known == call_id) return call->plan.number;
    }
    return std::nullopt;
}

Simulation::Record &Simulation::keep(const DialogRecord &given) {
    auto &record = records_[given.id];
    if (record.ends > 0) find(call_of(given.call_id), "the record of a leg changed after its end");
    if (record.answered && given.answered != record.answered)
        find(call_of(given.call_id), "the record of a leg changed when it was answered");
    if (record.reason != EndReason::none && record.reason != given.end_reason)
        find(call_of(given.call_id), "the record of a leg changed its reason from " +
                                         std::string(to_string(record.reason)) + " to " +
                                         std::string(to_string(given.end_reason)));
    record.id = given.id;
    record.leg_of = given.leg_of;
    record.call_id = given.call_id;
    record.callee_call_id = given.callee_call_id;
    record.state = given.state;
    record.reason = given.end_reason;
    record.sip_code = given.sip_code;
    record.created = given.created;
    record.ringing = given.ringing;
    record.answered = given.answered;
    record.ended = given.ended;
    return record;
}

void Simulation::take_change(const DialogRecord &given) {
    if (options_.deaths > 0) kept_.save(given);
    const auto &record = keep(given);
    if (record.ended || record.state == DialogState::terminated)
        find(call_of(given.call_id), "the record of a leg has ended and is reported as changed");
}

void Simulation::take_end(const DialogRecord &given) {
    if (options_.deaths > 0) {
        kept_.erase(given.id);
        ended_call_ids_.emplace_back(given.call_id);
        if (given.has_changed_leg) refusals_.emplace_back(network_.now(), given.leg);
    }
    const int times = options_.sabotage.ended ? options_.sabotage.ended(given) : 1;
    for (int i = 0; i < times; ++i) {
        auto &record = keep(given);
        ++record.ends;
        if (!record.ended || record.state != DialogState::terminated || record.reason == EndReason::none)
            find(call_of(given.call_id), "the record of a leg ended without time, state or reason");
        else if (!record.leg_of)
            static_cast<void>(make_cdr(given, wall_));
    }
}

void Simulation::step(Instant when) {
    // What decides who comes first at one instant must be the same for a call alone.
    const auto luck = Dice::mix(static_cast<std::uint64_t>(when.time_since_epoch().count()) ^ options_.seed);
    const bool timers_first = luck & 1;
    const auto advance_if_due = [&] {
        const auto deadline = engine_->next_deadline();
        if (deadline && *deadline <= when) engine_->advance(when);
    };
    if ((luck >> 1) % 64 == 0) { // next_deadline() is never late: earlier than it there is nothing to do
        const auto deadline = engine_->next_deadline();
        if (!deadline || *deadline > when) {
            engine_->advance(when);
            outgoing_.clear();
            engine_->take_outgoing(outgoing_);
            if (!outgoing_.empty()) find(std::nullopt, "advance() had something to send before next_deadline()");
        }
    }
    if (timers_first) advance_if_due();
    network_.run_until(when);
    if (!timers_first) advance_if_due();
    flush();
}

SimulationReport Simulation::run() {
    std::uint64_t idle = 0;
    while (idle < idle_max) {
        const auto event = network_.next();
        const auto deadline = engine_->next_deadline();
        if (!event && !deadline) break;
        const auto when = std::max(network_.now(), std::min(event.value_or(never), deadline.value_or(never)));
        if (when > at_ms(0) + end_max) break;
        idle = when == network_.now() && !(event && *event <= when) ? idle + 1 : 0;
        step(when);
    }
    if (idle == idle_max) find(std::nullopt, "next_deadline() stays in the past");
    judge_engine();
    for (const auto &call : calls_)
        if (call) judge_call(*call);

    SimulationReport report;
    report.findings = journal_.findings();
    report.hash = journal_.hash();
    report.datagrams = journal_.datagrams();
    report.up_max = up_max_;
    report.deaths = deaths_;
    report.end = network_.now();
    for (const auto &[id, record] : records_) {
        if (record.leg_of || !record.ended) continue;
        ++report.records;
        report.answered += record.answered.has_value();
        ++report.reasons[std::string(to_string(record.reason))];
    }
    return report;
}

void explain(const SimulationOptions &options, const SimulationReport &report) {
    std::set<std::size_t> shown;
    for (const auto &finding : report.findings) {
        if (!finding.call || shown.size() >= 3 || !shown.insert(*finding.call).second) continue;
        std::printf("\n--- call %zu of seed %llu ---\n", *finding.call, static_cast<unsigned long long>(options.seed));
        auto again = options;
        again.only = *finding.call;
        again.trace = {.on = true, .whole = options.trace.whole, .call = finding.call};
        Simulation(again).run();
    }
}

} // namespace tandem::sim
