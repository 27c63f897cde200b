// The end of a connection, as those must know it who wait for an answer over it.
#pragma once
#include "base/endpoint.hpp"
#include "base/instant.hpp"

namespace tandem {

struct ConnectionLoss {
    Endpoint peer;
    Instant at{};         // what goes to `peer` later takes another connection
    bool is_made = false; // false: we tried to make it, and it never came to be
};

} // namespace tandem
