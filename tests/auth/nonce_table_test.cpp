#include <doctest/doctest.h>
#include <set>
#include <string>
#include <vector>
#include "auth/nonce_table.hpp"

using namespace tandem;

namespace {

constexpr Duration lifetime = std::chrono::seconds(300);

struct Table {
    explicit Table(std::size_t max = 100, std::uint64_t seed = 1) : random(seed), nonces(lifetime, max, random) {}

    SeededRandom random;
    NonceTable nonces;
};

} // namespace

TEST_CASE("nonce: each is another one, and nothing is kept of those that were only handed out") {
    Table table;
    std::set<std::string> seen;
    for (int i = 0; i < 10'000; ++i) CHECK(seen.insert(table.nonces.make(at_ms(1))).second);
    CHECK(table.nonces.size() == 0);
}

TEST_CASE("nonce: it is good for its lifetime and not a microsecond longer, used before or not") {
    Table table;
    const std::string nonce = table.nonces.make(at_ms(1000));
    const std::string unused = table.nonces.make(at_ms(1000));
    CHECK(table.nonces.use(nonce, 1, at_ms(1000)) == NonceUse::ok);
    CHECK(table.nonces.use(nonce, 2, at_ms(1000) + lifetime) == NonceUse::ok);
    CHECK(table.nonces.use(nonce, 3, at_ms(1000) + lifetime + Duration(1)) == NonceUse::stale);
    CHECK(table.nonces.use(unused, 1, at_ms(1000) + lifetime + Duration(1)) == NonceUse::stale);
}

TEST_CASE("nonce: a forged one is stale: every letter counts") {
    Table table;
    const std::string nonce = table.nonces.make(at_ms(1000));
    for (std::size_t i = 0; i < nonce.size(); ++i) {
        std::string forged = nonce;
        forged[i] = forged[i] == '0' ? '1' : '0';
        CAPTURE(forged);
        CHECK(table.nonces.use(forged, 1, at_ms(1000)) == NonceUse::stale);
    }
    for (const std::string &odd :
         {std::string(), nonce + "0", nonce.substr(1), std::string(48, 'x'), "-" + nonce.substr(1)}) {
        CAPTURE(odd);
        CHECK(table.nonces.use(odd, 1, at_ms(1000)) == NonceUse::stale);
    }
    CHECK(table.nonces.size() == 0);
    Table other(100, 2); // another process, another key
    CHECK(other.nonces.use(nonce, 1, at_ms(1000)) == NonceUse::stale);
}

TEST_CASE("nonce: each count is good once, in any order within 64") {
    Table table;
    const std::string nonce = table.nonces.make(at_ms(0));
    const auto use = [&](std::uint32_t nc) { return table.nonces.use(nonce, nc, at_ms(1)); };
    CHECK(use(0) == NonceUse::replayed);
    CHECK(use(1) == NonceUse::ok);
    CHECK(use(1) == NonceUse::replayed);
    CHECK(use(3) == NonceUse::ok);
    CHECK(use(2) == NonceUse::ok);
    CHECK(use(2) == NonceUse::replayed);
    CHECK(use(3) == NonceUse::replayed);
    CHECK(use(67) == NonceUse::ok);
    CHECK(use(3) == NonceUse::replayed);
    CHECK(use(4) == NonceUse::ok);
    CHECK(use(4) == NonceUse::replayed);
    CHECK(use(0xffffffff) == NonceUse::ok);
    CHECK(use(68) == NonceUse::replayed); // too far behind to know
    CHECK(use(0xfffffffe) == NonceUse::ok);
    CHECK(use(0xfffffffe) == NonceUse::replayed);
}

TEST_CASE("nonce: counts in disorder are taken as a set is, as long as none is 64 behind") {
    Table table;
    const std::string nonce = table.nonces.make(at_ms(0));
    SeededRandom random(7);
    std::set<std::uint32_t> seen;
    std::uint32_t highest = 0;
    for (int i = 0; i < 5000; ++i) {
        const std::uint32_t nc = highest + 1 + static_cast<std::uint32_t>(random.next() % 40) -
                                 std::min(highest, static_cast<std::uint32_t>(random.next() % 60));
        const bool is_new = nc > highest || (highest - nc < 64 && !seen.contains(nc));
        CHECK(table.nonces.use(nonce, nc, at_ms(1)) == (is_new ? NonceUse::ok : NonceUse::replayed));
        seen.insert(nc);
        highest = std::max(highest, nc);
    }
}

TEST_CASE("nonce: beyond the limit the oldest are stale, and never good again") {
    Table table(10);
    std::vector<std::string> nonces;
    for (int i = 0; i < 30; ++i) nonces.push_back(table.nonces.make(at_ms(i)));
    for (int i = 5; i < 30; ++i)
        CHECK(table.nonces.use(nonces[static_cast<std::size_t>(i)], 1, at_ms(50)) == NonceUse::ok);
    CHECK(table.nonces.size() == 10);
    for (int i = 0; i < 20; ++i) { // those that were used, and those that nobody can say of
        CHECK(table.nonces.use(nonces[static_cast<std::size_t>(i)], 2, at_ms(51)) == NonceUse::stale);
    }
    for (int i = 20; i < 30; ++i) {
        CHECK(table.nonces.use(nonces[static_cast<std::size_t>(i)], 1, at_ms(51)) == NonceUse::replayed);
        CHECK(table.nonces.use(nonces[static_cast<std::size_t>(i)], 2, at_ms(51)) == NonceUse::ok);
    }
}

TEST_CASE("nonce: a count that was there is not good again for whose clock is behind, when the nonce is forgotten") {
    Table table;
    const std::string nonce = table.nonces.make(at_ms(0));
    const Instant end = at_ms(0) + lifetime;
    CHECK(table.nonces.use(nonce, 1, end) == NonceUse::ok);
    const std::string later = table.nonces.make(end);
    CHECK(table.nonces.use(later, 1, end + std::chrono::milliseconds(1)) == NonceUse::ok);
    CHECK(table.nonces.use(nonce, 1, end) == NonceUse::stale);
}

TEST_CASE("nonce: what is too old takes no memory") {
    Table table(1000);
    for (int i = 0; i < 500; ++i) table.nonces.use(table.nonces.make(at_ms(0)), 1, at_ms(1));
    CHECK(table.nonces.size() == 500);
    const std::string later = table.nonces.make(at_ms(400'000));
    CHECK(table.nonces.use(later, 1, at_ms(400'000)) == NonceUse::ok);
    CHECK(table.nonces.size() == 1);
}
