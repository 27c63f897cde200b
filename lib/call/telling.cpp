// What happens to calls, for who listens beside the host (event/event_names.hpp). Nothing is made while nobody does.
#include <string>
#include "call/b2bua.hpp"
#include "event/event_names.hpp"

namespace tandem {
namespace {

std::string_view told_state(DialogEventKind kind) {
    switch (kind) {
    case DialogEventKind::created: return to_string(DialogState::trying);
    case DialogEventKind::early: return to_string(DialogState::early);
    case DialogEventKind::confirmed: return to_string(DialogState::confirmed);
    case DialogEventKind::ended: return to_string(DialogState::terminated);
    default: return {};
    }
}

std::string_view name_of(CommandKind kind) {
    switch (kind) {
    case CommandKind::hold: return "hold";
    case CommandKind::resume: return "resume";
    case CommandKind::transfer: return "transfer";
    case CommandKind::join: return "join";
    case CommandKind::start: return "start";
    }
    return {};
}

std::string_view outcome_of(CallEventKind kind) {
    switch (kind) {
    case CallEventKind::dtmf: break;
    case CallEventKind::command_accepted: return "accepted";
    case CallEventKind::command_answered: return "answered";
    case CallEventKind::command_started: return "started";
    case CallEventKind::command_pending: return "pending";
    case CallEventKind::command_succeeded: return "succeeded";
    case CallEventKind::command_failed: return "failed";
    case CallEventKind::command_ended: return "ended";
    }
    return {};
}

std::string text_of(std::uint64_t number) { return number == 0 ? std::string() : std::to_string(number); }

} // namespace

std::uint32_t B2bua::told_dialog_events() const {
    if (!is_listened()) return 0;
    return mask_of(DialogEventKind::created) | mask_of(DialogEventKind::early) | mask_of(DialogEventKind::confirmed);
}

// The record's name, the Call-ID of the leg, and, while that is known, that of the call, which is its caller's.
void B2bua::name_call(DialogId dialog, EventFields &fields) const {
    const DialogSet *set = tracker_.find(dialog);
    if (!set) return;
    fields.add(event_key::id, (set->leg_of ? set->leg_of : set->record).to_string());
    fields.add(event_key::call_id, set->view(DialogSet::call_id));
    const Call *call = set->leg_of ? calls_.find(CallId(set->owner)) : nullptr;
    const DialogSet *caller = call ? tracker_.find(call->leg(Side::caller).dialog) : set->leg_of ? nullptr : set;
    if (caller) fields.add(event_key::call, caller->view(DialogSet::call_id));
}

void B2bua::tell(const DialogEvent &event) {
    const std::string_view state = told_state(event.kind);
    if (state.empty() || !is_listened()) return;
    const DialogSet *set = tracker_.find(event.dialog);
    if (!set) return;
    EventDraft draft{event_name::dialog};
    name_call(event.dialog, draft.fields);
    draft.fields.add(event_key::state, state);
    if (set->local_side) draft.fields.add(event_key::side, to_string(other(*set->local_side)));
    draft.fields.add(event_key::from, set->view(DialogSet::from_uri));
    draft.fields.add(event_key::to, set->view(DialogSet::to_uri));
    draft.fields.add(event_key::trunk, set->view(DialogSet::trunk));
    if (event.kind == DialogEventKind::ended) {
        draft.fields.add(event_key::reason, to_string(event.reason));
        draft.fields.add(event_key::status, text_of(set->sip_code));
    }
    options_.events->tell(std::move(draft), event.at);
}

void B2bua::tell_raised(Instant now) {
    for (const CallEvent &event : untold_) tell(event, now);
    untold_.clear();
}

void B2bua::tell(const CallEvent &event, Instant now) {
    const bool is_key = event.kind == CallEventKind::dtmf;
    EventDraft draft{is_key ? event_name::dtmf : event_name::command};
    name_call(event.dialog, draft.fields);
    draft.fields.add(event_key::side, to_string(event.side));
    if (is_key) {
        draft.fields.add(event_key::digit, {&event.digit, 1});
        draft.fields.add(event_key::duration_ms, text_of(static_cast<std::uint64_t>(to_ms(event.duration))));
    } else {
        draft.fields.add(event_key::command, name_of(event.command_kind));
        draft.fields.add(event_key::command_id, text_of(event.command.value()));
        draft.fields.add(event_key::outcome, outcome_of(event.kind));
        draft.fields.add(event_key::status, text_of(event.status));
    }
    options_.events->tell(std::move(draft), now);
}

void B2bua::tell_limit(DialogId dialog, std::string_view profile, std::string_view value, Instant now) {
    if (!is_listened()) return;
    EventDraft draft{event_name::limit};
    name_call(dialog, draft.fields);
    draft.fields.add(event_key::profile, profile);
    draft.fields.add(event_key::value, value);
    options_.events->tell(std::move(draft), now);
}

} // namespace tandem
