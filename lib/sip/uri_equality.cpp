#include "sip/uri_equality.hpp"
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include "base/text.hpp"

namespace tandem {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char small = lower(c);
    return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

// Escapes of what need not be escaped are undone. A reserved character and its escape differ, so that one stays, with
// its digits in lower case.
std::string normal(std::string_view text, bool is_caseless) {
    static constexpr std::string_view reserved = ";/?:@&=+$,%";
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '%' && text.size() - i > 2 && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
            c = static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
            if (reserved.find(c) != std::string_view::npos) {
                out.append({'%', lower(text[i + 1]), lower(text[i + 2])});
                i += 2;
                continue;
            }
            i += 2;
        }
        out.push_back(is_caseless ? lower(c) : c);
    }
    return out;
}

using Fields = std::vector<std::pair<std::string, std::string>>; // in order of their names

Fields fields_of(std::string_view text, char separator, bool is_value_caseless) {
    Fields fields;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(separator), text.size());
        const std::string_view field = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (field.empty()) continue;
        const std::size_t equal = std::min(field.find('='), field.size());
        const std::string_view value = field.substr(std::min(equal + 1, field.size()));
        fields.emplace_back(normal(field.substr(0, equal), true), normal(value, is_value_caseless));
    }
    std::sort(fields.begin(), fields.end());
    return fields;
}

// The section names user, ttl, method and maddr; its examples have transport among them.
bool decides(std::string_view name) {
    static constexpr std::array<std::string_view, 5> names{"user", "ttl", "method", "maddr", "transport"};
    return std::find(names.begin(), names.end(), name) != names.end();
}

bool has_same_params(const Fields &a, const Fields &b) {
    auto one = a.begin();
    auto other = b.begin();
    while (one != a.end() || other != b.end()) {
        if (one != a.end() && other != b.end() && one->first == other->first) {
            if (one->second != other->second) return false;
            ++one;
            ++other;
            continue;
        }
        auto &first = other == b.end() || (one != a.end() && one->first < other->first) ? one : other;
        if (decides(first->first)) return false;
        ++first;
    }
    return true;
}

} // namespace

bool is_same_uri(const Uri &a, const Uri &b) {
    return a.scheme == b.scheme && a.port == b.port && equals_ignoring_case(a.host, b.host) &&
           normal(a.user, false) == normal(b.user, false) &&
           has_same_params(fields_of(a.params, ';', true), fields_of(b.params, ';', true)) &&
           fields_of(a.headers, '&', false) == fields_of(b.headers, '&', false);
}

} // namespace tandem
