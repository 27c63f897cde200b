#include "call/registration.hpp"
#include <algorithm>
#include <limits>
#include <utility>

namespace tandem {
namespace {

// No table of calls has this slot, so that an owner with it is none of theirs. The rest is the serial of a trunk.
constexpr std::uint64_t owner_slot = std::numeric_limits<std::uint32_t>::max();

std::uint64_t owner_of(std::uint32_t serial) { return std::uint64_t{serial} << 32 | owner_slot; }

// No table gives ids of a shard.
constexpr std::uint8_t lookup_shard = 0xff;

} // namespace

bool has_same_binding(const RegistrationOptions &a, const RegistrationOptions &b) {
    return a.registrar == b.registrar && a.aor == b.aor && a.user == b.user;
}

struct Registrations::Entry {
    Entry(std::uint32_t number, TrunkRegistration given, Random &random, Instant now)
        : serial(number), wanted(std::move(given)), registration(wanted.options, random), since(now) {}

    TrunkStatus status() const { return {wanted.trunk, told, since, registration.statistics(), false}; }
    TrunkStatus gone(Instant now) const { return {wanted.trunk, {}, now, {}, true}; }

    const std::uint32_t serial;
    TrunkRegistration wanted;
    Registration registration;
    bool is_started = false;
    bool is_left = false; // the configuration has it no more
    LookupId lookup;      // none: no name is waited for
    TransactionId client; // of the REGISTER that is out
    RegistrationStatus told{};
    Instant since; // of the state that was told
};

Registrations::Registrations(const std::vector<Listener> &listeners, TransactionTable &transactions, Random &random)
    : listeners_(listeners), transactions_(transactions), random_(random) {}

Registrations::~Registrations() = default;

void Registrations::replace(std::vector<TrunkRegistration> wanted, Instant now) {
    if (is_ending_) return;
    std::vector<const Entry *> renamed;
    for (const auto &entry : entries_) {
        if (entry->is_left) continue;
        const auto found = std::find_if(wanted.begin(), wanted.end(), [&](const TrunkRegistration &one) {
            return has_same_binding(one.options, entry->wanted.options);
        });
        if (found == wanted.end()) {
            entry->is_left = true;
            entry->registration.unregister(now);
            changes_.push_back(entry->gone(now));
            continue;
        }
        const bool has_other_name = found->trunk != entry->wanted.trunk;
        if (has_other_name) changes_.push_back(entry->gone(now));
        const bool is_other = !(found->options == entry->wanted.options) || found->to != entry->wanted.to ||
                              found->lookup != entry->wanted.lookup;
        entry->wanted = std::move(*found);
        wanted.erase(found);
        if (has_other_name) renamed.push_back(entry.get());
        if (!is_other) continue;
        entry->lookup = {}; // of what may be another name
        entry->registration.change(entry->wanted.options, now);
    }
    // After all that are gone: the name may have been that of one of them.
    for (const Entry *entry : renamed) changes_.push_back(entry->status());
    for (TrunkRegistration &one : wanted) {
        entries_.push_back(std::make_unique<Entry>(++serial_, std::move(one), random_, now));
    }
    settle(now);
}

void Registrations::unregister(Instant now) {
    is_ending_ = true;
    for (const auto &entry : entries_) entry->registration.unregister(now);
    settle(now);
}

bool Registrations::is_over() const {
    return std::all_of(entries_.begin(), entries_.end(),
                       [](const auto &entry) { return entry->registration.is_over(); });
}

bool Registrations::is_owner_of(const TransactionEvent &event) { return (event.owner & owner_slot) == owner_slot; }

void Registrations::on_transaction(const TransactionEvent &event, Instant now) {
    Entry *entry = find(static_cast<std::uint32_t>(event.owner >> 32));
    if (!entry || entry->client != event.transaction) return;
    switch (event.kind) {
    case TransactionEventKind::response:
        if (event.message.status() < 200) return;
        entry->registration.on_response(event.message, now);
        break;
    case TransactionEventKind::timeout: entry->registration.on_failure(408, now); break;
    case TransactionEventKind::transport_failed: entry->registration.on_failure(503, now); break;
    default: return; // of server transactions
    }
    settle(now);
}

void Registrations::take_lookups(std::vector<Lookup> &lookups) {
    lookups.insert(lookups.end(), std::make_move_iterator(wanted_lookups_.begin()),
                   std::make_move_iterator(wanted_lookups_.end()));
    wanted_lookups_.clear();
}

bool Registrations::is_wanted_by_us(LookupId lookup) { return lookup.shard() == lookup_shard; }

void Registrations::on_resolved(LookupId lookup, std::span<const Endpoint> addresses, Instant now) {
    const auto found =
        std::find_if(entries_.begin(), entries_.end(), [&](const auto &entry) { return entry->lookup == lookup; });
    if (found == entries_.end()) return; // it wants another one by now
    (*found)->lookup = {};
    std::vector<Endpoint> reachable;
    for (const Endpoint &address : addresses) {
        if (const auto to = with_listener(listeners_, address)) reachable.push_back(*to);
    }
    (*found)->registration.on_addresses(reachable, now);
    settle(now);
}

void Registrations::advance(Instant now) {
    if (!next_ || now < *next_) return;
    for (const auto &entry : entries_) entry->registration.advance(now);
    settle(now);
}

void Registrations::take_changes(std::vector<TrunkStatus> &changes) {
    changes.insert(changes.end(), std::make_move_iterator(changes_.begin()), std::make_move_iterator(changes_.end()));
    changes_.clear();
}

// After every input: what each of them wishes for is done, and what is to be told noted.
void Registrations::settle(Instant now) {
    for (const auto &entry : entries_) run(*entry, now);
    std::erase_if(entries_, [](const auto &entry) { return entry->is_left && entry->registration.is_over(); });
    if (!is_ending_ && !is_any_leaving()) {
        for (const auto &entry : entries_) {
            if (std::exchange(entry->is_started, true)) continue;
            entry->registration.start(now);
            run(*entry, now);
        }
    }
    next_.reset();
    for (const auto &entry : entries_) {
        const auto next = entry->registration.next_deadline();
        if (next && (!next_ || *next < *next_)) next_ = next;
        const RegistrationStatus status = entry->registration.status();
        const bool is_in_round = status.next == Instant{};
        const bool is_told = status == entry->told || (is_in_round && status.state == entry->told.state);
        if (entry->is_left || is_told) continue;
        if (status.state != entry->told.state) entry->since = now;
        entry->told = status;
        changes_.push_back(entry->status());
    }
}

bool Registrations::is_any_leaving() const {
    return std::any_of(entries_.begin(), entries_.end(), [](const auto &entry) { return entry->is_left; });
}

// Each wish that can not be fulfilled is a failure, and a round has only so many addresses: it ends.
void Registrations::run(Entry &entry, Instant now) {
    for (;;) {
        switch (entry.registration.wish()) {
        case RegistrationWish::none: return;
        case RegistrationWish::send: send(entry, now); break;
        case RegistrationWish::look_up:
            if (!entry.wanted.lookup.empty()) return look_up(entry);
            entry.registration.on_addresses(std::span(&entry.wanted.to, 1), now);
        }
    }
}

void Registrations::look_up(Entry &entry) {
    if (entry.lookup) return;
    entry.lookup = LookupId(++lookup_).with_shard(lookup_shard);
    wanted_lookups_.push_back({entry.lookup, entry.wanted.lookup});
}

void Registrations::send(Entry &entry, Instant now) {
    Registration &registration = entry.registration;
    const Endpoint to = registration.to();
    std::string branch;
    transactions_.append_branch(branch);
    SharedBytes request(registration.make_request(branch, listeners_.at(to.listener).sent_by));
    const auto uri = Uri::parse(registration.registrar());
    const std::string host = entry.wanted.lookup.empty() || !uri ? std::string() : uri->host;
    const auto sent =
        transactions_.send_request({Method::register_, branch, std::move(request), to, owner_of(entry.serial),
                                    registration.call_id(), registration.from_tag(), registration.cseq(), host},
                                   now);
    if (!sent) return registration.on_failure(503, now);
    entry.client = *sent;
}

Registrations::Entry *Registrations::find(std::uint32_t serial) {
    const auto found =
        std::find_if(entries_.begin(), entries_.end(), [&](const auto &entry) { return entry->serial == serial; });
    return found == entries_.end() ? nullptr : found->get();
}

} // namespace tandem
