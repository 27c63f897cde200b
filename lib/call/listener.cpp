#include "call/listener.hpp"

namespace tandem {

std::optional<Endpoint> with_listener(const std::vector<Listener> &listeners, Endpoint to) {
    for (const Listener &listener : listeners) {
        if (listener.bound.transport != to.transport || listener.bound.ip.is_v6 != to.ip.is_v6) continue;
        to.listener = listener.bound.listener;
        return to;
    }
    return std::nullopt;
}

} // namespace tandem
