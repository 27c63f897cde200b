// What a store that failed has missed of the bindings: those that are over since, which nobody else knows any more, and
// all that live, since any of them may have changed. Of one journal. The versions make it harmless that others write
// some of them too.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>
#include "node/store_batch.hpp"
#include "registrar/binding.hpp"
#include "registrar/registrar.hpp"

namespace tandem {

class BindingBacklog {
public:
    // `registrar` may be null: then there are no bindings. It outlives this object.
    BindingBacklog(const Registrar *registrar, std::size_t over_max) : registrar_(registrar), over_max_(over_max) {}

    // Of these those that are over. Beyond over_max the oldest are lost: their rows live until they expire.
    void keep(std::vector<BindingRecord> records);
    void keep(BindingRecord record);

    // From now on all that live are missing.
    void begin();

    // Puts up to `room` of what is missing into the batch, a few more where a user has several.
    void fill(StoreBatch &batch, std::size_t room);

    bool empty() const { return over_.empty() && !behind_; }
    std::size_t over() const { return over_.size(); }
    std::uint64_t lost() const { return lost_; }

private:
    const Registrar *registrar_;
    const std::size_t over_max_;
    std::deque<BindingRecord> over_;    // oldest first
    std::optional<std::string> behind_; // the address-of-record that has come last; none: all have
    std::uint64_t lost_ = 0;
};

} // namespace tandem
