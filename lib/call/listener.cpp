#include "call/listener.hpp"

namespace tandem {

std::optional<Endpoint> with_listener(const std::vector<Listener> &listeners, Endpoint to) {
    const auto listener = find_listener(listeners, to);
    if (!listener) return std::nullopt;
    to.listener = *listener;
    return to;
}

std::optional<Endpoint> with_flow_listener(const std::vector<Listener> &listeners, const Endpoint &flow) {
    if (flow.listener < listeners.size()) {
        const Endpoint &at = listeners[flow.listener].bound;
        if (at.transport == flow.transport && at.ip.is_v6 == flow.ip.is_v6) return flow;
    }
    return with_listener(listeners, flow);
}

} // namespace tandem
