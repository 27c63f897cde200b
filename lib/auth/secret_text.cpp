#include "auth/secret_text.hpp"
#include <openssl/crypto.h>

namespace tandem {

SecretText &SecretText::operator=(SecretText other) noexcept {
    text_.swap(other.text_); // and `other` cleanses what was here
    return *this;
}

void SecretText::cleanse() noexcept {
    text_.resize(text_.capacity()); // no allocation
    OPENSSL_cleanse(text_.data(), text_.size());
    text_.clear();
}

} // namespace tandem
