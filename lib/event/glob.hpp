// Patterns as a shell has them, without its sets: * is any text, ? one byte, \ takes the next one as it is.
#pragma once
#include <string>
#include <string_view>

namespace tandem {

bool is_glob(std::string_view pattern); // false: unescaped(pattern) is all that it matches

// A pattern that matches nothing but the text.
std::string glob_of(std::string_view text);

std::string unescaped(std::string_view pattern);

// In as many steps as the text has bytes, of a pattern of up to 128; of a longer one in pattern times text steps.
bool glob_matches(std::string_view pattern, std::string_view text);

} // namespace tandem
