// What the registrar's host asks of a store. It is not called from this folder: whoever takes a REGISTER saves its
// changes before the answer leaves.
#pragma once
#include <cstdint>
#include "base/error.hpp"
#include "base/result.hpp"
#include "registrar/binding.hpp"

namespace tandem {

class BindingStore {
public:
    virtual ~BindingStore() = default;

    // Keeps the record unless the row of its id has a higher version. Workers save in any order, so that a binding
    // which is over stays as such until no older version of it can come any more. Durable with the store's next
    // commit().
    virtual Result<void, Failure> save_binding(const BindingRecord &record) = 0;

    // Forgets those that are over and would have expired by then, which is so long ago that no older version comes.
    virtual Result<void, Failure> purge_bindings(std::int64_t utc_us) = 0;
};

} // namespace tandem
