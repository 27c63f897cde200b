// A re-INVITE that tandem itself sends, on one leg. Plain state; B2bua changes it (own_invite.cpp).
#pragma once
#include <cstdint>
#include <string>
#include "base/instant.hpp"
#include "base/timer_wheel.hpp"
#include "call/session.hpp"
#include "dialog/dialog_state.hpp"
#include "transaction/transaction_id.hpp"

namespace tandem {

// Who hears of its outcome: B2bua::on_own_invite_over().
enum class InvitePurpose : std::uint8_t {
    refresh,       // nothing is to change: is the peer still there?
    session_timer, // the same, by RFC 4028
    hold,          // or resume, by command
    transfer,      // the remaining leg is offered the target's session
    settle,        // the target hears what the remaining leg said
    restore,       // the remaining leg is given back what it had
};

struct OwnInvite {
    Side leg = Side::caller; // where it goes
    InvitePurpose purpose = InvitePurpose::refresh;
    bool is_to_target = false; // of the call's transfer, which has no place of its own yet
    Session offer;             // empty: the peer makes the offer in its 2xx, and the ACK answers
    TransactionId client;      // none: it waits for another offer to end, or after a 491
    std::uint32_t cseq = 0;
    std::string to_tag;     // of its 2xx
    std::uint8_t tries = 0; // that met a 491
    Instant due{};          // not sent before
    Instant give_up_at = never;
    TimerId timer;
};

} // namespace tandem
