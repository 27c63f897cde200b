// One side of a call: a dialog, and where its requests go.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include "base/endpoint.hpp"
#include "base/method.hpp"
#include "call/lookup.hpp"
#include "call/sdp_edit.hpp"
#include "call/session.hpp"
#include "call/session_timer.hpp"
#include "call/trunk_auth.hpp"
#include "dialog/dialog_id.hpp"
#include "dialog/dialog_state.hpp"
#include "transaction/transaction_id.hpp"

namespace tandem {

constexpr std::uint16_t mask_of(Method method) {
    return static_cast<std::uint16_t>(1U << static_cast<unsigned>(method));
}

// What stands in the o= line of all that the leg is told from now on.
struct LegOrigin {
    Origin origin;
    Session last; // what the present version stands for
};

// A next hop that is a name, and where that leads (RFC 3263).
struct NamedHop {
    std::string uri;
    LookupId lookup{};            // under way; none: it is over
    std::optional<Endpoint> to{}; // none: not known yet, or by nobody
};

// Begins our tag in a leg that goes over a flow, so that every answer says so, also when the leg is forgotten.
inline constexpr std::string_view flow_mark = "f.";

struct Leg {
    DialogId dialog;
    Endpoint peer; // next hop of the INVITE: in-dialog requests go there while nobody knows where their own one is
    Side local = Side::callee;           // what we are in this dialog, whatever its place in the call
    std::uint16_t allowed = 0;           // methods that the peer takes, as its Allow says; 0: it has not said
    TransactionId bye{};                 // ours, once it was sent
    Session session{};                   // what the peer said last, and
    Session told{};                      // what it was told, of the offer and answer that are in force
    std::uint64_t passed_version = 0;    // the highest one in an o= line of the other peer's, whatever came of it
    std::uint32_t told_in_ack = 0;       // CSeq of our last INVITE if its ACK told it (a late offer); 0: it did not
    std::unique_ptr<LegOrigin> origin{}; // none: it was told nothing but what the other peer said
    std::unique_ptr<NamedHop> hop{};     // none: in-dialog requests go to an address
    SessionTimer timer{};
    std::shared_ptr<LegAccount> account{}; // none: a challenge is a refusal
    bool is_known = false;                 // this machine, a trunk or a user of ours, as it was when the leg began
    std::uint64_t print = 0;               // of what the store has been told of it (keep.cpp); 0: nothing
    bool is_unkept = false;                // it has changed since then
    bool is_flow = false; // the peer has opened the way there: what no Record-Route leads elsewhere takes it

    bool may_send(Method method) const { return allowed == 0 || (allowed & mask_of(method)) != 0; }
};

} // namespace tandem
