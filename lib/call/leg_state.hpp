// What is kept of a leg beside its dialog, so that a process which comes after this one can go on with the call. The
// store has it as text, which only this file reads.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "base/endpoint.hpp"
#include "base/instant.hpp"
#include "call/hold.hpp"
#include "call/leg.hpp"
#include "call/router.hpp"
#include "call/session.hpp"
#include "dialog/dialog_id.hpp"
#include "sip/message.hpp"

namespace tandem {

// Which of a call's legs it is. `alone`: one that comes or goes by a transfer, an attempt, or one that nobody wants.
enum class LegPlace : std::uint8_t { alone, caller, callee };

// The INVITE that the leg's peer has sent, until its 2xx has the ACK.
struct KeptInvite {
    std::string request; // its outline(); empty once it is answered
    std::string answer;  // the 2xx; empty before
    Endpoint source;
    std::uint32_t client_cseq = 0; // of the INVITE to the other side
    std::string client_to_tag;     // of that one's 2xx
    bool is_first = false;         // see InviteExchange, like those below
    bool has_offer = false;
    bool is_acked = false;
    bool is_settled = false;
    Session offer;
};

// What belongs to the call, with the leg in the caller's place.
struct KeptCall {
    Refers refers = Refers::local;
    std::uint8_t transfers = 0;
    std::optional<std::array<std::vector<Direction>, 2>> held; // Hold::directions; none: tandem holds nobody
};

struct LegState {
    RecordId call; // that of the leg in the caller's place: legs of one call have the same
    LegPlace place = LegPlace::alone;
    Endpoint peer;
    std::uint16_t allowed = 0;
    bool is_known = false;
    bool is_flow = false;
    Session session;
    std::optional<Session> told; // none: what the other leg of the call said
    std::uint64_t passed_version = 0;
    std::uint32_t told_in_ack = 0;
    std::optional<LegOrigin> origin;
    Duration interval{}; // of the session timer, like those below; when it ends the dialog's record says
    Duration min_interval{};
    bool is_ours = false;
    bool is_supported = false;
    std::string invite;              // outline() of ours, until its final answer; the ACK of a refusal
    std::optional<KeptInvite> peers; // none: none of his is open
    std::optional<KeptCall> of_call;

    std::string to_text() const;

    // None: nobody of us has written it.
    static std::optional<LegState> parse(std::string_view text);
};

// Of an INVITE what its answers, its CANCEL and its ACK repeat: an INVITE again, without a body. The same of an ACK.
// Without credentials, which are nothing for a store.
std::string outline(const Message &invite);

// The same of a response to it.
std::string outline_of_answer(const Message &answer);

} // namespace tandem
