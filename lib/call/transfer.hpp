// One leg of a call gives way to another one: by REFER, by an INVITE with Replaces, or by command. Plain state; B2bua
// changes it (transfer.cpp, refer.cpp, replaces.cpp).
//
// Who is there: `from` is the leg that goes, the other leg of the call remains, and the target comes. Whatever way the
// target is found, it has said something (`answer`) before the remaining leg is asked; that leg's answer goes to the
// target, and only then the legs change places. Whatever fails before leaves the call as it was.
#pragma once
#include <cstdint>
#include <string>
#include <vector>
#include "base/endpoint.hpp"
#include "call/leg.hpp"
#include "call/router.hpp"
#include "sip/message.hpp"
#include "transaction/transaction_id.hpp"

namespace tandem {

enum class TransferKind : std::uint8_t {
    search,   // the target is called, where the route table sends it
    join,     // it is the other leg of another call, lent by that one
    newcomer, // it has called us, and waits for its answer
};

struct Transfer {
    TransferKind kind = TransferKind::search;
    Side from = Side::callee;
    bool has_left = false;     // he hung up meanwhile: if this fails the remaining leg is hung up, too
    bool is_known = false;     // who asks for it: a user of ours, a trunk, this machine or the host
    bool is_reported = false;  // to him, by NOTIFY
    bool is_touched = false;   // the remaining leg has agreed to the target's session
    bool is_acked = false;     // the target's 2xx
    bool is_inner = false;     // newcomer: another worker of ours is, which counts the call
    std::uint16_t told = 0;    // the status that was reported last
    std::uint16_t failure = 0; // it has failed, and waits for the remaining leg's answer to end; 0: it has not
    std::string event;         // value of Event
    TransactionId notify{};    // the last NOTIFY
    Session offered{};         // what the target was offered

    Leg target{}; // once it has answered
    Session answer{};
    Message last_answer{};              // to an INVITE of ours: what it says of its session timer
    TransactionId invite{};             // its INVITE, to it or from it
    std::string to_tag{};               // of its 2xx
    std::uint32_t invite_cseq = 1;      // the same
    Endpoint source{};                  // newcomer: where the INVITE came from
    std::uint64_t lender = 0;           // join: the call, a CallId
    Side lender_side = Side::caller;    // and which leg of it this is
    std::vector<RouteProfile> places{}; // join: the lender's, in profiles
    std::vector<RouteProfile> joined{}; // that the call is in for this transfer alone
};

// A leg that has given way: it gets BYE once it has answered the last NOTIFY.
struct ReleasedLeg {
    Leg leg;
    TransactionId notify;
};

} // namespace tandem
