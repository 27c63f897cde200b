// Whether two SIP or SIPS URIs name the same (RFC 3261 section 19.1.4).
#pragma once
#include "sip/uri.hpp"

namespace tandem {

// Not transitive: a parameter that only one of them has is left out of account, unless it decides where a request goes.
bool is_same_uri(const Uri &a, const Uri &b);

} // namespace tandem
