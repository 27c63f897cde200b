// The hash functions of digest authentication, by OpenSSL; and how secrets are compared.
#pragma once
#include <array>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include "auth/digest.hpp"

struct evp_md_ctx_st;
struct evp_md_st;

namespace tandem {

// A hash in lower-case hex. It may be as good as a password (HA1), so nothing of it stays in memory.
class HexHash {
public:
    HexHash(const unsigned char *bytes, std::size_t size);
    HexHash(const HexHash &) = delete;
    HexHash &operator=(const HexHash &) = delete;
    ~HexHash();
    std::string_view view() const { return {text_.data(), size_}; }

private:
    std::array<char, 64> text_;
    std::size_t size_;
};

// One function, for several texts one after the other.
class Hasher {
public:
    explicit Hasher(DigestAlgorithm algorithm);                         // an available one
    HexHash operator()(std::initializer_list<std::string_view> pieces); // with a colon between each two
    static bool is_available(DigestAlgorithm algorithm);

private:
    struct Free {
        void operator()(evp_md_ctx_st *context) const;
    };
    const evp_md_st *function_;
    std::unique_ptr<evp_md_ctx_st, Free> context_;
};

// In a time that depends on the sizes alone.
bool equals_in_constant_time(std::string_view a, std::string_view b);

} // namespace tandem
