#include "base/hash.hpp"
#include <bit>
#include <cstddef>
#include <utility>

namespace tandem {
namespace {

// Little-endian on every machine; compilers make one load of it.
template <std::size_t size>
std::uint64_t load(const char *bytes) {
    return [&]<std::size_t... i>(std::index_sequence<i...>) {
        return ((std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i)) | ...);
    }(std::make_index_sequence<size>());
}

// Fewer than 8 bytes, by loads that overlap: a loop over the bytes costs more than the rounds of a block.
std::uint64_t load_tail(const char *bytes, std::size_t size) {
    if (size >= 4) return load<4>(bytes) | load<4>(bytes + size - 4) << (8 * (size - 4));
    if (size == 0) return 0;
    const std::size_t middle = size / 2;
    return load<1>(bytes) | load<1>(bytes + middle) << (8 * middle) | load<1>(bytes + size - 1) << (8 * (size - 1));
}

// `inline`, here and below, is for the compiler: a block is one round, less than a call costs.
template <int rounds>
inline void add_rounds(std::array<std::uint64_t, 4> &state) {
    auto &[v0, v1, v2, v3] = state;
    for (int round = 0; round < rounds; ++round) {
        v0 += v1;
        v2 += v3;
        v1 = std::rotl(v1, 13) ^ v0;
        v3 = std::rotl(v3, 16) ^ v2;
        v0 = std::rotl(v0, 32) + v3;
        v2 += v1;
        v3 = std::rotl(v3, 21) ^ v0;
        v1 = std::rotl(v1, 17) ^ v2;
        v2 = std::rotl(v2, 32);
    }
}

} // namespace

template <int block_rounds, int final_rounds>
SipHash<block_rounds, final_rounds>::SipHash(std::uint64_t key0, std::uint64_t key1)
    : state_{key0 ^ 0x736f6d6570736575, key1 ^ 0x646f72616e646f6d, key0 ^ 0x6c7967656e657261,
             key1 ^ 0x7465646279746573} {}

template <int block_rounds, int final_rounds>
inline void SipHash<block_rounds, final_rounds>::add_block(std::uint64_t block) {
    state_[3] ^= block;
    add_rounds<block_rounds>(state_);
    state_[0] ^= block;
}

template <int block_rounds, int final_rounds>
inline void SipHash<block_rounds, final_rounds>::add(std::uint64_t number) {
    const auto shift = static_cast<unsigned>(8 * (size_ % 8));
    size_ += sizeof number;
    add_block(tail_ | number << shift);
    tail_ = shift == 0 ? 0 : number >> (64 - shift);
}

template <int block_rounds, int final_rounds>
void SipHash<block_rounds, final_rounds>::add(std::string_view bytes) {
    // A piece that does not start on a block is shifted behind the tail; what it pushes out is the next tail.
    const auto shift = static_cast<unsigned>(8 * (size_ % 8));
    size_ += bytes.size();
    for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
        const std::uint64_t word = load<8>(bytes.data());
        add_block(tail_ | word << shift);
        tail_ = shift == 0 ? 0 : word >> (64 - shift);
    }
    const std::uint64_t word = load_tail(bytes.data(), bytes.size());
    tail_ |= word << shift;
    if (shift + 8 * bytes.size() < 64) return;
    add_block(tail_);
    tail_ = word >> (64 - shift); // shift is not 0 here, for fewer than 8 bytes filled the block
}

template <int block_rounds, int final_rounds>
std::uint64_t SipHash<block_rounds, final_rounds>::end() const {
    SipHash last = *this;
    last.add_block(tail_ | size_ << 56);
    last.state_[2] ^= 0xff;
    add_rounds<final_rounds>(last.state_);
    return last.state_[0] ^ last.state_[1] ^ last.state_[2] ^ last.state_[3];
}

template class SipHash<1, 3>;
template class SipHash<2, 4>;

std::uint64_t KeyedHash::operator()(std::string_view bytes) const {
    SipHash<1, 3> hash(key0_, key1_);
    hash.add(bytes);
    return hash.end();
}

std::uint64_t KeyedHash::of_pieces(std::initializer_list<std::string_view> pieces) const {
    SipHash<1, 3> hash(key0_, key1_);
    for (const std::string_view piece : pieces) {
        // The size comes first, so no two sequences of pieces feed the same bytes.
        hash.add(std::uint64_t{piece.size()});
        hash.add(piece);
    }
    return hash.end();
}

} // namespace tandem
