// The words of a dialog: its states, its sides, and why it ended.
#pragma once
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

constexpr EndReason reason_of_bye(Side from) {
    return from == Side::caller ? EndReason::caller_bye : EndReason::callee_bye;
}

std::string_view to_string(DialogState state);
std::string_view to_string(Side side);
std::string_view to_string(EndReason reason);
std::optional<DialogState> parse_dialog_state(std::string_view name);
std::optional<EndReason> parse_end_reason(std::string_view name);

} // namespace tandem
