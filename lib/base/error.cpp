#include "base/error.hpp"

namespace tandem {

std::string_view to_string(Error error) {
    switch (error) {
    case Error::bug: return "bug";
    case Error::full: return "full";
    case Error::not_found: return "not found";
    case Error::invalid: return "invalid";
    case Error::not_sip: return "not SIP";
    case Error::too_large: return "too large";
    case Error::stale_cseq: return "stale CSeq";
    case Error::no_dialog: return "no dialog";
    case Error::merged: return "merged";
    case Error::wrong_state: return "wrong state";
    case Error::wrong_type: return "wrong type";
    case Error::out_of_range: return "out of range";
    case Error::conflict: return "conflict";
    case Error::limit: return "limit";
    case Error::no_profile: return "no such profile";
    case Error::io: return "input/output";
    case Error::store_failed: return "store failed";
    case Error::store_renewed: return "store renewed";
    case Error::config_invalid: return "invalid configuration";
    }
    return "unknown";
}

} // namespace tandem
