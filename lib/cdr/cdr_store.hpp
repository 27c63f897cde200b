// Where closed records go. SqliteStore implements this and DialogStore over one transaction, so that the record
// appears exactly when its dialog goes.
#pragma once
#include "base/result.hpp"
#include "cdr/cdr.hpp"

namespace tandem {

class CdrStore {
public:
    virtual ~CdrStore() = default;

    // In the transaction that DialogStore::commit() ends. A record whose id is there already changes nothing.
    virtual Result<void, Failure> insert(const Cdr &cdr) = 0;
};

} // namespace tandem
