// The names of a dialog set: a short one that is quick and dies with the process, and a durable one for its records.
#pragma once
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include "base/id.hpp"

namespace tandem {

using DialogId = Id<struct DialogTag>;

// Unique across restarts and nodes, and ordered by the time of creation: the primary key of the store's tables.
// All zero is none.
struct RecordId {
    std::uint64_t epoch = 0;  // of the process that made it: UTC microseconds of its start
    std::uint64_t serial = 0; // upper 40 bits count up, lower 24 bits are random per process

    explicit operator bool() const { return epoch != 0 || serial != 0; }
    auto operator<=>(const RecordId &) const = default;

    std::string to_string() const; // 32 hexadecimal digits
    static std::optional<RecordId> parse(std::string_view text);
};

} // namespace tandem
