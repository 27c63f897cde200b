#include "base/text.hpp"
#include <array>
#include <cstdint>
#include <doctest/doctest.h>
#include <initializer_list>
#include <string>
#include <vector>

using namespace tandem;

namespace {

std::string encode(std::uint32_t point) {
    const auto byte = [](std::uint32_t bits) { return static_cast<char>(bits); };
    const auto next = [&](int shift) { return byte(0x80 | (point >> shift & 0x3f)); };
    if (point < 0x80) return {byte(point)};
    if (point < 0x800) return {byte(0xc0 | point >> 6), next(0)};
    if (point < 0x10000) return {byte(0xe0 | point >> 12), next(6), next(0)};
    return {byte(0xf0 | point >> 18), next(12), next(6), next(0)};
}

// RFC 3629 the long way: what does the first character decode to, and is that its only form?
std::size_t size_of_character(const std::string &text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    for (const std::size_t size : {1U, 2U, 3U, 4U}) {
        if (text.size() < size) return 0;
        std::uint32_t point = byte(0);
        if (size > 1) point &= 0x7fU >> size;
        for (std::size_t i = 1; i < size; ++i) point = point << 6 | (byte(i) & 0x3f);
        const bool is_character = point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
        if (is_character && text.substr(0, size) == encode(point)) return size;
    }
    return 0;
}

bool decodes(std::string text) {
    while (!text.empty()) {
        const std::size_t size = size_of_character(text);
        if (size == 0) return false;
        text.erase(0, size);
    }
    return true;
}

constexpr std::array<unsigned char, 12> edges = {0x00, 'a', 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xff};

std::string bytes_of(std::initializer_list<std::uint32_t> bytes) {
    std::string text;
    for (const std::uint32_t byte : bytes) text += static_cast<char>(byte);
    return text;
}

} // namespace

TEST_CASE("text: tokens are taken off a list one after the other, empty ones too") {
    std::string_view list = " INVITE ,ACK,, BYE\t,";
    std::vector<std::string_view> tokens;
    while (!list.empty()) tokens.push_back(take_token(list));
    CHECK(tokens == std::vector<std::string_view>{"INVITE", "ACK", "", "BYE"});
    CHECK(take_token(list).empty());
    list = "one";
    CHECK(take_token(list) == "one");
    CHECK(list.empty());
}

TEST_CASE("text: visible ASCII is what names are made of; control bytes are those of ASCII") {
    CHECK(is_visible_ascii(""));
    CHECK(is_visible_ascii("!~az09="));
    for (const char *other : {" ", "a b", "\t", "\x7f", "\x80", "\xc3\xa4"}) CHECK_FALSE(is_visible_ascii(other));
    for (const char *control : {"\x01", "a\r\n", "\x1f", "\x7f"}) CHECK(has_control_bytes(control));
    CHECK(has_control_bytes({"a\0", 2}));
    for (const char *none : {"", " ", "~", "\x80", "\xff"}) CHECK_FALSE(has_control_bytes(none));
}

TEST_CASE("text: a token is what a method and a header name are made of (RFC 3261 section 25.1)") {
    CHECK(is_token("INVITE"));
    CHECK(is_token("!interesting-Method0123456789_*+`.%indeed'~"));
    CHECK_FALSE(is_token(""));
    for (const char *other : {"a b", "a:", "a@", "a(", "a/", "a\"", "a\x7f", "\xc3\xa4"}) {
        CAPTURE(other);
        CHECK_FALSE(is_token(other));
    }
}

TEST_CASE("text: every character of Unicode is UTF-8, a surrogate and what lies above are not") {
    bool right = true;
    for (std::uint32_t point = 0; point < 0x110000; ++point) {
        const bool is_surrogate = point >= 0xd800 && point <= 0xdfff;
        right = right && is_utf8(encode(point)) == !is_surrogate;
    }
    CHECK(right);
    CHECK_FALSE(is_utf8(encode(0x110000)));
    CHECK_FALSE(is_utf8(encode(0x1fffff)));
}

TEST_CASE("text: each class of ill-formed UTF-8 is refused") {
    const std::vector<std::vector<std::string_view>> classes = {
        {"\x80", "\xbf"},                                                  // nothing begins here
        {"\xc3", "\xe2\x82", "\xf0\x9f\x98"},                              // the end comes first
        {"\xc3(", "\xe2(\xa1", "\xe2\x82(", "\xf0\x9f\x98("},              // another character comes first
        {"\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf"},      // overlong
        {"\xed\xa0\x80", "\xed\xbf\xbf", "\xed\xa0\xbd\xed\xb8\x80"},      // surrogates
        {"\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80"}, // above U+10FFFF
        {"\xfe", "\xff"},                                                  // in no form
    };
    for (const auto &texts : classes) {
        for (const std::string_view text : texts) {
            CAPTURE(text);
            CHECK_FALSE(is_utf8(text));
            CHECK_FALSE(is_utf8("a" + std::string(text)));
            CHECK_FALSE(is_utf8(std::string(text) + "a"));
            CHECK_FALSE(is_utf8("\xc3\xa9" + std::string(text) + "\xc3\xa9"));
        }
    }
}

TEST_CASE("text: empty text and NUL are UTF-8") {
    CHECK(is_utf8(""));
    CHECK(is_utf8(std::string_view("\0a\0", 3)));
}

TEST_CASE("text: strings of up to four bytes are UTF-8 if they decode and encode to themselves") {
    bool right = true;
    const auto check = [&](const std::string &text) { right = right && is_utf8(text) == decodes(text); };
    for (std::uint32_t first = 0; first < 256; ++first) {
        check(bytes_of({first}));
        for (std::uint32_t second = 0; second < 256; ++second) {
            check(bytes_of({first, second}));
            for (const std::uint32_t third : edges) check(bytes_of({first, second, third}));
        }
        for (const std::uint32_t second : edges) {
            for (const std::uint32_t third : edges) {
                for (const std::uint32_t fourth : edges) check(bytes_of({first, second, third, fourth}));
            }
        }
    }
    CHECK(right);
}

TEST_CASE("text: one bad byte is found wherever it stands") {
    for (std::size_t size = 1; size <= 40; ++size) {
        for (std::size_t i = 0; i < size; ++i) {
            std::string text(size, 'x');
            REQUIRE(is_utf8(text));
            text[i] = '\xff';
            REQUIRE_FALSE(is_utf8(text));
        }
    }
}

TEST_CASE("text: an ill-formed part ends before the first byte that can not continue it") {
    const auto check = [](std::string_view text, std::size_t size, bool is_valid) {
        CAPTURE(text);
        CHECK(first_utf8(text).size == size);
        CHECK(first_utf8(text).is_valid == is_valid);
    };
    check("", 0, true);
    check("ab", 1, true);
    check("\xc3\xa9\xc3", 2, true);
    check("\xf0\x9f\x98\x80", 4, true);
    check("\xf0\x9f\x98(", 3, false);
    check("\xf0\x9f", 2, false);
    check("\xe0\x80\x80", 1, false);
    check("\xed\xa0\x80", 1, false);
    check("\x80\x80", 1, false);
}
