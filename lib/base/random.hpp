// Injected randomness. Tags, branches and Call-IDs come from it, so a seeded run repeats byte for byte.
#pragma once
#include <cstdint>
#include <random>

namespace tandem {

class Random {
public:
    // `shard` is the worker whose randomness this is: its tokens carry it.
    explicit Random(std::uint8_t shard = 0) : shard_(shard) {}
    virtual ~Random() = default;
    virtual std::uint64_t next() = 0;

    std::uint8_t shard() const { return shard_; }

private:
    std::uint8_t shard_;
};

// Repeatable, and predictable for whoever knows the seed: tests and simulations only.
class SeededRandom final : public Random {
public:
    explicit SeededRandom(std::uint64_t seed, std::uint8_t shard = 0) : Random(shard), engine_(seed) {}
    std::uint64_t next() override { return engine_(); }

private:
    std::mt19937_64 engine_;
};

} // namespace tandem
