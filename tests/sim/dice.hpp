// The simulation's own chance: small, seeded, and split by purpose, so that one call behaves alike whether it is
// simulated among thousands or alone.
#pragma once
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include "base/instant.hpp"

namespace tandem::sim {

class Dice {
public:
    explicit Dice(std::uint64_t seed) : state_(seed) {}
    Dice(std::uint64_t seed, std::uint64_t purpose, std::uint64_t number)
        : state_(mix(mix(seed ^ purpose * 0x9e3779b97f4a7c15U) ^ number)) {}

    std::uint64_t next() { return mix(state_ += 0x9e3779b97f4a7c15U); }
    bool chance(double probability) { return static_cast<double>(next() >> 11) * 0x1p-53 < probability; }
    std::int64_t between(std::int64_t low, std::int64_t high) { // both included
        return low + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(high - low + 1));
    }
    Duration ms(std::int64_t low, std::int64_t high) { return std::chrono::milliseconds(between(low, high)); }
    template <class T>
    T pick(std::initializer_list<T> choices) {
        return choices.begin()[next() % choices.size()];
    }
    std::string word() { // 16 hexadecimal digits
        std::string out;
        for (auto bits = next(); out.size() < 16; bits >>= 4) out += "0123456789abcdef"[bits & 15];
        return out;
    }

    static std::uint64_t mix(std::uint64_t value) { // splitmix64
        value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9U;
        value = (value ^ value >> 27) * 0x94d049bb133111ebU;
        return value ^ value >> 31;
    }

private:
    std::uint64_t state_;
};

} // namespace tandem::sim
