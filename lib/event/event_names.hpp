// What the events of tandemd are called, and their keys. README.md has the table. A name or key is never changed.
#pragma once
#include <string_view>

namespace tandem::event_name {

inline constexpr std::string_view dialog = "dialog.state";
inline constexpr std::string_view binding = "registrar.binding";
inline constexpr std::string_view dtmf = "call.dtmf";
inline constexpr std::string_view command = "call.command";
inline constexpr std::string_view limit = "limit.refused";
inline constexpr std::string_view trunk = "trunk.state";
inline constexpr std::string_view cdr = "cdr";

} // namespace tandem::event_name

namespace tandem::event_key {

inline constexpr std::string_view call_id = "call-id"; // of the leg that the event is about
inline constexpr std::string_view call = "call";       // Call-ID of the call: that of its caller's leg
inline constexpr std::string_view id = "id";           // of the record; the dialog's, as dlg.* has it
inline constexpr std::string_view state = "state";
inline constexpr std::string_view side = "side"; // caller, callee
inline constexpr std::string_view from = "from-uri";
inline constexpr std::string_view to = "to-uri";
inline constexpr std::string_view reason = "reason";
inline constexpr std::string_view trunk = "trunk";
inline constexpr std::string_view aor = "aor";
inline constexpr std::string_view action = "action";
inline constexpr std::string_view contact = "contact";
inline constexpr std::string_view digit = "digit";
inline constexpr std::string_view profile = "profile";
inline constexpr std::string_view value = "value";
inline constexpr std::string_view command = "command";
inline constexpr std::string_view command_id = "cmd-id";
inline constexpr std::string_view outcome = "outcome";
inline constexpr std::string_view status = "status";
inline constexpr std::string_view duration_ms = "duration-ms";

} // namespace tandem::event_key
