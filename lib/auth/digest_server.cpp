#include "auth/digest_server.hpp"
#include <algorithm>
#include <iterator>
#include <mutex>
#include <utility>
#include "auth/challenge.hpp"
#include "auth/credentials.hpp"
#include "auth/hash.hpp"
#include "auth/nonce_table.hpp"
#include "auth/same_target.hpp"
#include "base/token.hpp"

namespace tandem {

DigestServer::DigestServer(const DigestServerOptions &options, Random &random)
    : realm_(options.realm), nonces_(std::make_unique<NonceTable>(options.nonce_lifetime, options.nonce_max, random)),
      users_(std::make_shared<const Users>()) {
    std::copy_if(options.algorithms.begin(), options.algorithms.end(), std::back_inserter(offered_), is_available);
    std::string password = make_token(random) + make_token(random);
    nobody_ = keys_of("", password);
    cleanse(password);
}

DigestServer::~DigestServer() = default;

DigestServer::Keys DigestServer::keys_of(std::string_view name, std::string_view password) const {
    Keys keys;
    keys.reserve(offered_.size());
    for (const DigestAlgorithm algorithm : offered_) {
        std::string ha1 = digest_ha1(algorithm, name, realm_, password);
        keys.emplace_back(ha1);
        cleanse(ha1);
    }
    return keys;
}

void DigestServer::replace_users(std::map<std::string, std::string> users) {
    auto known = std::make_shared<Users>();
    for (auto &[name, password] : users) {
        known->emplace(name, keys_of(name, password));
        cleanse(password);
    }
    std::shared_ptr<const Users> next = std::move(known);
    const std::lock_guard lock(mutex_);
    users_.swap(next); // and the old ones go when the last check of them is over
}

std::shared_ptr<const DigestServer::Users> DigestServer::users() const {
    const std::lock_guard lock(mutex_);
    return users_;
}

bool DigestServer::has_user(std::string_view name) const { return users()->contains(name); }

bool DigestServer::has_users() const { return !users()->empty(); }

std::string DigestServer::challenge(bool is_proxy, bool is_stale, Instant now) {
    Challenge challenge;
    challenge.realm = realm_;
    challenge.is_stale = is_stale;
    challenge.has_auth = true;
    {
        const std::lock_guard lock(mutex_);
        challenge.nonce = nonces_->make(now);
    }
    std::string lines;
    for (const DigestAlgorithm algorithm : offered_) {
        challenge.algorithm = algorithm;
        lines += is_proxy ? "Proxy-Authenticate: " : "WWW-Authenticate: ";
        append_challenge(challenge, lines);
        lines += "\r\n";
    }
    return lines;
}

AuthResult DigestServer::check(std::span<const std::string_view> values, std::string_view method, std::string_view uri,
                               std::string_view body, Instant now) {
    AuthResult result;
    for (const std::string_view value : values) {
        if (!is_digest(value)) continue;
        const auto credentials = read_credentials(value);
        if (!credentials) {
            result.verdict = AuthVerdict::malformed;
        } else if (credentials->realm == realm_) {
            return check_one(*credentials, method, uri, body, now);
        }
    }
    return result;
}

AuthResult DigestServer::check_one(const DigestCredentials &credentials, std::string_view method, std::string_view uri,
                                   std::string_view body, Instant now) {
    const auto algorithm = std::find(offered_.begin(), offered_.end(), credentials.algorithm);
    if (algorithm == offered_.end() || credentials.is_username_hashed) return {AuthVerdict::malformed, {}};
    {
        // Before anything else is looked at: who makes nonces up guesses no password, and learns of no user.
        const std::lock_guard lock(mutex_);
        if (!nonces_->is_live(credentials.nonce, now)) return {AuthVerdict::stale, {}};
    }
    const auto known = users();
    const auto user = known->find(credentials.username);
    const Keys &keys = user == known->end() ? nobody_ : user->second;
    const std::string response =
        digest_response({.algorithm = credentials.algorithm,
                         .ha1 = keys[static_cast<std::size_t>(algorithm - offered_.begin())].view(),
                         .nonce = credentials.nonce,
                         .cnonce = credentials.cnonce,
                         .nc = credentials.nc,
                         .qop = credentials.qop,
                         .method = method,
                         .uri = credentials.uri,
                         .body = body});
    const bool is_right = equals_in_constant_time(response, credentials.response) && user != known->end();
    if (!is_right) return {AuthVerdict::wrong, {}};
    if (!is_same_target(credentials.uri, uri)) return {AuthVerdict::malformed, {}};

    const std::uint32_t nc = credentials.qop == Qop::none ? 1 : credentials.nc;
    const std::lock_guard lock(mutex_);
    switch (nonces_->use(credentials.nonce, nc, now)) {
    case NonceUse::ok: return {AuthVerdict::ok, credentials.username};
    case NonceUse::stale: return {AuthVerdict::stale, {}};
    case NonceUse::replayed: return {AuthVerdict::replayed, credentials.username};
    }
    return {};
}

} // namespace tandem
