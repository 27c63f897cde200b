#include "base/token.hpp"
#include <algorithm>

namespace tandem {
namespace {

constexpr std::size_t random_size = 12;
constexpr char mark = 'x';

constexpr char digit(std::uint64_t bits) { return "0123456789abcdefghijklmnopqrstuv"[bits & 31]; }

constexpr int value(char letter) {
    if (letter >= '0' && letter <= '9') return letter - '0';
    if (letter >= 'a' && letter <= 'v') return letter - 'a' + 10;
    return -1;
}

} // namespace

void append_token(std::uint64_t bits, std::uint8_t shard, std::string &out) {
    char text[token_size];
    for (std::size_t i = 0; i < random_size; ++i, bits >>= 5) text[i] = digit(bits);
    text[random_size] = mark;
    text[random_size + 1] = digit(shard >> 5);
    text[random_size + 2] = digit(shard);
    out.append(text, sizeof text);
}

void append_token(Random &random, std::string &out) { append_token(random.next(), random.shard(), out); }

std::string make_token(Random &random) {
    std::string out;
    append_token(random, out);
    return out;
}

std::optional<std::uint8_t> shard_of_token(std::string_view name) {
    if (name.size() < token_size) return std::nullopt;
    const std::string_view token = name.substr(name.size() - token_size);
    if (token[random_size] != mark) return std::nullopt;
    const std::string_view random = token.substr(0, random_size);
    if (std::any_of(random.begin(), random.end(), [](char letter) { return value(letter) < 0; })) return std::nullopt;

    const int high = value(token[random_size + 1]);
    const int low = value(token[random_size + 2]);
    if (high < 0 || high > 7 || low < 0) return std::nullopt;
    return static_cast<std::uint8_t>(high << 5 | low);
}

} // namespace tandem
