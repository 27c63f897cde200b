// Route sets as text: how a request in a dialog is addressed (RFC 3261 section 12.2.1.1).
#pragma once
#include <string>
#include <string_view>

namespace tandem {

// The same entries in reverse order: the route set of the side that sent the request (section 12.1.2).
std::string reverse_route_set(std::string_view route_set);

struct RequestRoute {
    std::string request_uri;
    std::string route;    // value of the Route header; empty: none is sent
    std::string next_hop; // URI that the request is sent to: the first route, or the target
};

// With a loose router in front the target stays in the Request-URI; a strict router, one without the lr parameter,
// is put there itself and the target goes to the end of the route.
RequestRoute make_request_route(std::string_view target, std::string_view route_set);

} // namespace tandem
