#include "auth/secret_text.hpp"
#include <openssl/crypto.h>

namespace tandem {

SecretText &SecretText::operator=(SecretText other) noexcept {
    text_.swap(other.text_); // and `other` cleanses what was here
    return *this;
}

void cleanse(std::string &text) noexcept {
    text.resize(text.capacity()); // no allocation
    OPENSSL_cleanse(text.data(), text.size());
    text.clear();
}

} // namespace tandem
