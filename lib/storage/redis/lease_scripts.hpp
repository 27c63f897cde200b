// The Lua scripts that keep leases in Redis. README.md says what they keep, and where.
#pragma once
#include <array>
#include <string_view>

namespace tandem {

// KEYS: the memory. ARGV: what we knew of it or "", lease in ms, "1" if it has lost something, "?" if it has should it
// have no memory. -> {memory, ms to wait}
extern const std::string_view hello_script;

// KEYS: each set, then the memory if ARGV[3] is not "". ARGV: member, lease in ms, what we know of the memory or "",
// and the limit of each set, 0 for none. -> {0, 0}; {number of the set that is full, its size}; {-1, 0}: it is another
// memory.
extern const std::string_view reserve_script;

// KEYS: the set. ARGV: lease in ms, members. -> {how many were not there, size}
extern const std::string_view renew_script;

// KEYS: the set. -> {0, size}
extern const std::string_view size_script;

} // namespace tandem
