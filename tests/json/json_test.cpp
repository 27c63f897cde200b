#include "json/json.hpp"
#include <doctest/doctest.h>
#include <string>

namespace tandem {

namespace {

std::string repeated(std::string_view text, std::size_t times) {
    std::string all;
    for (std::size_t i = 0; i < times; ++i) all += text;
    return all;
}

Error error_of(std::string_view text, const JsonLimits &limits = {}) {
    const auto parsed = parse_json(text, limits);
    REQUIRE_FALSE(parsed.ok());
    CHECK_FALSE(parsed.error().detail.empty());
    return parsed.error().error;
}

} // namespace

TEST_CASE("json: every kind of value is read as it stands") {
    const std::string text =
        R"({"a":[1,-2,18446744073709551615,1.5,true,false,null,"\u00fc\n",[],{}],"b":{"c":{"d":""}}})";
    const auto parsed = parse_json(text);
    REQUIRE(parsed.ok());
    CHECK(*parsed == Json::parse(text));
    for (const char *const scalar : {"1", "\"a\"", "null", " true "}) CHECK(parse_json(scalar).ok());
}

TEST_CASE("json: what is no JSON is refused, and the place is told") {
    for (const char *const text :
         {"", " ", "{", "[1,", "[1,]", "{\"a\":}", "{a:1}", "'a'", "nul", "01", "1 2", "{} {}", "[1]x", "\"a", "\"\n\"",
          "\"\\ud800\"", "\"\xff\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "NaN", "/**/1", "\xef\xbb\xbf"}) {
        INFO(text);
        CHECK(error_of(text) == Error::invalid);
    }
    CHECK(parse_json("[1,]").error().detail == "it is no JSON at byte 4");
}

TEST_CASE("json: a key that stands twice in an object is refused, and in two objects it is none") {
    CHECK(error_of(R"({"a":1,"a":1})") == Error::invalid);
    CHECK(error_of(R"({"b":{"a":1,"\u0061":[2]}})") == Error::invalid);
    CHECK(parse_json(R"({"a":{"a":1},"b":{"a":2}})").ok());
}

TEST_CASE("json: U+0000 in a string or a key is refused") {
    CHECK(error_of(R"(["a\u0000b"])") == Error::invalid);
    CHECK(error_of(R"({"\u0000":1})") == Error::invalid);
}

TEST_CASE("json: a number that no double can hold is refused") {
    CHECK(error_of("1e999") == Error::invalid);
    CHECK(parse_json("1e308").ok());
}

TEST_CASE("json: depth, values and bytes have limits, which are met exactly") {
    const JsonLimits limits{.bytes_max = 100, .depth_max = 3, .values_max = 6};
    CHECK(parse_json("[[[1]]]", limits).ok());
    CHECK(error_of("[[[[1]]]]", limits) == Error::too_large);
    CHECK(error_of(R"({"a":[{"b":{}}]})", limits) == Error::too_large);
    CHECK(parse_json("[1,2,3,4,5]", limits).ok());
    CHECK(error_of("[1,2,3,4,5,6]", limits) == Error::too_large);
    CHECK(parse_json("\"" + repeated("a", 98) + "\"", limits).ok());
    CHECK(error_of("\"" + repeated("a", 99) + "\"", limits) == Error::too_large);
}

TEST_CASE("json: a text as deep as a well costs no more than its limit") {
    const JsonLimits limits{.bytes_max = 64 << 20, .depth_max = 16, .values_max = 4096};
    CHECK(error_of(repeated("[", 10'000'000), limits) == Error::too_large);
    CHECK(error_of(repeated("{\"a\":", 5'000'000), limits) == Error::too_large);
}

TEST_CASE("json: what is written is one line of UTF-8") {
    CHECK(to_text(Json{{"a", "x\ny"}, {"b", 1}}) == R"({"a":"x\ny","b":1})");
    CHECK(to_text(Json("\xff" "a")) == "\"\xef\xbf\xbd" "a\"");
}

} // namespace tandem
