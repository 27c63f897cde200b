// How we stand with a trunk that we register with: for whoever routes calls, logs it or keeps it.
#pragma once
#include <string>
#include "base/instant.hpp"
#include "trunk/registration.hpp"

namespace tandem {

struct TrunkStatus {
    std::string trunk; // its name in the configuration
    RegistrationStatus registration;
    Instant since{}; // it has had this state
    RegistrationStatistics statistics{};
    bool is_gone = false; // the trunk is not one of those to register with any more
};

} // namespace tandem
