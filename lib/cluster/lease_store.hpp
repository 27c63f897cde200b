// What the leases ask of the store that all nodes share. An adapter speaks its protocol; here is what is meant.
//
// For each (profile, value) the store has a set of dialogs, each with the time, by the store's own clock, at which its
// lease is over. It does a command as a whole, and those of one connection in their order.
#pragma once
#include <cstdint>
#include <string>
#include <vector>
#include "base/id.hpp"
#include "base/instant.hpp"
#include "dialog/dialog_id.hpp"

namespace tandem {

using LeaseCommandId = Id<struct LeaseCommandTag>;

enum class LeaseAction : std::uint8_t {
    hello,   // says what the store remembers: `memory`, and `first`: ms until all have told it again what it forgot
    reserve, // `first` 0: the member is in all sets; n > 0: the limit of the n-th key refused it, which has `second`
             // members; below 0: the store's memory is another one. Nothing has changed in both cases
    renew,   // the members have a whole lease again; `first`: how many were not there, `second`: the size now
    release, // the members are out
    size     // `second`: members whose lease is not over
};

struct LeaseCommand {
    LeaseCommandId id;
    LeaseAction action = LeaseAction::hello;
    std::vector<std::string> keys;     // reserve: any number; renew, release, size: one
    std::vector<RecordId> members;     // reserve: one
    std::vector<std::uint32_t> limits; // reserve: one for each key; 0: none
    std::string memory;                // hello, reserve: what the store said of itself; empty: nothing yet
    Duration lease{};
    bool has_lost = false; // hello: the store has lost what it should know, whatever it says
    bool may_have_lost =
        false; // hello: it had something to know before, or may have had: with no memory it has lost it
};

struct LeaseAnswer {
    LeaseCommandId id;
    bool is_ok = false; // false: the store did not do it, or nobody knows
    std::int64_t first = 0;
    std::int64_t second = 0;
    std::string memory;
    std::string why{}; // not ok: what the store said
};

// Calls nobody back from inside. What comes of it is told to Leases: on_connected(), on_lost(), on_answer().
class LeaseStore {
public:
    virtual ~LeaseStore() = default;

    virtual void connect() = 0;    // on_connected() when commands would be answered, or else on_lost()
    virtual void disconnect() = 0; // nothing more comes of what was sent, nor of connect()
    virtual void send(const LeaseCommand &command) = 0; // one on_answer(), or on_lost() for all
};

} // namespace tandem
