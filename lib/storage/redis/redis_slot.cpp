#include "storage/redis/redis_slot.hpp"

namespace tandem {

std::uint16_t redis_slot(std::string_view key) {
    const std::size_t open = key.find('{');
    if (open != std::string_view::npos) {
        const std::size_t close = key.find('}', open + 1);
        if (close != std::string_view::npos && close > open + 1) key = key.substr(open + 1, close - open - 1);
    }
    // CRC-16 by the polynomial x^16 + x^12 + x^5 + 1, from zero, the highest bit first (XMODEM).
    std::uint16_t crc = 0;
    for (const char byte : key) {
        crc = static_cast<std::uint16_t>(crc ^ (static_cast<unsigned char>(byte) << 8));
        for (int bit = 0; bit < 8; ++bit) crc = static_cast<std::uint16_t>(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
    }
    return crc % redis_slots;
}

} // namespace tandem
