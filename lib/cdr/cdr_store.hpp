// Where closed records go. SqliteStore implements this and DialogStore over one transaction, so that the record
// appears exactly when its dialog goes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>
#include "base/result.hpp"
#include "cdr/cdr.hpp"

namespace tandem {

// A record that goes on to somebody who has not confirmed it yet.
struct UnsentCdr {
    std::int64_t serial = 0; // of its mark in the store
    std::string id;          // cdr.id
    std::string json;        // empty: somebody has taken the record away, or made it unreadable
};

// What a store is asked about them, and what it says.
struct UnsentCdrs {
    std::vector<UnsentCdr> sent; // confirmed: their marks go
    std::size_t max = 0;         // of the next ones
    std::vector<UnsentCdr> next; // the oldest that have a mark
    std::uint64_t waiting = 0;   // that have one
};

class CdrStore {
public:
    virtual ~CdrStore() = default;

    // In the transaction that DialogStore::commit() ends. A record whose id is there already changes nothing.
    virtual Result<void, Failure> insert(const Cdr &cdr) = 0;

    // In the same transaction; what it says holds once that is committed. A store without marks has none.
    virtual Result<void, Failure> exchange_unsent(UnsentCdrs &unsent) {
        unsent.next.clear();
        unsent.waiting = 0;
        return {};
    }
};

} // namespace tandem
