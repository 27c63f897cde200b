// Whether the URI of credentials means the Request-URI that they came with. Private to this folder.
#pragma once
#include <string_view>

namespace tandem {

// They should be equivalent (RFC 7616 section 3.4.6). Phones leave out parameters and headers, and the port on one side
// or the other, and write scheme and host in any case; all that is taken. Scheme, user and host have to agree, and the
// port where both have one.
bool is_same_target(std::string_view a, std::string_view b);

} // namespace tandem
