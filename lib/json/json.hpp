// JSON from somebody else (RFC 8259), read within stated bounds, and JSON to be sent.
#pragma once
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include "base/result.hpp"

namespace tandem {

using Json = nlohmann::json;

struct JsonLimits {
    std::size_t bytes_max = 64 << 10;
    std::size_t depth_max = 16;    // arrays and objects inside each other
    std::size_t values_max = 4096; // of all kinds, in all depths: what a text grows to in memory
};

// One value and nothing after it. Refused are, with a line that says what: text that is no JSON or no UTF-8, a key
// that stands twice in one object (two readers would each believe another one), a number that no double can hold,
// U+0000 in a string, and what is beyond the limits, which costs no more than to read up to there.
Result<Json, Failure> parse_json(std::string_view text, const JsonLimits &limits = {});

// On one line. What is no UTF-8 in a string becomes U+FFFD.
std::string to_text(const Json &value);

} // namespace tandem
