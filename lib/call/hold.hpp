// A call that tandem itself holds: media directions as they were before, and the command under way. Plain state; B2bua
// changes it (hold.cpp).
#pragma once
#include <array>
#include <cstdint>
#include <vector>
#include "call/command.hpp"
#include "call/sdp_edit.hpp"

namespace tandem {

struct Hold {
    std::array<std::vector<Direction>, 2> directions; // by Side: of each peer, as they were
    CommandId command;                                // none: the call is held, and nothing is under way
    bool is_resuming = false;
    bool is_restoring = false; // the callee refused: the caller gets back what he had
    std::uint16_t failure = 0; // its status
};

} // namespace tandem
