#include "dialog/dialog_state.hpp"
#include <array>

namespace tandem {
namespace {

// In the order of their enumerations. The names of the reasons are those of the cdr table.
constexpr std::array<std::string_view, 5> state_names = {"trying", "proceeding", "early", "confirmed", "terminated"};
constexpr std::array<std::string_view, 2> side_names = {"caller", "callee"};
constexpr std::array<std::string_view, dialog_timer_count> timer_names = {"early", "no_ack", "lifetime", "bye"};
constexpr std::array<std::string_view, 14> reason_names = {
    "none",  "caller_bye", "callee_bye",    "cancelled", "refused", "no_answer", "no_ack",
    "limit", "expired",    "session_timer", "probe",     "admin",   "transport", "restart"};

template <class Enum, std::size_t Count>
std::optional<Enum> find_name(const std::array<std::string_view, Count> &names, std::string_view name) {
    for (std::size_t i = 0; i < Count; ++i) {
        if (names[i] == name) return static_cast<Enum>(i);
    }
    return std::nullopt;
}

} // namespace

std::string_view to_string(DialogState state) { return state_names[static_cast<std::size_t>(state)]; }

std::string_view to_string(Side side) { return side_names[index(side)]; }

std::string_view to_string(EndReason reason) { return reason_names[static_cast<std::size_t>(reason)]; }

std::string_view to_string(DialogTimer timer) { return timer_names[static_cast<std::size_t>(timer)]; }

std::optional<DialogState> parse_dialog_state(std::string_view name) {
    return find_name<DialogState>(state_names, name);
}

std::optional<Side> parse_side(std::string_view name) { return find_name<Side>(side_names, name); }

std::optional<EndReason> parse_end_reason(std::string_view name) { return find_name<EndReason>(reason_names, name); }

} // namespace tandem
