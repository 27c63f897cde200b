// Records of calls for whoever wants to see them, read from the file by a connection of its own while others write.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>
#include "base/result.hpp"

namespace tandem {

struct CdrPage {
    std::vector<std::string> records; // each as JSON, the latest first
    std::uint64_t next = 0;           // cursor of the next page; 0: this was the last one
};

// At most `max` records that have ended at `since_us` (UTC) or later, from the cursor on; 0 begins. Records are kept
// in the order in which they came into the store, which an outage changes a little, so the listing ends where none of
// the next 10 000 is so young. Waits for the disk, and never for who writes.
Result<CdrPage, Failure> read_cdrs(const std::string &path, std::int64_t since_us, std::uint64_t cursor,
                                   std::size_t max);

} // namespace tandem
