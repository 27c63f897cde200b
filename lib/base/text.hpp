// Small questions about text from the wire.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace tandem {

// ASCII letters only, as the SIP grammar compares tokens (RFC 3261 section 7.3.1).
bool equals_ignoring_case(std::string_view a, std::string_view b);

std::string_view trim(std::string_view text); // without leading and trailing blanks, tabs, CR and LF

// Decimal digits and nothing else; none on overflow.
std::optional<std::uint64_t> parse_number(std::string_view text);

// The values of a comma-separated header, trimmed, empty ones left out. Commas inside quotes and <> do not separate.
std::vector<std::string_view> split_values(std::string_view list);

// True if the text may stand inside one header field: no CR, LF or NUL.
bool is_header_safe(std::string_view text);

} // namespace tandem
