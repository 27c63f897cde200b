// An address that tandem itself is reached at, and which of them a message leaves by.
#pragma once
#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <vector>
#include "base/endpoint.hpp"

namespace tandem {

struct Listener {
    Endpoint bound;
    std::string sent_by; // host:port in Via and Contact: the bound address or what [sip] advertise says
};

inline const Endpoint &address_of(const Endpoint &endpoint) { return endpoint; }
inline const Endpoint &address_of(const Listener &listener) { return listener.bound; }

// The place of the first one that can send to `to`: of its transport and its family. `listeners` holds Endpoints or
// Listeners in the order of Endpoint::listener.
template <class Listeners>
std::optional<std::uint8_t> find_listener(const Listeners &listeners, const Endpoint &to) {
    const auto found = std::find_if(std::begin(listeners), std::end(listeners), [&](const auto &listener) {
        const Endpoint &at = address_of(listener);
        return at.transport == to.transport && at.ip.is_v6 == to.ip.is_v6;
    });
    if (found == std::end(listeners)) return std::nullopt;
    return static_cast<std::uint8_t>(found - std::begin(listeners));
}

// The same address, with the first listener that can send there: of its transport and family. None: there is no such.
std::optional<Endpoint> with_listener(const std::vector<Listener> &listeners, Endpoint to);

// The same for the far end of a flow, which goes by the listener it came to; that may be gone since a restart.
std::optional<Endpoint> with_flow_listener(const std::vector<Listener> &listeners, const Endpoint &flow);

} // namespace tandem
