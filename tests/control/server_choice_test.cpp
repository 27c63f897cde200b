#include <doctest/doctest.h>
#include "control/server_choice.hpp"

using namespace tandem;

namespace {

constexpr CircuitBreakerOptions quick{.failure_max = 1, .pause = std::chrono::milliseconds(1000)};

} // namespace

TEST_CASE("server choice: each in turn, from the first one on") {
    ServerChoice servers(3, 4);
    std::vector<std::size_t> order;
    for (int i = 0; i < 6; ++i) order.push_back(servers.choose({}, at_ms(0)).value());
    CHECK(order == std::vector<std::size_t>{1, 2, 0, 1, 2, 0});
}

TEST_CASE("server choice: one question goes to each server once") {
    ServerChoice servers(2, 0);
    std::vector<std::size_t> tried;
    while (const auto server = servers.choose(tried, at_ms(0))) tried.push_back(*server);
    CHECK(tried == std::vector<std::size_t>{0, 1});
}

TEST_CASE("server choice: who is left alone is passed over, and tried by one question after its pause") {
    ServerChoice servers(2, 0, quick);
    CHECK(servers.breaker(0).note_failure(at_ms(0)));
    CHECK(servers.has_closed());
    for (int i = 0; i < 4; ++i) CHECK(servers.choose({}, at_ms(10)) == 1);
    CHECK(servers.choose({}, at_ms(1000)) == 0);
    CHECK(servers.choose({}, at_ms(1000)) == 1);
    CHECK(servers.choose({}, at_ms(1000)) == 1);
    servers.breaker(0).note_success();
    CHECK(servers.choose({}, at_ms(1001)) == 0);
}

TEST_CASE("server choice: where all are left alone there is nobody to ask") {
    ServerChoice servers(2, 0, quick);
    for (std::size_t i = 0; i < 2; ++i) servers.breaker(i).note_failure(at_ms(0));
    CHECK_FALSE(servers.choose({}, at_ms(999)));
    CHECK_FALSE(servers.has_closed());
    CHECK(servers.choose({}, at_ms(1000)));
    CHECK(ServerChoice(0, 3).choose({}, at_ms(0)) == std::nullopt);
}
