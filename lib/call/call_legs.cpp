// Looks at a call without touching it.
#include "call/call_legs.hpp"
#include "call/b2bua.hpp"

namespace tandem {

// While several targets ring, the callee is the one that has come farthest.
std::optional<CallLegs> B2bua::legs_of(CallId id) const {
    const Call *call = calls_.find(id);
    if (!call) return std::nullopt;
    CallLegs legs;
    for (const Side side : {Side::caller, Side::callee}) {
        legs[index(side)] = {call->leg(side).dialog, call->leg(side).peer};
    }
    LegView &callee = legs[index(Side::callee)];
    if (callee.dialog || !call->setup) return legs;
    DialogState farthest = DialogState::trying;
    for (const auto &attempt : call->setup->attempts) {
        const DialogSet *set = tracker_.find(attempt->leg.dialog);
        if (!set || set->is_over() || (callee.dialog && set->state <= farthest)) continue;
        callee = {attempt->leg.dialog, attempt->leg.peer};
        farthest = set->state;
    }
    return legs;
}

} // namespace tandem
