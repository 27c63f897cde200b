// The way to a callee: the targets of a route tried in order, or several at once, until one of them answers. Plain
// state; B2bua changes it (hunt.cpp).
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>
#include "base/endpoint.hpp"
#include "base/timer_wheel.hpp"
#include "call/decision.hpp"
#include "call/event_wait.hpp"
#include "call/leg.hpp"
#include "call/lookup.hpp"
#include "call/router.hpp"
#include "cluster/reservation.hpp"
#include "sip/message.hpp"
#include "transaction/transaction_id.hpp"

namespace tandem {

// What a target has said before it answers, to an offer of ours.
struct EarlyAnswer {
    std::string to_tag;
    Session session;
};

// One target that is being tried: a leg of its own, with its own Call-ID, tag and numbers.
struct Attempt {
    std::size_t target = 0;      // in Route::targets
    Leg leg;                     // no dialog yet while the name is looked up
    TransactionId client;        // its INVITE
    LookupId lookup;             // the name that is being looked up; none: its address is known
    ReservationId reservation;   // the leg's own places, that the cluster is asked for before its INVITE. None: no such
    std::vector<Endpoint> spare; // further addresses of the same target, the next one last (RFC 3263 section 4.3)
    TimerId ring_timer;
    std::unique_ptr<EarlyAnswer> early_answer; // of the latest 18x that had one. Of a transfer's target alone
    bool has_places = false;         // the cluster has given them, to this leg or to one that has failed before it
    bool offers_reliability = false; // 100rel, beyond what the caller says of himself
    bool has_answered = false;       // with anything but 100: it is reached, and no other address of it is tried
};

struct Setup {
    Route route;
    Message invite; // what the targets get is made of it: the caller's, or one of our own
    std::size_t next_target = 0;
    std::vector<std::unique_ptr<Attempt>> attempts; // under way
    std::uint8_t redirects = 0;                     // followed so far
    QuestionId question;    // that nobody has decided yet: nothing is counted before. None: no such thing
    EventWaitId event_wait; // an event that is waited for: nobody is called or counted before. None: no such
    Instant wait_until{};   // at the latest
    std::unique_ptr<Decision> decision; // that the call goes by when the event has come. Null: there is none
    ReservationId reservation;     // places that the cluster is asked for: nobody is called before. None: no such thing
    bool wants_seat = false;       // it is a newcomer who waits for them, and then for the place of somebody in a call
    std::size_t spare_places = 0;  // attempts that have failed, and had places: as many more need not ask
    bool is_over = false;          // no further target is tried: one of them refused for all
    bool may_hunt = false;         // one of the present attempts failed in a way that tries the next target
    std::uint16_t best_status = 0; // of the refusals so far (RFC 3261 section 16.7 item 6); 0: none
    TransactionId refused;         // the attempt that answered so last
    Endpoint refused_by{};
    Message best;                            // its response; empty: a failure without one
    EndReason best_reason = EndReason::none; // what the record shows of it, if the status does not say

    Attempt *find(TransactionId client) const;
    Attempt *find(DialogId dialog) const;
    Attempt *find(LookupId lookup) const;
    Attempt *find(ReservationId asked) const;
    Attempt *find(std::size_t target) const;
};

} // namespace tandem
