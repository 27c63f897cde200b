// The session timer of one leg (RFC 4028): who refreshes, how often, and what the peer asks for. Plain state; B2bua
// changes it (session_timer.cpp).
#pragma once
#include <cstdint>
#include <optional>
#include "base/instant.hpp"
#include "base/result.hpp"
#include "base/timer_wheel.hpp"
#include "sip/message.hpp"
#include "transaction/transaction_id.hpp"

namespace tandem {

struct SessionTimer {
    Duration interval{};     // zero: the session does not expire
    Duration min_interval{}; // the longest Min-SE that the peer has asked for
    Instant expires{};
    bool is_ours = false;      // we refresh
    bool is_supported = false; // the peer knows session timers
    std::uint8_t raises = 0;   // answers 422 in a row
    std::uint8_t refusals = 0; // of a refresh, in a row
    TransactionId update{};    // our refresh that is under way
    TimerId timer;
};

enum class Refresher : std::uint8_t { unsaid, uac, uas };

struct SessionExpires {
    Duration interval{};
    Refresher refresher = Refresher::unsaid;
};

// None: there is no such header. Fails with invalid for what can not be read, and for more than one. What is longer
// than a day counts as a day.
Result<std::optional<SessionExpires>> read_session_expires(const Message &message);
Result<std::optional<Duration>> read_min_se(const Message &message);

} // namespace tandem
