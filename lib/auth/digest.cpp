#include "auth/digest.hpp"
#include <array>
#include "auth/auth_text.hpp"
#include "auth/hash.hpp"
#include "base/text.hpp"

namespace tandem {
namespace {

// RFC 8760 section 2.1, by DigestAlgorithm.
constexpr std::array<std::string_view, 6> names{"MD5",          "MD5-sess",    "SHA-256",
                                                "SHA-256-sess", "SHA-512-256", "SHA-512-256-sess"};

} // namespace

std::optional<DigestAlgorithm> parse_digest_algorithm(std::string_view name) {
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (equals_ignoring_case(name, names[i])) return static_cast<DigestAlgorithm>(i);
    }
    return std::nullopt;
}

std::string_view name_of(DigestAlgorithm algorithm) { return names[static_cast<std::size_t>(algorithm)]; }

bool is_session_algorithm(DigestAlgorithm algorithm) { return static_cast<int>(algorithm) % 2 != 0; }

int strength_of(DigestAlgorithm algorithm) { return static_cast<int>(algorithm) / 2; }

bool is_available(DigestAlgorithm algorithm) { return Hasher::is_available(algorithm); }

std::string digest_ha1(DigestAlgorithm algorithm, std::string_view username, std::string_view realm,
                       std::string_view password) {
    return std::string(Hasher(algorithm)({username, realm, password}).view());
}

std::string digest_userhash(DigestAlgorithm algorithm, std::string_view username, std::string_view realm) {
    return std::string(Hasher(algorithm)({username, realm}).view());
}

std::string digest_response(const DigestInput &input) {
    Hasher hash(input.algorithm);
    const auto respond = [&](std::string_view a1, std::string_view a2) {
        if (input.qop == Qop::none) return std::string(hash({a1, input.nonce, a2}).view());
        const auto nc = nc_text(input.nc);
        const std::string_view qop = input.qop == Qop::auth ? "auth" : "auth-int";
        return std::string(hash({a1, input.nonce, {nc.data(), nc.size()}, input.cnonce, qop, a2}).view());
    };
    const auto respond_to = [&](std::string_view a2) {
        if (!is_session_algorithm(input.algorithm)) return respond(input.ha1, a2);
        return respond(hash({input.ha1, input.nonce, input.cnonce}).view(), a2);
    };
    if (input.qop != Qop::auth_int) return respond_to(hash({input.method, input.uri}).view());
    return respond_to(hash({input.method, input.uri, hash({input.body}).view()}).view());
}

} // namespace tandem
