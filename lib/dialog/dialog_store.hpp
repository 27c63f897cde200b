// What the tracker asks of a store. Operations gather in one transaction until commit().
#pragma once
#include <cstdint>
#include <string>
#include "base/result.hpp"
#include "dialog/dialog_record.hpp"

namespace tandem {

// The final answer to the caller of a set that has ended: the process may die before it leaves, and the next one says
// it again.
struct KeptRefusal {
    std::string leg;          // text that only the B2BUA reads
    std::string call_id;      // of the leg to the callee, if there was one, else the caller's
    std::int64_t ended_us = 0; // UTC
};

class DialogStore {
public:
    virtual ~DialogStore() = default;

    // Inserts, or replaces what the id had, variables and memberships with it.
    virtual Result<void, Failure> save(const DialogRecord &record) = 0;
    virtual Result<void, Failure> keep_refusal(const KeptRefusal &refusal) = 0; // for as long as the caller asks again
    virtual Result<void, Failure> erase(const RecordId &id) = 0;        // no error if it is not there

    // Makes everything since the last commit durable, or nothing of it: after a failure the caller does the same
    // operations again later.
    virtual Result<void, Failure> commit() = 0;
};

} // namespace tandem
