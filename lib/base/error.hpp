// What went wrong, as one value. A protocol outcome never allocates: the text is fixed.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace tandem {

enum class Error : std::uint16_t {
    bug = 1,        // a broken promise of our own code
    full,           // the stated limit of a table, queue or string is reached
    not_found,      // the id names nothing that is alive
    invalid,        // an argument or a field that the grammar or the range forbids
    not_sip,        // the bytes are no SIP message, and hold too little to answer
    too_large,      // larger than the stated limit
    stale_cseq,     // CSeq below the last one from that side (RFC 3261 section 12.2.2)
    no_dialog,      // an in-dialog message that matches no dialog
    merged,         // an INVITE that was answered already, or came by too many ways (RFC 3261 section 8.2.2.2)
    wrong_state,    // legal elsewhere, not in the present state
    wrong_type,     // a variable of another type
    out_of_range,   // a number would overflow
    conflict,       // compare-and-set: the present value is another one
    limit,          // a profile's limit refuses one more member
    no_profile,     // no profile of this name is declared
    io,             // a socket or a file failed
    store_failed,   // the store refused; the detail says why
    store_renewed,  // the same, and it was opened or begun anew: what lives has to be saved again
    config_invalid, // the configuration is wrong; the detail says where
};

std::string_view to_string(Error error);

// The world failed (store, socket, configuration): the kind, and one line that a person can act on.
struct Failure {
    Error error = Error::bug;
    std::string detail;
};

} // namespace tandem
