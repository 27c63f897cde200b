// The words of a dialog: its states, its sides, its timers, and why it ended.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tandem {

enum class DialogState : std::uint8_t { trying, proceeding, early, confirmed, terminated }; // RFC 4235 section 3.7.1

enum class Side : std::uint8_t { caller, callee };

constexpr Side other(Side side) { return side == Side::caller ? Side::callee : Side::caller; }
constexpr std::size_t index(Side side) { return static_cast<std::size_t>(side); }

// Why a dialog set ended. The first reason that is known stays.
enum class EndReason : std::uint8_t {
    none, // it has not ended
    caller_bye,
    callee_bye,
    cancelled,     // the caller gave up before the answer
    refused,       // a final answer of 3xx to 6xx
    no_answer,     // nobody answered in time
    no_ack,        // answered, but the ACK never came
    limit,         // a profile's limit refused it
    expired,       // its longest lifetime passed
    session_timer, // no refresh came (RFC 4028)
    probe,         // a peer no longer knows the dialog
    admin,         // ended by a command
    transport,     // the peer could not be reached
    restart,       // was up when a process ended that could not take it along
};

// What ends a set that nothing else ends. Each set has exactly one running.
enum class DialogTimer : std::uint8_t {
    early,    // from the INVITE or the latest provisional answer to the final one
    no_ack,   // from the answer to its ACK
    lifetime, // from the answer to the BYE
    bye,      // from the BYE to its answer, or from the CANCEL to the final answer (64*T1, RFC 3261 section 9.1); the
              // same from the end that is due, which asks for one of them
};
constexpr std::size_t dialog_timer_count = 4;

constexpr EndReason reason_of_bye(Side from) {
    return from == Side::caller ? EndReason::caller_bye : EndReason::callee_bye;
}

std::string_view to_string(DialogState state);
std::string_view to_string(Side side);
std::string_view to_string(EndReason reason);
std::string_view to_string(DialogTimer timer);
std::optional<DialogState> parse_dialog_state(std::string_view name);
std::optional<Side> parse_side(std::string_view name);
std::optional<EndReason> parse_end_reason(std::string_view name);

} // namespace tandem
