// One initial INVITE and the dialogs that grew from it: a fork for each To-tag. Plain state: the tracker changes it.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "base/instant.hpp"
#include "base/packed_text.hpp"
#include "base/timer_wheel.hpp"
#include "dialog/cseq_map.hpp"
#include "dialog/dialog_id.hpp"
#include "dialog/dialog_record.hpp"
#include "dialog/dialog_state.hpp"
#include "dialog/profile_table.hpp"
#include "dialog/variable_set.hpp"

namespace tandem {

// What a request inside the dialog may move: in force when it gets 2xx.
struct TargetOffer {
    std::uint32_t cseq = 0;
    std::string target;       // empty: that of the sender stays
    bool is_answered = false; // finally; kept to know its answer when that comes again
};

struct Fork {
    enum Text : std::size_t { to_tag, callee_target, callee_route_set, text_count };

    PackedText<text_count> text;
    std::array<std::optional<std::uint32_t>, 2> last_cseq;         // by Side, of the last request from there
    std::array<std::unique_ptr<TargetOffer>, 2> invited_target;    // by Side: of the latest INVITE inside the dialog
    std::array<std::unique_ptr<TargetOffer>, 2> updated_target;    // the same of the latest UPDATE
    std::array<std::optional<std::uint32_t>, 2> bye_cseq;          // by Side: of a BYE without a final answer
    std::unique_ptr<Fork> next;
    Instant answered{};
    DialogState state = DialogState::early; // trying: known by its ACK alone, which overtook the answer
    bool is_acked = false;
    bool is_doubtful = false;   // there was an INVITE inside it with the number of the first one
    std::optional<Side> leaver; // whose BYE has ended it
    std::array<bool, 2> may_repeat{}; // by Side: the last request may be one that a former process has not answered
};

// An INVITE that a proxy before us has forked comes by several branches, each with an end of its own.
struct InviteBranch {
    enum class State : std::uint8_t { open, cancelled, refused };

    std::uint64_t key = 0;
    State state = State::open;
    std::uint64_t answer = 0; // key of the answer that refused it, which may come again
};

// What a set may have beside its dialogs.
struct DialogExtras {
    VariableSet variables;
    Memberships profiles;
    std::vector<Membership> indexed; // of the variables that can be looked up
    std::array<std::optional<Duration>, dialog_timer_count> timeouts; // over those of the tracker
    std::vector<InviteBranch> branches; // none: there is but one, or nobody knows
    std::unique_ptr<CseqMaps> cseq_maps; // none: every number passes as it is
    bool has_changed_variables = false; // since the last record
    bool has_changed_profiles = false;
    bool is_shared = false;  // its end is told by Tracker::take_shared_ends()
    bool is_waiting = false; // for the answer of others, until the event of it was taken
};

struct DialogSet {
    enum Text : std::size_t {
        call_id,
        from_tag,
        from_uri,
        to_uri,
        request_uri,
        caller_target,
        caller_route_set,
        source,
        trunk,
        callee_call_id,
        text_count
    };

    std::string_view view(Text which) const { return text.get(which); }
    std::string_view to_tag() const { return forks ? forks->text.get(Fork::to_tag) : std::string_view(); }
    std::string_view target(Side side) const;    // where requests to that side go
    std::string_view route_set(Side side) const; // in the order that a request to that side carries it
    Fork *find_fork(std::string_view tag) const;
    bool has_confirmed_fork() const;
    Fork *find_successor(const Fork &gone) const; // the fork that the set goes on with when one has gone; null: none
    bool is_current(const Fork &fork) const; // answered like the set, or like the set not answered
    bool is_leaving(const Fork &fork) const; // a BYE waits for its answer
    bool is_over() const { return state == DialogState::terminated; }
    DialogTimer timer_kind() const; // the one that is running

    PackedText<text_count> text;
    std::unique_ptr<Fork> forks; // the confirmed or else the latest early one first
    std::unique_ptr<DialogExtras> extras; // none: there are none
    RecordId record;
    RecordId leg_of; // none: this set counts
    Instant created{};
    std::optional<Instant> ringing;
    std::optional<Instant> answered;
    std::optional<Instant> ended;
    Instant timer_start{}; // what the deadline counts from
    Instant deadline = never;
    Instant armed = never; // when the timer fires: at the deadline, or before it and then again
    TimerId timer;
    std::uint64_t hash = 0;  // of the Call-ID
    std::uint64_t owner = 0; // the host's own word
    std::uint64_t branch = 0; // key of the INVITE that began it; 0: its branch is not known
    std::uint32_t invite_cseq = 0;
    std::uint16_t sip_code = 0;
    std::uint16_t q850 = 0;
    DialogState state = DialogState::trying;
    EndReason end_reason = EndReason::none; // known before the end while a BYE is under way
    std::optional<Side> local_side;
    bool is_cancelled = false; // a CANCEL was seen or asked for: at its deadline the set ends
    bool is_reason_from_bye = false;
    bool is_ending = false; // a BYE is under way, or the end is due: at its deadline the set ends
    bool is_due = false;    // the end of an answered set was asked for: no BYE that fails takes it back
    bool is_changed = false; // waits in the list of changes
    bool is_renamed = false; // it goes on with the dialog of another set: see Tracker::take_dialog()
};

} // namespace tandem
