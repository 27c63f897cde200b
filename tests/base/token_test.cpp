#include <doctest/doctest.h>
#include <set>
#include <string>
#include "base/token.hpp"

using namespace tandem;

TEST_CASE("token: it carries the shard of the randomness that it is made of, and nothing else repeats") {
    std::set<std::string> seen;
    for (int shard = 0; shard < 256; ++shard) {
        SeededRandom random(static_cast<std::uint64_t>(shard), static_cast<std::uint8_t>(shard));
        const std::string token = make_token(random);
        CHECK(token.size() == token_size);
        CHECK(shard_of_token(token) == static_cast<std::uint8_t>(shard));
        CHECK(seen.insert(token.substr(0, 12)).second);
    }
}

TEST_CASE("token: it is the end of a longer name: a branch, a Call-ID of two") {
    SeededRandom random(1, 200);
    std::string branch = "z9hG4bK";
    append_token(random, branch);
    CHECK(shard_of_token(branch) == 200);
    std::string call_id;
    append_token(random, call_id);
    append_token(random, call_id);
    CHECK(shard_of_token(call_id) == 200);
    CHECK(call_id.substr(0, token_size) != call_id.substr(token_size));
}

TEST_CASE("token: the same bits make the same token") {
    std::string text;
    append_token(0, 0, text);
    CHECK(text == "000000000000x00");
    text.clear();
    append_token(~std::uint64_t{0}, 255, text);
    CHECK(text == "vvvvvvvvvvvvx7v");
}

TEST_CASE("token: what is not one has no shard") {
    CHECK(shard_of_token("000000000000x00"));
    for (const char *name : {"", "x00", "00000000000x00", "000000000000y00", "000000000000X00", "000000000000x80",
                             "000000000000x0w", "00000000000wx00", "000000000000x00 ", "000000000000x00@host",
                             "0000-0000000x00", "A00000000000x00", "as5f2b3c4d5e6f70"}) {
        CAPTURE(name);
        CHECK_FALSE(shard_of_token(name));
    }
}
