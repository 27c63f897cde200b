#include <doctest/doctest.h>
#include <string>
#include <utility>
#include <vector>
#include "base/random.hpp"
#include "event/glob.hpp"

using namespace tandem;

namespace {

// The same by trying everything.
bool naive(std::string_view pattern, std::string_view text) {
    if (pattern.empty()) return text.empty();
    if (pattern[0] == '*') return naive(pattern.substr(1), text) || (!text.empty() && naive(pattern, text.substr(1)));
    if (text.empty()) return false;
    if (pattern[0] == '\\' && pattern.size() > 1) {
        return pattern[1] == text[0] && naive(pattern.substr(2), text.substr(1));
    }
    return (pattern[0] == '?' || pattern[0] == text[0]) && naive(pattern.substr(1), text.substr(1));
}

std::string text_of(SeededRandom &random, std::string_view letters, std::size_t size_max) {
    std::string text;
    for (std::size_t size = random.next() % (size_max + 1); text.size() < size;) {
        text += letters[random.next() % letters.size()];
    }
    return text;
}

} // namespace

TEST_CASE("glob: * is any text, ? one byte, and \\ takes the next one as it is") {
    CHECK(glob_matches("sip:*@example.com", "sip:alice@example.com"));
    CHECK_FALSE(glob_matches("sip:*@example.com", "sip:alice@example.org"));
    CHECK(glob_matches("*", ""));
    CHECK(glob_matches("a?c", "abc"));
    CHECK_FALSE(glob_matches("a?c", "ac"));
    CHECK(glob_matches("\\*", "*"));
    CHECK_FALSE(glob_matches("\\*", "a"));
    CHECK(glob_matches("a\\", "a\\"));
    CHECK(is_glob("a*"));
    CHECK_FALSE(is_glob("a\\*"));
    CHECK(unescaped("a\\*\\?\\\\") == "a*?\\");
}

TEST_CASE("glob: it matches what trying everything matches") {
    const std::uint64_t seed = 20261129;
    INFO("seed ", seed);
    SeededRandom random(seed);
    for (int i = 0; i < 200'000; ++i) {
        const std::string pattern = text_of(random, "ab*?\\", 8);
        const std::string text = text_of(random, "ab*", 10);
        INFO("pattern ", pattern, ", text ", text);
        REQUIRE(glob_matches(pattern, text) == naive(pattern, text));
        REQUIRE(glob_matches(glob_of(text), text));
        REQUIRE_FALSE(is_glob(glob_of(text)));
        if (!is_glob(pattern)) REQUIRE(glob_matches(pattern, text) == (unescaped(pattern) == text));
    }
}

TEST_CASE("glob: of long texts and patterns it says the same") {
    const std::uint64_t seed = 20261129;
    INFO("seed ", seed);
    SeededRandom random(seed);
    int matches = 0;
    for (int i = 0; i < 20'000; ++i) {
        // Made of the text, so that some match: parts of it are left out for stars and question marks.
        const std::string text = text_of(random, "ab*?\\", 400);
        std::string pattern;
        for (std::size_t at = 0; at < text.size() && pattern.size() < 100;) {
            const std::uint64_t kind = random.next() % 8;
            pattern += kind == 0 ? "*" : kind == 1 ? "?" : glob_of(text.substr(at, 1));
            at += kind == 0 ? random.next() % 80 : 1;
        }
        if (random.next() % 2 == 0) pattern += "*";
        INFO("pattern ", pattern, ", text ", text);
        // Row by row: which ends of the text the pattern so far may have come to.
        std::vector<char> ends(text.size() + 1, 0);
        ends[0] = 1;
        for (std::size_t at = 0; at < pattern.size(); ++at) {
            std::vector<char> next(ends.size(), 0);
            const bool is_star = pattern[at] == '*';
            const bool is_any = pattern[at] == '?';
            if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
            for (std::size_t to = 0; to < next.size(); ++to) {
                if (is_star) {
                    next[to] = ends[to] || (to > 0 && next[to - 1]);
                } else if (to > 0) {
                    next[to] = ends[to - 1] && (is_any || pattern[at] == text[to - 1]);
                }
            }
            ends = std::move(next);
        }
        matches += ends.back();
        REQUIRE(glob_matches(pattern, text) == static_cast<bool>(ends.back()));
    }
    CHECK(matches > 1000);
    CHECK(matches < 19'000);
}

TEST_CASE("glob: a pattern that makes others try for ever costs pattern times text") {
    std::string pattern;
    for (int i = 0; i < 30; ++i) pattern += "*a";
    CHECK_FALSE(glob_matches(pattern + "b", std::string(100'000, 'a'))); // would take 2^30 steps and more
}
