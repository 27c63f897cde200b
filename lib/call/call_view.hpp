// A call as its host may see it: for lists, and to find the legs that commands are about.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include "base/instant.hpp"
#include "dialog/dialog_id.hpp"
#include "dialog/dialog_state.hpp"

namespace tandem {

struct CallView {
    RecordId record; // that of the set which counts: cdr.id once it has ended
    DialogId caller; // the legs; none: there is no such leg yet, or any more
    DialogId callee;
    std::string caller_call_id; // empty where there is no leg
    std::string callee_call_id;
    std::string from_uri; // of the caller, whoever has sent the INVITE
    std::string to_uri;
    std::string request_uri;
    std::string source;
    std::string trunk;
    DialogState state = DialogState::trying; // of the caller's leg
    Instant created{};
    std::optional<Instant> ringing{};
    std::optional<Instant> answered{};
    bool is_held = false;   // by command
    bool is_busy = false;   // a command is at work
    bool is_ending = false; // being hung up
};

} // namespace tandem
