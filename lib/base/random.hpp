// Injected randomness. Tags, branches and Call-IDs come from it, so a seeded run repeats byte for byte.
#pragma once
#include <cstdint>
#include <random>
#include <string>

namespace tandem {

class Random {
public:
    virtual ~Random() = default;
    virtual std::uint64_t next() = 0;
};

// Repeatable, and predictable for whoever knows the seed: tests and simulations only.
class SeededRandom final : public Random {
public:
    explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
    std::uint64_t next() override { return engine_(); }

private:
    std::mt19937_64 engine_;
};

// Appends 13 letters and digits (64 bits in base 32): a token of RFC 3261 section 25.1. A tag needs 32 bits of
// randomness (section 19.3); with a cryptographic source no stranger guesses one either.
void append_token(Random &random, std::string &out);
std::string make_token(Random &random);

} // namespace tandem
