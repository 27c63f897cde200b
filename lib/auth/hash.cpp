#include "auth/hash.hpp"
#include <new>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include "base/assert.hpp"

namespace tandem {
namespace {

// Fetching by name walks the providers under a lock, so it is done once and the result is kept: it never changes.
const EVP_MD *fetch(const char *name) {
    ERR_set_mark();
    const EVP_MD *function = EVP_MD_fetch(nullptr, name, nullptr);
    ERR_pop_to_mark(); // what is not there is no error of anybody who looks at this thread's errors later
    return function;
}

const EVP_MD *function_of(DigestAlgorithm algorithm) {
    static const EVP_MD *const md5 = fetch("MD5");
    static const EVP_MD *const sha_256 = fetch("SHA2-256");
    static const EVP_MD *const sha_512_256 = fetch("SHA2-512/256");
    switch (algorithm) {
    case DigestAlgorithm::md5:
    case DigestAlgorithm::md5_sess: return md5;
    case DigestAlgorithm::sha_256:
    case DigestAlgorithm::sha_256_sess: return sha_256;
    case DigestAlgorithm::sha_512_256:
    case DigestAlgorithm::sha_512_256_sess: return sha_512_256;
    }
    return nullptr;
}

// These functions have no other reason to fail.
void check(int is_done) {
    if (is_done != 1) throw std::bad_alloc();
}

} // namespace

HexHash::HexHash(const unsigned char *bytes, std::size_t size) : size_(2 * size) {
    TANDEM_ASSERT(size_ <= text_.size(), "no hash of digest authentication is longer than 256 bits");
    for (std::size_t i = 0; i < size; ++i) {
        text_[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        text_[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
}

HexHash::~HexHash() { OPENSSL_cleanse(text_.data(), text_.size()); }

Hasher::Hasher(DigestAlgorithm algorithm) : function_(function_of(algorithm)), context_(EVP_MD_CTX_new()) {
    TANDEM_ASSERT(function_ != nullptr, "whoever hashes has asked is_available()");
    if (!context_) throw std::bad_alloc();
}

HexHash Hasher::operator()(std::initializer_list<std::string_view> pieces) {
    check(EVP_DigestInit_ex2(context_.get(), function_, nullptr));
    const char *separator = nullptr;
    for (const std::string_view piece : pieces) {
        if (separator != nullptr) check(EVP_DigestUpdate(context_.get(), separator, 1));
        check(EVP_DigestUpdate(context_.get(), piece.data(), piece.size()));
        separator = ":";
    }
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    check(EVP_DigestFinal_ex(context_.get(), bytes, &size));
    struct Cleanse {
        unsigned char *bytes;
        ~Cleanse() { OPENSSL_cleanse(bytes, EVP_MAX_MD_SIZE); }
    } cleanse{bytes};
    return {bytes, size};
}

bool Hasher::is_available(DigestAlgorithm algorithm) { return function_of(algorithm) != nullptr; }

void Hasher::Free::operator()(evp_md_ctx_st *context) const { EVP_MD_CTX_free(context); }

bool equals_in_constant_time(std::string_view a, std::string_view b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

} // namespace tandem
