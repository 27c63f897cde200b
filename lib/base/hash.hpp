// A hash of byte strings that a stranger cannot steer: Call-IDs and tags come from the wire, and whoever knows the
// hash of each can send a million that collide. Read KeyedHash first.
#pragma once
#include <array>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include "base/random.hpp"

namespace tandem {

// SipHash by Aumasson and Bernstein (the name has nothing to do with SIP), fed piece by piece: the pieces hash as
// their concatenation. hash.cpp has <1, 3>, which hash tables use, and <2, 4>, whose test vectors are published.
template <int block_rounds, int final_rounds>
class SipHash {
public:
    SipHash(std::uint64_t key0, std::uint64_t key1);
    void add(std::string_view bytes);
    void add(std::uint64_t number); // its eight bytes, the lowest first
    std::uint64_t end() const; // of what was added so far

private:
    void add_block(std::uint64_t block);

    std::array<std::uint64_t, 4> state_;
    std::uint64_t tail_ = 0; // the last size_ % 8 bytes, the first one lowest
    std::uint64_t size_ = 0;
};

extern template class SipHash<1, 3>;
extern template class SipHash<2, 4>;

// Every process draws its own key, so a hash is never stored and never sent. Copies hash alike.
class KeyedHash {
public:
    explicit KeyedHash(Random &random) : key0_(random.next()), key1_(random.next()) {}

    std::uint64_t operator()(std::string_view bytes) const;

    // Of several pieces in order. Where one ends counts: ("ab", "c") and ("a", "bc") differ, so that nobody gets
    // equal hashes by moving the border between a Call-ID and a tag.
    template <std::convertible_to<std::string_view> Second, std::convertible_to<std::string_view>... More>
    std::uint64_t operator()(std::string_view first, const Second &second, const More &...more) const {
        return of_pieces({first, std::string_view(second), std::string_view(more)...});
    }

private:
    std::uint64_t of_pieces(std::initializer_list<std::string_view> pieces) const;

    std::uint64_t key0_;
    std::uint64_t key1_;
};

} // namespace tandem
