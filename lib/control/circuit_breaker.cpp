#include "control/circuit_breaker.hpp"
#include <algorithm>

namespace tandem {

bool CircuitBreaker::may_ask(Instant now) const {
    return state_ == State::closed || (state_ == State::open && now >= until_);
}

void CircuitBreaker::note_asked(Instant now) {
    if (state_ == State::open && now >= until_) state_ = State::half_open;
}

// Also of a question that was sent before it opened: whoever answers is there.
bool CircuitBreaker::note_success() {
    failures_ = 0;
    pause_ = Duration::zero();
    const bool was_left_alone = state_ != State::closed;
    state_ = State::closed;
    return was_left_alone;
}

bool CircuitBreaker::note_failure(Instant now) {
    switch (state_) {
    case State::closed:
        if (++failures_ < options_.failure_max) return false;
        open(now);
        return true;
    case State::half_open: open(now); return false;
    case State::open: return false; // of one that was sent before
    }
    return false;
}

// The next one may try.
void CircuitBreaker::note_nothing() {
    if (state_ == State::half_open) state_ = State::open;
}

void CircuitBreaker::open(Instant now) {
    pause_ = pause_ == Duration::zero() ? options_.pause : std::min(2 * pause_, options_.pause_max);
    state_ = State::open;
    until_ = now + pause_;
}

} // namespace tandem
