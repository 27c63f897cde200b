// An address that tandem itself is reached at.
#pragma once
#include <string>
#include "base/endpoint.hpp"

namespace tandem {

struct Listener {
    Endpoint bound;
    std::string sent_by; // host:port in Via and Contact: the bound address or what [sip] advertise says
};

} // namespace tandem
