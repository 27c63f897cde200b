#include <doctest/doctest.h>
#include "control/circuit_breaker.hpp"

using namespace tandem;
using State = CircuitBreaker::State;

namespace {

constexpr CircuitBreakerOptions options{
    .failure_max = 3, .pause = std::chrono::milliseconds(1000), .pause_max = std::chrono::milliseconds(3000)};

CircuitBreaker opened(Instant now) {
    CircuitBreaker breaker(options);
    CHECK_FALSE(breaker.note_failure(now));
    CHECK_FALSE(breaker.note_failure(now));
    CHECK(breaker.note_failure(now));
    CHECK(breaker.state() == State::open);
    return breaker;
}

} // namespace

TEST_CASE("circuit breaker: it opens after so many failures in a row, and a success begins the count anew") {
    CircuitBreaker breaker(options);
    for (int round = 0; round < 5; ++round) {
        CHECK_FALSE(breaker.note_failure(at_ms(0)));
        CHECK_FALSE(breaker.note_failure(at_ms(0)));
        CHECK_FALSE(breaker.note_success());
    }
    CHECK(breaker.may_ask(at_ms(0)));
    opened(at_ms(0));
}

TEST_CASE("circuit breaker: it is left alone for its pause and not a microsecond longer") {
    CircuitBreaker breaker = opened(at_ms(100));
    CHECK_FALSE(breaker.may_ask(at_ms(100)));
    CHECK_FALSE(breaker.may_ask(at_ms(1100) - Duration(1)));
    CHECK(breaker.may_ask(at_ms(1100)));
}

TEST_CASE("circuit breaker: one question tries it, and no other goes until that is over") {
    CircuitBreaker breaker = opened(at_ms(0));
    breaker.note_asked(at_ms(1000));
    CHECK(breaker.state() == State::half_open);
    CHECK_FALSE(breaker.may_ask(at_ms(1000)));
    CHECK_FALSE(breaker.may_ask(at_ms(100'000)));
    CHECK(breaker.note_success());
    CHECK(breaker.state() == State::closed);
    CHECK_FALSE(breaker.note_failure(at_ms(1001)));
}

TEST_CASE("circuit breaker: with each try that fails the pause doubles, up to its bound; a success makes it short") {
    CircuitBreaker breaker = opened(at_ms(0));
    std::int64_t now = 1000;
    for (const std::int64_t pause : {2000, 3000, 3000}) {
        CHECK(breaker.may_ask(at_ms(now)));
        breaker.note_asked(at_ms(now));
        CHECK_FALSE(breaker.note_failure(at_ms(now))); // known already
        CHECK_FALSE(breaker.may_ask(at_ms(now + pause - 1)));
        now += pause;
        CHECK(breaker.may_ask(at_ms(now)));
    }
    breaker.note_asked(at_ms(now));
    CHECK(breaker.note_success());
    for (int i = 0; i < 3; ++i) breaker.note_failure(at_ms(now));
    CHECK(breaker.may_ask(at_ms(now + 1000)));
}

TEST_CASE("circuit breaker: a try that is given up leaves the next one the try") {
    CircuitBreaker breaker = opened(at_ms(0));
    breaker.note_asked(at_ms(1000));
    breaker.note_nothing();
    CHECK(breaker.state() == State::open);
    CHECK(breaker.may_ask(at_ms(1000)));
    CircuitBreaker closed(options);
    closed.note_nothing();
    CHECK(closed.state() == State::closed);
}

TEST_CASE("circuit breaker: what was sent before it opened tells, too") {
    CircuitBreaker breaker = opened(at_ms(0));
    CHECK_FALSE(breaker.note_failure(at_ms(10)));
    CHECK(breaker.may_ask(at_ms(1000))); // no longer for that
    CHECK(breaker.note_success());       // whoever answers is there
    CHECK(breaker.may_ask(at_ms(11)));
}
