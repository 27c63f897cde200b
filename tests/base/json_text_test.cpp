#include "base/json_text.hpp"
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <string>
#include "base/random.hpp"

using namespace tandem;
using nlohmann::json;

namespace {

std::string json_of(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

std::string base64_of(std::string_view bytes) {
    std::string out;
    append_base64(out, bytes);
    return out;
}

} // namespace

TEST_CASE("json: a string has its quotes and stands behind what is there") {
    std::string out = "[1,";
    append_json_string(out, "alice");
    CHECK(out == "[1,\"alice\"");
    CHECK(json_of("") == "\"\"");
}

TEST_CASE("json: quote, backslash and control characters are escaped (RFC 8259 section 7)") {
    CHECK(json_of("a\"b\\c") == R"("a\"b\\c")");
    CHECK(json_of("\b\f\n\r\t") == R"("\b\f\n\r\t")");
    CHECK(json_of(std::string_view("\0\x01\x0b\x1f", 4)) == R"("\u0000\u0001\u000b\u001f")");
    CHECK(json_of("\x7f/<>") == "\"\x7f/<>\"");
    for (int c = 0; c < 128; ++c) {
        const std::string text(1, static_cast<char>(c));
        CHECK(json::parse(json_of(text)).get<std::string>() == text);
    }
}

TEST_CASE("json: characters beyond ASCII stay as they are") {
    const std::string text = "Zo\xc3\xab \xe2\x82\xac \xf0\x9f\x98\x80";
    CHECK(json_of(text) == '"' + text + '"');
}

TEST_CASE("json: each part that is no UTF-8 becomes one U+FFFD, and what follows it is kept") {
    CHECK(json_of("a\xff" "b") == "\"a\xef\xbf\xbd" "b\"");
    CHECK(json_of("\x80\x80") == "\"\xef\xbf\xbd\xef\xbf\xbd\"");
    CHECK(json_of("\xe2\x82") == "\"\xef\xbf\xbd\"");
    CHECK(json_of("\xf0\x9f\x98\"") == "\"\xef\xbf\xbd\\\"\"");
    CHECK(json_of("\xc3\n") == "\"\xef\xbf\xbd\\n\"");
    CHECK(json_of("\xed\xa0\x80") == "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""); // no byte of a surrogate fits
}

TEST_CASE("json: random bytes are written as another writer does") {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        CAPTURE(seed);
        SeededRandom random(seed);
        for (int i = 0; i < 5000; ++i) {
            std::string text;
            for (std::uint64_t size = random.next() % 20; size > 0; --size) {
                // Half of them in the range where UTF-8 is decided.
                text += static_cast<char>(random.next() % 2 == 0 ? random.next() : 0x80 + random.next() % 0x80);
            }
            const std::string expected = json(text).dump(-1, ' ', false, json::error_handler_t::replace);
            REQUIRE(json_of(text) == expected);
            REQUIRE(json::accept(json_of(text)));
        }
    }
}

TEST_CASE("base64: the test vectors of RFC 4648 section 10") {
    CHECK(base64_of("") == "");
    CHECK(base64_of("f") == "Zg==");
    CHECK(base64_of("fo") == "Zm8=");
    CHECK(base64_of("foo") == "Zm9v");
    CHECK(base64_of("foob") == "Zm9vYg==");
    CHECK(base64_of("fooba") == "Zm9vYmE=");
    CHECK(base64_of("foobar") == "Zm9vYmFy");
}

TEST_CASE("base64: every digit comes in its place, and the text stands behind what is there") {
    std::string bytes;
    for (unsigned group = 0; group < 64; group += 4) {
        const unsigned bits = group << 18 | (group + 1) << 12 | (group + 2) << 6 | (group + 3);
        for (const int shift : {16, 8, 0}) bytes += static_cast<char>(bits >> shift);
    }
    std::string out = "\"";
    append_base64(out, bytes);
    CHECK(out == "\"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    CHECK(base64_of(std::string_view("\0\xff", 2)) == "AP8=");
    CHECK(base64_of(std::string_view("\0", 1)) == "AA==");
}
