// What the host of registrations asks of a store. It is not called from this folder, and nothing is read back: a new
// process registers anew.
#pragma once
#include "base/error.hpp"
#include "base/result.hpp"
#include "trunk/trunk_status.hpp"

namespace tandem {

class TrunkStore {
public:
    virtual ~TrunkStore() = default;

    // Keeps how the trunk stands in place of how it stood; one that is gone is forgotten. Durable with the store's next
    // commit(), like the other.
    virtual Result<void, Failure> save_trunk(const TrunkStatus &status) = 0;
    virtual Result<void, Failure> forget_trunks() = 0; // all
};

} // namespace tandem
