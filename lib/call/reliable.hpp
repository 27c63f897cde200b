// Reliable provisional responses to an INVITE (RFC 3262): what callees have sent, and what waits for the caller's
// PRACK. Plain state; B2bua changes it (prack.cpp).
#pragma once
#include <cstdint>
#include <string>
#include <vector>
#include "base/instant.hpp"
#include "base/shared_bytes.hpp"
#include "base/timer_wheel.hpp"
#include "dialog/dialog_id.hpp"
#include "sip/message.hpp"

namespace tandem {

// A provisional response that the caller gets reliably.
struct ReliableResponse {
    DialogId leg;                  // of the callee who sent it
    Message message;               // as he sent it
    std::uint32_t callee_rseq = 0; // the caller's PRACK goes on to him; 0: he wants none, so it ends here
    bool has_session = false;      // a 2xx waits for its PRACK
    bool is_offer = false;         // the PRACK has the answer
};

// Those with one To-tag, in a number space of their own. They go one at a time (RFC 3262 section 3).
struct ReliableTag {
    std::string ours;
    std::uint32_t rseq = 0;                // of the first one that waits
    std::vector<ReliableResponse> waiting; // in order; the first one is sent
    SharedBytes sent;
    Duration resend_after{};
    Instant resend_until{}; // 64*T1 after it was sent
    TimerId timer;
};

// What a callee has sent reliably under one To-tag of his.
struct ReliableFork {
    DialogId leg;
    std::string callee;
    std::uint32_t cseq = 0;  // of the INVITE
    std::uint32_t rseq = 0;  // the last one that was taken
    bool is_settled = false; // the caller has heard his offer or answer reliably: his 2xx says no other
    Message answer;          // where the caller heard it unreliably: what a 2xx without a body repeats
};

struct Reliability {
    std::uint32_t cseq = 0; // of the caller's INVITE
    std::vector<ReliableTag> tags;
    std::vector<ReliableFork> forks;
    TimerId end; // after the final answer: when a PRACK may come no more

    ReliableTag *find(std::string_view ours);
    ReliableFork *find(DialogId leg, std::string_view callee, std::uint32_t invite_cseq);
};

} // namespace tandem
