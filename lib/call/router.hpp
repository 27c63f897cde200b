// Where a new call goes. The call machine asks, node answers from the configuration.
#pragma once
#include <cstdint>
#include <string>
#include <vector>
#include "base/endpoint.hpp"
#include "base/instant.hpp"
#include "sip/message.hpp"

namespace tandem {

struct RouteTarget {
    std::string request_uri; // of the INVITE to the callee
    Endpoint to;             // where it is sent, with the listener that sends it
    std::string trunk;       // its name in the configuration; empty: none
};

// A profile that the call joins before it goes anywhere.
struct RouteProfile {
    std::string name;
    std::string value; // empty for a profile without values
};

// A text that is set on the call before it goes anywhere.
struct RouteVariable {
    std::string name;
    std::string value;
};

struct Route {
    std::uint16_t refuse = 0;           // a status from 300: the call is answered with it and goes nowhere
    std::string refuse_reason;          // its phrase; empty: the default one
    std::vector<RouteTarget> targets;   // at least one unless refused
    std::vector<RouteProfile> profiles; // joined all or none: a limit refuses the call 503
    std::vector<RouteVariable> variables;
    Duration ring_timeout{}; // from INVITE to answer; zero: none
    std::string headers;     // whole header lines added to the INVITE, each with CRLF
};

class Router {
public:
    virtual ~Router() = default;
    virtual Route route(const Message &invite, const Endpoint &source) = 0;
};

} // namespace tandem
