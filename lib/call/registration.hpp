// The registrations of our trunks at work: lookups of names, and a transaction for each REGISTER. One engine of the
// process has them all.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>
#include "base/endpoint.hpp"
#include "base/instant.hpp"
#include "base/random.hpp"
#include "call/listener.hpp"
#include "call/lookup.hpp"
#include "transaction/transaction_table.hpp"
#include "trunk/registration.hpp"
#include "trunk/trunk_status.hpp"

namespace tandem {

// A trunk that we are to register with.
struct TrunkRegistration {
    std::string trunk; // its name in the configuration
    RegistrationOptions options;
    Endpoint to{};        // with the listener that sends there
    std::string lookup{}; // a URI whose host names the address (RFC 3263); empty: `to` is the address
};

// Whose binding it is. Two with the same one would take it from each other.
bool has_same_binding(const RegistrationOptions &a, const RegistrationOptions &b);

class Registrations {
public:
    // All references outlive the object.
    Registrations(const std::vector<Listener> &listeners, TransactionTable &transactions, Random &random);
    ~Registrations();

    // From now on these, each with another address-of-record or registrar. One that is there already registers anew if
    // anything has changed; one that is there no more is unregistered. New ones begin when that is over: what is taken
    // away might be what they have just put there.
    void replace(std::vector<TrunkRegistration> wanted, Instant now);

    // All of them, for good: the end of the process.
    void unregister(Instant now);
    bool is_over() const; // that is done, or was given up

    static bool is_owner_of(const TransactionEvent &event);
    void on_transaction(const TransactionEvent &event, Instant now);

    void take_lookups(std::vector<Lookup> &lookups); // appends, and forgets them
    static bool is_wanted_by_us(LookupId lookup);
    void on_resolved(LookupId lookup, std::span<const Endpoint> addresses, Instant now);

    void advance(Instant now);
    std::optional<Instant> next_deadline() const { return next_; }

    // Trunks whose state is another than the last time, or that have ended a round. Appends, and forgets them.
    void take_changes(std::vector<TrunkStatus> &changes);

private:
    struct Entry;
    using Entries = std::vector<std::unique_ptr<Entry>>;

    void run(Entry &entry, Instant now);
    void look_up(Entry &entry);
    void send(Entry &entry, Instant now);
    void settle(Instant now);
    bool is_any_leaving() const;
    Entry *find(std::uint32_t serial);

    const std::vector<Listener> &listeners_;
    TransactionTable &transactions_;
    Random &random_;
    Entries entries_; // no more than trunks of the configuration, and those that are being left
    std::uint32_t serial_ = 0;
    std::uint64_t lookup_ = 0; // the last one
    std::vector<Lookup> wanted_lookups_;
    std::vector<TrunkStatus> changes_;
    std::optional<Instant> next_;
    bool is_ending_ = false;
};

} // namespace tandem
