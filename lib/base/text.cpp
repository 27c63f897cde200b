#include "base/text.hpp"
#include <charconv>

namespace tandem {
namespace {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

constexpr bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

} // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (lower(a[i]) != lower(b[i])) return false;
    }
    return true;
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
    std::uint64_t number = 0;
    const char *end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || stop != end) return std::nullopt;
    return number;
}

std::vector<std::string_view> split_values(std::string_view list) {
    std::vector<std::string_view> values;
    std::size_t start = 0;
    bool is_quoted = false;
    bool is_bracketed = false;
    for (std::size_t i = 0; i <= list.size(); ++i) {
        if (i >= list.size() || (list[i] == ',' && !is_quoted && !is_bracketed)) {
            const std::string_view value = trim(list.substr(start, i - start));
            if (!value.empty()) values.push_back(value);
            start = i + 1;
        } else if (list[i] == '\\' && is_quoted) {
            if (i + 1 < list.size()) ++i;
        } else if (list[i] == '"' && !is_bracketed) {
            is_quoted = !is_quoted;
        } else if (!is_quoted && (list[i] == '<' || list[i] == '>')) {
            is_bracketed = list[i] == '<';
        }
    }
    return values;
}

bool is_header_safe(std::string_view text) {
    return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

} // namespace tandem
