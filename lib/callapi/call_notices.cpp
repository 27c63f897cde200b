#include "callapi/call_notices.hpp"
#include <fmt/format.h>

namespace tandem {
namespace {

std::string_view name_of(Side side) { return side == Side::caller ? "caller" : "callee"; }

// Of hold and resume: the events are named alike.
std::vector<CallNotice> hold_notices(std::string_view what, const CallEvent &event) {
    const Json leg{{"leg", name_of(event.side)}};
    switch (event.kind) {
    case CallEventKind::command_accepted: return {{fmt::format("Call{}ing", what), nullptr}};
    case CallEventKind::command_started: return {{fmt::format("Call{}Start", what), leg}};
    case CallEventKind::command_succeeded: return {{fmt::format("Call{}Successful", what), leg}};
    default: return {};
    }
}

std::vector<CallNotice> transfer_notices(const CallCommand &asked, const CallEvent &event) {
    Json data{{"callid", asked.call_id}, {"destination", asked.uri}};
    switch (event.kind) {
    case CallEventKind::command_accepted: return {{"Transferring", {{"destination", asked.uri}}}};
    case CallEventKind::command_started: return {{"TransferStart", std::move(data)}};
    case CallEventKind::command_pending: data["extra"] = event.text; return {{"TransferPending", std::move(data)}};
    case CallEventKind::command_succeeded: return {{"TransferSuccessful", std::move(data)}};
    default: return {};
    }
}

std::vector<CallNotice> start_notices(const CallCommand &asked, const CallEvent &event) {
    const Json both{{"caller", asked.caller}, {"callee", asked.callee}};
    Json data = both;
    data["callid"] = event.call_id;
    switch (event.kind) {
    case CallEventKind::command_answered:
        return {{"CallerAnswered", both}, {"Transferring", {{"caller", asked.caller}, {"destination", asked.callee}}}};
    case CallEventKind::command_started: return {{"TransferStart", std::move(data)}};
    case CallEventKind::command_pending: data["extra"] = event.text; return {{"TransferPending", std::move(data)}};
    case CallEventKind::command_succeeded: return {{"CalleeAnswered", std::move(data)}};
    default: return {};
    }
}

std::vector<CallNotice> end_notices(const CallEvent &event) {
    if (event.status < 300) return {{"Ended", nullptr}};
    const std::string reason =
        event.text.empty() ? fmt::format("status {}", event.status) : fmt::format("{} {}", event.status, event.text);
    return {{"Error", reason}, {"Ended", nullptr}};
}

} // namespace

std::vector<CallNotice> call_notices(const CallCommand &asked, const CallEvent &event) {
    if (event.kind == CallEventKind::command_ended) return end_notices(event);
    switch (asked.kind) {
    case CommandKind::hold: return hold_notices("Hold", event);
    case CommandKind::resume: return hold_notices("Unhold", event);
    case CommandKind::transfer:
    case CommandKind::join: return transfer_notices(asked, event);
    case CommandKind::start: return start_notices(asked, event);
    }
    return {};
}

std::string_view call_method(CommandKind kind) {
    switch (kind) {
    case CommandKind::hold: return "CallHold";
    case CommandKind::resume: return "CallUnhold";
    case CommandKind::transfer: return "CallBlindTransfer";
    case CommandKind::join: return "CallAttendedTransfer";
    case CommandKind::start: return "CallStart";
    }
    return {};
}

std::string_view call_error_text(Error error) {
    switch (error) {
    case Error::not_found: return "no such call, or no way to whom it names";
    case Error::conflict: return "another command is at work on this call";
    case Error::wrong_state: return "the call is not in a state for it";
    case Error::invalid: return "not a URI that can be called";
    case Error::limit: return "a limit is reached";
    case Error::full: return "no room for it";
    default: return to_string(error);
    }
}

} // namespace tandem
