// A binding as a value: an address-of-record and one Contact where its user can be reached for a while (RFC 3261
// section 10). What the store keeps, what events carry, and what a call is sent to.
#pragma once
#include <cstdint>
#include <string>
#include <vector>
#include "base/endpoint.hpp"
#include "base/instant.hpp"

namespace tandem {

// The same binding is known by its id for as long as it lives, whatever a refresh makes of its Contact.
struct BindingRecord {
    std::uint64_t id = 0;      // key of the store's row: of 63 bits, drawn at random, never 0, never used again
    std::uint64_t version = 0; // rises with each change of this binding: the store keeps the higher one
    bool is_over = false;      // removed or expired: a row to be forgotten later
    std::string aor;           // "alice@example.com"
    std::string contact;       // URI of the Contact, as given
    std::string instance;      // +sip.instance without quotes (RFC 5626 section 4.1); empty: none
    std::uint32_t reg_id = 0;  // 0: none, or outbound is not in use
    std::uint16_t q = 1000;    // thousandths
    std::string path;       // route set: "<uri>" comma separated, the one nearest to us first; empty: none (RFC 3327)
    std::string call_id;    // of the last REGISTER
    std::uint32_t cseq = 0; // its CSeq
    std::string user_agent;
    Endpoint flow;         // where the REGISTER came from, with the listener; port 0: a connection that is gone
    bool is_direct = true; // it came from the phone itself: no proxy stood between
    Instant registered{};  // the last time
    Instant expires{};

    bool operator==(const BindingRecord &) const = default;
};

enum class BindingEventKind : std::uint8_t { added, refreshed, removed, expired, lost }; // lost: its connection

struct BindingEvent {
    BindingEventKind kind = BindingEventKind::added;
    BindingRecord binding;
};

// One way to a phone.
struct BindingRoute {
    std::uint64_t id = 0; // of the binding
    std::string contact;  // fit for a Request-URI: its headers part is left out (RFC 3261 section 19.1.1)
    std::string path;     // value of the Route header; empty: none
    Endpoint flow;        // port 0: it is gone
    bool is_direct = true;
    bool is_outbound = false; // requests go over the flow and nowhere else (RFC 5626 section 7)
};

// What one phone of a user is reached by: an instance, or a Contact without one.
struct BindingTarget {
    std::uint16_t q = 1000;
    BindingRoute route;
    std::vector<BindingRoute> spares; // other flows of the same instance, for when the first one fails; newest first
};

} // namespace tandem
