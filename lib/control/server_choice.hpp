// Which of several decision servers gets a question: each in turn, but for those that are left alone. Pure.
#pragma once
#include <cstddef>
#include <optional>
#include <vector>
#include "base/instant.hpp"
#include "control/circuit_breaker.hpp"

namespace tandem {

class ServerChoice {
public:
    // `first` is asked first: so that several workers do not begin with the same one.
    ServerChoice(std::size_t count, std::size_t first, const CircuitBreakerOptions &options = {})
        : breakers_(count, CircuitBreaker(options)), next_(count == 0 ? 0 : first % count) {}

    // The next one that is worth a try and not among `tried`. It is asked with this.
    std::optional<std::size_t> choose(const std::vector<std::size_t> &tried, Instant now);

    std::size_t size() const { return breakers_.size(); }
    CircuitBreaker &breaker(std::size_t server) { return breakers_[server]; }
    bool has_closed() const; // one at least is asked as usual

private:
    std::vector<CircuitBreaker> breakers_;
    std::size_t next_;
};

} // namespace tandem
