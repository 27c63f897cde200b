// What must hold when everything is over.
#include <algorithm>
#include "sim/simulation.hpp"

namespace tandem::sim {
namespace {

using namespace std::chrono_literals;

std::string name(EndReason reason) { return std::string(to_string(reason)); }

// A refusal that has no peer behind it.
constexpr int not_in_time = 408;
constexpr int no_prack = 504;

// The ring timeout and what else decides came in one instant, and the timeout won.
bool is_tie(const Plan &plan, const Facts &facts) {
    if (plan.is_hunted()) return facts.is_tie;
    return plan.ring_timeout != Duration(0) && facts.decided == *facts.invite_in + plan.ring_timeout &&
           facts.status_out == not_in_time;
}

} // namespace

// A call is in from its route to its end: never more of them than there are calls that the tracker counts as up.
void Simulation::judge_profile() {
    const std::uint32_t members = *profiles_->size("total");
    const auto &now = engine_->tracker().statistics();
    if (members != now.early + now.active)
        find(std::nullopt, "the profile has " + std::to_string(members) + " members, and " +
                               std::to_string(now.early + now.active) + " calls are up");
}

void Simulation::judge_engine() {
    if (engine_->calls() != 0) find(std::nullopt, std::to_string(engine_->calls()) + " calls are left");
    if (engine_->transactions() != 0)
        find(std::nullopt, std::to_string(engine_->transactions()) + " transactions are left");
    if (engine_->dialogs() != 0) find(std::nullopt, std::to_string(engine_->dialogs()) + " dialogs are left");
    if (engine_->next_deadline()) find(std::nullopt, "a timer is left");

    for (const auto &[id, record] : records_) records_by_call_id_.emplace(record.call_id, &record);
    std::size_t tracked = 0;
    std::size_t answered = 0;
    for (const auto &[id, record] : records_) {
        if (record.ends != 1)
            find(call_of(record.call_id), "the record of a leg ended " + std::to_string(record.ends) + " times");
        if (record.leg_of && !records_.contains(record.leg_of))
            find(std::nullopt, "leg " + record.call_id + " belongs to no call");
        tracked += !record.leg_of;
        answered += !record.leg_of && record.answered;
    }
    if (kept_.size() != 0) find(std::nullopt, std::to_string(kept_.size()) + " dialogs are left in the store");
    const auto &statistics = engine_->tracker().statistics();
    const auto equal = [this](const char *what, std::uint64_t is, std::uint64_t should) {
        if (is != should)
            find(std::nullopt,
                 std::string(what) + " is " + std::to_string(is) + " instead of " + std::to_string(should));
    };
    equal("statistics early", statistics.early, 0);
    equal("statistics active", statistics.active, 0);
    if (deaths_ > 0) return; // the others are of one process
    equal("statistics processed", statistics.processed, tracked);
    equal("statistics failed", statistics.failed, tracked - answered);
    equal("statistics refused", statistics.refused, 0);
    equal("events lost", engine_->statistics().events_lost, 0);
    equal("datagrams that are no SIP", engine_->statistics().not_sip, 0);
    equal("malformed messages", engine_->transaction_statistics().malformed, 0);
    equal("merged requests", engine_->transaction_statistics().merged, 0);
}

void Simulation::judge_call(const Call &call) {
    const auto number = call.plan.number;
    const_cast<Witness &>(call.witness).finish(network_.now());
    const auto &facts = call.witness.facts();
    const auto &caller = call.caller;
    const auto &callee = call.callee;
    if (caller.is_alive() && !caller.is_over()) find(number, "the caller is still in the call");
    if (callee.is_alive() && !callee.is_over()) find(number, "the callee is still in the call");
    if (!call.target.is_over()) find(number, "the target of the transfer is still in the call");
    for (const auto &decoy : call.decoys)
        if (!decoy.is_over()) find(number, "somebody else who was called is still in the call");

    const Record *found = nullptr;
    std::size_t legs = 0;
    // Where the caller goes, the target counts by itself.
    const bool counts_target = call.plan.transfer && call.plan.transfer->from == Side::caller;
    const auto &target = call.board.call_ids[target_party];
    for (const auto &call_id : call.board.call_ids) {
        if (call_id.empty() || (counts_target && call_id == target)) continue;
        const auto [first, last] = records_by_call_id_.equal_range(call_id);
        for (auto record = first; record != last; ++record) {
            if (record->second->leg_of) {
                ++legs;
            } else if (!found) {
                found = record->second;
            } else if (deaths_ == 0 || (found->answered && record->second->answered)) {
                find(number, "two records of one call");
            } else if (record->second->answered) { // an INVITE that came late, to a process that knows it no more
                found = record->second;
            }
        }
    }
    if (deaths_ > 0) return judge_after_deaths(call, found);
    if (facts.invite_in && !found) return find(number, "no record of the call");
    if (!facts.invite_in && found) return find(number, "a record of a call that never came");
    if (!found) return;
    const auto called = std::count_if(call.board.call_ids.begin() + 1, call.board.call_ids.end(),
                                      [](const std::string &call_id) { return !call_id.empty(); });
    if (legs + (counts_target && !target.empty()) != static_cast<std::size_t>(called))
        find(number, std::to_string(legs) + " records of " + std::to_string(called) + " legs to a callee");
    judge_decision(call);
    judge_commands(call);
    judge_transfer(call, *found);
    judge_record(call, *found);
    judge_reason(call, *found);
    if (options_.weather.loss == 0) judge_script(call, *found);
}

// The final response to the caller follows from what reached the B2BUA first.
void Simulation::judge_decision(const Call &call) {
    const auto number = call.plan.number;
    const auto &facts = call.witness.facts();
    const auto status = facts.status_out;
    const auto expect = [&](int expected, const char *why) {
        if (status != expected)
            find(number, "the caller was sent " + std::to_string(status) + " instead of " + std::to_string(expected) +
                             ": " + why);
    };
    const auto ring_timeout = call.plan.ring_timeout;
    if (is_tie(call.plan, facts)) return;
    switch (facts.decision) {
    case Decision::answer: return expect(200, "the callee answered first");
    case Decision::refusal: return expect(facts.status_in, "the callee refused first");
    case Decision::cancel: return expect(487, "the caller cancelled first (RFC 3261 section 9.2)");
    case Decision::early_bye: return expect(487, "the caller sent BYE first (RFC 3261 section 15.1.2)");
    case Decision::callee_bye: return expect(487, "the callee sent BYE before the answer went on");
    case Decision::command: return expect(480, "the host ended the call first");
    case Decision::none: break;
    }
    if (call.plan.ending == Ending::no_route) return expect(404, "there is no route");
    if (status == no_prack && call.plan.reliable != Reliable::unknown) {
        if (facts.final_out < *facts.invite_in + 64 * t1) find(number, "the PRACK was missed too early");
        if (options_.weather.loss == 0 && !call.plan.anyone_vanishes()) find(number, "the PRACK was missed");
        return;
    }
    if (call.plan.is_hunted()) return judge_failures(call);
    expect(not_in_time, "nobody answered in time");
    const auto ring_end = ring_timeout == Duration(0) ? timer_c : ring_timeout;
    const auto earliest = *facts.invite_in + std::min(ring_end, Duration(64 * t1)); // or Timer B of the callee's leg
    if (facts.final_out < earliest) find(number, "the call was given up too early");
}

// The best refusal of all: 6xx speaks for everybody, else one of the lowest class (RFC 3261 section 16.7 item 6).
void Simulation::judge_failures(const Call &call) {
    const auto &facts = call.witness.facts();
    const auto &failures = facts.failures;
    const auto rank = [](int status) { return status >= 600 ? 0 : status / 100; };
    bool is_known = false;
    for (const int failure : failures) {
        is_known |= failure == facts.status_out;
        if (rank(failure) < rank(facts.status_out))
            find(call.plan.number, "the caller was sent " + std::to_string(facts.status_out) + ", though " +
                                       std::to_string(failure) + " is better (RFC 3261 section 16.7)");
    }
    if (!is_known) find(call.plan.number, "the caller was sent " + std::to_string(facts.status_out) + " by nobody");
}

void Simulation::judge_record(const Call &call, const Record &record) {
    const auto number = call.plan.number;
    const auto &facts = call.witness.facts();
    if (record.answered.has_value() != facts.answer_out.has_value())
        find(number, record.answered ? "the record is answered, the caller never was"
                                     : "the caller was answered, the record is not");
    if (record.sip_code != facts.status_out)
        find(number, "the record has status " + std::to_string(record.sip_code) + ", the caller was sent " +
                         std::to_string(facts.status_out));
    if (record.created != *facts.invite_in) find(number, "the record was not created when the INVITE came");
    if (record.ringing && (*record.ringing < record.created || (record.answered && *record.ringing > *record.answered)))
        find(number, "the record rings at the wrong time");
    if (record.answered && *record.answered != *facts.answer_out)
        find(number, "the record was not answered when the caller was");
    if (record.ended && *record.ended < record.answered.value_or(record.created))
        find(number, "the record ended before it began");
    const bool may_be_another = (call.plan.is_hunted() && !record.answered) || call.plan.transfer;
    const bool is_of_leg = record.callee_call_id == call.board.call_ids[callee_party] ||
                           (may_be_another && call.witness.has_leg(record.callee_call_id));
    if (call.callee.was_called() && !is_of_leg) find(number, "the record has a wrong Call-ID of the callee's leg");
    if (record.answered && !call.callee.was_answered()) find(number, "the record is answered, the callee never did");
}

// The first event that ends the call names the reason.
void Simulation::judge_reason(const Call &call, const Record &record) {
    const auto number = call.plan.number;
    const auto &facts = call.witness.facts();
    const auto reason = record.reason;
    const auto expect = [&](std::initializer_list<EndReason> expected) {
        if (std::find(expected.begin(), expected.end(), reason) == expected.end())
            find(number, "the reason is " + name(reason) + " instead of " + name(*expected.begin()));
    };
    // A caller who went had his BYE before.
    const bool may_be_gone = call.plan.transfer && call.plan.transfer->from == Side::caller;
    if (facts.is_ended_by_command && may_be_gone) return expect({EndReason::admin, EndReason::callee_bye});
    if (facts.is_ended_by_command) return expect({EndReason::admin});
    if (reason == EndReason::probe && facts.has_probed_in_vain) return;
    const bool may_expire = options_.weather.loss > 0 || call.plan.anyone_vanishes() || call.plan.is_neglected();
    if (reason == EndReason::session_timer && may_expire && call.plan.has_timers()) return;
    if (is_tie(call.plan, facts)) return call.plan.is_hunted() ? void() : expect({EndReason::no_answer});
    switch (facts.decision) {
    case Decision::cancel: return expect({EndReason::cancelled});
    case Decision::early_bye: return expect({EndReason::caller_bye, EndReason::cancelled});
    case Decision::refusal: // 408 says both
        if (facts.status_in == not_in_time) return expect({EndReason::no_answer, EndReason::refused});
        return expect({EndReason::refused});
    case Decision::none:
        if (call.plan.ending == Ending::no_route) return expect({EndReason::refused});
        if (facts.status_out == no_prack) return expect({EndReason::refused, EndReason::no_answer});
        if (call.plan.is_hunted() && facts.status_out == 503) return expect({EndReason::refused, EndReason::transport});
        if (call.plan.is_hunted() && facts.status_out != not_in_time) return expect({EndReason::refused});
        // His answer waited for the PRACK of a caller who is gone, and the time for its ACK was over first.
        if (facts.answer_in && !facts.answer_out && reason == EndReason::no_ack) return;
        if (call.plan.is_hunted()) return expect({EndReason::no_answer, EndReason::refused});
        return expect({EndReason::no_answer});
    case Decision::callee_bye: return expect({EndReason::callee_bye});
    case Decision::command: return;
    case Decision::answer: break;
    }
    if (!facts.answer_out) return; // judge_decision() says so
    const auto no_ack_at = *facts.answer_out + 64 * t1;
    const auto expired_at = *facts.answer_out + lifetime;
    const auto first_bye_at = facts.first_bye ? facts.first_bye_in : never;
    const bool has_no_ack = !facts.ack_in || *facts.ack_in >= no_ack_at;
    const auto bye = facts.first_bye == Side::caller ? EndReason::caller_bye : EndReason::callee_bye;
    if (has_no_ack && first_bye_at > no_ack_at) return expect({EndReason::no_ack});
    // An answer that waited for a PRACK has its time over on the callee's leg first.
    const bool has_callee_waited = facts.answer_in && first_bye_at >= *facts.answer_in + 64 * t1;
    if (has_no_ack && has_callee_waited && first_bye_at <= no_ack_at) return expect({EndReason::no_ack, bye});
    if (reason == EndReason::no_ack && facts.has_missed_ack) return; // RFC 3261 section 14.2
    // Somebody else may have hung up, or nobody: who is transferred hears BYE.
    const bool has_expired = record.ended && *record.ended >= expired_at;
    if (call.plan.transfer && has_expired) return expect({EndReason::expired, bye});
    if (call.plan.transfer) return expect({EndReason::caller_bye, EndReason::callee_bye});
    if (first_bye_at > expired_at) return expect({EndReason::expired});
    if (first_bye_at == expired_at) return expect({EndReason::expired, bye});
    expect({bye});
}

// Who referred was told the truth: the target has the place, or everybody is where he was.
void Simulation::judge_transfer(const Call &call, const Record &record) {
    const auto &plan = call.plan;
    if (!plan.transfer) return;
    const auto &target = call.board.call_ids[target_party];
    const bool is_target = !target.empty() && record.callee_call_id == target;
    const auto told = plan.transfer->from == Side::caller ? call.caller.last_notified() : call.callee.last_notified();
    if (told >= 300 && is_target)
        find(plan.number, "the record shows a transfer that failed by " + std::to_string(told));
    if (told < 200 || told >= 300) return;
    if (!call.target.was_answered()) find(plan.number, "NOTIFY says 200, and the target has never answered");
    if (plan.transfer->from == Side::callee && !is_target)
        find(plan.number, "NOTIFY says 200, and the record does not show the target");
}

// With nothing lost, delays alone change nothing about what two people meant to do.
void Simulation::judge_script(const Call &call, const Record &record) {
    const auto number = call.plan.number;
    const auto &plan = call.plan;
    const auto expect = [&](bool holds, const char *what) {
        if (!holds) find(number, std::string(what) + " (" + plan.to_string() + ")");
    };
    if (plan.must_be_answered()) {
        expect(record.answered.has_value() && call.caller.was_answered(), "the call should have been answered");
        if (plan.never_acks && plan.talk > 40s)
            expect(record.reason == EndReason::no_ack || record.reason == EndReason::callee_bye,
                   "the call should have ended without ACK");
        else if (!plan.never_acks && !plan.transfer && !plan.is_neglected() && plan.hangs_up[0] != plan.hangs_up[1] &&
                 !call.caller.has_cancelled())
            expect(record.reason == (plan.hangs_up[0] ? EndReason::caller_bye : EndReason::callee_bye),
                   "the wrong side hung up");
    }
    if (plan.must_be_cancelled()) expect(record.reason == EndReason::cancelled, "the call should have been cancelled");
    if (plan.must_be_refused()) expect(call.caller.status() == plan.refusal, "the call should have been refused");
    if (plan.must_ring_out())
        expect(record.reason == EndReason::no_answer && call.caller.status() == not_in_time,
               "the call should have rung out");
}

} // namespace tandem::sim
