// What of a message says where it belongs, read from its bytes without parsing it: so that a worker can pass on to
// another what is not its own. Of a message that Message::parse() finds well-formed it reads the same as that; of
// anything else it makes what it can.
#pragma once
#include <string_view>

namespace tandem {

struct Peek { // views into the bytes; empty: not there
    bool is_response = false;
    std::string_view method; // of a request
    std::string_view branch; // of the top Via of a response; of a request, if it stands in front of what follows
    std::string_view call_id;
    std::string_view to_tag;
    std::string_view replaces_call_id; // what an INVITE without To-tag replaces (RFC 3891 section 6.1)
    std::string_view replaces_to_tag;
};

// Reads no further than it has to: of a response the branch is enough.
Peek peek(std::string_view bytes);

} // namespace tandem
