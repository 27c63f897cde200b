// A challenge: what a server wants to be answered with (RFC 7616 section 3.3).
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>
#include "auth/digest.hpp"

namespace tandem {

// Texts are values, without quotes and escapes; none has a control character in it.
struct Challenge {
    std::string realm;
    std::string nonce;
    std::string opaque;
    DigestAlgorithm algorithm = DigestAlgorithm::md5;
    bool is_stale = false; // the credentials were right, but for the age of their nonce
    bool is_proxy = false; // Proxy-Authenticate: a proxy on the way asks, not the far end
    bool has_auth = false; // qop; neither: as in RFC 2069
    bool has_auth_int = false;
    bool wants_userhash = false;
};

constexpr std::size_t challenges_max = 16;       // of one response
constexpr std::size_t challenge_size_max = 2048; // bytes of realm, nonce and opaque together: what we would echo

struct Challenges {
    std::vector<Challenge> usable;
    std::size_t unusable = 0; // malformed, of another scheme, algorithm or qop than we know, or beyond a limit
};

// Adds all challenges of one header value. Several may stand in it, though RFC 3261 section 7.3.1 has each in a header
// of its own.
void read_challenges(std::string_view header_value, bool is_proxy, Challenges &out);

// As a server says it, without the name of the header.
void append_challenge(const Challenge &challenge, std::string &out);

} // namespace tandem
