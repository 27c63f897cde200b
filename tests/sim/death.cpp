// The process dies, again and again, and what comes after it has no more than what was kept.
#include "sim/address.hpp"
#include "sim/simulation.hpp"

namespace tandem::sim {

// Inputs since the last flush() are one batch: it may die before anything of it is kept, or before anything is sent.
bool Simulation::dies() { return options_.deaths > 0 && death_dice_.chance(options_.deaths); }

void Simulation::die() {
    ++deaths_;
    for (const auto number : touched_) journal_.note(network_.now(), number, "DEATH " + std::to_string(deaths_));
    begin_process();
    kept_.for_each([this](const DialogRecord &record) {
        const auto restored = engine_->restore(record, network_.now());
        if (!restored) find(call_of(record.call_id), "a dialog could not be restored");
    });
    for (const auto &call_id : ended_call_ids_) engine_->restore_ended(call_id);
    for (const auto &[ended, refusal] : refusals_)
        if (ended + 64 * t1 > network_.now()) engine_->restore_refusal(refusal, network_.now());
    engine_->go_on(network_.now());
}

void Simulation::begin_process() {
    engine_.reset();
    profiles_ = std::make_unique<ProfileTable>(random_);
    static_cast<void>(profiles_->declare({.name = "total"}));
    auto options = engine_options(options_.seed);
    options.dialogs.epoch += deaths_;
    engine_ = std::make_unique<Engine>(options, routes_, *profiles_, random_, network_.now());
}

// What holds whatever dies when: nobody is left waiting, and who has talked has a record that says so.
void Simulation::judge_after_deaths(const Call &call, const Record *record) {
    if (call.caller.was_answered() && (!record || !record->answered))
        find(call.plan.number, "the caller has talked, and no record says so");
}

} // namespace tandem::sim
