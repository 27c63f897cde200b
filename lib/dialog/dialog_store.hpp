// What the tracker asks of a store. Operations gather in one transaction until commit().
#pragma once
#include "base/result.hpp"
#include "dialog/dialog_record.hpp"

namespace tandem {

class DialogStore {
public:
    virtual ~DialogStore() = default;

    // Inserts, or replaces what the id had, variables and memberships with it.
    virtual Result<void, Failure> save(const DialogRecord &record) = 0;
    virtual Result<void, Failure> erase(const RecordId &id) = 0;        // no error if it is not there

    // Makes everything since the last commit durable, or nothing of it: after a failure the caller does the same
    // operations again later.
    virtual Result<void, Failure> commit() = 0;
};

} // namespace tandem
