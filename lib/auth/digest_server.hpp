// Challenges, and the check of what answers them (RFC 3261 section 22, RFC 7616, RFC 8760).
// From any thread; a lock is held for the look at a nonce alone, not for a hash.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include "auth/digest.hpp"
#include "auth/secret_text.hpp"
#include "base/brief_mutex.hpp"
#include "base/instant.hpp"
#include "base/random.hpp"

namespace tandem {

class NonceTable;
struct DigestCredentials;

enum class AuthVerdict : std::uint8_t {
    ok,
    none,      // no credentials for our realm: challenge
    stale,     // for a nonce that is not ours, or does not count any more; right or not: challenge with stale=true
    wrong,     // of a user that is none, or by a wrong password: nobody is told which
    malformed, // not to be read, in a way that was not offered, or for another URI than the request's (then 400)
    replayed,  // right, but this nonce and count were there before: challenge with stale=true, which harms nobody
};

struct AuthResult {
    AuthVerdict verdict = AuthVerdict::none;
    std::string user; // whose credentials are right: ok and replayed
};

struct DigestServerOptions {
    std::string realm; // without control characters
    Duration nonce_lifetime = std::chrono::minutes(5);
    std::uint32_t nonce_max = 65536; // used ones that are kept; beyond them the oldest are stale
    // Offered in this order, of which a client takes the first that it knows (RFC 8760 section 2.3): the strongest
    // first. Some know MD5 alone, and see only what stands first. None of a session.
    std::vector<DigestAlgorithm> algorithms = {DigestAlgorithm::sha_256, DigestAlgorithm::md5};
};

class DigestServer {
public:
    DigestServer(const DigestServerOptions &options, Random &random); // random is used here alone: a cryptographic one
    ~DigestServer();

    // User names and passwords, from now on. The passwords are not kept, and overwritten in `users`.
    void replace_users(std::map<std::string, std::string> users);
    bool has_user(std::string_view name) const;
    bool has_users() const;

    // Whole header lines, WWW-Authenticate or Proxy-Authenticate: one for each algorithm, with one nonce.
    std::string challenge(bool is_proxy, bool is_stale, Instant now);

    // The values of all Authorization or Proxy-Authorization headers of a request. The first Digest credentials of our
    // realm count. Without qop, as RFC 2069 has it, a nonce is good for one request.
    AuthResult check(std::span<const std::string_view> values, std::string_view method, std::string_view uri,
                     std::string_view body, Instant now);

private:
    using Keys = std::vector<SecretText>; // HA1, in the order of offered_
    using Users = std::map<std::string, Keys, std::less<>>;

    std::shared_ptr<const Users> users() const;
    Keys keys_of(std::string_view name, std::string_view password) const;
    AuthResult check_one(const DigestCredentials &credentials, std::string_view method, std::string_view uri,
                         std::string_view body, Instant now);

    const std::string realm_;
    std::vector<DigestAlgorithm> offered_; // constant after construction
    Keys nobody_;                          // of a user whose password nobody has: unknown users cost what known ones do
    mutable BriefMutex mutex_;
    std::unique_ptr<NonceTable> nonces_; // guarded by mutex_
    std::shared_ptr<const Users> users_; // guarded by mutex_; what it points to is constant
};

} // namespace tandem
