// Random damage to a message: bytes changed, lost, put in and repeated, with the signs that SIP lives by.
#pragma once
#include <cstddef>
#include <random>
#include <string>
#include <string_view>

namespace tandem::test {

// From one to four changes; never empty.
inline std::string mutate(std::string_view whole, std::mt19937 &random) {
    std::string bytes(whole);
    for (std::size_t left = 1 + random() % 4; left > 0; --left) {
        const std::size_t at = random() % bytes.size();
        switch (random() % 4) {
        case 0: bytes[at] = static_cast<char>(random()); break;
        case 1: bytes.erase(at, 1 + random() % 20); break;
        case 2: bytes.insert(at, 1 + random() % 5, "\r\n,;<>\"\\%@: \t="[random() % 14]); break;
        default: bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 60)); break;
        }
        if (bytes.empty()) bytes = whole;
    }
    return bytes;
}

} // namespace tandem::test
