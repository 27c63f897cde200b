// What a user agent knows of the servers that challenge it, and what it answers them (RFC 3261 section 22, RFC 7616,
// RFC 8760). One for each trunk and worker: not for several threads at once.
//
//     DigestAttempt attempt;                                      // beside the request, as long as it is retried
//     lines = client.authorize("INVITE", uri, body, attempt);     // send it
//     if (client.on_challenge(www, proxy, attempt) == retry)      // a 401 or 407 came
//         lines = client.authorize("INVITE", uri, body, attempt); // send it again, CSeq + 1
//
// A known nonce is sent ahead of the next challenge, so that most requests are challenged only once in its life.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include "auth/challenge.hpp"
#include "auth/credentials.hpp"
#include "auth/secret_text.hpp"
#include "base/random.hpp"

namespace tandem {

struct Account {
    std::string username;
    SecretText password;
    std::string realm; // the only one that gets credentials; empty: any does

    bool operator==(const Account &) const = default;
};

constexpr std::size_t digest_realms_max = 4;  // that one client knows; another one takes the place of the oldest
constexpr std::uint8_t digest_rounds_max = 4; // retries of one request
constexpr std::size_t digest_ahead_max =
    1024; // bytes of nonces that go ahead of a challenge, so that a datagram has room

// What was tried for one request over its retries.
class DigestAttempt {
public:
    std::uint8_t rounds() const { return rounds_; }

private:
    friend class DigestClient;

    // Of one server: what the request carries for it, and whether it has asked for it.
    struct Note {
        std::uint64_t server = 0;
        std::uint64_t challenge = 0; // whose nonce was sent; 0: none
        bool is_answer = false;      // the request was challenged for it, so its credentials are not merely sent ahead
        DigestAlgorithm algorithm{}; // of that challenge
    };
    std::array<Note, digest_realms_max> notes_; // by the place of the server
    std::uint8_t rounds_ = 0;
};

enum class ChallengeOutcome : std::uint8_t {
    retry,    // authorize() again
    refused,  // the credentials are not accepted, or the server never has enough: send it no more
    unusable, // nothing in it that we can answer or may answer
};

class DigestClient {
public:
    DigestClient(Account account, Random &random);

    // Whole header lines, Authorization and Proxy-Authorization, each with its CRLF; empty while no challenge is known.
    // `uri` is the Request-URI. Lines of an INVITE go into its ACKs as they are (RFC 3261 section 22.1).
    std::string authorize(std::string_view method, std::string_view uri, std::string_view body, DigestAttempt &attempt);

    // What a 401 or 407 to the request of `attempt` has: the values of all WWW-Authenticate and Proxy-Authenticate.
    //
    // Of each realm the strongest algorithm is answered (RFC 8760 section 2.4), and for one request none that is weaker
    // than it was challenged by before. For later requests nothing is kept: whoever is called behind a trunk can ask by
    // its realm for what the trunk does not know, and would shut us out of it.
    ChallengeOutcome on_challenge(std::span<const std::string_view> www, std::span<const std::string_view> proxy,
                                  DigestAttempt &attempt);

    // The value of an Authentication-Info or Proxy-Authentication-Info: takes its nextnonce. Where several servers of
    // the kind are known nobody can say whose it is, and it is left alone.
    void on_info(std::string_view value, bool is_proxy);

    bool knows_challenge() const; // that authorize() would answer
    std::uint64_t unusable_challenges() const { return unusable_; }

private:
    // A protection space: who challenges, under which name.
    struct Server {
        std::uint64_t id = 0;        // never that of another one, also not in the same place
        std::uint64_t challenge = 0; // counts the nonces of all
        bool is_proxy = false;
        SecretText ha1;                // for the hash and realm of the credentials
        DigestCredentials credentials; // the last ones; their nonce is empty once it was refused
    };

    std::vector<Challenge> strongest(std::span<const std::string_view> www, std::span<const std::string_view> proxy,
                                     const DigestAttempt &attempt);
    ChallengeOutcome take(const Challenge &challenge, DigestAttempt &attempt);
    bool may_answer(const Challenge &challenge, const DigestAttempt &attempt) const;
    Server &server_of(const Challenge &challenge);
    void learn(const Challenge &challenge, Server &server);
    void set_nonce(std::string_view nonce, Server &server);
    void append_line(std::string_view method, std::string_view uri, std::string_view body, Server &server,
                     std::string &out);
    DigestAttempt::Note &note_of(const Server &server, DigestAttempt &attempt) const;
    ChallengeOutcome refuse(const DigestAttempt &attempt);

    Account account_;
    Random &random_;
    std::vector<Server> servers_;
    std::uint64_t serial_ = 0;
    std::uint64_t unusable_ = 0;
};

} // namespace tandem
