#include "call/listener.hpp"

namespace tandem {

std::optional<Endpoint> with_listener(const std::vector<Listener> &listeners, Endpoint to) {
    const auto listener = find_listener(listeners, to);
    if (!listener) return std::nullopt;
    to.listener = *listener;
    return to;
}

} // namespace tandem
