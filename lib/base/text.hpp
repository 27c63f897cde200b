// Small questions about text from the wire.
#pragma once
#include <cstddef>
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

bool is_visible_ascii(std::string_view text); // also the empty text
bool has_control_bytes(std::string_view text); // those of ASCII

// The values of a comma-separated header, trimmed, empty ones left out. Commas inside quotes and <> do not separate.
std::vector<std::string_view> split_values(std::string_view list);

// Takes the first value off a list of tokens, where no comma is quoted; it may be empty.
std::string_view take_token(std::string_view &list);

// The URI of a From, Contact or Route value: what stands in <>, or the value without its parameters.
std::string_view addr_spec(std::string_view value);

// True if the text may stand inside one header field: no CR, LF or NUL.
bool is_header_safe(std::string_view text);

bool is_token(std::string_view text); // of RFC 3261 section 25.1: a method, a header name

// What a text begins with, read as UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
struct Utf8Part {
    std::size_t size = 0; // of a character, or of the bytes that begin one and break off: at least 1; 0: the end
    bool is_valid = true;
};
Utf8Part first_utf8(std::string_view text);

bool is_utf8(std::string_view text); // to its end

} // namespace tandem
