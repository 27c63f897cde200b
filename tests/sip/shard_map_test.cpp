#include <array>
#include <doctest/doctest.h>
#include <string>
#include "base/token.hpp"
#include "sip/sample.hpp"
#include "sip/shard_map.hpp"

using namespace tandem;
using test::invite;
using test::with;

namespace {

constexpr std::uint8_t here = 3; // where everything arrives

struct Four {
    SeededRandom random{1};
    ShardMap map{4, KeyedHash(random)};

    std::uint8_t operator()(const std::string &bytes) const { return map.shard_of(bytes, here); }
};

std::string token(std::uint8_t shard) {
    SeededRandom random(shard + 100U, shard);
    return make_token(random);
}

std::string call(std::string_view call_id, const std::string &more = {}) {
    return with(with(invite(), "c1@192.0.2.1", call_id), "CSeq:", more + "CSeq:");
}

std::string inside(std::string_view tag, std::string_view call_id = "c1@192.0.2.1") {
    return with(call(call_id), "To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=" + std::string(tag));
}

} // namespace

TEST_CASE("shard: with one worker everything is its own") {
    SeededRandom random(1);
    const ShardMap map(1, KeyedHash(random));
    CHECK(map.shard_of(invite(), 0) == 0);
    CHECK(map.shard_of(inside(token(2)), 0) == 0);
}

TEST_CASE("shard: Call-IDs of others are spread evenly, and each stays where it is") {
    const Four four;
    std::array<int, 4> calls{};
    for (int i = 0; i < 4000; ++i) {
        const std::string bytes = call("call-" + std::to_string(i) + "@192.0.2.1");
        const std::uint8_t shard = four(bytes);
        CHECK(four(with(bytes, "INVITE sip", "CANCEL sip")) == shard);
        CHECK(four(with(bytes, "To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=theirs")) == shard);
        ++calls.at(shard);
    }
    for (int count : calls) CHECK(count > 850);
}

TEST_CASE("shard: a request goes where its To-tag was made, else where its Call-ID was") {
    const Four four;
    for (std::uint8_t shard = 0; shard < 4; ++shard) {
        CHECK(four(inside(token(shard))) == shard);
        CHECK(four(inside(token(shard), "callee-" + token(2))) == shard);
        CHECK(four(inside("theirs", token(1) + token(shard))) == shard);
        CHECK(four(call(token(shard))) == shard); // a spiral comes back to whom it left
    }
}

TEST_CASE("shard: a response goes where its branch was made; whose it is not, stays where it came") {
    const Four four;
    const auto response = [](const std::string &branch) {
        return with(with(inside(token(1), token(2)), "INVITE sip:bob@192.0.2.9:5060 SIP/2.0", "SIP/2.0 200 OK"),
                    "z9hG4bKabc", branch);
    };
    for (std::uint8_t shard = 0; shard < 4; ++shard) CHECK(four(response("z9hG4bK" + token(shard))) == shard);
    CHECK(four(response("z9hG4bKtheirs")) == here);
    CHECK(four(response("")) == here);
}

TEST_CASE("shard: an INVITE that replaces a dialog of ours goes where that is (RFC 3891)") {
    const Four four;
    const auto replacing = [](const std::string &value) {
        return call("new@192.0.2.1", "Replaces: " + value + "\r\n");
    };
    for (std::uint8_t shard = 0; shard < 4; ++shard) {
        CHECK(four(replacing("theirs@a;to-tag=" + token(shard) + ";from-tag=theirs")) == shard);
        CHECK(four(replacing(token(2) + token(shard) + ";to-tag=theirs;from-tag=theirs")) == shard);
    }
    CHECK(four(replacing("theirs@a;to-tag=theirs;from-tag=" + token(1))) == four(call("new@192.0.2.1")));
    CHECK(four(with(replacing("a;to-tag=" + token(1)), "INVITE sip", "OPTIONS sip")) == four(call("new@192.0.2.1")));
}

TEST_CASE("shard: all names that one worker of a process with more of them made go to the same one") {
    const Four four;
    for (std::uint8_t shard = 4; shard < 12; ++shard) {
        CHECK(four(inside(token(shard))) == shard % 4);
        CHECK(four(call(token(shard))) == shard % 4);
        CHECK(four.map.made_by(token(shard)) == shard % 4);
    }
    CHECK(!four.map.made_by("theirs"));
    CHECK(four.map.shard_of_call("c1@192.0.2.1") == four(call("c1@192.0.2.1")));
}

TEST_CASE("shard: what is no SIP, or has no Call-ID, stays where it came") {
    const Four four;
    for (const char *bytes : {"", "\r\n\r\n", "noise", "INVITE sip:a@b SIP/2.0\r\nVia: x\r\n\r\n"}) {
        CHECK(four(bytes) == here);
    }
}

TEST_CASE("shard: a Call-ID that is kept goes where it is kept, also its CANCEL, and no other does") {
    const Four four;
    const std::string bytes = call("kept@192.0.2.1");
    const std::string other = call("other@192.0.2.1");
    const std::uint8_t others = four(other);
    for (std::uint8_t shard = 0; shard < 4; ++shard) {
        Four kept;
        kept.map.keep("kept@192.0.2.1", shard);
        CHECK(kept(bytes) == shard);
        CHECK(kept(with(bytes, "INVITE sip", "CANCEL sip")) == shard);
        CHECK(kept(other) == others);
        CHECK(kept(inside(token(2), "kept@192.0.2.1")) == 2);
    }
}
