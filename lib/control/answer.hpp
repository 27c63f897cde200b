// The answer of a decision server, read strictly: what is not understood is no decision, and never half of one.
#pragma once
#include <cstdint>
#include <string_view>
#include "base/result.hpp"
#include "call/decision.hpp"

namespace tandem {

struct ControlAnswer {
    Decision decision;
    Duration cache{}; // that the same question need not be asked again; zero: it is
};

inline constexpr Duration cache_longest = std::chrono::hours(1);

// Of an HTTP status and body. A member that nobody knows is ignored: servers may say more than this version reads.
// Whether each text may stand where it is meant to is not asked here: is_sound() does.
Result<ControlAnswer, Failure> read_answer(std::uint16_t http_status, std::string_view body);

} // namespace tandem
