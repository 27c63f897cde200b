// Randomness that nobody can predict, from the kernel. Not for several threads at once: each worker has its own.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include "base/random.hpp"

namespace tandem {

class SystemRandom final : public Random {
public:
    explicit SystemRandom(std::uint8_t shard = 0) : Random(shard) {}
    std::uint64_t next() override;

private:
    std::array<std::uint64_t, 64> buffer_{}; // 512 bytes of one getrandom(2)
    std::size_t used_ = 64;                  // numbers given away; 64: fetch more
};

} // namespace tandem
