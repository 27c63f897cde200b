// Digest credentials towards trunks: who answers the challenges of which trunk, and what the requests of a leg carry.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include "auth/digest_client.hpp"
#include "base/endpoint.hpp"
#include "base/random.hpp"

namespace tandem {

constexpr bool is_challenge_status(std::uint16_t status) { return status == 401 || status == 407; }

// What others hear of a challenge that we do not answer: it was meant for us, and its answer would be our secret.
constexpr std::uint16_t without_challenge(std::uint16_t status) { return is_challenge_status(status) ? 503 : status; }

// Of a leg to a trunk that we have an account with. Requests under way have it too: a BYE may be challenged when its
// leg is forgotten.
struct LegAccount {
    std::shared_ptr<DigestClient> client;
    IpAddress home{};           // where our INVITE went; nothing where the trunk has called us
    std::string invite_lines{}; // credentials of the last INVITE: its ACK repeats them (RFC 3261 section 22.1)
};

// Of a request to a trunk that we have an account with, until its final response; of an INVITE as long as another fork
// may answer it.
struct DigestTry {
    std::shared_ptr<LegAccount> account;
    // Not of credentials that were sent ahead: some servers challenge every INVITE all the same, by a nonce that they
    // gave out before.
    DigestAttempt attempt{};
    std::string invite_lines{}; // of an INVITE: its ACKs to other forks repeat them when the leg has sent another one
    bool is_answered = false;   // an INVITE that waits for other forks
};

// One client for each trunk, so that a nonce serves all calls to it. Of one worker: no lock, no shared nonce count.
class TrunkClients {
public:
    explicit TrunkClients(Random &random) : random_(random) {} // outlives the object

    // A client that knows nothing yet, if the account is new or another one than before.
    std::shared_ptr<DigestClient> find(std::string_view trunk, const std::shared_ptr<const Account> &account);

private:
    struct Entry {
        std::shared_ptr<const Account> account;
        std::shared_ptr<DigestClient> client;
    };

    Random &random_;
    std::unordered_map<std::string, Entry> entries_; // no more than trunks with an account in the configuration
};

} // namespace tandem
