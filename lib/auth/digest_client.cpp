#include "auth/digest_client.hpp"
#include <algorithm>
#include <limits>
#include <utility>
#include "auth/auth_text.hpp"
#include "base/text.hpp"
#include "base/token.hpp"

namespace tandem {
namespace {

bool is_same_space(const Challenge &a, const Challenge &b) { return a.is_proxy == b.is_proxy && a.realm == b.realm; }

// A body is changed on its way more often than it is forged, so it is covered only where the server insists.
Qop qop_for(const Challenge &challenge) {
    if (challenge.has_auth) return Qop::auth;
    return challenge.has_auth_int ? Qop::auth_int : Qop::none;
}

} // namespace

DigestClient::DigestClient(Account account, Random &random) : account_(std::move(account)), random_(random) {
    servers_.reserve(digest_realms_max);
}

bool DigestClient::knows_challenge() const {
    return std::any_of(servers_.begin(), servers_.end(), [](const Server &s) { return !s.credentials.nonce.empty(); });
}

std::string DigestClient::authorize(std::string_view method, std::string_view uri, std::string_view body,
                                    DigestAttempt &attempt) {
    std::string lines;
    std::size_t ahead = 0;
    for (Server &server : servers_) {
        DigestAttempt::Note &note = note_of(server, attempt);
        note.challenge = 0;
        if (server.credentials.nonce.empty()) continue;
        if (!note.is_answer) {
            const std::size_t size = server.credentials.nonce.size() + server.credentials.opaque.size();
            if (ahead + size > digest_ahead_max) continue;
            ahead += size;
        }
        append_line(method, uri, body, server, lines);
        note.challenge = server.challenge;
    }
    return lines;
}

void DigestClient::append_line(std::string_view method, std::string_view uri, std::string_view body, Server &server,
                               std::string &out) {
    DigestCredentials &credentials = server.credentials;
    credentials.uri = uri;
    ++credentials.nc;
    credentials.response = digest_response({.algorithm = credentials.algorithm,
                                            .ha1 = server.ha1.view(),
                                            .nonce = credentials.nonce,
                                            .cnonce = credentials.cnonce,
                                            .nc = credentials.nc,
                                            .qop = credentials.qop,
                                            .method = method,
                                            .uri = uri,
                                            .body = body});
    out += server.is_proxy ? "Proxy-Authorization: " : "Authorization: ";
    append_credentials(credentials, out);
    out += "\r\n";
    // A count that begins anew would be a replay: the nonce is used up.
    if (credentials.nc == std::numeric_limits<std::uint32_t>::max()) credentials.nonce.clear();
}

ChallengeOutcome DigestClient::on_challenge(std::span<const std::string_view> www,
                                            std::span<const std::string_view> proxy, DigestAttempt &attempt) {
    if (attempt.rounds_ == digest_rounds_max) return refuse(attempt);
    bool is_retried = false;
    bool is_refused = false;
    for (const Challenge &challenge : strongest(www, proxy, attempt)) {
        const ChallengeOutcome outcome = take(challenge, attempt);
        is_retried = is_retried || outcome == ChallengeOutcome::retry;
        is_refused = is_refused || outcome == ChallengeOutcome::refused;
    }
    // A response that joins those of several branches may refuse the credentials of one and ask for another's.
    if (is_retried) {
        ++attempt.rounds_;
        return ChallengeOutcome::retry;
    }
    return is_refused ? refuse(attempt) : ChallengeOutcome::unusable;
}

// One challenge for each protection space; of equally strong ones the first, which the server prefers (RFC 8760
// section 2.4).
std::vector<Challenge> DigestClient::strongest(std::span<const std::string_view> www,
                                               std::span<const std::string_view> proxy, const DigestAttempt &attempt) {
    Challenges all;
    for (const std::string_view value : www) read_challenges(value, false, all);
    for (const std::string_view value : proxy) read_challenges(value, true, all);
    unusable_ += all.unusable;

    std::vector<Challenge> chosen;
    for (Challenge &challenge : all.usable) {
        if (!may_answer(challenge, attempt)) {
            ++unusable_;
            continue;
        }
        const auto other =
            std::find_if(chosen.begin(), chosen.end(), [&](const Challenge &c) { return is_same_space(c, challenge); });
        if (other == chosen.end()) {
            if (chosen.size() < digest_realms_max) chosen.push_back(std::move(challenge));
        } else if (strength_of(challenge.algorithm) > strength_of(other->algorithm)) {
            *other = std::move(challenge);
        }
    }
    return chosen;
}

bool DigestClient::may_answer(const Challenge &challenge, const DigestAttempt &attempt) const {
    if (account_.username.empty() || has_control_bytes(account_.username)) return false;
    if (!account_.realm.empty() && account_.realm != challenge.realm) return false;
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        const DigestAttempt::Note &note = attempt.notes_[i];
        const bool was_asked = note.server == servers_[i].id && note.is_answer;
        if (!was_asked || servers_[i].credentials.realm != challenge.realm) continue;
        if (strength_of(note.algorithm) > strength_of(challenge.algorithm)) return false;
    }
    return true;
}

ChallengeOutcome DigestClient::take(const Challenge &challenge, DigestAttempt &attempt) {
    Server &server = server_of(challenge);
    DigestAttempt::Note &note = note_of(server, attempt);
    if (note.challenge != 0 && !challenge.is_stale) {
        // Not every server says that a nonce is stale: what was sent ahead is tried once more with the new one.
        const bool is_same_nonce = note.challenge == server.challenge && challenge.nonce == server.credentials.nonce;
        if (note.is_answer || is_same_nonce) return ChallengeOutcome::refused;
    }
    learn(challenge, server);
    note.is_answer = true;
    note.algorithm = challenge.algorithm;
    return ChallengeOutcome::retry;
}

DigestClient::Server &DigestClient::server_of(const Challenge &challenge) {
    for (Server &server : servers_) {
        if (server.is_proxy == challenge.is_proxy && server.credentials.realm == challenge.realm) return server;
    }
    if (servers_.size() < digest_realms_max) servers_.emplace_back();
    // The last place is either new or as good as any: the oldest challenge makes room.
    Server &server = *std::min_element(servers_.begin(), servers_.end(),
                                       [](const Server &a, const Server &b) { return a.challenge < b.challenge; });
    server = Server();
    server.id = ++serial_;
    server.is_proxy = challenge.is_proxy;
    server.credentials.realm = challenge.realm;
    return server;
}

void DigestClient::learn(const Challenge &challenge, Server &server) {
    DigestCredentials &credentials = server.credentials;
    const DigestAlgorithm algorithm = challenge.algorithm;
    if (server.ha1.empty() || strength_of(algorithm) != strength_of(credentials.algorithm)) {
        std::string ha1 = digest_ha1(algorithm, account_.username, challenge.realm, account_.password.view());
        server.ha1 = SecretText(ha1);
        cleanse(ha1);
    }
    // The same nonce for several requests: the count goes on.
    const bool is_new = challenge.nonce != credentials.nonce || algorithm != credentials.algorithm;
    credentials.algorithm = algorithm;
    credentials.opaque = challenge.opaque;
    credentials.qop = qop_for(challenge);
    credentials.is_username_hashed = challenge.wants_userhash;
    credentials.username =
        challenge.wants_userhash ? digest_userhash(algorithm, account_.username, challenge.realm) : account_.username;
    if (is_new) set_nonce(challenge.nonce, server);
}

void DigestClient::set_nonce(std::string_view nonce, Server &server) {
    server.challenge = ++serial_;
    server.credentials.nonce = nonce;
    server.credentials.nc = 0;
    server.credentials.cnonce.clear();
    append_token(random_, server.credentials.cnonce);
}

void DigestClient::on_info(std::string_view value, bool is_proxy) {
    const auto is_of_kind = [&](const Server &s) { return s.is_proxy == is_proxy && !s.credentials.nonce.empty(); };
    const auto server = std::find_if(servers_.begin(), servers_.end(), is_of_kind);
    if (server == servers_.end() || std::count_if(server, servers_.end(), is_of_kind) > 1) return;
    if (value.size() > auth_value_max) return;

    AuthReader reader(value);
    for (AuthItem item = reader.next(); item != AuthItem::end; item = reader.next()) {
        if (item != AuthItem::param || auth_param(reader.name()) != AuthParam::nextnonce) continue;
        const bool is_new = !reader.value().empty() && reader.value() != server->credentials.nonce;
        if (is_new && reader.value().size() <= challenge_size_max) set_nonce(reader.value(), *server);
    }
}

DigestAttempt::Note &DigestClient::note_of(const Server &server, DigestAttempt &attempt) const {
    DigestAttempt::Note &note = attempt.notes_[static_cast<std::size_t>(&server - servers_.data())];
    if (note.server != server.id) note = {.server = server.id};
    return note;
}

// The nonces that the attempt was refused with are not sent ahead again. Newer ones are the business of others.
ChallengeOutcome DigestClient::refuse(const DigestAttempt &attempt) {
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        const DigestAttempt::Note &note = attempt.notes_[i];
        const bool is_current = note.server == servers_[i].id && note.challenge == servers_[i].challenge;
        if (is_current) servers_[i].credentials.nonce.clear();
    }
    return ChallengeOutcome::refused;
}

} // namespace tandem
