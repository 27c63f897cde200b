#include <array>
#include <bit>
#include <cstddef>
#include <doctest/doctest.h>
#include <set>
#include <string>
#include "base/hash.hpp"

using namespace tandem;

namespace {

// The key of all published vectors: bytes 00 01 ... 0f.
constexpr std::uint64_t key0 = 0x0706050403020100;
constexpr std::uint64_t key1 = 0x0f0e0d0c0b0a0908;

// The message of the published vector n: bytes 00 01 ... n - 1.
std::string message(std::size_t size) {
    std::string bytes;
    for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(i));
    return bytes;
}

template <class Hash>
std::uint64_t hash_of(std::string_view bytes) {
    Hash hash(key0, key1);
    hash.add(bytes);
    return hash.end();
}

// Vectors are printed as eight bytes, the lowest first.
std::uint64_t from_bytes(std::uint64_t printed) {
    std::uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value = value << 8 | (printed >> (8 * i) & 0xff);
    return value;
}

// A key that is known beforehand.
class FixedRandom final : public Random {
public:
    std::uint64_t next() override { return drawn_++ == 0 ? key0 : key1; }

private:
    int drawn_ = 0;
};

} // namespace

TEST_CASE("hash: SipHash-2-4 gives the published values for every size of the last block") {
    constexpr std::array<std::uint64_t, 18> published{
        0x310e0edd47db6f72, 0xfd67dc93c539f874, 0x5a4fa9d909806c0d, 0x2d7efbd796666785, 0xb7877127e09427cf,
        0x8da699cd64557618, 0xcee3fe586e46c9cb, 0x37d1018bf50002ab, 0x6224939a79f5f593, 0xb0e4a90bdf82009e,
        0xf3b9dd94c5bb5d7a, 0xa7ad6b22462fb3f4, 0xfbe50e86bc8f1e75, 0x903d84c02756ea14, 0xeef27a8e90ca23f7,
        0xe545be4961ca29a1, 0xdb9bc2577fcc2a3f, 0x9447be2cf5e99a69,
    };
    for (std::size_t size = 0; size < published.size(); ++size) {
        CAPTURE(size);
        CHECK(hash_of<SipHash<2, 4>>(message(size)) == from_bytes(published[size]));
    }
    // The example worked out in the appendix of the paper.
    CHECK(hash_of<SipHash<2, 4>>(message(15)) == 0xa129ca6149be45e5);
}

TEST_CASE("hash: SipHash-1-3 gives the published values for every size of the last block") {
    constexpr std::array<std::uint64_t, 18> published{
        0xdcc40f055801acab, 0x93ca577df39bf4c9, 0x4dd4c74d029bcb82, 0xfbf7dde7b80af88b, 0x2883d388605775cf,
        0x673b53492fd5f9de, 0xa7229fc5502b0dc5, 0x4011b19b987d92d3, 0x8e9a298d11959036, 0xe43d066cb38ea425,
        0x7f09ff92ee85de79, 0x52c34df9c118c170, 0xa2d9b457b184a378, 0xa7ff29120c766f30, 0x345df9c011a15a60,
        0x5699512a6dd820d3, 0x668b907d1add4fcc, 0x0cd8db639068f29c,
    };
    for (std::size_t size = 0; size < published.size(); ++size) {
        CAPTURE(size);
        CHECK(hash_of<SipHash<1, 3>>(message(size)) == from_bytes(published[size]));
    }
    CHECK(hash_of<SipHash<1, 3>>(message(63)) == from_bytes(0xa8b3bbb76290199d));
}

TEST_CASE("hash: a message added in pieces hashes as the whole, wherever it is cut") {
    const std::string whole = message(40);
    const std::uint64_t expected = hash_of<SipHash<1, 3>>(whole);
    for (std::size_t first = 0; first <= whole.size(); ++first) {
        for (std::size_t second = first; second <= whole.size(); ++second) {
            SipHash<1, 3> hash(key0, key1);
            hash.add(std::string_view(whole).substr(0, first));
            hash.add(std::string_view(whole).substr(first, second - first));
            hash.add(std::string_view(whole).substr(second));
            REQUIRE(hash.end() == expected);
        }
    }
}

TEST_CASE("hash: a number counts as its eight bytes, wherever it stands") {
    for (std::size_t size = 0; size < 9; ++size) {
        CAPTURE(size);
        SipHash<1, 3> hash(key0, key1);
        hash.add(message(size));
        hash.add(std::uint64_t{0x0706050403020100});
        hash.add("end");
        CHECK(hash.end() == hash_of<SipHash<1, 3>>(message(size) + message(8) + "end"));
    }
}

TEST_CASE("hash: the end of a hash may be asked for, and more added") {
    SipHash<1, 3> hash(key0, key1);
    hash.add("call");
    CHECK(hash.end() == hash_of<SipHash<1, 3>>("call"));
    CHECK(hash.end() == hash.end());
    hash.add("-id");
    CHECK(hash.end() == hash_of<SipHash<1, 3>>("call-id"));
}

TEST_CASE("keyed hash: one piece is SipHash-1-3 under the key drawn") {
    FixedRandom random;
    const KeyedHash hash(random);
    CHECK(hash(message(15)) == from_bytes(0x5699512a6dd820d3));
    CHECK(hash("") == from_bytes(0xdcc40f055801acab));
}

TEST_CASE("keyed hash: another key gives another hash, a copy gives the same") {
    SeededRandom random(1);
    const KeyedHash one(random), other(random);
    const KeyedHash copy = one;
    CHECK(one("a84b4c76e66710@pc33.example.com") != other("a84b4c76e66710@pc33.example.com"));
    CHECK(one("a84b4c76e66710@pc33.example.com") == copy("a84b4c76e66710@pc33.example.com"));
}

TEST_CASE("keyed hash: the borders and the number of pieces count") {
    SeededRandom random(1);
    const KeyedHash hash(random);
    CHECK(hash("call", "tag") == hash(std::string("call"), std::string_view("tag")));
    const std::set<std::uint64_t> hashes{hash("abc"),         hash("abc", ""),     hash("", "abc"),
                                         hash("ab", "c"),     hash("a", "bc"),     hash("c", "ab"),
                                         hash("ab", "c", ""), hash("a", "b", "c"), hash("", "", "abc")};
    CHECK(hashes.size() == 9);
}

TEST_CASE("keyed hash: bytes above 127 and NUL are bytes like others") {
    SeededRandom random(1);
    const KeyedHash hash(random);
    using namespace std::string_view_literals;
    CHECK(hash("\0"sv) != hash(""sv));
    CHECK(hash("\0\0"sv) != hash("\0"sv));
    CHECK(hash("\xff\x80"sv) != hash("\xff\x81"sv));
}

TEST_CASE("keyed hash: one bit changed in the message changes about half of the hash") {
    SeededRandom random(1);
    const KeyedHash hash(random);
    const std::string text = "z9hG4bK776asdhds";
    int changed = 0;
    for (std::size_t bit = 0; bit < 8 * text.size(); ++bit) {
        std::string other = text;
        other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << bit % 8));
        changed += std::popcount(hash(text) ^ hash(other));
    }
    const double mean = changed / (8.0 * static_cast<double>(text.size()));
    CHECK(mean > 30);
    CHECK(mean < 34);
}
