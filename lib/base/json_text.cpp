#include "base/json_text.hpp"
#include <cstddef>
#include <cstdint>
#include "base/text.hpp"

namespace tandem {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd"; // U+FFFD

constexpr bool is_plain(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
}

void append_escaped(std::string &out, char c) {
    switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
    }
    constexpr std::string_view digits = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    ((out += "\\u00") += digits[byte >> 4]) += digits[byte & 15];
}

} // namespace

void append_json_string(std::string &out, std::string_view text) {
    out += '"';
    while (!text.empty()) {
        std::size_t plain = 0;
        while (plain < text.size() && is_plain(text[plain])) ++plain;
        out += text.substr(0, plain);
        text.remove_prefix(plain);

        const Utf8Part part = first_utf8(text);
        if (!part.is_valid) {
            out += replacement;
        } else if (part.size == 1) {
            append_escaped(out, text.front());
        } else {
            out += text.substr(0, part.size);
        }
        text.remove_prefix(part.size);
    }
    out += '"';
}

void append_base64(std::string &out, std::string_view bytes) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (; !bytes.empty(); bytes.remove_prefix(bytes.size() < 3 ? bytes.size() : 3)) {
        std::uint32_t group = 0;
        for (std::size_t i = 0; i < 3; ++i) {
            group = group << 8 | (i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U);
        }
        for (std::size_t i = 0; i < 4; ++i) out += i <= bytes.size() ? digits[group >> (18 - 6 * i) & 63] : '=';
    }
}

} // namespace tandem
