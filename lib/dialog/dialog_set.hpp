// One initial INVITE and the dialogs that grew from it: a fork for each To-tag. Plain state: the tracker changes it.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include "base/instant.hpp"
#include "base/packed_text.hpp"
#include "base/timer_wheel.hpp"
#include "dialog/dialog_id.hpp"
#include "dialog/dialog_record.hpp"
#include "dialog/dialog_state.hpp"

namespace tandem {

struct Fork {
    enum Text : std::size_t { to_tag, callee_target, callee_route_set, text_count };

    PackedText<text_count> text;
    std::array<std::optional<std::uint32_t>, 2> last_cseq;         // by Side, of the last request from there
    std::array<std::unique_ptr<std::string>, 2> offered_target;    // by Side: in force when its request gets 2xx
    std::array<std::optional<std::uint32_t>, 2> bye_cseq;          // by Side: of a BYE without a final answer
    std::unique_ptr<Fork> next;
    DialogState state = DialogState::early;
    bool is_acked = false;
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
    bool is_over() const { return state == DialogState::terminated; }

    PackedText<text_count> text;
    std::unique_ptr<Fork> forks; // the confirmed or else the latest early one first
    RecordId record;
    RecordId leg_of; // none: this set counts
    Instant created{};
    std::optional<Instant> ringing;
    std::optional<Instant> answered;
    std::optional<Instant> ended;
    Instant deadline = never;
    TimerId timer;
    std::uint64_t hash = 0;  // of Call-ID and From-tag
    std::uint64_t owner = 0; // the host's own word
    std::uint32_t invite_cseq = 0;
    std::uint16_t sip_code = 0;
    std::uint16_t q850 = 0;
    DialogState state = DialogState::trying;
    EndReason end_reason = EndReason::none; // known before the end while a BYE is under way
    std::optional<Side> local_side;
    bool is_cancelled = false; // a CANCEL was seen
    bool is_reason_from_bye = false;
    bool is_ending = false;  // a BYE is under way or asked for: at its deadline the set ends
    bool is_changed = false; // waits in the list of changes
};

} // namespace tandem
