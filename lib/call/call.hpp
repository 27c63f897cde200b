// A call: two legs joined, and what is under way between them. Plain state; B2bua changes it.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "base/endpoint.hpp"
#include "base/id.hpp"
#include "base/instant.hpp"
#include "base/shared_bytes.hpp"
#include "base/timer_wheel.hpp"
#include "call/active_command.hpp"
#include "call/hold.hpp"
#include "call/leg.hpp"
#include "call/own_invite.hpp"
#include "call/reliable.hpp"
#include "call/router.hpp"
#include "call/setup.hpp"
#include "call/start.hpp"
#include "call/transfer.hpp"
#include "dialog/dialog_id.hpp"
#include "dialog/dialog_state.hpp"
#include "transaction/transaction_id.hpp"

namespace tandem {

using CallId = Id<struct CallTag>;

// An INVITE on its way from one side to the other and back: the first one, or a re-INVITE. It is forgotten when it is
// refused, or when its 2xx has been acknowledged.
struct InviteExchange {
    Side from = Side::caller;
    TransactionId server; // towards `from`
    TransactionId client; // towards the other side; of the first INVITE once an attempt has won
    Endpoint source;      // where the INVITE came from
    std::uint32_t server_cseq = 0;
    std::uint32_t client_cseq = 0;
    bool is_first = false;     // not a re-INVITE
    bool has_offer = false;    // the offer is in the INVITE; else the 2xx makes it
    bool is_answered = false;  // a final response went to `from`
    bool is_taken = false;     // a 2xx of the other side came; any further one is of another fork
    bool is_acked = false;     // we acknowledged it
    bool is_settled = false;   // offer and answer, or the offer, came before the 2xx (RFC 3262 section 5)
    Message held;              // a 2xx that was taken and waits for a PRACK of `from`
    std::string client_to_tag; // of the 2xx that was taken; those of others are hung up
    Session offer;             // in that 2xx, until the ACK answers it
    SharedBytes answer;        // the 2xx to `from`, sent again until its ACK
    Duration resend_after{};   // of the answer: doubles up to T2
    Instant resend_until{};    // 64*T1 after the answer
    TimerId timer;

    bool waits_for_ack() const { return !answer.empty(); }
};

// Any other request passed from one side to the other.
struct Forward {
    Side from = Side::caller;
    TransactionId server;
    TransactionId client;
    Endpoint source;
    bool has_offer = false; // an UPDATE with a session description
    DialogId callee_leg;    // the one it goes to or comes from
};

// The caller sees one To-tag for each of the callee's.
struct ForkTags {
    DialogId leg; // towards the callee
    std::string callee;
    std::string ours;
    Session session{};   // in the latest 18x
    Session of_caller{}; // what she and
    Session of_callee{}; // he said when they agreed before the answer, by PRACK or UPDATE
};

struct Call {
    std::array<Leg, 2> legs; // by Side; `caller` is towards the caller. The callee's is empty until one has answered
    std::unique_ptr<Setup> setup;                         // until then
    std::vector<std::unique_ptr<InviteExchange>> invites; // the first one in front
    std::vector<std::unique_ptr<OwnInvite>> own_invites;
    std::unique_ptr<ActiveCommand> command; // none: the host wants nothing of it
    std::unique_ptr<Start> start;           // none: somebody has called, or the two have talked to each other
    std::unique_ptr<Hold> hold;             // none: tandem holds nobody
    std::unique_ptr<Transfer> transfer;     // none: nobody is being replaced. If there is one, `setup` is its search
    std::unique_ptr<ReleasedLeg> released;  // none: nobody waits for his BYE
    std::vector<Forward> forwards;
    std::unique_ptr<Reliability> reliability; // none: no provisional response is reliable
    std::vector<ForkTags> forks;              // until the answer
    std::optional<Side> offer_from;           // whose offer waits for its answer (RFC 3264 section 4)
    CallId id;                                // its own name
    Refers refers = Refers::local;
    std::uint8_t transfers = 0; // begun so far
    bool is_lent = false;       // one of its legs is another call's for now: nothing passes
    bool is_touched = false;    // something has happened since the store was told of it last (keep.cpp)
    bool is_ending = false;     // the legs are being hung up: nothing new passes

    bool is_answered() const { return forks.empty() && !is_ringing(); } // the caller has had a 2xx, or nobody rings yet
    Leg &leg(Side side) { return legs[index(side)]; }
    const Leg &leg(Side side) const { return legs[index(side)]; }
    InviteExchange *find_invite(TransactionId either) const;
    InviteExchange *first_invite() const;   // nullptr once it is forgotten
    InviteExchange *pending_invite() const; // without a final answer, or answered and without its ACK
    OwnInvite *find_own_invite(TransactionId client) const;
    OwnInvite *pending_own_invite() const; // that was sent
    // What stands against a re-INVITE, or another offer, of this side (RFC 3261 section 14.2): 500 if one of its own is
    // not over, 491 if one crosses it; 0: nothing does.
    std::uint16_t invite_refusal(Side from) const;
    std::uint16_t offer_refusal(Side from) const;
    bool is_ringing() const { return setup && !transfer; } // the callee is being searched, or the caller by command
    bool is_calling_caller() const { return start && !start->invite; }
    Forward *find_forward(TransactionId either);
    const ForkTags *find_fork_tags(std::string_view ours) const; // the latest, where several look like one
    const ForkTags *find_fork_tags(DialogId leg, std::string_view callee) const;
    Attempt *find_attempt(TransactionId client) const { return setup && client ? setup->find(client) : nullptr; }
    Attempt *find_attempt(DialogId dialog) const { return setup && dialog ? setup->find(dialog) : nullptr; }
    Leg *find_leg(DialogId dialog);     // nullptr: of an attempt that was given up, or of no leg of this call
    Leg *find_any_leg(DialogId dialog); // of the target of a transfer too, and of a leg that gave way
    // Whose dialog this is; none: of an attempt that was given up, or of no leg of this call.
    std::optional<Side> side_of(DialogId dialog) const;
};

} // namespace tandem
