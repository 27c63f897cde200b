#include <algorithm>
#include <doctest/doctest.h>
#include <map>
#include "net/dns/srv_order.hpp"

using namespace tandem;

namespace {

SrvRecord record(std::uint16_t priority, std::uint16_t weight, std::string target) {
    return {priority, weight, 5060, std::move(target)};
}

constexpr int draws = 20000;

// How often each target stands first, second ... in as many draws.
std::vector<std::map<std::string, int>> count(const std::vector<SrvRecord> &records) {
    SeededRandom random(2782);
    std::vector<std::map<std::string, int>> places(records.size());
    for (int i = 0; i < draws; ++i) {
        std::vector<SrvRecord> order = records;
        order_srv(order, random);
        for (std::size_t place = 0; place < order.size(); ++place) ++places[place][order[place].target];
    }
    return places;
}

double share(int times) { return static_cast<double>(times) / draws; }

} // namespace

TEST_CASE("srv order: a lower priority comes first, whatever its weight (RFC 2782)") {
    const auto places = count({record(20, 65535, "c"), record(10, 0, "b"), record(5, 1, "a")});
    CHECK(places[0].at("a") == draws);
    CHECK(places[1].at("b") == draws);
    CHECK(places[2].at("c") == draws);
}

TEST_CASE("srv order: within a priority weights are shares, of what is left again (RFC 2782)") {
    // The example of the RFC's "old-slow-box" and "new-fast-box", with a third.
    const auto places = count({record(1, 10, "slow"), record(1, 30, "fast"), record(1, 60, "faster")});
    // A number of 0 is drawn as well, so the first in line has 11 of 101.
    CHECK(share(places[0].at("faster")) == doctest::Approx(0.60).epsilon(0.03));
    CHECK(share(places[0].at("fast")) == doctest::Approx(0.30).epsilon(0.05));
    CHECK(share(places[0].at("slow")) == doctest::Approx(0.10).epsilon(0.10));
    // fast is second if faster was first and 30 of 40 came, or slow was first and 30 of 90 came.
    CHECK(share(places[1].at("fast")) == doctest::Approx(0.6 * 0.75 + 0.1 / 3).epsilon(0.05));
}

TEST_CASE("srv order: equal weights are equal shares, also those of 0") {
    for (const std::uint16_t weight : std::initializer_list<std::uint16_t>{0, 1, 100}) {
        const auto places = count({record(1, weight, "a"), record(1, weight, "b"), record(1, weight, "c")});
        for (const char *target : {"a", "b", "c"})
            CHECK(share(places[0].at(target)) == doctest::Approx(1.0 / 3).epsilon(0.05));
    }
}

TEST_CASE("srv order: a weight of 0 beside others is chosen, and hardly ever (RFC 2782)") {
    const auto places = count({record(1, 99, "a"), record(1, 0, "b")});
    CHECK(places[0].at("b") > 0);
    CHECK(share(places[0].at("b")) == doctest::Approx(0.01).epsilon(0.3));
}

TEST_CASE("srv order: no record is lost, and one or none is no trouble") {
    SeededRandom random(1);
    std::vector<SrvRecord> none;
    order_srv(none, random);
    CHECK(none.empty());
    std::vector<SrvRecord> records;
    for (std::uint16_t i = 0; i < 64; ++i) {
        records.push_back({static_cast<std::uint16_t>(i % 3), static_cast<std::uint16_t>(i % 5), i, std::to_string(i)});
    }
    auto order = records;
    order_srv(order, random);
    CHECK(std::is_permutation(order.begin(), order.end(), records.begin()));
    CHECK(std::is_sorted(order.begin(), order.end(),
                         [](const SrvRecord &a, const SrvRecord &b) { return a.priority < b.priority; }));
}
