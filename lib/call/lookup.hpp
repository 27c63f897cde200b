// A host name that the call machine wants as addresses (RFC 3263). Whoever runs the engine asks a resolver and gives
// the answer to Engine::on_resolved(), once for each lookup.
#pragma once
#include <string>
#include "base/id.hpp"

namespace tandem {

using LookupId = Id<struct LookupTag>;

struct Lookup {
    LookupId id;
    std::string uri; // a SIP or SIPS URI; its host is a name
};

} // namespace tandem
