// Calls as their host sees them: found by a Call-ID, and page by page.
#include "call/b2bua.hpp"

namespace tandem {

std::optional<CallView> B2bua::find_call(std::string_view call_id) const {
    std::vector<DialogId> dialogs;
    tracker_.find_all(call_id, dialogs);
    for (const DialogId dialog : dialogs) {
        const Call *call = calls_.find(CallId(tracker_.find(dialog)->owner));
        if (call && call->side_of(dialog)) return view_of_call(*call); // also of one that rings
    }
    return std::nullopt;
}

void B2bua::list_calls(std::uint64_t &cursor, std::size_t max, std::vector<CallView> &views) const {
    constexpr std::uint64_t places_max = 2048; // of a table that was full once: a page may be short, or empty
    std::uint64_t position = cursor;
    for (std::uint64_t places = 0; position < calls_.slots() && max > 0 && places < places_max; ++position, ++places) {
        const CallId id = calls_.id_in(static_cast<std::uint32_t>(position));
        if (!id) continue;
        views.push_back(view_of_call(*calls_.find(id)));
        --max;
    }
    cursor = position < calls_.slots() ? position : 0;
}

CallView B2bua::view_of_call(const Call &call) const {
    CallView view;
    view.is_held = call.hold && (!call.hold->is_changing || call.hold->is_resuming);
    view.is_busy = call.command != nullptr;
    view.is_ending = call.is_ending;
    if (const DialogSet *callee = tracker_.find(call.leg(Side::callee).dialog)) {
        view.callee = call.leg(Side::callee).dialog;
        view.callee_call_id = callee->view(DialogSet::call_id);
        if (!callee->leg_of) view.record = callee->record;
    }
    const DialogSet *caller = tracker_.find(call.leg(Side::caller).dialog);
    if (!caller) return view;
    view.caller = call.leg(Side::caller).dialog;
    view.caller_call_id = caller->view(DialogSet::call_id);
    if (!caller->leg_of) view.record = caller->record;
    const bool is_turned = is_reversed(caller->view(DialogSet::source), caller->local_side);
    view.from_uri = caller->view(is_turned ? DialogSet::to_uri : DialogSet::from_uri);
    view.to_uri = caller->view(is_turned ? DialogSet::from_uri : DialogSet::to_uri);
    view.request_uri = caller->view(is_turned ? DialogSet::from_uri : DialogSet::request_uri);
    view.source = caller->view(DialogSet::source);
    view.trunk = caller->view(DialogSet::trunk);
    view.state = caller->state;
    view.created = caller->created;
    view.ringing = caller->ringing;
    view.answered = caller->answered;
    return view;
}

} // namespace tandem
