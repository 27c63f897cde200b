// Calls that go from one process to another while both run: told to whoever may have to go on with them, taken in, and
// given up to whoever has them.
#include <algorithm>
#include <utility>
#include "call/b2bua.hpp"

namespace tandem {
namespace {

// A copy may be older than what the dead process said last, and the peer takes no number twice. Larger steps are legal
// (RFC 3261 section 12.2.1.1).
constexpr std::uint32_t cseq_step = 1000;

void step_over_cseq(DialogRecord &leg) {
    const Side local = leg.local_side.value_or(Side::callee);
    for (ForkRecord &fork : leg.forks) {
        std::uint32_t &last = fork.last_cseq[index(local)];
        if (last == 0 && local == Side::caller) last = leg.invite_cseq;
        if (last < (1U << 31) - 2 * cseq_step) last += cseq_step; // section 8.1.1.5
    }
}

} // namespace

CallCondition B2bua::describe_call(CallId id, const std::function<void(std::span<const DialogRecord>)> &take) {
    Call *call = calls_.find(id);
    if (!call) return CallCondition::gone;
    if (call->is_lent || call->is_ending || !call->is_answered()) return CallCondition::unsettled;
    std::vector<DialogRecord> legs;
    for (const Side side : {Side::caller, Side::callee}) {
        const Leg &leg = call->leg(side);
        const DialogSet *set = tracker_.find(leg.dialog);
        if (!set || set->state != DialogState::confirmed || set->is_ending) return CallCondition::unsettled;
        DialogRecord &record = legs.emplace_back(*tracker_.record(leg.dialog));
        if (leg.timer.interval.count() > 0) record.session_expires = leg.timer.expires;
        const LegPlace place = side == Side::caller ? LegPlace::caller : LegPlace::callee;
        record.leg = state_of(*call, leg, place, {}).to_text();
    }
    take(legs);
    return CallCondition::up;
}

Result<void> B2bua::adopt(std::span<DialogRecord> legs, Instant now) {
    for (DialogRecord &leg : legs) {
        step_over_cseq(leg);
        const auto restored = restore(leg, now);
        if (!restored && restored_.empty()) return restored; // else the legs that we have are ended properly
    }
    std::vector<DialogId> adopted;
    for (const RestoredLeg &leg : restored_) adopted.push_back(leg.dialog);
    go_on_with_restored(now);
    for (const DialogId dialog : adopted) keep_whole(dialog);
    return {};
}

// No store of ours has it yet.
void B2bua::keep_whole(DialogId dialog) {
    CallId id;
    Call *call = find_call(dialog, id);
    if (Leg *leg = call ? call->find_any_leg(dialog) : nullptr) leg->is_unkept = true;
    if (is_live(dialog)) tracker_.touch(dialog);
}

std::vector<RecordId> B2bua::drop(std::span<const RecordId> sorted, Instant now) {
    std::vector<CallId> calls;
    for (const DialogId dialog : tracker_.dialogs()) {
        const DialogSet &set = *tracker_.find(dialog);
        const Call *call = calls_.find(CallId(set.owner));
        const bool is_callers = call && call->leg(Side::caller).dialog == dialog;
        if (is_callers && std::binary_search(sorted.begin(), sorted.end(), set.record)) calls.emplace_back(set.owner);
    }
    // The others know nothing of a target that is being asked.
    for (const CallId id : calls) {
        give_up_transfer(*calls_.find(id), now);
        end_command(*calls_.find(id), 487);
    }
    std::vector<DialogId> dialogs;
    for (const CallId id : calls) {
        Call &call = *calls_.find(id);
        for_each_leg(call, [&](Leg &leg, LegPlace, TransactionId) { dialogs.push_back(leg.dialog); });
        forget_transactions(call);
        calls_.erase(id); // its timers find nothing
    }
    std::vector<RecordId> dropped;
    for (const DialogId dialog : dialogs) {
        const DialogSet *set = tracker_.find(dialog);
        if (!set || set->is_over()) continue;
        dropped.push_back(set->record);
        tracker_.end(dialog, EndReason::restart, now);
    }
    return dropped;
}

// Nobody would ever answer them.
void B2bua::forget_transactions(const Call &call) {
    for (const auto &invite : call.invites) {
        transactions_.forget(invite->server);
        transactions_.forget(invite->client);
    }
    for (const Forward &forward : call.forwards) {
        transactions_.forget(forward.server);
        transactions_.forget(forward.client);
    }
    for (const auto &own : call.own_invites) transactions_.forget(own->client);
}

} // namespace tandem
