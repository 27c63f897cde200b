#include "base/text.hpp"
#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>

namespace tandem {
namespace {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

constexpr bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// Bytes of ASCII at the front, eight at a time; up to seven more may follow.
std::size_t ascii_size(std::string_view text) {
    std::size_t size = 0;
    for (std::uint64_t word; text.size() - size >= sizeof word; size += sizeof word) {
        std::memcpy(&word, text.data() + size, sizeof word);
        if ((word & 0x8080808080808080) != 0) break;
    }
    return size;
}

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

bool is_visible_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

bool has_control_bytes(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

std::vector<std::string_view> split_values(std::string_view list) {
    std::vector<std::string_view> values;
    if (list.empty()) return values;
    values.reserve(1 + static_cast<std::size_t>(std::count(list.begin(), list.end(), ',')));
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

std::string_view take_token(std::string_view &list) {
    const std::size_t end = std::min(list.find(','), list.size());
    const std::string_view token = trim(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
    return token;
}

std::string_view addr_spec(std::string_view value) {
    bool is_quoted = false;
    for (std::size_t i = 0; i < value.size(); ++i) {
        const char c = value[i];
        if (is_quoted && c == '\\') {
            ++i;
        } else if (c == '"') {
            is_quoted = !is_quoted;
        } else if (c == '<' && !is_quoted) {
            const std::size_t end = value.find('>', i);
            return value.substr(i + 1, end == std::string_view::npos ? end : end - i - 1);
        }
    }
    // Without <> parameters belong to the header, not to the URI (RFC 3261 section 20).
    return trim(value.substr(0, value.find_first_of(";,")));
}

bool is_header_safe(std::string_view text) {
    return std::none_of(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 ||
               std::string_view("-.!%*_+`'~").find(static_cast<char>(c)) != std::string_view::npos;
    });
}

Utf8Part first_utf8(std::string_view text) {
    if (text.empty()) return {};
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80) return {1, true};
    if (lead < 0xc2 || lead > 0xf4) return {1, false};

    // Only the second byte can make a form overlong, a surrogate or too high (RFC 3629 section 4).
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    if (lead == 0xe0) low = 0xa0;
    if (lead == 0xed) high = 0x9f;
    if (lead == 0xf0) low = 0x90;
    if (lead == 0xf4) high = 0x8f;
    const std::size_t size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    for (std::size_t i = 1; i < size; ++i) {
        if (i == text.size() || byte(i) < low || byte(i) > high) return {i, false};
        low = 0x80;
        high = 0xbf;
    }
    return {size, true};
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        text.remove_prefix(ascii_size(text));
        const Utf8Part part = first_utf8(text);
        if (!part.is_valid) return false;
        text.remove_prefix(part.size);
    }
    return true;
}

} // namespace tandem
