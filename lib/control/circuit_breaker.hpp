// Whether a server is worth a try. After so many failures in a row it is left alone for a while; then one question goes
// there, and what comes of that says whether others may, or how much longer they may not. Pure: time is an argument.
#pragma once
#include <cstdint>
#include "base/instant.hpp"

namespace tandem {

struct CircuitBreakerOptions {
    std::uint32_t failure_max = 5; // in a row; the next one opens it
    Duration pause = std::chrono::seconds(1);
    Duration pause_max = std::chrono::seconds(8); // the pause doubles with each try that fails, up to this
};

class CircuitBreaker {
public:
    enum class State : std::uint8_t {
        closed,    // questions go there
        open,      // none does
        half_open, // one is there to try it, and no other goes
    };

    explicit CircuitBreaker(const CircuitBreakerOptions &options = {}) : options_(options) {}

    // Whether a question may go there now. Whoever is told so says what came of it, by one of those below.
    bool may_ask(Instant now) const;
    void note_asked(Instant now);

    // True: this has changed whether the server is asked, which is worth a word.
    bool note_success();
    bool note_failure(Instant now);
    void note_nothing(); // it was given up before anything came of it

    State state() const { return state_; }

private:
    void open(Instant now);

    CircuitBreakerOptions options_;
    State state_ = State::closed;
    std::uint32_t failures_ = 0; // in a row
    Duration pause_{};           // of this time
    Instant until_{};            // open: nobody is asked before
};

} // namespace tandem
