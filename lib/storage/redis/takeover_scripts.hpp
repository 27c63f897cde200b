// The Lua scripts of a takeover: each call has one owner at any time. README.md says what they keep, and where. All
// keys are in one slot, the clock is Redis's own.
#pragma once
#include <string_view>

namespace tandem {

// "We live." KEYS: nodes, up, taken:P, calls:P. ARGV: P, lease in ms. -> {1 if P was not among the nodes, size of
// taken:P, and for each of at most 16 nodes that are gone its name and the ms since its last beat}. While `up` is
// younger than a lease nobody is gone. What nobody asks for is forgotten after a week.
extern const std::string_view beat_script;

// Calls of D go to P. KEYS: nodes, up, calls:P, taken:P, calls:D, taken:D. ARGV: P, D, lease in ms, the most calls,
// the most bytes of their texts (one goes always), a cursor, the most bytes of a key. -> {calls that D still has, the
// next cursor, key, text, key, text ...}; {-1, "0"}: D lives, or P does not, or `up` is young, or P has to drop others
// first.
extern const std::string_view take_script;

// Copies of calls of P. KEYS: calls:P, taken:P. ARGV: key, text, key, text ... without a text: it is over. -> the keys
// of those that others have.
extern const std::string_view keep_script;

// Which calls P has. KEYS: calls:P. ARGV: cursor, about how many. -> {the next cursor, key, "!" or "", key ...}
extern const std::string_view own_script;

// The texts of calls that P was given and has not told itself. KEYS: calls:P. ARGV: the most bytes (one goes always),
// keys. -> texts of the first of them, "" for one that is none of those.
extern const std::string_view texts_script;

} // namespace tandem
