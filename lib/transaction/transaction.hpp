// One transaction at rest: which machine it runs, where it stands, and what it keeps to send again.
// Kept small, because most of them only linger to absorb what comes late. No text is kept for matching.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>
#include "base/endpoint.hpp"
#include "base/instant.hpp"
#include "base/method.hpp"
#include "base/shared_bytes.hpp"
#include "base/timer_wheel.hpp"
#include "sip/message.hpp"
#include "transaction/match.hpp"

namespace tandem {

enum class TransactionKind : std::uint8_t { invite_client, non_invite_client, invite_server, non_invite_server };

constexpr bool is_client(TransactionKind kind) { return kind <= TransactionKind::non_invite_client; }

// The states of RFC 3261 figures 5 to 8 and of RFC 6026 section 7.
enum class TransactionState : std::uint8_t {
    initial, // before the first message: nobody sees it
    calling,
    trying,
    proceeding,
    completed,
    confirmed,
    accepted,
    terminated, // never at rest: the transaction is erased
};

// The user's ACK for one fork's 2xx.
struct SentAck {
    std::string to_tag;
    Endpoint to;
    SharedBytes bytes;
    SharedBytes host; // as in ClientRequest
};

// One of the ways that a request may take.
struct Way {
    Endpoint to;
    SharedBytes bytes;
};

struct Transaction {
    static constexpr std::uint32_t no_place = 0xffffffff;

    TransactionKind kind = TransactionKind::invite_client;
    TransactionState state = TransactionState::initial;
    Method method = Method::unknown;
    bool is_old = false;            // server: the branch has no cookie, so tags count (RFC 3261 section 17.2.3)
    bool is_internal = false;       // a CANCEL that the table answers or sends: raises no event
    bool is_cancelled = false;      // INVITE: the user has asked for CANCEL, or was told of one
    Endpoint peer;                  // where everything goes; its transport decides the timers
    std::uint32_t place = no_place; // client over a connection, without a final response: among those of its peer

    MatchKey key;
    std::uint64_t merge_key = 0; // server: in the index of requests that may be merged; 0: not in it
    std::uint32_t to_tag = 0;    // is_old: hash of the request's To tag
    std::uint32_t sent_tag = 0;  // is_old: hash of the To tag of the final response, which the ACK will carry

    SharedBytes bytes;           // what is sent again: client: the request, or the ACK; server: the last response
    SharedBytes host;            // client over TLS: as in ClientRequest
    std::unique_ptr<Way> by_udp; // client, sent by TCP for its size, without a response: what it was written as
    SharedBytes cancel;          // INVITE client: the CANCEL that waits for a provisional response
    Message request;             // server: until the final response
    std::unique_ptr<std::vector<SentAck>> acks; // INVITE client, accepted: one for each To-tag that was acknowledged
    std::uint64_t owner = 0;
    std::uint64_t repeated = 0; // client: hash of Call-ID, From-tag and CSeq, which a response repeats; 0: not known

    // One timer for both: due at the next retransmission or at the end of the state, whichever is earlier.
    TimerId timer;
    Instant end = never;
    Duration resend = Duration::zero(); // interval before the next retransmission; zero: none
};

} // namespace tandem
