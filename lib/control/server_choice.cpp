#include "control/server_choice.hpp"
#include <algorithm>

namespace tandem {

std::optional<std::size_t> ServerChoice::choose(const std::vector<std::size_t> &tried, Instant now) {
    for (std::size_t i = 0; i < breakers_.size(); ++i) {
        const std::size_t server = (next_ + i) % breakers_.size();
        const bool was_tried = std::find(tried.begin(), tried.end(), server) != tried.end();
        if (was_tried || !breakers_[server].may_ask(now)) continue;
        breakers_[server].note_asked(now);
        next_ = (server + 1) % breakers_.size();
        return server;
    }
    return std::nullopt;
}

bool ServerChoice::has_closed() const {
    return std::any_of(breakers_.begin(), breakers_.end(),
                       [](const CircuitBreaker &breaker) { return breaker.state() == CircuitBreaker::State::closed; });
}

} // namespace tandem
