// An address that tandem itself is reached at.
#pragma once
#include <optional>
#include <string>
#include <vector>
#include "base/endpoint.hpp"

namespace tandem {

struct Listener {
    Endpoint bound;
    std::string sent_by; // host:port in Via and Contact: the bound address or what [sip] advertise says
};

// The same address, with the first listener that can send there: of its transport and family. None: there is no such.
std::optional<Endpoint> with_listener(const std::vector<Listener> &listeners, Endpoint to);

} // namespace tandem
