// A call that tandem itself holds: media directions as they were before, and what is under way. Plain state; B2bua
// changes it (hold.cpp).
#pragma once
#include <array>
#include <cstdint>
#include <vector>
#include "call/sdp_edit.hpp"

namespace tandem {

struct Hold {
    std::array<std::vector<Direction>, 2> directions; // by Side: of each peer, as they were
    bool is_changing = false;                         // else the call is held, and nothing is under way
    bool is_resuming = false;
    bool is_restoring = false; // a leg has refused, or the deadline has passed: who has agreed gets back what he had
    std::uint16_t failure = 0; // by this status
};

} // namespace tandem
