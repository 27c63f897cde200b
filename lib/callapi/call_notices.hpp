// How a command goes on, in the words of the Call API. Pure: what a client has asked for and what the engine tells of
// it come in, names of events with their data go out.
#pragma once
#include <string>
#include <string_view>
#include <vector>
#include "call/call_event.hpp"
#include "callapi/call_host.hpp"
#include "json/json.hpp"

namespace tandem {

struct CallNotice {
    std::string event;
    Json data; // null: none
};

// `asked` with the destination of AcceptedCommand as its uri.
std::vector<CallNotice> call_notices(const CallCommand &asked, const CallEvent &event);

std::string_view call_method(CommandKind kind); // "CallHold"
std::string_view call_error_text(Error error);  // why a command was refused: "no such call"

} // namespace tandem
