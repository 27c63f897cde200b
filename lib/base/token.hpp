// The names that tandem makes for what goes over the wire: tags, branches, Call-IDs. Each says which shard made it, so
// that whatever the network brings back goes to the worker that has the dialog.
//
// A token is 15 letters and digits (RFC 3261 section 25.1): 12 random ones (60 bits in base 32), an x, which is no
// digit of base 32, and two for the shard. It is not signed. Who forges one, and a stranger's name that happens to
// look like one, chooses a worker; the worker knows every dialog and transaction of its own by the whole name.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include "base/random.hpp"

namespace tandem {

constexpr std::size_t token_size = 15;

// A tag needs 32 bits of randomness (RFC 3261 section 19.3); with a cryptographic source no stranger guesses one.
void append_token(Random &random, std::string &out);
std::string make_token(Random &random);

// From given bits, of which 60 count.
void append_token(std::uint64_t bits, std::uint8_t shard, std::string &out);

// Of a name that ends with a token: none if it does not.
std::optional<std::uint8_t> shard_of_token(std::string_view name);

} // namespace tandem
