#include "event/glob.hpp"
#include <array>
#include <bitset>
#include <cstddef>

namespace tandem {
namespace {

// A \ at the end is itself.
bool is_escape(std::string_view pattern, std::size_t at) { return pattern[at] == '\\' && at + 1 < pattern.size(); }

// How many bytes of the pattern the next one of the text takes; 0: it does not match.
std::size_t step(std::string_view pattern, std::size_t at, char byte) {
    if (at == pattern.size()) return 0;
    if (is_escape(pattern, at)) return pattern[at + 1] == byte ? 2 : 0;
    return pattern[at] == '?' || pattern[at] == byte ? 1 : 0;
}

constexpr std::size_t place_max = 128;  // bytes of a pattern that has places
constexpr std::size_t cheap_max = 4096; // pattern times text, up to which one place at a time is quicker

// A bit for each place of the pattern that the text may have come to: as many steps as the text has bytes.
bool matches_by_places(std::string_view pattern, std::string_view text) {
    using Places = std::bitset<place_max + 1>;
    std::array<Places, 256> takes{}; // by byte: the places that go on with it
    Places any;                      // with any byte
    Places stays;                    // where a star is
    std::size_t end = 0;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (pattern[i] == '*') {
            stays.set(end);
        } else if (pattern[i] == '?') {
            any.set(end++);
        } else {
            if (is_escape(pattern, i)) ++i;
            takes[static_cast<unsigned char>(pattern[i])].set(end++);
        }
    }
    Places at;
    at.set(0);
    for (const char byte : text) {
        at = (at & stays) | ((at & (takes[static_cast<unsigned char>(byte)] | any)) << 1);
        if (at.none()) return false;
    }
    return at.test(end);
}

} // namespace

bool is_glob(std::string_view pattern) {
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (is_escape(pattern, i)) {
            ++i;
        } else if (pattern[i] == '*' || pattern[i] == '?') {
            return true;
        }
    }
    return false;
}

std::string glob_of(std::string_view text) {
    std::string pattern;
    for (const char byte : text) {
        if (byte == '*' || byte == '?' || byte == '\\') pattern += '\\';
        pattern += byte;
    }
    return pattern;
}

std::string unescaped(std::string_view pattern) {
    std::string text;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (is_escape(pattern, i)) ++i;
        text += pattern[i];
    }
    return text;
}

bool glob_matches(std::string_view pattern, std::string_view text) {
    const bool is_dear = pattern.size() * text.size() > cheap_max;
    if (is_dear && pattern.size() <= place_max) return matches_by_places(pattern, text);
    std::size_t at = 0;                              // of the pattern
    std::size_t after_star = std::string_view::npos; // of it, behind the last star
    std::size_t star_takes_to = 0;                   // of the text
    for (std::size_t i = 0; i < text.size();) {
        if (at < pattern.size() && pattern[at] == '*') {
            after_star = ++at;
            star_takes_to = i;
        } else if (const std::size_t taken = step(pattern, at, text[i])) {
            at += taken;
            ++i;
        } else if (after_star == std::string_view::npos) {
            return false;
        } else { // the last star takes one more; an earlier one could do no better
            at = after_star;
            i = ++star_takes_to;
        }
    }
    while (at < pattern.size() && pattern[at] == '*') ++at;
    return at == pattern.size();
}

} // namespace tandem
