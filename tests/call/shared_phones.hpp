// Two phones whose calls are counted by a cluster, which is the test.
#pragma once
#include <string>
#include <utility>
#include <variant>
#include <vector>
#include "call/two_phones.hpp"

namespace tandem::test {

struct Shared : TwoPhones {
    explicit Shared(OnOutage on_outage = OnOutage::closed, std::uint32_t limit = 1, EngineOptions options = {})
        : TwoPhones(std::move(options)) {
        REQUIRE(profiles().declare({.name = "total", .limit = 5}));
        REQUIRE(profiles().declare(
            {.name = "user", .has_values = true, .limit = limit, .is_shared = true, .on_outage = on_outage}));
        router.answer.profiles = {{"total", ""}, {"user", "alice"}};
    }
    std::uint32_t size(std::string_view profile) { return *profiles().size(profile); }

    // What the cluster is asked; fails the test unless it is one question.
    Reservation asked() {
        const auto all = requests();
        REQUIRE(all.size() == 1);
        REQUIRE(std::holds_alternative<Reservation>(all.front()));
        return std::get<Reservation>(all.front());
    }
    std::vector<Departure> departures() {
        std::vector<Departure> left;
        for (const PlaceRequest &request : requests()) left.push_back(std::get<Departure>(request));
        return left;
    }
    std::vector<PlaceRequest> requests() {
        std::vector<PlaceRequest> all;
        engine().take_place_requests(all);
        return all;
    }
    void decide(const Reservation &reservation, Verdict verdict) {
        engine().on_reserved({reservation.id, verdict, 0, 7}, now);
        wait(0);
    }
};

} // namespace tandem::test
