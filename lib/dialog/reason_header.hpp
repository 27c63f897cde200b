// The Reason header (RFC 3326), as far as a record wants it.
#pragma once
#include <cstdint>
#include <string_view>

namespace tandem {

// The cause of the first value whose protocol is Q.850, from 1 to 127; 0: there is none. `reason` holds the values of
// all Reason headers, separated by commas. Takes no memory.
std::uint16_t parse_q850(std::string_view reason);

} // namespace tandem
