// Bindings of a user as what a call is sent to. Private to this folder.
#pragma once
#include <vector>
#include "registrar/binding.hpp"

namespace tandem {

// By q, the highest first; of equal q the one that registered last in front. An instance is one target, by the flow
// that registered last (RFC 5626 section 7).
std::vector<BindingTarget> targets_of(std::vector<BindingRecord> bindings);

} // namespace tandem
