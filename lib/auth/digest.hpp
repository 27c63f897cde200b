// Digest authentication: its algorithms, and the number that proves that a password is known (RFC 7616 section 3.4,
// RFC 8760). All texts are values: quoted strings without their quotes and escapes.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tandem {

// From weak to strong; of each hash the plain form and the one that proves a key of the session (-sess).
enum class DigestAlgorithm : std::uint8_t { md5, md5_sess, sha_256, sha_256_sess, sha_512_256, sha_512_256_sess };

std::optional<DigestAlgorithm> parse_digest_algorithm(std::string_view name); // in any case of letters
std::string_view name_of(DigestAlgorithm algorithm);
bool is_session_algorithm(DigestAlgorithm algorithm);
int strength_of(DigestAlgorithm algorithm); // of its hash: the -sess form is as strong as the plain one

// False where the cryptographic library refuses: MD5 under a FIPS policy. What is not available is never computed.
bool is_available(DigestAlgorithm algorithm);

// What of a request the response covers; none is that of RFC 2069, without a count.
enum class Qop : std::uint8_t { none, auth, auth_int };

// H(username:realm:password) in hex: as good as the password. For -sess it is the part before nonce and cnonce.
std::string digest_ha1(DigestAlgorithm algorithm, std::string_view username, std::string_view realm,
                       std::string_view password);

// H(username:realm) in hex: what is sent where a server asks for hidden user names (RFC 7616 section 3.4.4).
std::string digest_userhash(DigestAlgorithm algorithm, std::string_view username, std::string_view realm);

struct DigestInput {
    DigestAlgorithm algorithm = DigestAlgorithm::md5;
    std::string_view ha1;
    std::string_view nonce;
    std::string_view cnonce; // of qop and -sess
    std::uint32_t nc = 0;    // of qop
    Qop qop = Qop::none;
    std::string_view method;
    std::string_view uri;
    std::string_view body; // of auth-int
};

std::string digest_response(const DigestInput &input); // hex

} // namespace tandem
