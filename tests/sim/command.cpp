// What the host asks of the engine while a call is there, and what it hears of it: each command that is taken ends
// once, and says of the media what was asked for.
#include "sim/simulation.hpp"

namespace tandem::sim {

DialogId Simulation::leg_of(const Call &call, Party party) const {
    for (const auto id : engine_->tracker().dialogs()) {
        const auto *set = engine_->tracker().find(id);
        if (set && set->view(DialogSet::call_id) == call.board.call_ids[party]) return id;
    }
    return {};
}

void Simulation::command(Call &call, Verb verb) {
    flush(); // what came before this is known to have come before
    // Who stays is told where to go.
    const auto leg = leg_of(call, verb == Verb::transfer ? index(other(call.plan.transfer->from)) : caller_party);
    if (!leg) return;
    if (verb != Verb::end) return begin_command(call, verb, leg);
    const auto before = engine_->find_call(call.board.call_ids[caller_party]);
    if (before && before->is_ending) return; // by somebody else, who was faster
    Result<void> ended;
    input(call.plan.number, [&] { ended = engine_->end(leg, EndReason::admin, network_.now()); });
    if (!ended) return;
    journal_.note(network_.now(), call.plan.number, "the host ends the call");
    call.witness.ended_by_command(network_.now());
    flush();
    for (auto &decoy : call.decoys) decoy.on_decided();
}

Result<CommandId> Simulation::give_command(const Call &call, Verb verb, DialogId leg) {
    const auto now = network_.now();
    const auto uri = "sip:target-" + std::to_string(call.plan.number) + "@" + engine_address().to_string();
    if (verb == Verb::transfer) return engine_->transfer(leg, uri, now);
    return verb == Verb::hold ? engine_->hold(leg, now) : engine_->resume(leg, now);
}

void Simulation::begin_command(Call &call, Verb verb, DialogId leg) {
    constexpr const char *names[] = {"hold", "resume", "transfer"};
    const auto number = call.plan.number;
    Result<CommandId> taken = Error::not_found;
    input(number, [&] { taken = give_command(call, verb, leg); });
    if (!taken) return;
    const std::string name = names[static_cast<int>(verb)];
    journal_.note(network_.now(), number, name + " is begun");
    if (!call.commands.empty()) hear(number, name + " was begun while another command is under way");
    // A transfer ends a hold, and nobody else hears of it.
    if (!call.plan.transfer && call.is_held != (verb == Verb::resume))
        hear(number, name + " was begun in the wrong state");
    call.commands.emplace(*taken, verb);
    command_calls_.emplace(*taken, number);
    flush();
}

void Simulation::take_event(const CallEvent &event) {
    const auto number = command_calls_.find(event.command);
    if (number == command_calls_.end()) return hear(std::nullopt, "an event of a command that nobody gave");
    auto &call = *calls_[number->second];
    const auto open = call.commands.find(event.command);
    if (open == call.commands.end()) return hear(number->second, "an event of a command that has ended");
    const auto verb = open->second;
    switch (event.kind) {
    case CallEventKind::command_accepted:
    case CallEventKind::command_answered:
    case CallEventKind::command_started:
    case CallEventKind::command_pending: return;
    case CallEventKind::command_failed: call.has_failed_command = true; return;
    case CallEventKind::command_succeeded: {
        if (call.plan.transfer) return; // whose leg is it?
        const auto &direction = call.witness.told_direction(event.side);
        const bool is_held = direction == "sendonly" || direction == "inactive";
        if (verb == Verb::hold && !is_held) hear(number->second, "a leg is on hold and was told " + direction);
        // Where one failed the media may be left as the peer wants it.
        if (verb == Verb::resume && is_held && !call.has_failed_command)
            hear(number->second, "a leg is resumed and was told " + direction);
        return;
    }
    case CallEventKind::command_ended:
        journal_.note(network_.now(), number->second, "the command ends by " + std::to_string(event.status));
        if (event.status < 300) call.is_held = verb == Verb::hold;
        if (event.status >= 300) call.has_failed_command = true;
        call.commands.erase(open);
        return;
    case CallEventKind::dtmf: return hear(number->second, "a key that nobody pressed");
    }
}

void Simulation::judge_commands(const Call &call) {
    if (!call.commands.empty()) find(call.plan.number, "a command has never ended");
}

} // namespace tandem::sim
