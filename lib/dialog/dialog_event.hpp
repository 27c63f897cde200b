// What happens to dialogs, in order. The host drains the queue after each input.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include "base/error.hpp"
#include "base/instant.hpp"
#include "base/method.hpp"
#include "dialog/dialog_id.hpp"
#include "dialog/dialog_state.hpp"

namespace tandem {

enum class DialogEventKind : std::uint8_t {
    created,
    early,            // a fork became early
    confirmed,        // a fork was answered
    acked,            // the ACK of the answer was seen
    request,          // a new request inside the dialog
    variable_changed, // set, changed or erased, before the end
    profile_changed,  // joined or left; the release at the end is none
    reserved, // the answer to a reservation that others were asked for: see Tracker::begin_waiting()
    end_due, // a deadline passed, or the end was asked for. The host sends CANCEL, or BYE to both sides of an answered
             // set, and the set ends when that is answered or at the next deadline. Where it is not wanted an early set
             // ends at once, for nobody would send the CANCEL
    ended,   // the set has ended; it stays readable until the host lets it go
};

constexpr std::uint32_t mask_of(DialogEventKind kind) { return 1U << static_cast<unsigned>(kind); }
constexpr std::uint32_t all_dialog_events = mask_of(DialogEventKind::ended) * 2 - 1;

struct DialogEventDetail {
    std::string name;  // of the variable or profile; of a fork its To-tag; reserved: of the profile that refused
    std::string value; // of the profile
    bool is_set = false; // set or joined, as against erased or left; reserved: others have counted, it was no outage
    std::optional<Error> refused; // reserved: none of the places was taken
};

struct DialogEvent {
    DialogEventKind kind = DialogEventKind::created;
    Side side = Side::caller;           // request: who sent it
    Method method = Method::unknown;    // request
    EndReason reason = EndReason::none; // end_due, ended
    DialogId dialog;
    std::uint64_t owner = 0;    // of the set: the host's own word
    std::uint64_t sequence = 0; // counts the wanted events of the tracker, lost ones too: a gap shows a loss
    Instant at{};
    std::unique_ptr<DialogEventDetail> detail; // of a fork, a changed variable or profile, a reservation
};

} // namespace tandem
