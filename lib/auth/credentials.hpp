// The answer to a challenge: the value of an Authorization or Proxy-Authorization header (RFC 7616 section 3.4).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include "auth/digest.hpp"
#include "base/result.hpp"

namespace tandem {

// Texts are values, without quotes and escapes; none has a control character in it.
struct DigestCredentials {
    std::string username; // or its hash
    std::string realm;
    std::string nonce;
    std::string uri;
    std::string response; // hex in lower case, of the size that the algorithm has
    std::string cnonce;
    std::string opaque;
    DigestAlgorithm algorithm = DigestAlgorithm::md5;
    Qop qop = Qop::none;
    std::uint32_t nc = 0; // of qop
    bool is_username_hashed = false;
};

// True if the value is of the Digest scheme, whatever follows.
bool is_digest(std::string_view header_value);

// Error::invalid: another scheme, malformed, beyond a limit, or of an algorithm that is not available.
Result<DigestCredentials> read_credentials(std::string_view header_value);

void append_credentials(const DigestCredentials &credentials, std::string &out);

} // namespace tandem
