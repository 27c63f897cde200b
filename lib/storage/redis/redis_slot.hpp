// Which of the slots of a Redis Cluster a key is in.
#pragma once
#include <cstdint>
#include <string_view>

namespace tandem {

constexpr std::uint16_t redis_slots = 16384;

// By what stands between the first '{' and the '}' after it, if there is anything, or else by the whole key.
std::uint16_t redis_slot(std::string_view key);

} // namespace tandem
