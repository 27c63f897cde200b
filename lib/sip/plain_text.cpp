#include "sip/plain_text.hpp"
#include "sip/limits.hpp"

namespace tandem {
namespace {

constexpr std::array<std::uint8_t, 256> make_sets() {
    std::array<std::uint8_t, 256> sets{};
    const auto add = [&sets](std::string_view bytes, std::initializer_list<CharSet> to) {
        for (const char c : bytes) {
            for (const CharSet set : to) sets[static_cast<unsigned char>(c)] |= static_cast<std::uint8_t>(set);
        }
    };
    using enum CharSet;
    add("0123456789", {digits, host, word, quoted, phrase});
    add("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", {host, word, quoted, phrase});
    add("-.", {host});
    add("-._+~*!", {word, quoted, phrase});
    add(" @:/", {quoted, phrase});
    add("<>", {quoted});
    add("()'", {phrase});
    return sets;
}

} // namespace

constexpr std::array<std::uint8_t, 256> char_sets = make_sets();

bool take_number(Cursor &cursor, std::size_t size_max, std::uint64_t number_max, std::uint64_t &number) {
    const std::string_view text = cursor.take_all(CharSet::digits);
    if (text.empty() || text.size() > size_max) return false;
    number = 0;
    for (const char c : text) number = number * 10 + static_cast<std::uint64_t>(c - '0');
    return number <= number_max;
}

bool take_port(Cursor &cursor, std::uint16_t &port) {
    std::uint64_t number = 0;
    if (!take_number(cursor, 5, 65535, number) || number == 0) return false;
    port = static_cast<std::uint16_t>(number);
    return true;
}

bool take_uri(Cursor &cursor, PlainUri &uri) {
    const char *start = cursor.at();
    if (!cursor.take("sip:")) return false;
    uri.host = cursor.take_all(CharSet::word);
    if (cursor.take('@')) {
        uri.user = uri.host;
        uri.host = cursor.take_all(CharSet::host);
        if (uri.user.empty()) return false;
    } else if (uri.host.find_first_of("_+~*!") != std::string_view::npos) {
        return false; // in a user only
    }
    if (uri.host.empty()) return false;
    if (cursor.take(':') && !take_port(cursor, uri.port)) return false;
    const char *params = cursor.at();
    const auto is_word = [](std::string_view, std::string_view value) { return !value.starts_with('"'); };
    if (!take_params(cursor, is_word)) return false;
    uri.params = {params, cursor.at()};
    uri.text = {start, cursor.at()};
    return uri.text.size() <= uri_size_max;
}

} // namespace tandem
