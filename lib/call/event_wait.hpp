// An event that a call waits for before it goes anywhere: that a phone registers, for one. Its route asks for it, and
// is asked for again once it has come. Whoever runs the engine listens, and says how that ended to Engine::on_waited(),
// once for each wait.
#pragma once
#include <cstdint>
#include "base/id.hpp"
#include "base/instant.hpp"
#include "event/filter.hpp"

namespace tandem {

using EventWaitId = Id<struct EventWaitTag>;

struct EventWait {
    EventFilter filter;
    Duration timeout{};      // of all waits of the call together
    std::uint64_t since = 0; // the number of the last event before the route was looked up: see Bus::wait()
};

struct WantedEvent {
    EventWaitId id;
    EventWait wait;
};

enum class Waited : std::uint8_t { event, timeout, gap }; // gap: it may have been missed

} // namespace tandem
