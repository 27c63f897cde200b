// A dialog set as the store keeps it: everything that a restarted process needs to go on with it.
// Views live until the tracker changes.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "base/instant.hpp"
#include "dialog/dialog_id.hpp"
#include "dialog/dialog_state.hpp"
#include "dialog/variable_set.hpp"

namespace tandem {

// The source of a call that nobody has sent an INVITE for: a command has begun it. Where we are the caller in its set,
// that INVITE went to the call's caller: From names the callee, and To the caller.
constexpr std::string_view command_source = "command";

constexpr bool is_reversed(std::string_view source, std::optional<Side> local_side) {
    return source == command_source && local_side == Side::caller;
}

struct ForkRecord {
    std::string_view to_tag;
    DialogState state = DialogState::trying;
    std::string_view callee_target;              // Contact: where requests to the callee go
    std::string_view callee_route_set;           // comma separated, in the order a request carries it
    std::array<std::uint32_t, 2> last_cseq{};    // by Side: of the last request from there; 0: none yet
    std::array<std::optional<std::uint32_t>, 2> bye_cseq{}; // by Side: of a BYE without a final answer
    Instant answered{};         // if it was
    std::optional<Side> leaver; // whose BYE has ended it
    bool is_acked = false;
    bool is_doubtful = false; // there was an INVITE inside it with the number of the first one
};

// The numbers of one dialog, or of a branch of the INVITE, that a proxy has shifted: see CseqMaps.
struct CseqMapRecord {
    bool is_branch = false;
    std::string_view name; // of the branch; else the To-tag
    std::string map;       // for CseqMap::parse()
};

struct ProfileView {
    std::string_view profile;
    std::string_view value; // empty for a profile without values
    bool has_value = false;
};

struct DialogRecord {
    RecordId id;
    RecordId leg_of; // the caller's leg, if this is another leg of a B2BUA's call; none otherwise
    std::optional<Side> local_side; // the side that we are, for a leg of a B2BUA; none if seen from the middle
    DialogState state = DialogState::trying;
    std::string_view call_id;
    std::string_view from_tag;
    std::string_view from_uri;
    std::string_view to_uri;
    std::string_view request_uri;
    std::string_view caller_target;
    std::string_view caller_route_set;
    std::string_view source; // address and port that the INVITE came from
    std::string_view trunk;
    std::string_view callee_call_id; // of the B2BUA's leg to the callee; the own Call-ID if seen from the middle
    std::uint32_t invite_cseq = 0;
    std::uint16_t sip_code = 0;
    EndReason end_reason = EndReason::none; // set as soon as it is known, also while a BYE is under way
    std::uint16_t q850 = 0;
    Instant created{};
    std::optional<Instant> ringing;
    std::optional<Instant> answered;
    std::optional<Instant> ended;
    Instant deadline = never;
    Instant timer_start{}; // what the deadline counts from
    std::array<std::optional<Duration>, dialog_timer_count> timeouts{}; // by DialogTimer: those of this set alone
    bool is_cancelled = false;                                          // these three as in DialogSet
    bool is_ending = false;
    bool is_due = false;
    std::vector<ForkRecord> forks; // the confirmed or else the latest early one first
    std::vector<CseqMapRecord> cseq_maps; // none: every number passes as it is
    std::vector<VariableView> variables;
    std::vector<ProfileView> profiles;  // those it is in; of an ended set those it was in
    std::uint64_t owner = 0;                // the host's own word, as with DialogSet; not stored
    std::string leg;                        // what a B2BUA keeps of the leg: text that only it reads
    std::optional<Instant> session_expires; // the same: when the session ends unless it is refreshed (RFC 4028)
    bool has_changed_leg = false;           // since the last record; the store may leave out what did not
    bool is_renamed = false; // names, URIs and sides may be others than the store has; `leg` is there in any case
    bool has_changed_variables = true;  // since the last record of this set; the store may leave out what did not
    bool has_changed_profiles = true;
};

// Each view of a record, for whoever keeps its texts elsewhere: `change(std::string_view &)`. A new one is added here.
template <class F>
void for_each_text(DialogRecord &record, F change) {
    for (std::string_view *text :
         {&record.call_id, &record.from_tag, &record.from_uri, &record.to_uri, &record.request_uri,
          &record.caller_target, &record.caller_route_set, &record.source, &record.trunk, &record.callee_call_id}) {
        change(*text);
    }
    for (ForkRecord &fork : record.forks) {
        for (std::string_view *text : {&fork.to_tag, &fork.callee_target, &fork.callee_route_set}) change(*text);
    }
    for (CseqMapRecord &map : record.cseq_maps) change(map.name);
    for (VariableView &variable : record.variables) {
        change(variable.name);
        change(variable.value.text);
    }
    for (ProfileView &profile : record.profiles) {
        change(profile.profile);
        change(profile.value);
    }
}
static_assert(sizeof(DialogRecord) == 520 || sizeof(void *) != 8, "a record has changed: for_each_text() too?");

} // namespace tandem
