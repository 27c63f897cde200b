// Who is where: the registrar of RFC 3261 section 10.3, with Path (RFC 3327) and outbound (RFC 5626, no GRUU). A phone
// with +sip.instance has one binding, or with outbound one for each of its flows.
// Pure: requests go in, answers, changes and events come out. Nothing is kept for whom the digest does not confirm.
// Threads: any function from any thread; one mutex inside, held briefly and never while a digest is computed.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "auth/digest_server.hpp"
#include "base/endpoint.hpp"
#include "base/instant.hpp"
#include "base/random.hpp"
#include "registrar/binding.hpp"
#include "sip/message.hpp"

namespace tandem {

struct RegistrarOptions {
    std::vector<std::string> domains; // hosts of addresses that are ours, in lower case
    Duration min_expires = std::chrono::seconds(60);
    Duration max_expires = std::chrono::seconds(3600);
    Duration default_expires = std::chrono::seconds(3600); // where the phone asks for nothing
    std::uint32_t contacts_max = 10;                       // bindings of a user; 1 to 32
    std::uint32_t binding_max = 1'000'000;                 // of all
    std::uint32_t event_max = 4096;                        // that wait; 0: none are made
    std::uint32_t change_max = 65536;                      // that wait for drain_changes()
};

struct RegistrarStatistics {
    std::uint64_t bindings = 0; // alive, or over and not yet noticed by advance()
    std::uint64_t added = 0;
    std::uint64_t refreshed = 0;
    std::uint64_t removed = 0;
    std::uint64_t expired = 0;
    std::uint64_t lost = 0;         // of outbound, with their connections
    std::uint64_t accepted = 0;     // REGISTERs with 200; those that only ask count as well
    std::uint64_t challenged = 0;   // 401 without credentials, or with a nonce that is over
    std::uint64_t wrong = 0;        // credentials refused
    std::uint64_t forbidden = 0;    // 403: for somebody else, of a domain that is not ours, no users at all
    std::uint64_t malformed = 0;    // 400, 420, 423, 439
    std::uint64_t stale_cseq = 0;   // 500
    std::uint64_t full = 0;         // 403 and 503 beyond contacts_max and binding_max
    std::uint64_t events_lost = 0;  // beyond event_max
    std::uint64_t changes_lost = 0; // beyond change_max
};

// What to send, and what to do before.
struct RegisterAnswer {
    std::uint16_t status = 0;
    std::string reason;                 // empty: the default phrase
    std::string headers;                // whole lines
    bool is_suspect = false;            // credentials refused, or for somebody else: what slows a source that goes on
    std::vector<BindingRecord> changes; // to be stored before the answer leaves
};

class Registrar {
public:
    // `digest` has the users, and outlives this object; `random` is used here alone.
    Registrar(const RegistrarOptions &options, DigestServer &digest, Random &random);
    ~Registrar();

    // Limits and domains from now on. Bindings that are there stay.
    void change(const RegistrarOptions &options);

    // The whole of RFC 3261 section 10.3, with the challenge. A request without defect.
    RegisterAnswer on_register(const Message &request, const Endpoint &source, Instant now);

    // Its two halves, for a host that keeps nothing of a request before it knows whose it is. check(): who he is, and
    // whether he may; status 0: he may, and apply() is to follow. `arrived`: from the network, which another thread may
    // have seen before; what says when a connection was lost is measured by it.
    RegisterAnswer check(const Message &request, Instant now);
    RegisterAnswer apply(const Message &request, const Endpoint &source, Instant arrived, Instant now);

    // The phones of an address-of-record, to be tried in this order: by q, the highest first; those of equal q at once
    // (RFC 3261 section 16.6), the one that registered last in front. An instance is one of them, however many flows.
    std::vector<BindingTarget> find(std::string_view aor, Instant now) const;

    bool is_ours(std::string_view aor) const;  // its host is one of the domains
    bool has_user(std::string_view aor) const; // is_ours(), and its user is one of those that may register

    // A live binding of this user came from this very address and port, from the phone itself: a proxy speaks for many.
    bool is_flow_of(std::string_view aor, const Endpoint &source, Instant now) const;

    // A connection has ended, and with it the bindings of outbound that came over it (RFC 5626 section 4.2.2). Others
    // stay for whom their Contacts reach, but is_flow_of() knows them no more: the next one there may be anybody. Any
    // connection may be named here: it costs a look-up. What arrived later than `at` came over the next one. To be told
    // again when every REGISTER has been applied that arrived before.
    void on_flow_lost(const Endpoint &flow, Instant at);

    void advance(Instant now); // ends what has expired
    std::optional<Instant> next_deadline() const;

    // Bindings that ended otherwise than by a REGISTER, which brings its changes along: for the store. Calls f for
    // each, without the mutex.
    void drain_changes(const std::function<void(const BindingRecord &)> &f);

    bool next_event(BindingEvent &event); // oldest first

    // One binding of the store, at the start. What is over by now ends at once, for drain_changes(): expired, of a user
    // or a domain that is gone, or of outbound over a connection that ended with the process before.
    void load(BindingRecord record, Instant now);

    RegistrarStatistics statistics() const;
    std::vector<BindingRecord> bindings_of(std::string_view aor, Instant now) const; // alive

    // All bindings by pages: those of the next users behind this address-of-record, in its order; "" begins, an empty
    // page is the end. Whole users, so that a page may have more than `max`. Who is there all the time comes once.
    std::vector<BindingRecord> list(std::string_view behind, std::size_t max) const;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace tandem
