// The registration of one trunk: we are the user agent, and somebody else is the registrar (RFC 3261 section 10.2).
// Pure: answers and time come in, REGISTERs, the next deadline and the state come out. One REGISTER is out at a time.
//
//     registration.start(now);
//     switch (registration.wish()) {                // after every input
//     case look_up: registration.on_addresses(...); // RFC 3263, of registrar()
//     case send:    send(registration.make_request(branch, sent_by), registration.to());
//     case none:    wait for an answer, or until next_deadline()
//     }
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include "auth/digest_client.hpp"
#include "base/endpoint.hpp"
#include "base/instant.hpp"
#include "base/random.hpp"
#include "sip/message.hpp"
#include "sip/uri.hpp"

namespace tandem {

struct RegistrationOptions {
    std::string registrar; // Request-URI, whose host is the domain or the registrar: "sip:example.com;transport=tcp"
    std::string aor;       // URI of From and To: "sip:alice@example.com"
    std::string user;      // of our Contact, escaped as in a URI; may be empty
    std::shared_ptr<const Account> account;        // null: a challenge is a refusal
    Duration expires = std::chrono::seconds(3600); // that we ask for: whole seconds, at least 1
    Duration retry = std::chrono::seconds(30);     // what the wait after failures begins with

    friend bool operator==(const RegistrationOptions &a, const RegistrationOptions &b);
};

enum class RegistrationState : std::uint8_t {
    off,        // not started, or unregistered
    trying,     // the first answer has not come
    registered, // our binding lives, also while it is being refreshed
    failed,     // it does not, and we try again
};

std::string_view to_string(RegistrationState state);

enum class RegistrationWish : std::uint8_t { none, look_up, send };

// What a person wants to know.
struct RegistrationStatus {
    RegistrationState state = RegistrationState::off;
    Instant expires{};          // of the binding; only where registered
    Instant next{};             // of the next REGISTER; only while one is waited for
    std::uint16_t status = 0;   // of the last final answer, 408 for silence, 503 for no way there; 0: none yet
    std::string reason;         // its phrase, or what we make of it; UTF-8 without control bytes, up to 128 bytes
    Endpoint registrar;         // who has the binding, else the last one that a REGISTER was sent to
    std::uint32_t failures = 0; // rounds in a row

    bool operator==(const RegistrationStatus &) const = default;
};

struct RegistrationStatistics {
    std::uint64_t sent = 0;       // REGISTERs
    std::uint64_t accepted = 0;   // 2xx with our Contact
    std::uint64_t challenged = 0; // 401 and 407
    std::uint64_t refused = 0;    // credentials that were not taken, or challenges that we can not answer
    std::uint64_t too_brief = 0;  // 423
    std::uint64_t failed = 0;     // rounds: all addresses of the registrar
    std::uint64_t late = 0;       // answers to another REGISTER than the one that is out
};

class Registration {
public:
    static constexpr std::size_t address_max = 16; // that are tried in one round

    // `random` outlives the object.
    Registration(RegistrationOptions options, Random &random);

    void start(Instant now); // once

    // Other credentials, times, or a registrar by another name, for the same binding: it registers anew, and what it
    // has stays until then.
    void change(RegistrationOptions options, Instant now);

    // Takes the binding away, after the answer to what is out (RFC 3261 section 10.2). Over when is_over().
    void unregister(Instant now);

    // Of the lookup that was wished for: best first, each with the listener that sends there. None: nobody has that
    // name.
    void on_addresses(std::span<const Endpoint> addresses, Instant now);

    void on_response(const Message &response, Instant now); // any to a REGISTER of ours
    void on_failure(std::uint16_t status, Instant now);     // 408: nobody answered; 503: it could not be sent
    void advance(Instant now);

    RegistrationWish wish() const;
    const std::string &registrar() const { return options_.registrar; }

    // Of the REGISTER that is wished for. `sent_by` is that of the listener of to(). From then on it is out.
    const Endpoint &to() const;
    std::string make_request(std::string_view branch, std::string_view sent_by);
    const std::string &call_id() const { return call_id_; }
    const std::string &from_tag() const { return from_tag_; }
    std::uint32_t cseq() const { return cseq_; }

    std::optional<Instant> next_deadline() const;
    bool is_registered() const { return registered_until_.has_value(); } // as of the last input
    bool is_over() const { return phase_ == Phase::over; }
    RegistrationStatus status() const;
    const RegistrationStatistics &statistics() const { return statistics_; }

private:
    enum class Phase : std::uint8_t {
        idle,      // not started
        resolving, // the addresses of the registrar are wanted
        ready,     // a REGISTER is to be written
        out,       // its answer is waited for
        waiting,   // for the next round
        over,      // unregistered
    };

    void begin_round(Instant now);
    void try_address(std::size_t at);
    void on_success(const Message &response, Instant now);
    void on_challenge(const Message &response, Instant now);
    void on_too_brief(const Message &response, Instant now);
    void on_refusal(const Message &response, Instant now);
    void try_next_address(std::optional<Duration> retry_after, Instant now);
    void end_round(Duration wait, Instant now);
    void fail_round(std::optional<Duration> wait, Instant now);
    void leave(Instant now);
    void set_over();
    void expire(Instant now);
    void note(std::uint16_t status, std::string_view reason);

    RegistrationOptions options_;
    Random &random_;
    std::unique_ptr<DigestClient> client_; // none: no account
    const std::string call_id_;            // one for all REGISTERs to a registrar (RFC 3261 section 10.2)
    const std::string from_tag_;

    Phase phase_ = Phase::idle;
    bool is_leaving_ = false; // unregister() was called
    bool is_changed_ = false; // while a REGISTER was out
    bool has_failed_ = false; // the last round
    std::uint32_t failures_ = 0;
    Instant due_{}; // of the next round
    std::optional<Instant> leave_by_;

    // Of the round.
    std::vector<Endpoint> addresses_;
    std::size_t address_ = 0;
    DigestAttempt attempt_;  // for one address
    std::uint8_t brief_ = 0; // 423s

    // Of the REGISTER that is out, or was the last one.
    std::uint32_t cseq_ = 0;
    std::string contact_;
    Duration asked_{}; // zero: takes the binding away

    Duration expires_; // to be asked for: what the options say, or what a registrar wants at least
    std::optional<Instant> registered_until_;
    std::optional<Endpoint> served_by_; // who has the binding
    std::string served_contact_;
    std::uint16_t last_status_ = 0;
    std::string last_reason_;
    RegistrationStatistics statistics_;
};

} // namespace tandem
