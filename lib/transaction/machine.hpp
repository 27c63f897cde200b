// The four machines of RFC 3261 section 17 and RFC 6026 section 7 as functions: where a transaction stands and what
// comes to it go in; where it stands next and what is to be done come out. The table does it.
// Each function can be laid beside its figure: a case of the outer switch is a state, a line in it an arc.
#pragma once
#include <cstdint>
#include "transaction/transaction.hpp"

namespace tandem {

enum class Input : std::uint8_t {
    begin,
    adopted_refusal, // INVITE client: a former process has had it
    request,         // server: the request came again
    ack,             // INVITE server
    provisional,     // 1xx: came to a client, or the user sends it by a server
    success,         // 2xx
    refusal,         // 3xx to 6xx
    cancel,          // INVITE client: the user gives up
    resend_due,      // Timer A, E or G
    end_due,         // the timer that End names
    transport_error,
    connection_lost, // client: by which the response would have come
};

constexpr Input input_of_status(std::uint16_t status) {
    if (status < 200) return Input::provisional;
    return status < 300 ? Input::success : Input::refusal;
}

enum class Action : std::uint8_t {
    nothing,
    send,        // what is kept, for the first time
    resend,      // what is kept, again
    tell,        // the message goes to the user
    acknowledge, // the ACK takes the place of the INVITE and is sent; then tell
    send_cancel, // a transaction of its own
    tell_timeout,
    tell_transport_error,
};

// What becomes of the interval between retransmissions. None runs over a reliable transport.
enum class Resend : std::uint8_t {
    keep,
    stop,
    start,       // T1
    twice,       // Timer A
    twice_to_t2, // Timers E and G
    t2,          // Timer E in proceeding
};

// When the state ends of itself, by the letters of RFC 3261 table 4 and RFC 6026.
enum class End : std::uint8_t {
    keep,
    stop,
    b, // 64*T1, client INVITE; also after CANCEL (section 9.1)
    d, // 32 s, client INVITE completed; none over a reliable transport
    f, // 64*T1, client non-INVITE
    h, // 64*T1, server INVITE completed
    i, // T4, server INVITE confirmed; none over a reliable transport
    j, // 64*T1, server non-INVITE completed; none over a reliable transport
    k, // T4, client non-INVITE completed; none over a reliable transport
    l, // 64*T1, server INVITE accepted
    m, // 64*T1, client INVITE accepted
};

struct Step {
    TransactionState next;
    Action action = Action::nothing;
    Resend resend = Resend::keep;
    End end = End::keep;
};

Step step_invite_client(TransactionState state, Input input);     // figure 5
Step step_non_invite_client(TransactionState state, Input input); // figure 6
Step step_invite_server(TransactionState state, Input input);     // figure 7
Step step_non_invite_server(TransactionState state, Input input); // figure 8

} // namespace tandem
