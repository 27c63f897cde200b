// A log whose lines a test can look at.
#pragma once
#include <cstddef>
#include <sstream>
#include <string>
#include <string_view>
#include "node/log.hpp"

namespace tandem::test {

struct Lines {
    std::ostringstream text;
    Log log{{LogLevel::debug, LogFormat::text}, text};

    std::size_t count(std::string_view part) const {
        std::size_t found = 0;
        const std::string all = text.str();
        for (std::size_t at = all.find(part); at != std::string::npos; at = all.find(part, at + 1)) ++found;
        return found;
    }
    bool has(std::string_view part) const { return text.str().find(part) != std::string::npos; }
};

} // namespace tandem::test
